//! The file formats: read into items, and printed again.

mod dotenv;
mod flat;
mod ini;
mod json;
mod yaml;

use crate::cipher::DataKey;
use crate::error::SopsError;
use crate::item::{Entry, Item};

/// How a file is written. Rule: SOPS takes it from the end of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.yaml`, `.yml`.
    Yaml,
    /// `.json`.
    Json,
    /// `.env`.
    Dotenv,
    /// `.ini`.
    Ini,
    /// Everything else: one value in JSON.
    Binary,
}

impl Format {
    /// The format of a file of this name.
    pub fn of(file: &str) -> Format {
        let ends = |ending: &str| file.ends_with(ending);
        if ends(".yaml") || ends(".yml") {
            Format::Yaml
        } else if ends(".json") {
            Format::Json
        } else if ends(".env") {
            Format::Dotenv
        } else if ends(".ini") {
            Format::Ini
        } else {
            Format::Binary
        }
    }
}

/// A file that was read.
pub(crate) struct Loaded<'a> {
    pub(crate) format: Format,
    /// As it was read, for formats that are changed in place.
    pub(crate) text: &'a str,
    pub(crate) documents: Vec<Vec<Entry>>,
    pub(crate) metadata: Item,
    /// Parts of the text that are metadata.
    pub(crate) cuts: Vec<std::ops::Range<usize>>,
}

/// Reads a file and takes its metadata out.
pub(crate) fn load<'a>(format: Format, bytes: &'a [u8], file: &str) -> Result<Loaded<'a>, SopsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SopsError::malformed(file, "it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let loaded = match format {
        Format::Yaml => yaml::load(text),
        Format::Json | Format::Binary => json::load(text, format),
        Format::Dotenv => dotenv::load(text),
        Format::Ini => ini::load(text),
    };
    loaded.map_err(|reason| SopsError::malformed(file, reason))
}

/// Prints what was read, after its values were decrypted.
pub(crate) fn print(loaded: &Loaded<'_>, key: &DataKey, file: &str) -> Result<Vec<u8>, SopsError> {
    let printed = match loaded.format {
        Format::Yaml => yaml::print(loaded, key),
        Format::Json => json::print(loaded),
        Format::Binary => json::print_binary(loaded),
        Format::Dotenv => dotenv::print(loaded),
        Format::Ini => ini::print(loaded, key),
    };
    printed.map_err(|reason| SopsError::malformed(file, reason))
}

/// Takes the entry `sops` out of a map.
fn take_metadata(document: &mut Vec<Entry>) -> Option<Item> {
    let at = document.iter().position(|e| e.key.as_deref() == Some("sops"))?;
    Some(document.remove(at).value)
}

/// A text with some of its parts replaced. The parts do not overlap.
fn replaced(text: &str, mut edits: Vec<(std::ops::Range<usize>, String)>) -> Vec<u8> {
    edits.sort_by_key(|(range, _)| range.start);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for (range, new) in edits.iter().filter(|(range, _)| !range.is_empty()) {
        out.extend_from_slice(text.get(at..range.start).unwrap_or_default().as_bytes());
        out.extend_from_slice(new.as_bytes());
        at = range.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default().as_bytes());
    out
}
