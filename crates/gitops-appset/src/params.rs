//! Parameter sets: flattening, printing as Go does, and the ways two sets become one.

use std::collections::BTreeMap;

use gitops_manifest::{Map, Number, Str, Value};

/// What parsing JSON into Go's `any` makes of a value: every number is a float.
pub(crate) fn as_go_any(value: &Value) -> Value {
    match value {
        Value::Number(n) => Value::Number(Number::Float(n.as_f64())),
        Value::List(items) => Value::List(items.iter().map(as_go_any).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), as_go_any(v))).collect()),
        other => other.clone(),
    }
}

/// A value as Go's `%v` prints it.
pub(crate) fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::String(s) => s.as_str().to_owned(),
        Value::Number(Number::Int(n)) => n.to_string(),
        Value::Number(Number::UInt(n)) => n.to_string(),
        Value::Number(Number::Float(f)) => go_float(*f),
        Value::List(items) => format!("[{}]", items.iter().map(go_text).collect::<Vec<_>>().join(" ")),
        Value::Map(map) => {
            let entries: Vec<String> = map.iter().map(|(k, v)| format!("{}:{}", k.as_str(), go_text(v))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// The shortest digits; with an exponent below 10⁻⁴ and from 10⁶ on, as `%v` does.
fn go_float(f: f64) -> String {
    if !f.is_finite() {
        return if f.is_nan() {
            "NaN".into()
        } else if f > 0.0 {
            "+Inf".into()
        } else {
            "-Inf".into()
        };
    }
    let scientific = format!("{f:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{f}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// Every leaf under its dotted path, as text; list items by their number. Empty maps and lists leave nothing.
pub(crate) fn flatten(map: &Map) -> BTreeMap<String, String> {
    fn walk(prefix: &str, value: &Value, out: &mut BTreeMap<String, String>) {
        let at = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        match value {
            Value::Map(map) => map.iter().for_each(|(k, v)| walk(&at(k.as_str()), v, out)),
            Value::List(items) => items.iter().enumerate().for_each(|(i, v)| walk(&at(&i.to_string()), v, out)),
            leaf => {
                out.insert(prefix.to_owned(), go_text(leaf));
            }
        }
    }
    let mut out = BTreeMap::new();
    for (key, value) in map.iter() {
        walk(key.as_str(), value, &mut out);
    }
    out
}

/// A flat set of texts as parameters.
pub(crate) fn from_texts(texts: BTreeMap<String, String>) -> Map {
    texts.into_iter().collect()
}

/// Whether a value says nothing.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_f64() == 0.0,
        Value::String(s) => s.as_str().is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
    }
}

/// `first` with what it leaves empty taken from `second`, maps member by member. `atomic` keys are not looked into.
pub(crate) fn fill(first: &Map, second: &Map, atomic: &[&str]) -> Map {
    let mut out = first.clone();
    for (key, theirs) in second.iter() {
        let merged = match (out.get(key.as_str()), theirs) {
            (Some(Value::Map(ours)), Value::Map(theirs)) if !atomic.contains(&key.as_str()) => Value::Map(fill(ours, theirs, atomic)),
            (Some(ours), _) if !is_empty(ours) => continue,
            _ => theirs.clone(),
        };
        out.insert(key.clone(), merged);
    }
    out
}

/// `base` with `over` on top, maps member by member.
pub(crate) fn override_deep(base: &Map, over: &Map) -> Map {
    let mut out = base.clone();
    for (key, theirs) in over.iter() {
        let merged = match (out.get(key.as_str()), theirs) {
            (_, Value::Null) => continue,
            (Some(Value::Map(ours)), Value::Map(theirs)) => Value::Map(override_deep(ours, theirs)),
            _ => theirs.clone(),
        };
        out.insert(key.clone(), merged);
    }
    out
}

/// Both sets as texts; a key that both have with different texts is an error.
pub(crate) fn combine_equal(a: &Map, b: &Map) -> Result<Map, String> {
    let mut out = texts(a);
    for (key, value) in b.iter() {
        let value = go_text(value);
        match out.get(key.as_str()).and_then(Value::as_str) {
            Some(ours) if ours != value => {
                return Err(format!("found duplicate key {} with different value, a: {ours} ,b: {value}", key.as_str()));
            }
            _ => {
                out.insert(key.clone(), value);
            }
        }
    }
    Ok(out)
}

/// Both sets as texts; `b` wins.
pub(crate) fn override_flat(a: &Map, b: &Map) -> Map {
    let mut out = texts(a);
    for (key, value) in b.iter() {
        out.insert(key.clone(), go_text(value));
    }
    out
}

fn texts(map: &Map) -> Map {
    map.iter().map(|(k, v): (&Str, &Value)| (k.clone(), Value::from(go_text(v)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map {
        match gitops_manifest::json::parse(text.as_bytes(), "t").expect("JSON") {
            Value::Map(map) => map,
            _ => panic!("a map"),
        }
    }

    #[test]
    fn numbers_print_as_go_prints_floats() {
        for (f, text) in [
            (1.0, "1"),
            (8080.0, "8080"),
            (1_000_000.0, "1e+06"),
            (123_456_789.0, "1.23456789e+08"),
            (999_999.0, "999999"),
            (0.5, "0.5"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5, "-2.5"),
            (1e21, "1e+21"),
            (0.0, "0"),
        ] {
            assert_eq!(go_text(&Value::from(f)), text);
        }
    }

    #[test]
    fn flattening() {
        let flat = flatten(&map(r#"{"a": {"b": [1, {"c": true}], "e": {}, "f": []}, "n": null, "s": "x"}"#));
        let flat: Vec<String> = flat.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(flat, ["a.b.0=1", "a.b.1.c=true", "n=<nil>", "s=x"]);
    }

    #[test]
    fn two_become_one() {
        let (a, b) = (map(r#"{"x": "1", "m": {"p": "", "q": "a"}}"#), map(r#"{"x": "2", "m": {"p": "b", "q": "b"}, "y": 3}"#));
        assert_eq!(fill(&a, &b, &[]), map(r#"{"x": "1", "m": {"p": "b", "q": "a"}, "y": 3}"#));
        assert_eq!(fill(&a, &b, &["m"]), map(r#"{"x": "1", "m": {"p": "", "q": "a"}, "y": 3}"#));
        assert_eq!(override_deep(&a, &b), map(r#"{"x": "2", "m": {"p": "b", "q": "b"}, "y": 3}"#));
        assert_eq!(override_flat(&map(r#"{"x": "1"}"#), &b).get("m"), Some(&Value::from("map[p:b q:b]")));
        assert!(combine_equal(&a, &b).is_err_and(|e| e.starts_with("found duplicate key m with different value")));
        assert_eq!(combine_equal(&map(r#"{"x": "1"}"#), &map(r#"{"x": 1}"#)), Ok(map(r#"{"x": "1"}"#)));
    }
}
