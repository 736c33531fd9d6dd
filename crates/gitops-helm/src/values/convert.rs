//! Between values, manifests and what templates work on.

use std::collections::HashMap;

use gitops_manifest::Value as Manifest;
use gitops_template::{Map, Str, Value};

use super::{Table, Val};

impl Val {
    /// As Go's JSON decoder reads it: every number a float.
    pub(crate) fn from_manifest(value: &Manifest) -> Val {
        match value {
            Manifest::Null => Val::Null,
            Manifest::Bool(b) => Val::Bool(*b),
            Manifest::Number(n) => Val::Float(n.as_f64()),
            Manifest::String(s) => Val::Str(s.as_str().into()),
            Manifest::List(list) => Val::list(list.iter().map(Val::from_manifest).collect()),
            Manifest::Map(map) => Val::Table(Table::from_entries(entries(map))),
        }
    }

    /// The same as a manifest's value, for schemas.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Val::Null => serde_json::Value::Null,
            Val::Bool(b) => (*b).into(),
            Val::Int(n) => (*n).into(),
            Val::Float(n) => json_number(*n),
            Val::Str(s) => s.text().into(),
            Val::List(list) => list.iter().map(Val::to_json).collect(),
            Val::Table(table) => serde_json::Value::Object(table.iter().map(|(k, v)| (k.text().into_owned(), v.to_json())).collect()),
        }
    }
}

/// A whole float is an integer to JSON Schema; written as one, all drafts agree.
fn json_number(n: f64) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if n.fract() == 0.0 && n.abs() <= EXACT { (n as i64).into() } else { n.into() }
}

fn entries(map: &gitops_manifest::Map) -> Vec<(Str, Val)> {
    map.iter().map(|(k, v)| (Str::from(k.as_str()), Val::from_manifest(v))).collect()
}

impl From<&gitops_manifest::Map> for Table {
    fn from(map: &gitops_manifest::Map) -> Table {
        Table::from_entries(entries(map))
    }
}

/// Turns values into what templates work on. Tables named as shared become one map, however often they are met: a change
/// that a template makes through one of them shows in all, as in Helm.
#[derive(Default)]
pub(crate) struct Converter {
    shared: HashMap<usize, Option<Map>>,
}

impl Converter {
    pub(crate) fn share(&mut self, table: &Table) {
        self.shared.insert(table.address(), None);
    }

    pub(crate) fn table(&mut self, table: &Table) -> Map {
        if let Some(Some(map)) = self.shared.get(&table.address()) {
            return map.clone();
        }
        let map: Map = table.iter().map(|(k, v)| (k.clone(), self.value(v))).collect();
        if let Some(slot) = self.shared.get_mut(&table.address()) {
            *slot = Some(map.clone());
        }
        map
    }

    pub(crate) fn value(&mut self, value: &Val) -> Value {
        match value {
            Val::Null => Value::Nil,
            Val::Bool(b) => Value::Bool(*b),
            Val::Int(n) => Value::Int64(*n),
            Val::Float(n) => Value::Float(*n),
            Val::Str(s) => Value::Str(s.clone()),
            Val::List(list) => Value::from(list.iter().map(|v| self.value(v)).collect::<Vec<_>>()),
            Val::Table(table) => Value::Map(self.table(table)),
        }
    }
}
