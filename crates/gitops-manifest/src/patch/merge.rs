//! JSON merge patch (RFC 7386): maps are merged key by key, `null` deletes, anything else replaces, lists as a whole.
//!
//! Law: `apply(diff(a, b), a) == b` for every `a`, and every `b` in which no map holds a `null`. A merge patch cannot say
//! "set to null", so for such a `b` there is no patch; nulls within lists are no obstacle.

use crate::{Map, Value};

/// Merges `patch` into `target`.
pub fn apply(target: &mut Value, patch: &Value) {
    let Value::Map(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !matches!(target, Value::Map(_)) {
        *target = Value::Map(Map::new());
    }
    let Value::Map(members) = target else { return };
    for (key, change) in changes.iter() {
        if change.is_null() {
            members.remove(key);
        } else {
            apply(members.entry_or_null(key), change);
        }
    }
}

/// The smallest patch that makes `to` of `from`.
pub fn diff(from: &Value, to: &Value) -> Value {
    let (Value::Map(old), Value::Map(new)) = (from, to) else { return to.clone() };
    let mut changes = Vec::new();
    for key in old.keys().filter(|key| !new.contains_key(key)) {
        changes.push((key.clone(), Value::Null));
    }
    for (key, value) in new.iter() {
        match old.get(key) {
            Some(before) if before == value => {}
            Some(before) => changes.push((key.clone(), diff(before, value))),
            None => changes.push((key.clone(), value.clone())),
        }
    }
    Value::Map(Map::from_entries(changes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes(), "test").expect("valid JSON")
    }

    #[test]
    fn the_rfc_examples() {
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut v = value(target);
            apply(&mut v, &value(patch));
            assert_eq!(v, value(result), "{target} + {patch}");
        }
    }

    #[test]
    fn a_difference_is_small() {
        let d = diff(&value(r#"{"a":{"b":1,"c":2,"e":5},"x":[1]}"#), &value(r#"{"a":{"b":1,"c":3,"d":4},"x":[1]}"#));
        assert_eq!(d, value(r#"{"a":{"c":3,"d":4,"e":null}}"#));
    }
}
