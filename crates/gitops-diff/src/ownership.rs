//! Who owns which field: `metadata.managedFields`, read.
//!
//! A set is a tree: `f:name` is a field, `k:{…}` an element by its keys, `v:…` an element by its value, `.` the thing itself.
//! Source: sigs.k8s.io/structured-merge-diff `fieldpath`. What does not parse is left out: an entry that we cannot read
//! claims nothing.

use std::collections::HashMap;

use gitops_manifest::{Map, Str, Value, json};
use gitops_schema::Type;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The managers whose fields are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managers {
    /// Names under which objects are or were applied by server-side apply.
    pub applied: Vec<String>,
    /// Names under which they were written before, whose fields are taken over at the first apply.
    pub updated: Vec<String>,
}

/// What of a live object is ours.
#[derive(Clone, Debug, Default)]
pub struct Ownership {
    /// What we applied, exactly.
    pub(crate) applied: Option<FieldSet>,
    /// What is ours, mixed with what the API server filled in: written by an update without a record of what was sent, or
    /// applied under another version.
    pub(crate) uncertain: Option<FieldSet>,
    /// What was sent, as its record says.
    pub(crate) sent: Option<Value>,
    /// Whether the record was there before anything was applied.
    record_only: bool,
}

impl Ownership {
    /// Reads who owns what in a live object.
    pub fn of(live: &Value, managers: &Managers) -> Ownership {
        let mut out = Ownership::default();
        let version = live.str_at(&["apiVersion"]);
        let entries = live.at(&["metadata", "managedFields"]).and_then(Value::as_list).unwrap_or_default();
        let mut updated = None;
        for entry in entries {
            let (Some(manager), Some(fields)) = (entry.str_at(&["manager"]), entry.at(&["fieldsV1"]).and_then(Value::as_map)) else {
                continue;
            };
            if entry.str_at(&["subresource"]).is_some_and(|s| !s.is_empty()) {
                continue;
            }
            let named = |names: &[String]| names.iter().any(|n| n == manager);
            let set = match entry.str_at(&["operation"]) {
                Some("Apply") if named(&managers.applied) && entry.str_at(&["apiVersion"]) == version => &mut out.applied,
                Some("Apply") if named(&managers.applied) => &mut out.uncertain,
                Some("Update") if named(&managers.updated) => &mut updated,
                _ => continue,
            };
            set.get_or_insert_default().add(fields);
        }
        // The record counts until the first apply; after that it may be as old as anything.
        if out.applied.is_none() || updated.is_some() {
            out.sent = record(live);
        }
        out.record_only = out.applied.is_none();
        if let (Some(updated), None) = (updated, &out.sent) {
            out.uncertain.get_or_insert_default().join(updated);
        }
        out
    }

    /// Whether anything says what we applied or sent before.
    pub fn is_known(&self) -> bool {
        self.applied.is_some() || self.uncertain.is_some() || self.sent.is_some()
    }

    /// Whether the next apply has to take fields over first.
    pub fn is_to_be_migrated(&self) -> bool {
        self.record_only && self.is_known() || self.sent.is_some()
    }
}

/// What `kubectl apply` wrote down of what it sent.
fn record(live: &Value) -> Option<Value> {
    let text = live.str_at(&["metadata", "annotations", LAST_APPLIED])?;
    json::parse(text.as_bytes(), LAST_APPLIED).ok().filter(|v| v.as_map().is_some())
}

/// Fields, as a tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldSet {
    /// Whether the thing itself is in the set.
    pub(crate) member: bool,
    fields: Vec<(Str, FieldSet)>,
    /// Elements, by their keys or their value as canonical JSON.
    elements: HashMap<String, FieldSet>,
}

impl FieldSet {
    /// Adds what a `fieldsV1` says.
    pub(crate) fn add(&mut self, node: &Map) {
        self.member |= node.is_empty();
        for (token, below) in node.iter() {
            let Some(below) = below.as_map() else { continue };
            match token.split_once(':') {
                None if *token == "." => self.member = true,
                Some(("f", name)) => self.field_mut(name).add(below),
                Some(("k" | "v", text)) => {
                    if let Ok(value) = json::parse(text.as_bytes(), "fieldsV1") {
                        self.elements.entry(json::print(&value)).or_default().add(below);
                    }
                }
                // `i:` names a place that nothing in Kubernetes uses.
                _ => {}
            }
        }
    }

    fn field_mut(&mut self, name: &str) -> &mut FieldSet {
        let i = match self.fields.binary_search_by(|(n, _)| n.as_str().cmp(name)) {
            Ok(i) => i,
            Err(i) => {
                self.fields.insert(i, (name.into(), FieldSet::default()));
                i
            }
        };
        &mut self.fields[i].1
    }

    fn join(&mut self, other: FieldSet) {
        self.member |= other.member;
        for (name, set) in other.fields {
            self.field_mut(&name).join(set);
        }
        for (key, set) in other.elements {
            self.elements.entry(key).or_default().join(set);
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&FieldSet> {
        let i = self.fields.binary_search_by(|(n, _)| n.as_str().cmp(name)).ok()?;
        Some(&self.fields[i].1)
    }

    pub(crate) fn element(&self, key: &str) -> Option<&FieldSet> {
        self.elements.get(key)
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &FieldSet)> {
        self.fields.iter().map(|(name, set)| (name.as_str(), set))
    }

    pub(crate) fn is_leaf(&self) -> bool {
        self.fields.is_empty() && self.elements.is_empty()
    }
}

/// The fields of some managers, whatever they did them by.
pub(crate) fn fields_of(live: &Value, names: &[&str]) -> Option<FieldSet> {
    let mut out: Option<FieldSet> = None;
    let entries = live.at(&["metadata", "managedFields"]).and_then(Value::as_list).unwrap_or_default();
    for entry in entries.iter().filter(|e| e.str_at(&["manager"]).is_some_and(|m| names.contains(&m))) {
        if let Some(fields) = entry.at(&["fieldsV1"]).and_then(Value::as_map) {
            out.get_or_insert_default().add(fields);
        }
    }
    out
}

/// An element's keys as canonical JSON, as a set names it; `None` when it lacks one without a default.
pub(crate) fn key_of(element: &Value, keys: impl Iterator<Item = impl AsRef<str>>, ty: Type<'_>) -> Option<String> {
    let map = element.as_map()?;
    let found = keys.map(|key| {
        let key = key.as_ref();
        let value = map.get(key).filter(|v| !v.is_null()).or_else(|| ty.field(key).default)?;
        Some((Str::from(key), value.clone()))
    });
    found.collect::<Option<Vec<_>>>().map(|entries| json::print(&Value::Map(Map::from_entries(entries))))
}
