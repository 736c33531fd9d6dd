//! Elements that are written down.

use gitops_manifest::yaml::{self, DuplicateKeys, ParseOptions};
use gitops_manifest::{Map, Value};

use super::{Context, items, text};
use crate::error::ExpandError;
use crate::params;

pub(super) fn generate(context: &Context<'_>, at: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
    let mut sets = Vec::new();
    for (i, element) in items(block, "elements").iter().enumerate() {
        let at = format!("{at}.elements[{i}]");
        let Value::Map(element) = params::as_go_any(element) else {
            return Err(ExpandError::rule(&at, format!("must be a map, and is a {}", element.kind_name())));
        };
        sets.push(if context.engine.is_go() { element } else { texts(&at, &element)? });
    }
    let source = text(block, "elementsYaml");
    if !source.is_empty() {
        sets.extend(elements_yaml(&format!("{at}.elementsYaml"), source)?);
    }
    Ok(sets)
}

/// Plain templates take texts only; `values` is a map of them.
fn texts(at: &str, element: &Map) -> Result<Map, ExpandError> {
    let not_text = |key: &str, v: &Value| {
        ExpandError::rule(at, format!("`{key}` must be a string, and is a {}: put it in quotes, or set goTemplate: true", v.kind_name()))
    };
    let mut out = Map::new();
    for (key, value) in element.iter() {
        let key = key.as_str();
        match (key, value) {
            ("values", Value::Map(values)) => {
                for (name, value) in values.iter() {
                    let name = format!("values.{}", name.as_str());
                    let text = value.as_str().ok_or_else(|| not_text(&name, value))?;
                    out.insert(name, text);
                }
            }
            ("values", _) => return Err(ExpandError::rule(at, "`values` must be a map of strings")),
            (_, Value::String(text)) => {
                out.insert(key, text.clone());
            }
            _ => return Err(not_text(key, value)),
        }
    }
    Ok(out)
}

fn elements_yaml(at: &str, source: &str) -> Result<Vec<Map>, ExpandError> {
    let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
    let parsed = yaml::parse(source.as_bytes(), at, &options).map_err(|e| ExpandError::rule(at, format!("is not YAML: {}", e.message)))?;
    let not_a_list = || ExpandError::rule(at, "must be a YAML list of maps");
    match parsed.documents.into_iter().next().map(|d| params::as_go_any(&d.value)) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::List(elements)) => {
            let element = |e| match e {
                Value::Map(map) => Ok(map),
                Value::Null => Ok(Map::new()),
                _ => Err(not_a_list()),
            };
            elements.into_iter().map(element).collect()
        }
        Some(_) => Err(not_a_list()),
    }
}
