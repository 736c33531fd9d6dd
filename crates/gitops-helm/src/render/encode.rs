//! YAML, JSON and TOML in and out, as templates call them. None of them ever fails: what cannot be written is an empty
//! text, and what cannot be read is a value that says so.

use gitops_manifest as model;
use gitops_manifest::{json, yaml};
use gitops_template::{FuncError, List, ListType, Map, MapType, Scope, Str, Value};

use super::record::Record;
use super::{pretty, toml};
use crate::document;

/// YAML as sigs.k8s.io/yaml prints it, without the line feed at its end; empty where its way through JSON fails.
pub(super) fn yaml_text(value: &model::Value) -> Str {
    if !survives_json(value) {
        return Str::EMPTY;
    }
    let text = match folded(value) {
        Some(value) => yaml::print(&value),
        None => yaml::print(value),
    };
    Str::from(text.strip_suffix('\n').unwrap_or(&text))
}

pub(super) fn to_yaml(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(Value::Str(arguments[0].to_manifest().map_or(Str::EMPTY, |v| yaml_text(&v))))
}

pub(super) fn to_yaml_pretty(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(Value::Str(pretty::print(&arguments[0]).unwrap_or_default()))
}

pub(super) fn to_json(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    let mut out = String::new();
    Ok(Value::Str(push_json(&arguments[0], 0, &mut out).map_or(Str::EMPTY, |()| out.into())))
}

pub(super) fn to_toml(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(Value::Str(toml::print(&arguments[0]).unwrap_or_else(|message| message.into())))
}

pub(super) fn from_yaml(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(map(read_yaml(&arguments[0])))
}

pub(super) fn from_yaml_array(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(list(read_yaml(&arguments[0])))
}

pub(super) fn from_json(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(map(read_json(&arguments[0])))
}

pub(super) fn from_json_array(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(list(read_json(&arguments[0])))
}

pub(super) fn from_toml(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    let text = text(&arguments[0]);
    Ok(toml::parse(&text.text()).unwrap_or_else(|message| error_map(&message)))
}

fn text(value: &Value) -> Str {
    value.as_str().cloned().unwrap_or_default()
}

/// What was read, or why not; the error of a value of the wrong kind is Go's, which the caller makes.
type Read = Result<model::Value, String>;

const UNMARSHAL: &str = "error unmarshaling JSON: while decoding JSON: ";

fn read_yaml(value: &Value) -> (Read, &'static str) {
    let read = document::first_default(&text(value), "").map_err(|reason| format!("error converting YAML to JSON: yaml: {reason}"));
    (read, UNMARSHAL)
}

fn read_json(value: &Value) -> (Read, &'static str) {
    (json::parse(&text(value), "").map_err(|e| json_error(&text(value), &e)), "")
}

/// Go's words for the common mistakes; ours for the others.
fn json_error(text: &[u8], error: &yaml::ParseError) -> String {
    let trimmed = text.trim_ascii();
    if let Some(key) = trimmed.strip_prefix(b"{").map(<[u8]>::trim_ascii_start)
        && !key.is_empty()
        && !key.starts_with(b"\"")
        && !key.starts_with(b"}")
    {
        return format!("invalid character {} looking for beginning of object key string", quoted_char(key));
    }
    match trimmed.first() {
        None => "unexpected end of JSON input".to_owned(),
        Some(b) if !b.is_ascii_digit() && !b"{[\"-tfn".contains(b) => {
            format!("invalid character {} looking for beginning of value", quoted_char(trimmed))
        }
        Some(_) => error.message.clone(),
    }
}

fn quoted_char(text: &[u8]) -> String {
    let first = String::from_utf8_lossy(text).chars().next().unwrap_or_default();
    format!("'{first}'")
}

fn error_map(message: &str) -> Value {
    Value::Map(Map::from_iter([("Error", message)]))
}

fn map((read, prefix): (Read, &str)) -> Value {
    match read {
        Ok(model::Value::Map(map)) => Value::Map(Map::from(&map)),
        // encoding/json sets the map itself to nil, sigs.k8s.io/yaml leaves it as it was.
        Ok(model::Value::Null) if prefix.is_empty() => Value::Map(Map::nil(MapType::ANY)),
        Ok(model::Value::Null) => Value::Map(Map::new()),
        Ok(other) => error_map(&mismatch(prefix, &other, "map[string]interface {}")),
        Err(message) => error_map(&message),
    }
}

