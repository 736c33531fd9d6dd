//! JSON with its keys in order, and binary files, which are one value in JSON.

use std::fmt;

use gitops_manifest::{Value, json};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Format, Loaded, take_metadata};
use crate::item::{Entry, Item, Leaf, Scalar};

struct Read(Item);

struct Reader;

fn leaf<E>(value: Scalar) -> Result<Item, E> {
    Ok(Item::Leaf(Leaf::new(value)))
}

impl<'de> Visitor<'de> for Reader {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Item, E> {
        leaf(Scalar::Null)
    }
    fn visit_bool<E>(self, v: bool) -> Result<Item, E> {
        leaf(Scalar::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Item, E> {
        leaf(Scalar::Int(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Item, E> {
        // Beyond 64 bits with a sign SOPS goes on with a float.
        leaf(i64::try_from(v).map_or(Scalar::Float(v as f64), Scalar::Int))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Item, E> {
        leaf(Scalar::Float(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Item, E> {
        leaf(Scalar::Text(v.as_bytes().to_vec()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Item, A::Error> {
        let mut items = Vec::new();
        while let Some(Read(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Item::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((key, Read(value))) = map.next_entry::<String, Read>()? {
            entries.push(Entry { key: Some(key), value });
        }
        let mut names: Vec<&Option<String>> = entries.iter().map(|e| &e.key).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(A::Error::custom("a key stands twice"));
        }
        Ok(Item::Map(entries))
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Read, D::Error> {
        deserializer.deserialize_any(Reader).map(Read)
    }
}

pub(super) fn load(text: &str, format: Format) -> Result<Loaded<'_>, String> {
    // The parser's own message may quote what stands there.
    let Read(item) = serde_json::from_str(text).map_err(|e| format!("line {} is not JSON, or has a key twice", e.line()))?;
    let Item::Map(mut document) = item else { return Err("it is no JSON object".to_owned()) };
    let metadata = take_metadata(&mut document).ok_or("it has no `sops`")?;
    Ok(Loaded { format, text, documents: vec![document], metadata, cuts: Vec::new() })
}

/// As SOPS prints it: indented by tabs.
pub(super) fn print(loaded: &Loaded<'_>) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    for document in &loaded.documents {
        print_map(document, 0, &mut out)?;
    }
    out.push('\n');
    Ok(out.into_bytes())
}

fn print_item(item: &Item, depth: usize, out: &mut String) -> Result<(), String> {
    match item {
        Item::Map(entries) => print_map(entries, depth, out)?,
        Item::List(items) if items.is_empty() => out.push_str("[]"),
        Item::List(items) => {
            for (i, item) in items.iter().enumerate() {
                separate(i, depth + 1, '[', out);
                print_item(item, depth + 1, out)?;
            }
            close(depth, ']', out);
        }
        Item::Leaf(leaf) => match &leaf.value {
            Scalar::Null => out.push_str("null"),
            Scalar::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Scalar::Int(i) => out.push_str(&i.to_string()),
            Scalar::Float(f) => out.push_str(&json::print_html_safe(&Value::from(*f))),
            text => {
                let text = text.text().ok_or("a value is no text, which JSON cannot hold")?;
                out.push_str(&json::print_html_safe(&Value::from(text)));
            }
        },
    }
    Ok(())
}

fn print_map(entries: &[Entry], depth: usize, out: &mut String) -> Result<(), String> {
    if entries.is_empty() {
        out.push_str("{}");
        return Ok(());
    }
    for (i, entry) in entries.iter().enumerate() {
        separate(i, depth + 1, '{', out);
        out.push_str(&json::print_html_safe(&Value::from(entry.key.as_deref().unwrap_or_default())));
        out.push_str(": ");
        print_item(&entry.value, depth + 1, out)?;
    }
    close(depth, '}', out);
    Ok(())
}

fn separate(index: usize, depth: usize, open: char, out: &mut String) {
    out.push(if index == 0 { open } else { ',' });
    out.push('\n');
    out.extend(std::iter::repeat_n('\t', depth));
}

fn close(depth: usize, with: char, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n('\t', depth));
    out.push(with);
}

/// The one value of a binary file.
pub(super) fn print_binary(loaded: &Loaded<'_>) -> Result<Vec<u8>, String> {
    let data = loaded.documents.iter().flatten().find(|e| e.key.as_deref() == Some("data")).map(|e| &e.value);
    match data {
        Some(Item::Leaf(Leaf { value: Scalar::Text(bytes), .. })) => Ok(bytes.clone()),
        _ => Err("it has no `data`, which files of this name are kept in".to_owned()),
    }
}
