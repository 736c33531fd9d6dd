//! Reads fields as Go's JSON decoder does: names match whatever their case, null is nothing, a value of another type is
//! an error, and an unknown field is one where the reference is strict.

use gitops_manifest::{Number, Value};

/// Why a value is not what a field wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecodeError {
    /// JSON pointer to the value.
    pub(crate) pointer: String,
    /// What is wrong.
    pub(crate) message: String,
    /// The name that was probably meant.
    pub(crate) similar: Option<String>,
}

impl DecodeError {
    pub(crate) fn new(message: impl Into<String>) -> DecodeError {
        DecodeError { pointer: String::new(), message: message.into(), similar: None }
    }

    pub(crate) fn inside(mut self, step: &str) -> DecodeError {
        self.pointer = format!("/{}{}", step.replace('~', "~0").replace('/', "~1"), self.pointer);
        self
    }
}

/// What a file's fields are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Unknown fields are errors.
    pub(crate) strict: bool,
    /// Numbers and booleans are taken where text is wanted.
    pub(crate) to_text: bool,
}

impl Rules {
    /// A kustomization file.
    pub(crate) const KUSTOMIZATION: Rules = Rules { strict: true, to_text: false };
    /// A file of field specs.
    pub(crate) const CONFIGURATION: Rules = Rules { strict: true, to_text: true };
    /// The configuration of a transformer or generator.
    pub(crate) const PLUGIN: Rules = Rules { strict: false, to_text: true };
}

/// The members of a map that a type has.
pub(crate) struct Fields<'v> {
    rules: Rules,
    found: Vec<(&'static str, &'v str, &'v Value)>,
}

impl<'v> Fields<'v> {
    /// Of a map, or of null, which has none.
    pub(crate) fn read(value: &'v Value, known: &[&'static str], rules: Rules) -> Result<Fields<'v>, DecodeError> {
        let mut found = Vec::new();
        match value {
            Value::Null => {}
            Value::Map(map) => {
                for (key, value) in map.iter() {
                    match find(key, known) {
                        Some(name) => found.push((name, key.as_str(), value)),
                        None if rules.strict => return Err(unknown(key, known)),
                        None => {}
                    }
                }
            }
            other => return Err(wrong("a map", other)),
        }
        Ok(Fields { rules, found })
    }

    /// What stands in a field; of several spellings the last, and null is nothing.
    pub(crate) fn get(&self, name: &str) -> Option<&'v Value> {
        self.entry(name).map(|(_, value)| value)
    }

    fn entry(&self, name: &str) -> Option<(&'v str, &'v Value)> {
        let of_name = self.found.iter().rev().filter(|(known, ..)| *known == name).map(|(_, key, value)| (*key, *value));
        of_name.into_iter().find(|(_, value)| !value.is_null())
    }

    /// Whether a field was written, with or without a value.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Reads a field by a function.
    pub(crate) fn with<T>(&self, name: &str, read: impl FnOnce(&'v Value) -> Result<T, DecodeError>) -> Result<Option<T>, DecodeError> {
        match self.entry(name) {
            Some((key, value)) => read(value).map(Some).map_err(|e| e.inside(key)),
            None => Ok(None),
        }
    }

    /// Text; empty when there is none.
    pub(crate) fn text(&self, name: &str) -> Result<String, DecodeError> {
        Ok(self.optional_text(name)?.unwrap_or_default())
    }

    /// Text, if there is any.
    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<String>, DecodeError> {
        self.with(name, |value| text(value, self.rules))
    }

    /// A boolean; false when there is none.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, DecodeError> {
        let read = |value: &Value| value.as_bool().ok_or_else(|| wrong("true or false", value));
        Ok(self.with(name, read)?.unwrap_or_default())
    }

    /// A whole number, if there is one.
    pub(crate) fn whole(&self, name: &str) -> Result<Option<i64>, DecodeError> {
        self.with(name, |value| match value {
            Value::Number(Number::Int(n)) => Ok(*n),
            Value::Number(Number::Float(n)) if n.fract() == 0.0 && n.abs() < 9e18 => Ok(*n as i64),
            other => Err(wrong("a whole number", other)),
        })
    }

    /// A list, each item read by a function; empty when there is none.
    pub(crate) fn list<T>(&self, name: &str, read: impl FnMut(&'v Value) -> Result<T, DecodeError>) -> Result<Vec<T>, DecodeError> {
        Ok(self.with(name, |value| list(value, read))?.unwrap_or_default())
    }

    /// A list of texts; empty when there is none.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, DecodeError> {
        self.list(name, |value| if value.is_null() { Ok(String::new()) } else { text(value, self.rules) })
    }

    /// A map of texts, by key; nothing when there is none.
    pub(crate) fn text_map(&self, name: &str) -> Result<Option<Vec<(String, String)>>, DecodeError> {
        self.with(name, |value| text_map(value, self.rules))
    }
}

pub(crate) fn list<'v, T>(value: &'v Value, mut read: impl FnMut(&'v Value) -> Result<T, DecodeError>) -> Result<Vec<T>, DecodeError> {
    let Value::List(items) = value else { return Err(wrong("a list", value)) };
    items.iter().enumerate().map(|(i, item)| read(item).map_err(|e| e.inside(&i.to_string()))).collect()
}

fn text(value: &Value, rules: Rules) -> Result<String, DecodeError> {
    match value {
        Value::String(text) => Ok(text.to_string()),
        Value::Bool(b) if rules.to_text => Ok(b.to_string()),
        Value::Number(n) if rules.to_text => Ok(match n {
            Number::Int(n) => n.to_string(),
            Number::UInt(n) => n.to_string(),
            Number::Float(n) => n.to_string(),
        }),
        other => Err(wrong("text", other)),
    }
}

fn text_map(value: &Value, rules: Rules) -> Result<Vec<(String, String)>, DecodeError> {
    let Value::Map(map) = value else { return Err(wrong("a map of texts", value)) };
    let entries = map.iter().map(|(key, value)| {
        let value = if value.is_null() { Ok(String::new()) } else { text(value, rules) };
        value.map(|value| (key.to_string(), value)).map_err(|e| e.inside(key))
    });
    entries.collect()
}

fn find(key: &str, known: &[&'static str]) -> Option<&'static str> {
    known.iter().find(|name| **name == key).or_else(|| known.iter().find(|name| name.eq_ignore_ascii_case(key))).copied()
}

fn unknown(key: &str, known: &[&'static str]) -> DecodeError {
    DecodeError {
        pointer: format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        message: format!("there is no field `{key}`"),
        similar: nearest(key, known.iter().copied()).map(str::to_owned),
    }
}

fn wrong(wanted: &str, found: &Value) -> DecodeError {
    let hint = match found {
        Value::Number(_) | Value::Bool(_) if wanted == "text" => ": put it in quotes",
        _ => "",
    };
    DecodeError::new(format!("a {} stands here where {wanted} is wanted{hint}", found.kind_name()))
}

/// The candidate nearest to `name`, if it is near enough to be a slip of the keyboard.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::osa_distance(&lower, &c.to_lowercase()), c))
        .filter(|(distance, c)| *distance <= c.chars().count().div_ceil(3).min(3) && *distance < c.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}
