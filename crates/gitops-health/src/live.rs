//! Reading a live object: whatever is missing or of another type reads as empty, zero or false.

use std::borrow::Cow;

use gitops_manifest::{Number, Value};

/// A live object.
#[derive(Clone, Copy)]
pub(crate) struct Live<'a> {
    root: &'a Value,
}

impl<'a> Live<'a> {
    pub(crate) fn new(root: &'a Value) -> Live<'a> {
        Live { root }
    }

    pub(crate) fn kind(&self) -> &'a str {
        self.root.str_at(&["kind"]).unwrap_or("")
    }

    pub(crate) fn name(&self) -> &'a str {
        self.root.str_at(&["metadata", "name"]).unwrap_or("")
    }

    fn api_version(&self) -> (&'a str, &'a str) {
        let text = self.root.str_at(&["apiVersion"]).unwrap_or("");
        text.split_once('/').unwrap_or(("", text))
    }

    pub(crate) fn group(&self) -> &'a str {
        self.api_version().0
    }

    pub(crate) fn version(&self) -> &'a str {
        self.api_version().1
    }

    /// The value at a path of keys joined by dots, keys that have dots themselves in brackets: `metadata.labels[a.b/c]`.
    /// `null` counts as missing.
    pub(crate) fn at(&self, path: &str) -> Option<&'a Value> {
        let (path, key) = match path.strip_suffix(']').and_then(|p| p.split_once('[')) {
            Some((path, key)) => (path, Some(key)),
            None => (path, None),
        };
        path.split('.').chain(key).try_fold(self.root, |v, key| v.get(key)).filter(|v| !v.is_null())
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.at(path).is_some()
    }

    pub(crate) fn str(&self, path: &str) -> &'a str {
        self.at(path).and_then(Value::as_str).unwrap_or("")
    }

    pub(crate) fn int(&self, path: &str) -> i64 {
        self.maybe_int(path).unwrap_or(0)
    }

    pub(crate) fn maybe_int(&self, path: &str) -> Option<i64> {
        self.at(path).and_then(integer)
    }

    pub(crate) fn is_true(&self, path: &str) -> bool {
        self.at(path).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn list(&self, path: &str) -> &'a [Value] {
        self.at(path).and_then(Value::as_list).unwrap_or(&[])
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&'a str> {
        self.root.str_at(&["metadata", "annotations", key])
    }

    /// `status.conditions`, in their order.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = Condition<'a>> + Clone + use<'a> {
        conditions(self.at("status").unwrap_or(&Value::Null))
    }

    /// The first condition of a type.
    pub(crate) fn condition(&self, kind: &str) -> Option<Condition<'a>> {
        self.conditions().find(|c| c.kind() == kind)
    }

    /// Whether a condition of this type has this status.
    pub(crate) fn is(&self, kind: &str, status: &str) -> bool {
        self.conditions().any(|c| c.kind() == kind && c.status() == status)
    }

    /// Whether the controller has not seen the latest spec: `status.observedGeneration` below `metadata.generation`.
    pub(crate) fn is_stale(&self) -> bool {
        let observed = self.maybe_int("status.observedGeneration");
        matches!((self.maybe_int("metadata.generation"), observed), (Some(latest), Some(seen)) if seen >= 0 && seen < latest)
    }
}

/// The `conditions` of a status, or of a part of one.
pub(crate) fn conditions(of: &Value) -> impl Iterator<Item = Condition<'_>> + Clone {
    of.get("conditions").and_then(Value::as_list).unwrap_or(&[]).iter().map(|value| Condition { value })
}

/// One condition.
#[derive(Clone, Copy)]
pub(crate) struct Condition<'a> {
    value: &'a Value,
}

impl<'a> Condition<'a> {
    fn text(&self, key: &str) -> &'a str {
        self.value.str_at(&[key]).unwrap_or("")
    }

    pub(crate) fn kind(&self) -> &'a str {
        self.text("type")
    }

    /// `True`, `False`, `Unknown`; some controllers write a boolean.
    pub(crate) fn status(&self) -> &'a str {
        match self.value.get("status") {
            Some(Value::Bool(true)) => "True",
            Some(Value::Bool(false)) => "False",
            _ => self.text("status"),
        }
    }

    pub(crate) fn reason(&self) -> &'a str {
        self.text("reason")
    }

    pub(crate) fn message(&self) -> &'a str {
        self.text("message")
    }

    pub(crate) fn observed(&self) -> Option<i64> {
        self.value.get("observedGeneration").and_then(integer)
    }

    /// A field of the condition as text.
    pub(crate) fn field(&self, key: &str) -> Option<Cow<'a, str>> {
        if key == "status" { Some(Cow::Borrowed(self.status())) } else { self.value.get(key).filter(|v| !v.is_null()).map(text) }
    }
}

/// An integer, also when written as a float without a fraction or as a string.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(Number::Float(f)) if f.fract() == 0.0 && f.abs() < 9.0e15 => Some(*f as i64),
        Value::Number(n) => n.as_i64(),
        Value::String(s) => s.parse().ok(),
        _ => None,
    }
}

/// A scalar as text; lists and maps are empty.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Bool(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
        Value::Number(_) => match integer(value) {
            Some(i) => Cow::Owned(i.to_string()),
            None => Cow::Owned(gitops_manifest::json::print(value).trim().to_owned()),
        },
        Value::String(s) => Cow::Borrowed(s),
        Value::Null | Value::List(_) | Value::Map(_) => Cow::Borrowed(""),
    }
}
