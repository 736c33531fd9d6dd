//! `crds`: definitions of custom kinds that say which of their fields hold names, labels or annotations.

use std::borrow::Cow;

use gitops_manifest::Value;

use crate::field_spec::{Config, ConfigError, FieldSpec};
use crate::id::Gvk;

/// How many references may lead to each other.
const DEEPEST: usize = 64;

/// The field specs that the definitions in a file say.
///
/// # Errors
/// When they contradict each other.
pub(crate) fn config(definitions: &Value) -> Result<Config, ConfigError> {
    let mut config = Config::empty();
    let Some(map) = definitions.as_map() else { return Ok(config) };
    for (name, definition) in map.iter() {
        let Some(properties) = properties(definition) else { continue };
        if !["kind", "apiVersion", "metadata"].iter().all(|field| properties.get(field).is_some()) {
            continue;
        }
        let kind = name.rsplit('.').next().unwrap_or_default();
        let mut one = Config::empty();
        Walk { definitions, kind, config: &mut one }.type_of(name, &mut Vec::new())?;
        config.merge(&one)?;
    }
    Ok(config)
}

/// A member whose name's case does not matter.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let map = value.as_map()?;
    map.get(name).or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn properties(definition: &Value) -> Option<&Value> {
    member(definition, "Schema")?.get("properties")
}

struct Walk<'w> {
    definitions: &'w Value,
    kind: &'w str,
    config: &'w mut Config,
}

impl<'w> Walk<'w> {
    fn type_of(&mut self, name: &str, path: &mut Vec<&'w str>) -> Result<(), ConfigError> {
        let Some(properties) = self.definitions.get(name).and_then(properties).and_then(Value::as_map) else { return Ok(()) };
        if path.len() >= DEEPEST {
            return Ok(());
        }
        for (name, property) in properties.iter() {
            path.push(name);
            self.property(property, path)?;
            path.pop();
        }
        Ok(())
    }

    fn property(&mut self, property: &'w Value, path: &mut Vec<&'w str>) -> Result<(), ConfigError> {
        let says = |name: &str| {
            let map = property.as_map()?;
            map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
        };
        let mut found = Config::empty();
        if says("x-kubernetes-annotation").is_some() {
            found.common_annotations = Cow::Owned(vec![self.spec(path)]);
        }
        if says("x-kubernetes-label-selector").is_some() {
            found.common_labels = Cow::Owned(vec![self.spec(path)]);
        }
        if says("x-kubernetes-identity").is_some() {
            found.name_prefix = Cow::Owned(vec![self.spec(path)]);
        }
        self.config.merge(&found)?;
        if let (Some(version), Some(kind)) = (says("x-kubernetes-object-ref-api-version"), says("x-kubernetes-object-ref-kind")) {
            path.push(says("x-kubernetes-object-ref-name-key").unwrap_or("name"));
            let spec = self.spec(path);
            path.pop();
            self.config.add_reference(Gvk { group: "", version, kind }, spec)?;
        }
        match property.str_at(&["$ref"]) {
            Some(reference) if !reference.is_empty() => self.type_of(reference, path),
            _ => Ok(()),
        }
    }

    fn spec(&self, path: &[&str]) -> FieldSpec {
        FieldSpec { kind: Cow::Owned(self.kind.to_owned()), path: Cow::Owned(path.join("/")), ..FieldSpec::default() }
    }
}
