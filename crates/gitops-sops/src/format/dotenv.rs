//! `KEY=value` lines. Rule: SOPS's own reading: no quoting, `\n` in a value is a line end, `#` begins a comment line.

use super::flat::unflatten;
use super::{Format, Loaded};
use crate::item::{Entry, Item, Leaf, Scalar};

const PREFIX: &str = "sops_";

pub(super) fn load(text: &str) -> Result<Loaded<'_>, String> {
    let (mut entries, mut metadata) = (Vec::new(), Vec::new());
    for (i, line) in text.split('\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let leaf = |text: String| Item::Leaf(Leaf { line: i + 1, ..Leaf::new(Scalar::Text(text.into_bytes())) });
        if let Some(comment) = line.strip_prefix('#') {
            entries.push(Entry { key: None, value: leaf(comment.to_owned()) });
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { return Err(format!("line {} has no `=`", i + 1)) };
        let value = value.replace("\\n", "\n");
        match key.strip_prefix(PREFIX) {
            Some(name) => metadata.push((name.to_owned(), value)),
            None => entries.push(Entry { key: Some(key.to_owned()), value: leaf(value) }),
        }
    }
    Ok(Loaded { format: Format::Dotenv, text, documents: vec![entries], metadata: unflatten(metadata), cuts: Vec::new() })
}

pub(super) fn print(loaded: &Loaded<'_>) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for entry in loaded.documents.iter().flatten() {
        let Item::Leaf(leaf) = &entry.value else { continue };
        let bytes = match &leaf.value {
            Scalar::Bool(b) => b.to_string().into_bytes(),
            other => other.to_bytes(),
        };
        match &entry.key {
            None => {
                out.push(b'#');
                out.extend_from_slice(&bytes);
            }
            Some(key) => {
                out.extend_from_slice(key.as_bytes());
                out.push(b'=');
                for byte in bytes {
                    match byte {
                        b'\n' => out.extend_from_slice(b"\\n"),
                        byte => out.push(byte),
                    }
                }
            }
        }
        out.push(b'\n');
    }
    Ok(out)
}
