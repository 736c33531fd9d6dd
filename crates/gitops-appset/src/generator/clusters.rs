//! Clusters that are known.

use std::collections::BTreeMap;

use gitops_manifest::{Map, Value};

use super::{Context, flag};
use crate::error::ExpandError;
use crate::name::normalize_name;
use crate::selector::Selector;
use crate::world::Cluster;

/// Name and address of the cluster the engine itself lives in.
pub(super) const LOCAL: (&str, &str) = ("in-cluster", "https://kubernetes.default.svc");

pub(super) fn generate(context: &Context<'_>, at: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
    let selector = Selector::read(block.get("selector")).map_err(|reason| ExpandError::rule(at, reason))?;
    let clusters = context.world.clusters().map_err(ExpandError::world(at))?;
    let mut sets = Vec::new();
    // The local cluster has no Secret, so no label either: it counts only where nothing is selected.
    if selector.is_empty() && !clusters.iter().any(|c| c.server == LOCAL.1) {
        let local = Cluster { name: LOCAL.0.into(), server: LOCAL.1.into(), ..Cluster::default() };
        sets.push(parameters(context, at, block, &local, false)?);
    }
    for cluster in &clusters {
        let mut labels = cluster.labels.clone();
        labels.insert("argocd.argoproj.io/secret-type".into(), "cluster".into());
        if selector.matches(&labels) {
            sets.push(parameters(context, at, block, cluster, true)?);
        }
    }
    if flag(block, "flatList") {
        let all = sets.into_iter().map(Value::Map).collect();
        return Ok(vec![[("clusters", Value::List(all))].into_iter().collect()]);
    }
    Ok(sets)
}

fn parameters(context: &Context<'_>, at: &str, block: &Value, cluster: &Cluster, secret: bool) -> Result<Map, ExpandError> {
    let mut params: Map = [
        ("name", cluster.name.clone()),
        ("nameNormalized", normalize_name(&cluster.name)),
        ("server", cluster.server.clone()),
        ("project", cluster.project.clone()),
    ]
    .into_iter()
    .collect();
    if secret && context.engine.is_go() {
        let map = |entries: &BTreeMap<String, String>| Value::Map(entries.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect());
        let metadata = [("annotations", &cluster.annotations), ("labels", &cluster.labels)];
        let metadata: Map = metadata.into_iter().filter(|(_, e)| !e.is_empty()).map(|(name, e)| (name, map(e))).collect();
        params.insert("metadata", metadata);
    } else if secret {
        for (name, entries) in [("annotations", &cluster.annotations), ("labels", &cluster.labels)] {
            for (key, value) in entries {
                params.insert(format!("metadata.{name}.{key}"), value.as_str());
            }
        }
    }
    context.engine.add_values(at, block, &mut params)?;
    Ok(params)
}
