//! Changes to an object: another value at each place, each field taken away.

use gitops_manifest::pointer::{self, Pointer};
use gitops_manifest::quantity::Quantity;
use gitops_manifest::{Number, Value};
use gitops_schema::{Merge, Schema, Shape};

/// Values that have few others beside them, and one of those.
const OTHERS: &[(&str, &str)] = &[
    ("Allow", "Deny"),
    ("Always", "Never"),
    ("Cluster", "Local"),
    ("ClusterIP", "NodePort"),
    ("ClientIP", "None"),
    ("Delete", "Retain"),
    ("Directory", "File"),
    ("DirectoryOrCreate", "FileOrCreate"),
    ("DoNotSchedule", "ScheduleAnyway"),
    ("Equivalent", "Exact"),
    ("Exact", "Equivalent"),
    ("Fail", "Ignore"),
    ("Forbid", "Allow"),
    ("HTTPS", "HTTP"),
    ("Honor", "Ignore"),
    ("HostToContainer", "None"),
    ("IfNeeded", "Never"),
    ("Ignore", "Fail"),
    ("Local", "Cluster"),
    ("Min", "Max"),
    ("Never", "Always"),
    ("NoExecute", "NoSchedule"),
    ("NoSchedule", "NoExecute"),
    ("OnDelete", "RollingUpdate"),
    ("OnFailure", "Never"),
    ("OnRootMismatch", "Always"),
    ("Prefix", "Exact"),
    ("Queue", "Reject"),
    ("Retain", "Delete"),
    ("RuntimeDefault", "Unconfined"),
    ("TCP", "SCTP"),
    ("UDP", "SCTP"),
    ("Unconfined", "RuntimeDefault"),
    ("fast", "slow"),
];

fn walk(value: &Value, at: &mut String, out: &mut dyn FnMut(&str, &Value)) {
    let below = |token: &str, value: &Value, at: &mut String, out: &mut dyn FnMut(&str, &Value)| {
        let length = at.len();
        pointer::append(at, token);
        out(at, value);
        walk(value, at, out);
        at.truncate(length);
    };
    match value {
        Value::Map(map) => map.iter().for_each(|(name, value)| below(name, value, at, out)),
        Value::List(list) => list.iter().enumerate().for_each(|(i, value)| below(&i.to_string(), value, at, out)),
        _ => {}
    }
}

fn is_identity(at: &str) -> bool {
    ["/apiVersion", "/kind", "/metadata", "/metadata/name", "/metadata/creationTimestamp"].contains(&at)
        || at.starts_with("/metadata/managedFields")
}

/// Every place with a single value, and another value for it.
pub(crate) fn values(object: &Value) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    walk(object, &mut String::new(), &mut |at, value| {
        if let (Some(other), false) = (other(value), is_identity(at) || at.ends_with("/creationTimestamp")) {
            out.push((at.to_owned(), other));
        }
    });
    out
}

/// Every field, for taking it away.
pub(crate) fn fields(object: &Value) -> Vec<String> {
    let mut out = Vec::new();
    walk(object, &mut String::new(), &mut |at, _| {
        if !is_identity(at) {
            out.push(at.to_owned());
        }
    });
    out
}

fn other(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Bool(b) => Value::Bool(!b),
        Value::Number(Number::Float(n)) => Value::from(n + 1.0),
        Value::Number(n) => Value::from(n.as_i64()? + 1),
        Value::String(text) => {
            if let Some((_, other)) = OTHERS.iter().find(|(known, _)| *known == text.as_str()) {
                (*other).into()
            } else if text.starts_with("2026-") {
                text.replacen("2026", "2027", 1).into()
            } else if text.ends_with('=') || text.ends_with("=\n") {
                "b3RoZXI=".into()
            } else if text.ends_with('%') {
                "7%".into()
            } else if Quantity::parse(text).is_ok() {
                "77".into()
            } else {
                format!("{text}x").into()
            }
        }
        _ => return None,
    })
}

pub(crate) fn set(object: &mut Value, at: &str, value: Value) {
    Pointer::parse(at).unwrap().set(object, value).unwrap();
}

pub(crate) fn remove(object: &mut Value, at: &str) {
    Pointer::parse(at).unwrap().remove(object).unwrap();
}

/// Whether `value` is somewhere in what was added.
pub(crate) fn holds(added: &Value, value: &Value) -> bool {
    let mut found = false;
    walk(added, &mut String::new(), &mut |_, v| found |= v == value);
    found
}

/// Whether the place is a key of a list element, or an element of a set: changing it makes another element of it.
pub(crate) fn is_key(schema: &Schema, object: &Value, at: &str) -> bool {
    let Some(kind) = schema.kind_of(object) else { return false };
    let pointer = Pointer::parse(at).unwrap();
    let mut ty = kind.ty;
    let mut keys: Vec<&str> = Vec::new();
    for token in pointer.tokens() {
        if keys.contains(&token.as_str()) {
            return true;
        }
        keys.clear();
        match ty.shape() {
            Shape::List { element, merge } => {
                match merge {
                    Merge::Keys(names) => keys = names.collect(),
                    Merge::Set => return true,
                    Merge::Atomic => {}
                }
                ty = element;
            }
            _ => ty = ty.field(token).ty,
        }
    }
    false
}
