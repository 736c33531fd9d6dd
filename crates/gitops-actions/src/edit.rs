//! Reading and changing one object by paths of keys.

use gitops_manifest::{Map, Value};

use crate::action::Impact;

/// A copy of a live object, to change.
pub(crate) struct Edit {
    value: Value,
}

impl Edit {
    pub(crate) fn of(live: &Value) -> Edit {
        Edit { value: live.clone() }
    }

    /// Sets the field at a path; what is no map on the way becomes one.
    pub(crate) fn set(mut self, path: &[&str], value: impl Into<Value>) -> Edit {
        let mut at = &mut self.value;
        for key in path {
            if at.as_map().is_none() {
                *at = Value::Map(Map::new());
            }
            let Some(map) = at.as_map_mut() else { return self };
            at = map.entry_or_null(key);
        }
        *at = value.into();
        self
    }

    /// Takes the field at a path away, if it is there.
    pub(crate) fn remove(mut self, path: &[&str]) -> Edit {
        if let Some((last, parents)) = path.split_last() {
            let parent = parents.iter().try_fold(&mut self.value, |at, key| at.as_map_mut()?.get_mut(key));
            if let Some(map) = parent.and_then(Value::as_map_mut) {
                map.remove(last);
            }
        }
        self
    }

    pub(crate) fn annotate(self, key: &str, value: impl Into<Value>) -> Edit {
        self.set(&["metadata", "annotations", key], value)
    }

    pub(crate) fn done(self) -> Vec<Impact> {
        vec![Impact::Patch(self.value)]
    }
}

pub(crate) fn is_true(live: &Value, path: &[&str]) -> bool {
    live.at(path).and_then(Value::as_bool).unwrap_or(false)
}

pub(crate) fn has(live: &Value, path: &[&str]) -> bool {
    live.at(path).is_some_and(|v| !v.is_null())
}

pub(crate) fn list<'v>(live: &'v Value, path: &[&str]) -> &'v [Value] {
    live.at(path).and_then(Value::as_list).unwrap_or(&[])
}

pub(crate) fn annotation<'v>(live: &'v Value, key: &str) -> Option<&'v str> {
    live.str_at(&["metadata", "annotations", key])
}

pub(crate) fn label<'v>(live: &'v Value, key: &str) -> Option<&'v str> {
    live.str_at(&["metadata", "labels", key])
}

/// A map from entries whose values are there.
pub(crate) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().filter(|(_, v)| !v.is_null()).collect())
}

/// The field at a path as it is, `null` when it is missing.
pub(crate) fn copied(live: &Value, path: &[&str]) -> Value {
    live.at(path).cloned().unwrap_or_default()
}
