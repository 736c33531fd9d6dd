//! Files into values: YAML as Argo CD reads it, and our own files, which are read strictly.

use gitops_manifest::yaml::{self, Document, DuplicateKeys, ParseError, ParseOptions, Parsed, Schema};
use gitops_manifest::{Location, json};
use gitops_tree::TreePath;

use crate::error::Problem;
use crate::limits::Limits;

/// Reads YAML as sigs.k8s.io/yaml does.
pub(crate) fn parse_yaml(text: &[u8], path: &TreePath, duplicates: DuplicateKeys, limits: &Limits) -> Result<Parsed, ParseError> {
    let options = ParseOptions {
        schema: Schema::Yaml11,
        duplicates,
        max_depth: limits.max_depth,
        max_alias_values: limits.max_alias_values,
        max_bytes: usize::try_from(limits.max_total_bytes).unwrap_or(usize::MAX),
    };
    yaml::parse(text, path.as_str(), &options)
}

/// Reads JSON as one document that stands at the file's beginning.
pub(crate) fn parse_json(text: &[u8], path: &TreePath) -> Result<Document, ParseError> {
    let value = json::parse(text, path.as_str())?;
    Ok(Document { value, at: Location { file: path.to_string(), line: 1, column: 1 } })
}

/// Reads a file of our own layouts, YAML or JSON by its name: one document, no key twice. `None` for an empty file.
pub(crate) fn parse_settings(text: &[u8], path: &TreePath, limits: &Limits) -> Result<Option<Document>, Problem> {
    if path.file_name().ends_with(".json") {
        return Ok(Some(parse_json(text, path)?));
    }
    let mut documents = parse_yaml(text, path, DuplicateKeys::Refuse, limits)?.documents.into_iter();
    let first = documents.next();
    if let Some(second) = documents.next() {
        return Err(Problem::SecondDocument { at: second.at });
    }
    Ok(first)
}
