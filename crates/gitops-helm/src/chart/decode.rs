//! Reading the fields of Chart.yaml and its kin as Go does: through JSON into structs.
//!
//! Keys match without regard to case; a number or boolean where text belongs becomes text (`appVersion: 1.10` is `1.1`);
//! null leaves a field as it was; anything else of another kind is an error.

use gitops_manifest::{Map, Number, Value};
use gitops_template::fmt;

use crate::document::go_kind;

/// A field that holds something else than it must.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go {place} of type {wanted}")]
pub struct FieldError {
    /// What stands there, in JSON's words.
    pub found: &'static str,
    /// `value`, or `struct field` with its name.
    pub place: String,
    /// The type that Go wants.
    pub wanted: &'static str,
}

/// A struct that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'v> {
    /// Go's name of the struct.
    name: &'static str,
    map: &'v Map,
}

impl<'v> Fields<'v> {
    /// The fields of `value`; `None` when it is null.
    pub(crate) fn of(name: &'static str, value: &'v Value) -> Result<Option<Fields<'v>>, FieldError> {
        match value {
            Value::Null => Ok(None),
            Value::Map(map) => Ok(Some(Fields { name, map })),
            other => Err(FieldError { found: go_kind(other), place: "value".to_owned(), wanted: name }),
        }
    }

    /// The value of a field, if it is there and not null. Of keys that differ in case the last by bytes wins.
    pub(crate) fn get(&self, key: &str) -> Option<&'v Value> {
        self.map.iter().rfind(|(k, v)| k.eq_ignore_ascii_case(key) && !v.is_null()).map(|(_, v)| v)
    }

    fn wrong(&self, key: &str, value: &Value, wanted: &'static str) -> FieldError {
        // A type without a package is told whole: that of a field within a struct has no name.
        let short = if self.name.starts_with('.') { self.name } else { self.name.rsplit('.').next().unwrap_or(self.name) };
        FieldError { found: go_kind(value), place: format!("struct field {short}.{key}"), wanted }
    }

    pub(crate) fn text(&self, key: &str, into: &mut String) -> Result<(), FieldError> {
        if let Some(value) = self.get(key) {
            *into = text(value).ok_or_else(|| self.wrong(key, value, "string"))?;
        }
        Ok(())
    }

    pub(crate) fn boolean(&self, key: &str, into: &mut bool) -> Result<(), FieldError> {
        if let Some(value) = self.get(key) {
            *into = value.as_bool().ok_or_else(|| self.wrong(key, value, "bool"))?;
        }
        Ok(())
    }

    pub(crate) fn list(&self, key: &str, wanted: &'static str) -> Result<Option<&'v [Value]>, FieldError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(other) => Err(self.wrong(key, other, wanted)),
        }
    }

    pub(crate) fn texts(&self, key: &str, into: &mut Vec<String>) -> Result<(), FieldError> {
        let Some(list) = self.list(key, "[]string")? else { return Ok(()) };
        *into = list
            .iter()
            .map(|v| if v.is_null() { Ok(String::new()) } else { text(v).ok_or_else(|| self.wrong(key, v, "string")) })
            .collect::<Result<_, _>>()?;
        Ok(())
    }

    pub(crate) fn text_map(&self, key: &str, into: &mut Option<Vec<(String, String)>>) -> Result<(), FieldError> {
        match self.get(key) {
            None => Ok(()),
            Some(Value::Map(map)) => {
                let one = |(k, v): (&gitops_manifest::Str, &Value)| {
                    let value = if v.is_null() { Some(String::new()) } else { text(v) };
                    value.map(|value| (k.to_string(), value)).ok_or_else(|| self.wrong(key, v, "string"))
                };
                *into = Some(map.iter().map(one).collect::<Result<_, _>>()?);
                Ok(())
            }
            Some(other) => Err(self.wrong(key, other, "map[string]string")),
        }
    }
}

/// Text, or what sigs.k8s.io/yaml makes text of.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(Number::Int(n)) => Some(n.to_string()),
        Value::Number(Number::UInt(n)) => Some(n.to_string()),
        Value::Number(Number::Float(n)) => Some(fmt::float(*n, 'g', None)),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}
