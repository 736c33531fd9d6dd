//! INI files, changed in place. Rule: the reading of SOPS's INI library, as far as SOPS's own files go: sections, `key = value`
//! and `key: value`, comments with `;` or `#`, values in quotes or backquotes.

use super::flat::unflatten;
use super::{Format, Loaded, replaced};
use crate::cipher::DataKey;
use crate::comment;
use crate::decrypt::additional;
use crate::item::{Entry, Item, Leaf, Scalar};

/// The section of what stands before the first one.
const DEFAULT: &str = "DEFAULT";

pub(super) fn load(text: &str) -> Result<Loaded<'_>, String> {
    let (mut sections, mut metadata, mut cuts) = (Vec::<Entry>::new(), Vec::new(), Vec::new());
    let (mut current, mut entries) = (DEFAULT.to_owned(), Vec::new());
    let mut at = 0;
    for (i, whole) in text.split_inclusive('\n').enumerate() {
        let (start, line) = (at, whole.trim());
        at += whole.len();
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            sections.push(Entry { key: Some(std::mem::replace(&mut current, name.trim().to_owned())), value: Item::Map(entries) });
            entries = Vec::new();
        }
        if current == "sops" {
            cuts.push(start..at);
        }
        if line.is_empty() || line.starts_with(['#', ';', '[']) {
            continue;
        }
        let Some(split) = line.find(['=', ':']) else { return Err(format!("line {} has no `=`", i + 1)) };
        let (key, written) = (line[..split].trim(), line[split + 1..].trim());
        let offset = start + whole.find(line).unwrap_or(0) + line.len() - written.len();
        if current == "sops" {
            metadata.push((key.to_owned(), unquoted(written).replace("\\n", "\n")));
            continue;
        }
        let value = Scalar::Text(unquoted(written).as_bytes().to_vec());
        let leaf = Leaf { span: offset..offset + written.len(), line: i + 1, ..Leaf::new(value) };
        entries.push(Entry { key: Some(key.to_owned()), value: Item::Leaf(leaf) });
    }
    sections.push(Entry { key: Some(current), value: Item::Map(entries) });
    sections.retain(|section| section.key.as_deref() != Some("sops"));
    if metadata.is_empty() {
        return Err("it has no section `sops`".to_owned());
    }
    Ok(Loaded { format: Format::Ini, text, documents: vec![sections], metadata: unflatten(metadata), cuts })
}

fn unquoted(text: &str) -> &str {
    ["\"\"\"", "`", "\"", "'"].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(text)
}

pub(super) fn print(loaded: &Loaded<'_>, key: &DataKey) -> Result<Vec<u8>, String> {
    let mut edits: Vec<_> = loaded.cuts.iter().map(|cut| (cut.clone(), String::new())).collect();
    let mut paths = Vec::new();
    for section in loaded.documents.iter().flatten() {
        paths.push(additional(std::slice::from_ref(section.key.as_ref().expect("sections have names: built above"))));
        let Item::Map(entries) = &section.value else { continue };
        for entry in entries {
            let Item::Leaf(leaf) = &entry.value else { continue };
            if leaf.opened {
                edits.push((leaf.span.clone(), quoted(leaf.value.text().ok_or("a value is no text, which INI cannot hold")?)?));
            }
        }
    }
    let taken = edits.iter().map(|(range, _)| range.clone()).collect::<Vec<_>>();
    edits.extend(comment::opened(loaded.text, &paths, key, &|at| taken.iter().any(|range| range.contains(&at))));
    Ok(replaced(loaded.text, edits))
}

/// A value as it can be read again.
fn quoted(text: &str) -> Result<String, String> {
    let plain = !text.contains(['\n', '#', ';', '`', '"', '\'', '\\']) && text.trim() == text;
    if plain {
        Ok(text.to_owned())
    } else if text.contains('\n') || text.contains('`') {
        if text.contains("\"\"\"") {
            Err("a value holds both quotes and line ends, which INI cannot hold".to_owned())
        } else {
            Ok(format!("\"\"\"{text}\"\"\""))
        }
    } else {
        Ok(format!("`{text}`"))
    }
}
