//! The two sides as they are compared: what the API server rewrites rewritten, what does not count taken out. `diff.md` §6, §7.
//!
//! Most of what Argo CD normalises needs nothing here: types make canonical texts equal, and ownership tells defaults apart.

use std::borrow::Cow;

use gitops_manifest::{Map, Value, json};

use crate::compare::identity;
use crate::equal::is_empty;
use crate::ignore::IgnoreRule;
use crate::known::KnownTypes;
use crate::mask::move_string_data;
use crate::owned::Context;

/// For which kinds `status` is left out. Setting: `ignoreResourceStatusField`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IgnoreStatus {
    /// For all.
    #[default]
    All,
    /// For CustomResourceDefinitions.
    Crd,
    /// For none.
    Never,
}

impl IgnoreStatus {
    /// Reads the setting; what is not known is `all`.
    pub fn parse(text: &str) -> IgnoreStatus {
        match text {
            "crd" => IgnoreStatus::Crd,
            "none" | "off" | "false" => IgnoreStatus::Never,
            _ => IgnoreStatus::All,
        }
    }
}

/// `resource.compareoptions` and `knownTypeFields`.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// For which kinds `status` is left out.
    pub ignore_status: IgnoreStatus,
    /// Whether the rules of aggregated ClusterRoles are left out.
    pub ignore_aggregated_roles: bool,
    /// Types of fields of custom kinds.
    pub known_types: KnownTypes,
}

/// Fields where 0 stands for "not set", and the API server fills in something.
pub(crate) const UNSET_BY_ZERO: &[&str] = &[
    "/nodePort",
    "/healthCheckNodePort",
    "/hostPort",
    "/periodSeconds",
    "/timeoutSeconds",
    "/successThreshold",
    "/failureThreshold",
    "/targetPort",
];

/// What the API server keeps in `metadata`, whatever is written there.
const KEPT_BY_SERVER: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Both sides, ready to be compared.
pub(crate) struct Normal<'a> {
    pub(crate) desired: Cow<'a, Value>,
    pub(crate) live: Cow<'a, Value>,
    skip_status: bool,
    skip_namespace: bool,
    rules: Vec<&'a IgnoreRule>,
}

impl<'a> Normal<'a> {
    pub(crate) fn of(desired: &'a Value, live: &'a Value, context: &Context<'a>) -> Normal<'a> {
        let id = identity(if desired.get("kind").is_some() { desired } else { live });
        let rules: Vec<&IgnoreRule> = context.rules.iter().chain(context.system).filter(|r| r.selects(&id)).collect();
        let skip_status = match context.options.ignore_status {
            IgnoreStatus::All => true,
            IgnoreStatus::Crd => id.group == "apiextensions.k8s.io" && id.kind == "CustomResourceDefinition",
            IgnoreStatus::Never => false,
        };
        let skip_namespace = live.at(&["metadata", "namespace"]).is_none();
        let mut sides = (Cow::Borrowed(desired), Cow::Borrowed(live));
        match (id.group.as_str(), id.kind.as_str()) {
            ("", "Secret") => secret(&mut sides.0),
            ("", "Endpoints") => {
                endpoints(sides.0.to_mut());
                endpoints(sides.1.to_mut());
            }
            ("", "Pod") => without_given(&sides.0, &mut sides.1, "tolerations"),
            ("", "Node") => without_given(&sides.0, &mut sides.1, "taints"),
            ("rbac.authorization.k8s.io", "ClusterRole") => roles(&mut sides, context.options.ignore_aggregated_roles),
            _ => {}
        }
        for rule in &rules {
            for side in [&mut sides.0, &mut sides.1] {
                if rule.touches(side) {
                    rule.remove_from(side.to_mut());
                }
            }
        }
        Normal { desired: sides.0, live: sides.1, skip_status, skip_namespace, rules }
    }

    /// The managers whose changes are left alone.
    pub(crate) fn ignored_managers(&self) -> Vec<&'a str> {
        self.rules.iter().flat_map(|r| r.managers()).map(String::as_str).collect()
    }

