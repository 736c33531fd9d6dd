//! Reads the fields of one map of the configuration, and refuses those that [`SETTINGS`] does not know.

use std::path::PathBuf;
use std::time::Duration;

use gitops_manifest::{Map, Value};

use super::{ConfigError, SETTINGS};

/// One map, its place, and its section of [`SETTINGS`].
pub(crate) struct Fields<'a> {
    map: &'a Map,
    at: String,
    section: String,
}

impl<'a> Fields<'a> {
    /// The map `value`, which stands at `at` and has the keys of `section` (empty for the outermost).
    pub(crate) fn new(value: &'a Value, at: &str, section: &str) -> Result<Fields<'a>, ConfigError> {
        let Some(map) = value.as_map() else {
            return Err(ConfigError::Invalid { at: at.to_owned(), reason: format!("expected a map, found a {}", value.kind_name()) });
        };
        let fields = Fields { map, at: at.to_owned(), section: section.to_owned() };
        let known = fields.known_keys();
        for key in map.keys() {
            // A section whose keys the user chooses (`headers`, `env`) is listed with one key, `*`.
            if !known.contains(&key.as_str()) && known != ["*"] {
                let similar = known
                    .iter()
                    .map(|k| (strsim::damerau_levenshtein(&k.to_lowercase(), &key.to_lowercase()), *k))
                    .filter(|(distance, k)| *distance <= 1 + k.len() / 4)
                    .min()
                    .map(|(_, k)| k.to_owned());
                return Err(ConfigError::UnknownKey { at: fields.at, key: key.to_string(), similar });
            }
        }
        Ok(fields)
    }

    fn known_keys(&self) -> Vec<&'static str> {
        SETTINGS
            .iter()
            .filter_map(|setting| {
                let rest = match self.section.as_str() {
                    "" => setting.key,
                    section => setting.key.strip_prefix(section)?.strip_prefix('.')?,
                };
                (!rest.contains('.')).then_some(rest.trim_end_matches("[]"))
            })
            .collect()
    }

    pub(crate) fn at(&self) -> &str {
        &self.at
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    pub(crate) fn invalid(&self, key: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Invalid { at: format!("{}.{key}", self.at), reason: reason.into() }
    }

    fn expected(&self, key: &str, what: &str, found: &Value) -> ConfigError {
        self.invalid(key, format!("expected {what}, found a {}", found.kind_name()))
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, ConfigError> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::String(s)) if !s.is_empty() => Ok(Some(s)),
            Some(Value::String(_)) => Err(self.invalid(key, "may not be empty")),
            Some(other) => Err(self.expected(key, "a text", other)),
        }
    }

    pub(crate) fn needed_text(&self, key: &'static str, needed: &'static str) -> Result<&'a str, ConfigError> {
        self.text(key)?.ok_or_else(|| ConfigError::Missing { at: self.at.clone(), key, needed })
    }

    pub(crate) fn needed_path(&self, key: &'static str, needed: &'static str) -> Result<PathBuf, ConfigError> {
        let path = PathBuf::from(self.needed_text(key, needed)?);
        if path.is_absolute() { Ok(path) } else { Err(self.invalid(key, format!("`{}` is not an absolute path", path.display()))) }
    }

    pub(crate) fn boolean(&self, key: &str, into: &mut bool) -> Result<(), ConfigError> {
        match self.map.get(key) {
            None => Ok(()),
            Some(Value::Bool(b)) => {
                *into = *b;
                Ok(())
            }
            Some(other) => Err(self.expected(key, "`true` or `false`", other)),
        }
    }

    /// A whole number of at least 1.
    pub(crate) fn count(&self, key: &str, default: u64) -> Result<u64, ConfigError> {
        match self.map.get(key) {
            None => Ok(default),
            Some(v) => match v.as_i64().and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0) {
                Some(n) => Ok(n),
                None => Err(self.invalid(key, "expected a whole number of at least 1")),
            },
        }
    }

    /// Seconds, fractions allowed, from 0 to ten years.
    pub(crate) fn seconds(&self, key: &str, default: Duration) -> Result<Duration, ConfigError> {
        match self.map.get(key) {
            None => Ok(default),
            Some(Value::Number(n)) if (0.0..=3.2e8).contains(&n.as_f64()) => Ok(Duration::from_secs_f64(n.as_f64())),
            Some(_) => Err(self.invalid(key, "expected a number of seconds, 0 or more")),
        }
    }

    /// Permission bits, written as an octal text such as `"0644"`.
    pub(crate) fn mode(&self, key: &str, into: &mut u32) -> Result<(), ConfigError> {
        let Some(text) = self.text(key)? else { return Ok(()) };
        match u32::from_str_radix(text, 8) {
            Ok(mode) if mode <= 0o777 && mode & 0o400 != 0 => {
                *into = mode;
                Ok(())
            }
            _ => Err(self.invalid(key, format!("`{text}` is not an octal mode such as \"0644\""))),
        }
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        let Some(value) = self.map.get(key) else { return Ok(Vec::new()) };
        let list = value.as_list().ok_or_else(|| self.expected(key, "a list of texts", value))?;
        list.iter().map(|v| v.as_str().map(str::to_owned).ok_or_else(|| self.expected(key, "a list of texts, one of them", v))).collect()
    }

    /// A map from names to texts.
    pub(crate) fn text_map(&self, key: &str) -> Result<Vec<(String, String)>, ConfigError> {
        let Some(value) = self.map.get(key) else { return Ok(Vec::new()) };
        let map = value.as_map().ok_or_else(|| self.expected(key, "a map of texts", value))?;
        map.iter()
            .map(|(k, v)| match v.as_str() {
                Some(v) => Ok((k.to_string(), v.to_owned())),
                None => Err(self.invalid(key, format!("`{k}`: expected a text, found a {}", v.kind_name()))),
            })
            .collect()
    }

    pub(crate) fn section(&self, key: &str, section: &str) -> Result<Option<Fields<'a>>, ConfigError> {
        self.map.get(key).map(|v| Fields::new(v, &format!("{}.{key}", self.at), section)).transpose()
    }

    pub(crate) fn sections(&self, key: &str, section: &str) -> Result<Vec<Fields<'a>>, ConfigError> {
        let Some(value) = self.map.get(key) else { return Ok(Vec::new()) };
        let list = value.as_list().ok_or_else(|| self.expected(key, "a list", value))?;
        list.iter().enumerate().map(|(i, v)| Fields::new(v, &format!("{}.{key}[{i}]", self.at), section)).collect()
    }
}
