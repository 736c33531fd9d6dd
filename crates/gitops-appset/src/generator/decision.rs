//! Clusters that another object decides on.

use std::collections::BTreeMap;

use gitops_manifest::{Map, Value};

use super::clusters::LOCAL;
use super::{Context, text};
use crate::error::ExpandError;
use crate::params;
use crate::selector::Selector;
use crate::world::Decisions;

pub(super) fn generate(context: &Context<'_>, at: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
    let config_map = text(block, "configMapRef");
    let config = context.world.config_map(config_map).map_err(ExpandError::world(at))?;
    let setting = |key: &str| config.get(key).map_or("", String::as_str);
    let at_map = format!("{at} (ConfigMap {config_map})");
    let Some((group, version)) = setting("apiVersion").split_once('/').filter(|(group, _)| !group.is_empty()) else {
        return Err(ExpandError::rule(&at_map, "`apiVersion` must be of the form group/version"));
    };
    let plural = setting("kind");
    if plural.is_empty() {
        return Err(ExpandError::rule(&at_map, "`kind` must be the plural name of a kind, e.g. placementdecisions"));
    }
    let name = text(block, "name");
    let selector = Selector::read(block.get("labelSelector")).map_err(|reason| ExpandError::rule(at, reason))?;
    if name.is_empty() == selector.is_empty() {
        return Err(ExpandError::rule(at, "needs either `name` or `labelSelector`, and not both"));
    }
    let objects = context.world.decisions(Decisions { group, version, plural, name }).map_err(ExpandError::world(at))?;
    let chosen: Vec<&Value> = objects.iter().filter(|o| is_chosen(o, name, &selector)).collect();
    if chosen.is_empty() {
        return Err(ExpandError::rule(at, format!("no {plural} of {group}/{version} found by that name or selector")));
    }
    let (match_key, list_key) = (setting("matchKey"), setting("statusListKey"));
    if match_key.is_empty() {
        return Ok(Vec::new());
    }
    let list_key = if list_key.is_empty() { "clusters" } else { list_key };
    let known = known_clusters(context, at)?;
    let mut sets = Vec::new();
    for decision in chosen.iter().flat_map(|o| o.at(&["status", list_key]).and_then(Value::as_list).unwrap_or(&[])) {
        // Clusters that are not known are left out: a decision may be ahead of us.
        let wanted = decision.str_at(&[match_key]).unwrap_or("");
        let Some((name, server)) = known.get_key_value(wanted) else { continue };
        let mut params: Map = [("name", name.as_str()), ("server", server.as_str())].into_iter().collect();
        for (key, value) in decision.as_map().into_iter().flat_map(Map::iter) {
            params.insert(key.clone(), params::go_text(&params::as_go_any(value)));
        }
        context.engine.add_values(at, block, &mut params)?;
        sets.push(params);
    }
    Ok(sets)
}

fn is_chosen(object: &Value, name: &str, selector: &Selector) -> bool {
    if !name.is_empty() {
        return object.str_at(&["metadata", "name"]) == Some(name);
    }
    let labels = object.at(&["metadata", "labels"]).and_then(Value::as_map);
    let texts = labels.into_iter().flat_map(Map::iter).map(|(k, v)| (k.as_str().to_owned(), v.as_str().unwrap_or("").to_owned()));
    selector.matches(&texts.collect())
}

fn known_clusters(context: &Context<'_>, at: &str) -> Result<BTreeMap<String, String>, ExpandError> {
    let clusters = context.world.clusters().map_err(ExpandError::world(at))?;
    let mut known = BTreeMap::new();
    if !clusters.iter().any(|c| c.server == LOCAL.1) {
        known.insert(LOCAL.0.to_owned(), LOCAL.1.to_owned());
    }
    known.extend(clusters.into_iter().map(|c| (c.name, c.server)));
    Ok(known)
}