fn list((read, prefix): (Read, &str)) -> Value {
    match read {
        Ok(model::Value::List(items)) => Value::List(List::new(items.iter().map(Value::from).collect())),
        Ok(model::Value::Null) if prefix.is_empty() => Value::List(List::nil(ListType::ANY)),
        Ok(model::Value::Null) => Value::List(List::new(Vec::new())),
        Ok(other) => Value::List(List::new(vec![Value::from(mismatch(prefix, &other, "[]interface {}"))])),
        Err(message) => Value::List(List::new(vec![Value::from(message)])),
    }
}

fn mismatch(prefix: &str, value: &model::Value, wanted: &str) -> String {
    format!("{prefix}json: cannot unmarshal {} into Go value of type {wanted}", document::go_kind(value))
}

/// Deepest nesting of JSON: a value that holds itself has no text.
const MAX_DEPTH: usize = 1000;

/// As `encoding/json` prints: maps by key, structs in the order of their fields. `None` where it fails.
fn push_json(value: &Value, depth: usize, out: &mut String) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    match value {
        Value::Map(map) if !map.is_nil() => {
            out.push('{');
            for (at, (key, value)) in map.entries().iter().enumerate() {
                push_member(at, &key.text(), value, depth, out)?;
            }
            out.push('}');
        }
        Value::List(list) if !list.is_nil() => {
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_json(value, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(object) => match value.as_object::<Record>() {
            Some(record) => {
                out.push('{');
                for (at, field) in record.shown().enumerate() {
                    push_member(at, field.json, &field.value, depth, out)?;
                }
                out.push('}');
            }
            None => push_json(&object.plain(), depth + 1, out)?,
        },
        value => {
            let value = value.to_manifest().ok()?;
            if matches!(&value, model::Value::Number(n) if !n.as_f64().is_finite()) {
                return None;
            }
            out.push_str(&json::print_html_safe(&value));
        }
    }
    Some(())
}

fn push_member(at: usize, key: &str, value: &Value, depth: usize, out: &mut String) -> Option<()> {
    if at > 0 {
        out.push(',');
    }
    out.push_str(&json::print_html_safe(&key.into()));
    out.push(':');
    push_json(value, depth + 1, out)
}

/// With each NEL made what a YAML reader makes of a line break in quotes; `None` when there is none.
fn folded(value: &model::Value) -> Option<model::Value> {
    match value {
        model::Value::String(text) => text.contains(NEL).then(|| fold(text).into()),
        model::Value::List(list) => list
            .iter()
            .any(|v| folded(v).is_some())
            .then(|| list.iter().map(|v| folded(v).unwrap_or_else(|| v.clone())).collect::<Vec<_>>().into()),
        model::Value::Map(map) => map.iter().any(|(k, v)| k.contains(NEL) || folded(v).is_some()).then(|| {
            let entry = |(k, v): (&model::Str, &model::Value)| (model::Str::from(fold(k)), folded(v).unwrap_or_else(|| v.clone()));
            model::Value::Map(map.iter().map(entry).collect())
        }),
        _ => None,
    }
}

const NEL: char = '\u{85}';

/// One break is a space, more are that many line feeds less one; blanks around them go.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut breaks = 0;
    for (at, part) in text.split(NEL).enumerate() {
        if at > 0 {
            breaks += 1;
            out.truncate(out.trim_end_matches(' ').len());
        }
        let part = if at > 0 { part.trim_start_matches(' ') } else { part };
        if part.is_empty() && at > 0 {
            continue;
        }
        push_breaks(&mut breaks, &mut out);
        out.push_str(part);
    }
    push_breaks(&mut breaks, &mut out);
    out
}

fn push_breaks(breaks: &mut usize, out: &mut String) {
    match std::mem::take(breaks) {
        0 => {}
        1 => out.push(' '),
        n => out.extend(std::iter::repeat_n('\n', n - 1)),
    }
}

/// sigs.k8s.io/yaml prints through JSON, which is then read as YAML: numbers must be finite, and texts may hold no
/// character that YAML forbids and JSON does not escape.
fn survives_json(value: &model::Value) -> bool {
    let allowed = |text: &str| {
        text.bytes().all(|b| (b' '..0x7F).contains(&b) || b == b'\n')
            || !text.chars().any(|c| matches!(c, '\u{7F}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}'))
    };
    match value {
        model::Value::Number(n) => n.as_f64().is_finite(),
        model::Value::String(text) => allowed(text),
        model::Value::List(list) => list.iter().all(survives_json),
        model::Value::Map(map) => map.iter().all(|(key, value)| allowed(key) && survives_json(value)),
        model::Value::Null | model::Value::Bool(_) => true,
    }
}
