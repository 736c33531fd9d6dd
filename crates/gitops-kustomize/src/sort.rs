//! The order of the output.

use std::collections::HashMap;

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
    // What a kind is compared by is found once per kind, and beside the others: a look into two resources for each
    // comparison is what large outputs would wait for.
    let mut kinds: Vec<Kind> = Vec::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut keyed: Vec<(usize, String, Resource)> = Vec::with_capacity(resources.len());
    for resource in std::mem::take(resources) {
        let gvk = resource.gvk();
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        let own_key = format!("{}|{}|{}", gvk, or(resource.namespace(), "~X"), or(resource.name(), "~N"));
        let number = *numbers.entry(format!("{}/{}/{}", gvk.group, gvk.version, gvk.kind)).or_insert_with(|| {
            let key = format!("{}_{}_{}", or(gvk.group, "~G"), or(gvk.version, "~V"), or(gvk.kind, "~K"));
            let namespace = (gvk.kind == "Namespace").then_some(gvk.group.is_empty());
            kinds.push(Kind { place: place(gvk.kind), key, namespace });
            kinds.len() - 1
        });
        keyed.push((number, own_key, resource));
    }
    keyed.sort_by(|(kind_a, own_a, _), (kind_b, own_b, _)| {
        if kind_a == kind_b {
            return own_a.cmp(own_b);
        }
        let (a, b) = (&kinds[*kind_a], &kinds[*kind_b]);
        a.place.cmp(&b.place).then_with(|| if are_namespaces(a, b) { b.key.cmp(&a.key) } else { a.key.cmp(&b.key) })
    });
    resources.extend(keyed.into_iter().map(|(.., resource)| resource));
}

/// What a kind is compared by.
struct Kind {
    place: i32,
    key: String,
    /// Of a kind named Namespace: whether it is the core group's.
    namespace: Option<bool>,
}

/// Two kinds named Namespace, one of them the core group's: that one comes first.
fn are_namespaces(a: &Kind, b: &Kind) -> bool {
    matches!((a.namespace, b.namespace), (Some(a_is_core), Some(b_is_core)) if a_is_core || b_is_core)
}
