//! The order of the output.

use std::collections::HashMap;

use crate::id::Gvk;
use crate::resource::Resource;

/// Kinds that others need, in the order in which they come first.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come last.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// The place of a kind: below 0 for the first ones, above for the last.
pub(crate) fn kind_order(kind: &str) -> i32 {
    if let Some(at) = FIRST.iter().position(|k| *k == kind) {
        return at as i32 - FIRST.len() as i32;
    }
    LAST.iter().position(|k| *k == kind).map_or(0, |at| at as i32 + 1)
}

/// Sorts in kustomize's legacy order, with other lists of kinds if they are given.
pub(crate) fn legacy(resources: &mut Vec<Resource>, kinds: Option<&(Vec<String>, Vec<String>)>) {
    let custom: Option<HashMap<&str, i32>> = kinds.map(|(first, last)| {
        let first_places = first.iter().enumerate().map(|(i, kind)| (kind.as_str(), i as i32 - first.len() as i32));
        let last_places = last.iter().enumerate().map(|(i, kind)| (kind.as_str(), i as i32 + 1));
        first_places.chain(last_places).collect()
    });
    let place = |kind: &str| match &custom {
        Some(custom) => custom.get(kind).copied().unwrap_or_default(),
        None => kind_order(kind),
    };
    let mut keyed: Vec<(i32, String, String, Resource)> = std::mem::take(resources)
        .into_iter()
        .map(|resource| {
            let gvk = resource.gvk();
            let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
            let kind_key = format!("{}_{}_{}", or(gvk.group, "~G"), or(gvk.version, "~V"), or(gvk.kind, "~K"));
            let own_key = format!("{}|{}|{}", gvk, or(resource.namespace(), "~X"), or(resource.name(), "~N"));
            (place(gvk.kind), kind_key, own_key, resource)
        })
        .collect();
    keyed.sort_by(|(place_a, kind_a, own_a, a), (place_b, kind_b, own_b, b)| {
        let (gvk_a, gvk_b) = (a.gvk(), b.gvk());
        if gvk_a == gvk_b {
            return own_a.cmp(own_b);
        }
        place_a.cmp(place_b).then_with(|| if are_namespaces(gvk_a, gvk_b) { kind_b.cmp(kind_a) } else { kind_a.cmp(kind_b) })
    });
    resources.extend(keyed.into_iter().map(|(.., resource)| resource));
}

/// Two kinds named Namespace, one of them the core group's: that one comes first.
fn are_namespaces(a: Gvk<'_>, b: Gvk<'_>) -> bool {
    a.kind == "Namespace" && b.kind == "Namespace" && (a.group.is_empty() || b.group.is_empty())
}
