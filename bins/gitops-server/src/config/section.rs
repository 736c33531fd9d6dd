//! One map of the configuration file, read field by field: every field is asked for by name, and what nobody asked for
//! is an error with the nearest known name.

use std::time::Duration;

use gitops_app::GoDuration;
use gitops_manifest::{Location, Value};

/// A map, the path that led to it, and the names asked for so far.
pub(crate) struct Section<'a> {
    value: Option<&'a Value>,
    path: String,
    known: Vec<&'static str>,
    problems: Vec<String>,
    source: &'a Source<'a>,
}

/// The file, to say where a field stands.
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a [u8],
}

impl Source<'_> {
    /// Where the value at a JSON pointer stands.
    pub(crate) fn locate(&self, pointer: &str) -> Location {
        let (line, column) = gitops_manifest::yaml::locate(self.text, 0, pointer).unwrap_or((0, 0));
        Location { file: self.file.to_owned(), line, column }
    }
}

impl<'a> Section<'a> {
    pub(crate) fn root(value: &'a Value, source: &'a Source<'a>) -> Section<'a> {
        Section::new(Some(value), String::new(), source)
    }

    fn new(value: Option<&'a Value>, path: String, source: &'a Source<'a>) -> Section<'a> {
        let mut section = Section { value: value.filter(|v| !v.is_null()), path, known: Vec::new(), problems: Vec::new(), source };
        if let Some(v) = section.value
            && v.as_map().is_none()
        {
            section.wrong("", &format!("expected a map, found a {}", v.kind_name()));
            section.value = None;
        }
        section
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.value.and_then(|v| v.get(key)).filter(|v| !v.is_null())
    }

    /// Notes that a field is wrong.
    pub(crate) fn wrong(&mut self, key: &str, what: &str) {
        let pointer = if key.is_empty() { self.path.clone() } else { format!("{}/{key}", self.path) };
        let field = pointer.trim_start_matches('/').replace('/', ".");
        self.problems.push(format!("{}: `{field}`: {what}", self.source.locate(&pointer)));
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        match self.get(key)? {
            Value::String(s) => Some(s.to_string()),
            other => {
                self.wrong(key, &format!("expected a string, found a {}", other.kind_name()));
                None
            }
        }
    }

    pub(crate) fn count(&mut self, key: &'static str, default: usize) -> usize {
        match self.get(key) {
            None => default,
            Some(v) => v.as_i64().and_then(|n| usize::try_from(n).ok()).unwrap_or_else(|| {
                self.wrong(key, "expected a whole number, 0 or more");
                default
            }),
        }
    }

    /// A flag; absent is `false`.
    pub(crate) fn flag(&mut self, key: &'static str) -> bool {
        match self.get(key) {
            None => false,
            Some(v) => v.as_bool().unwrap_or_else(|| {
                self.wrong(key, "expected true or false");
                false
            }),
        }
    }

    /// A duration as Go writes it (`1m30s`), or a bare number of seconds.
    pub(crate) fn duration(&mut self, key: &'static str, default: Duration) -> Duration {
        let parsed = match self.get(key) {
            None => return default,
            Some(Value::String(s)) => GoDuration::parse(s).ok().map(GoDuration::as_duration),
            Some(v) => v.as_i64().and_then(|n| u64::try_from(n).ok()).map(Duration::from_secs),
        };
        parsed.unwrap_or_else(|| {
            self.wrong(key, "expected a duration such as `90s`, `5m` or a number of seconds");
            default
        })
    }

    pub(crate) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.get(key)
    }

    /// The map at `key`, read by `read`; an absent one reads as empty.
    pub(crate) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'a>) -> T) -> T {
        let value = self.get(key);
        let mut inner = Section::new(value, format!("{}/{key}", self.path), self.source);
        let result = read(&mut inner);
        self.problems.extend(inner.finish());
        result
    }

    /// The list at `key`, each member a map read by `read`.
    pub(crate) fn list<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'a>) -> T) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(list) = value.as_list() else {
            self.wrong(key, &format!("expected a list, found a {}", value.kind_name()));
            return Vec::new();
        };
        let mut all = Vec::with_capacity(list.len());
        for (i, member) in list.iter().enumerate() {
            let mut inner = Section::new(Some(member), format!("{}/{key}/{i}", self.path), self.source);
            all.push(read(&mut inner));
            self.problems.extend(inner.finish());
        }
        all
    }

    /// The list of texts at `key`.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let value = self.get(key)?;
        let texts: Option<Vec<String>> = value.as_list().and_then(|list| list.iter().map(|v| v.as_str().map(str::to_owned)).collect());
        if texts.is_none() {
            self.wrong(key, "expected a list of texts");
        }
        texts
    }

    /// All problems of this map, unknown fields among them.
    pub(crate) fn finish(mut self) -> Vec<String> {
        let map = self.value.and_then(Value::as_map);
        let unknown: Vec<String> =
            map.map(|m| m.keys().filter(|k| !self.known.contains(&k.as_str())).map(ToString::to_string).collect()).unwrap_or_default();
        for key in unknown {
            let near = self.known.iter().max_by(|a, b| strsim::jaro_winkler(a, &key).total_cmp(&strsim::jaro_winkler(b, &key)));
            let hint = match near {
                Some(near) if strsim::jaro_winkler(near, &key) > 0.75 => format!("unknown field; did you mean `{near}`?"),
                _ => format!("unknown field; known here: {}", self.known.join(", ")),
            };
            self.wrong(&key, &hint);
        }
        self.problems
    }
}
