//! `templatePatch`: a text that renders to a patch of the rendered application. `applicationset.md` §3.4.
//!
//! Maps are merged, `null` takes away, lists are replaced; `metadata.finalizers` are added to. `$patch: replace` and `$patch:
//! delete` act on the map they stand in; other directives are left out.

use gitops_manifest::yaml::{self, DuplicateKeys, ParseOptions};
use gitops_manifest::{Map, Value};

use crate::error::ExpandError;

const AT: &str = "spec.templatePatch";

/// Reads a rendered patch; none when it says nothing.
pub(crate) fn read(rendered: &str) -> Result<Option<Map>, ExpandError> {
    let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
    let wrong = |reason: String| ExpandError::Rule { at: AT.to_owned(), reason };
    let parsed = yaml::parse(rendered.as_bytes(), AT, &options).map_err(|e| wrong(format!("does not render to YAML: {e}")))?;
    match parsed.documents.into_iter().next().map(|d| d.value) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Map(patch)) => Ok(Some(patch)),
        Some(other) => Err(wrong(format!("must render to a map, as an Application is one, and renders to a {}", other.kind_name()))),
    }
}

/// Puts a patch onto an application.
pub(crate) fn apply(target: &mut Map, patch: &Map) {
    merge(target, patch, "");
}

fn merge(target: &mut Map, patch: &Map, path: &str) {
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *target = Map::new();
        }
        Some("delete") => {
            *target = Map::new();
            return;
        }
        _ => {}
    }
    for (key, change) in patch.iter() {
        let key = key.as_str();
        match change {
            _ if key.starts_with('$') => {}
            Value::Null => {
                target.remove(key);
            }
            Value::Map(change) => {
                let inner = target.entry_or_null(key);
                if inner.as_map().is_none() {
                    *inner = Value::Map(Map::new());
                }
                if let Some(inner) = inner.as_map_mut() {
                    merge(inner, change, &format!("{path}/{key}"));
                }
            }
            Value::List(added) if path == "/metadata" && key == "finalizers" => {
                let mut all = target.get(key).and_then(Value::as_list).unwrap_or(&[]).to_vec();
                all.extend(added.iter().filter(|f| !all.contains(f)).cloned().collect::<Vec<_>>());
                target.insert(key, Value::List(all));
            }
            other => {
                target.insert(key, other.clone());
            }
        }
    }
}
