//! Matrix and merge: sets made of the sets of other generators.

use std::collections::BTreeMap;

use gitops_manifest::{Map, Value, json};

use super::{Context, items};
use crate::error::ExpandError;
use crate::params;

/// Each set of the first child with each of the second, which is rendered with the first.
pub(super) fn matrix(context: &Context<'_>, at: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
    let children = items(block, "generators");
    let [first, second] = children else {
        return Err(ExpandError::rule(at, format!("needs exactly 2 generators, and has {}", children.len())));
    };
    let second_at = format!("{at}.generators[1]");
    let mut out = Vec::new();
    for a in child(context, &format!("{at}.generators[0]"), first, None)? {
        for b in child(context, &second_at, second, Some(&a))? {
            out.push(if context.engine.is_go() {
                params::fill(&a, &b, &[])
            } else {
                params::combine_equal(&a, &b).map_err(|reason| ExpandError::rule(at, reason))?
            });
        }
        context.limit(at, out.len())?;
    }
    Ok(out)
}

/// The sets of the first child, changed by those of the others that have the same merge keys.
pub(super) fn merge(context: &Context<'_>, at: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
    let children = items(block, "generators");
    if children.len() < 2 {
        return Err(ExpandError::rule(at, format!("needs two or more generators, and has {}", children.len())));
    }
    let keys: Vec<&str> = items(block, "mergeKeys").iter().filter_map(Value::as_str).collect();
    if keys.is_empty() {
        return Err(ExpandError::rule(at, "no merge keys were specified; name at least one in `mergeKeys`"));
    }
    let mut base: Vec<Map> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (i, generator) in children.iter().enumerate() {
        let at = format!("{at}.generators[{i}]");
        let mut seen: BTreeMap<String, ()> = BTreeMap::new();
        for set in child(context, &at, generator, None)? {
            let key = key_of(&keys, &set);
            if seen.insert(key.clone(), ()).is_some() {
                let rule = "the parameters from a generator were not unique by the given mergeKeys, Merge requires all param sets to be \
                            unique. Duplicate key was";
                return Err(ExpandError::rule(&at, format!("{rule} {key}")));
            }
            if i == 0 {
                places.insert(key, base.len());
                base.push(set);
            } else if let Some(&place) = places.get(&key) {
                base[place] = if context.engine.is_go() {
                    params::override_deep(&base[place], &set)
                } else {
                    params::override_flat(&base[place], &set)
                };
            }
        }
    }
    Ok(base)
}

fn key_of(keys: &[&str], set: &Map) -> String {
    let key: Map = keys.iter().map(|k| (*k, set.get(k).cloned().unwrap_or(Value::Null))).collect();
    json::print(&Value::Map(key))
}

fn child(context: &Context<'_>, at: &str, block: &Value, outer: Option<&Map>) -> Result<Vec<Map>, ExpandError> {
    let mut made = context.transform(at, block, outer)?;
    match made.len() {
        0 => Err(ExpandError::rule(at, "child generator generated no parameters: it holds no kind of generator")),
        1 => Ok(made.remove(0).sets),
        _ => Err(ExpandError::rule(at, "found more than one generator; give each its own list item")),
    }
}