    /// Whether a field of the map at `pointer` is not compared.
    pub(crate) fn skips(&self, pointer: &str, name: &str) -> bool {
        match pointer {
            // The API server serves an object under every version of its kind.
            "" => name == "apiVersion" || (name == "status" && self.skip_status),
            "/metadata" => KEPT_BY_SERVER.contains(&name) || (name == "namespace" && self.skip_namespace),
            "/metadata/annotations" => name == LAST_APPLIED,
            _ => false,
        }
    }

    /// An object without what is not compared.
    pub(crate) fn visible(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(root) = object.as_map_mut() {
            root.retain(|name, _| !self.skips("", name) || name == "apiVersion");
        }
        without_noise(&mut object);
        object
    }
}

/// Takes out what the API server keeps for itself, so that people see what they wrote and what it means.
pub fn without_noise(object: &mut Value) {
    let Some(metadata) = object.as_map_mut().and_then(|m| m.get_mut("metadata")).and_then(Value::as_map_mut) else { return };
    metadata.retain(|name, _| !KEPT_BY_SERVER.contains(&name));
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_map_mut) {
        annotations.remove(LAST_APPLIED);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
}

/// `stringData` is write-only; what is not set is empty.
fn secret(desired: &mut Cow<'_, Value>) {
    let has_null = desired.get("data").and_then(Value::as_map).is_some_and(|data| data.values().any(Value::is_null));
    if desired.get("stringData").is_none() && !has_null {
        return;
    }
    let desired = desired.to_mut();
    move_string_data(desired);
    if let Some(data) = desired.as_map_mut().and_then(|m| m.get_mut("data")).and_then(Value::as_map_mut) {
        for (_, value) in data.iter_mut().filter(|(_, value)| value.is_null()) {
            *value = Value::from("");
        }
    }
}

/// The API server sorts and groups what it stores.
fn endpoints(object: &mut Value) {
    let Some(subsets) = object.as_map_mut().and_then(|m| m.get_mut("subsets")).and_then(Value::as_list_mut) else { return };
    for subset in subsets.iter_mut().filter_map(Value::as_map_mut) {
        for name in ["addresses", "notReadyAddresses", "ports"] {
            let Some(list) = subset.get_mut(name).and_then(Value::as_list_mut) else { continue };
            for port in list.iter_mut().filter(|_| name == "ports").filter_map(Value::as_map_mut) {
                if port.get("protocol").is_none_or(is_empty) {
                    port.insert("protocol", "TCP");
                }
            }
            list.sort_by_cached_key(json::print);
        }
    }
    subsets.sort_by_cached_key(json::print);
}

/// Admission gives every pod two tolerations and every node taints that nobody wrote, in lists that are replaced as a whole.
fn without_given(desired: &Value, live: &mut Cow<'_, Value>, field: &str) {
    let key = |entry: &Value| entry.str_at(&["key"]).map(str::to_owned);
    let wanted: Vec<_> = desired.at(&["spec", field]).and_then(Value::as_list).unwrap_or_default().iter().map(key).collect();
    let is_extra = |entry: &Value| key(entry).is_some_and(|k| k.starts_with("node.kubernetes.io/")) && !wanted.contains(&key(entry));
    let has = live.at(&["spec", field]).and_then(Value::as_list).is_some_and(|list| list.iter().any(is_extra));
    if !has {
        return;
    }
    let spec = live.to_mut().as_map_mut().and_then(|m| m.get_mut("spec")).and_then(Value::as_map_mut);
    if let Some(list) = spec.and_then(|m| m.get_mut(field)).and_then(Value::as_list_mut) {
        list.retain(|entry| !is_extra(entry));
    }
}

/// The rules of a role that others are aggregated into are the controller's.
fn roles<'a>(sides: &mut (Cow<'a, Value>, Cow<'a, Value>), ignore: bool) {
    let aggregated = |side: &Value| side.get("aggregationRule").is_some_and(|v| matches!(v, Value::Map(_)));
    // Nobody can mean "no rules" by an empty list there: the controller fills it at once.
    let meaningless = sides.0.get("rules").is_some_and(is_empty);
    if !aggregated(&sides.0) || !(ignore || meaningless) {
        return;
    }
    for side in [&mut sides.0, &mut sides.1] {
        if side.get("rules").is_some()
            && let Some(object) = Cow::to_mut(side).as_map_mut()
        {
            let _rules: Option<Value> = Map::remove(object, "rules");
        }
    }
}
