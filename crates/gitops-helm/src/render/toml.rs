//! TOML in and out: `toToml` as BurntSushi/toml v1.6.0 encodes, `fromToml` as it decodes.
//!
//! Out: keys by bytes, plain ones before tables, sub-tables indented by two, floats always with a point or an exponent,
//! tables within lists of other things inline. Nil in a map is left out, nil in a list is an error.

use gitops_template::{Elem, List, ListType, Map, Str, Value, fmt};

/// `[]map[string]interface {}`
const TABLES: &ListType = &ListType { name: "[]map[string]interface {}", elem: Elem::Map, methods: &[] };

/// Deepest nesting, of what is printed.
const MAX_DEPTH: usize = 200;

/// The text, or Go's error, which templates print in its place.
pub(super) fn print(value: &Value) -> Result<Str, String> {
    let mut out = String::new();
    encode(&mut Vec::new(), value, &mut out)?;
    Ok(out.into())
}

/// A map as templates have it, struct or map.
fn table(value: &Value) -> Option<Map> {
    match value {
        Value::Map(map) => Some(map.clone()),
        Value::Object(object) => object.plain().as_map().cloned(),
        _ => None,
    }
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        _ => false,
    }
}

fn is_table_list(list: &List) -> Result<bool, String> {
    if list.iter().any(|v| matches!(v, Value::Nil)) {
        return Err("toml: cannot encode array with nil element".to_owned());
    }
    Ok(!list.is_empty() && list.iter().all(|v| table(v).is_some()))
}

fn encode(path: &mut Vec<String>, value: &Value, out: &mut String) -> Result<(), String> {
    if path.len() > MAX_DEPTH {
        return Err(format!("toml: nested deeper than {MAX_DEPTH}"));
    }
    match value {
        Value::Nil => Ok(()),
        Value::Map(map) if map.is_nil() => Ok(()),
        Value::List(list) if is_table_list(list)? => {
            if path.is_empty() {
                return Err("toml: top-level values must be Go maps or structs".to_owned());
            }
            for item in list.iter().filter(|v| !is_nil(v)) {
                newline(out);
                header(path, ("[[", "]]"), out);
                members(path, &table(item).unwrap_or_default(), out)?;
            }
            Ok(())
        }
        value => match table(value) {
            Some(map) => {
                if path.len() == 1 {
                    newline(out);
                }
                if !path.is_empty() {
                    header(path, ("[", "]"), out);
                }
                members(path, &map, out)
            }
            None => {
                if let Some(last) = path.last() {
                    out.push_str(&"  ".repeat(path.len() - 1));
                    out.push_str(&key(last));
                    out.push_str(" = ");
                }
                element(value, out, path.len())?;
                if !path.is_empty() {
                    newline(out);
                }
                Ok(())
            }
        },
    }
}

fn newline(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

fn header(path: &[String], (open, close): (&str, &str), out: &mut String) {
    out.push_str(&"  ".repeat(path.len() - 1));
    out.push_str(open);
    out.push_str(&path.iter().map(|k| key(k)).collect::<Vec<_>>().join("."));
    out.push_str(close);
    out.push('\n');
}

/// The entries that are tables, and those that are none.
fn sorted(map: &Map) -> Result<[Vec<(Str, Value)>; 2], String> {
    let (mut plain, mut tables) = (Vec::new(), Vec::new());
    for (key, value) in map.entries().iter() {
        let is_table = match value {
            Value::List(list) => is_table_list(list)?,
            value => table(value).is_some(),
        };
        if is_table { &mut tables } else { &mut plain }.push((key.clone(), value.clone()));
    }
    Ok([plain, tables])
}

fn members(path: &mut Vec<String>, map: &Map, out: &mut String) -> Result<(), String> {
    for (key, value) in sorted(map)?.into_iter().flatten().filter(|(_, v)| !is_nil(v)) {
        path.push(key.text().into_owned());
        encode(path, &value, out)?;
        path.pop();
    }
    Ok(())
}

fn element(value: &Value, out: &mut String, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("toml: nested deeper than {MAX_DEPTH}"));
    }
    match value {
        Value::Str(text) => out.push_str(&quoted(&text.text())),
        Value::Float(n) => out.push_str(&float(*n)),
        Value::Bytes(bytes) => {
            let items: Vec<String> = bytes.iter().map(u8::to_string).collect();
            out.push_str(&format!("[{}]", items.join(", ")));
        }
        Value::List(list) => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                element(item, out, depth + 1)?;
            }
            out.push(']');
        }
        value => match table(value) {
            Some(map) => inline(&map, out, depth)?,
            None => out.push_str(&fmt::display(value).map_err(|e| e.to_string())?.text()),
        },
    }
    Ok(())
}

fn inline(map: &Map, out: &mut String, depth: usize) -> Result<(), String> {
    let [plain, tables] = sorted(map)?;
    out.push('{');
    let comma_behind_all = !tables.is_empty();
    for (entries, trailing) in [(plain, comma_behind_all), (tables, false)] {
        let last = entries.len().saturating_sub(1);
        for (at, (name, value)) in entries.iter().enumerate().filter(|(_, (_, v))| !is_nil(v)) {
            out.push_str(&format!("{} = ", key(&name.text())));
            element(value, out, depth + 1)?;
            if trailing || at != last {
                out.push_str(", ");
            }
        }
    }
    out.push('}');
    Ok(())
}

fn float(n: f64) -> String {
    if n.is_nan() {
        return "nan".to_owned();
    }
    if n.is_infinite() {
        return if n < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let text = fmt::float(n, 'g', None);
    if text.contains(['e', '.']) { text } else { format!("{text}.0") }
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Reads TOML: integers are int64, lists of tables have a type of their own, dates stay text.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| format!("toml: {}", e.message()))?;
    Ok(Value::Map(read_table(&table)))
}

fn read_table(table: &toml::Table) -> Map {
    table.iter().map(|(k, v)| (k.as_str(), read(v))).collect()
}

fn read(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(n) => Value::Int64(*n),
        toml::Value::Float(n) => Value::Float(*n),
        toml::Value::Boolean(b) => Value::Bool(*b),
        toml::Value::Datetime(at) => Value::from(at.to_string()),
        toml::Value::Array(items) => {
            let tables = !items.is_empty() && items.iter().all(toml::Value::is_table);
            Value::List(List::typed(if tables { TABLES } else { ListType::ANY }, items.iter().map(read).collect()))
        }
        toml::Value::Table(table) => Value::Map(read_table(table)),
    }
}
