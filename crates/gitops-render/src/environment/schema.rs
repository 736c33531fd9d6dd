//! JSON Schemas in the repository, one per kind.
//!
//! In: `<schemas>/<kind>.json` (or `.yaml`, `.yml`), the kind in lower case. Drafts 4 to 2020-12, by `$schema`; 2020-12
//! when it is not given. Nothing outside the file is ever fetched or read: a reference to elsewhere is an error.

use std::collections::HashMap;

use gitops_manifest::{Number, Value};
use gitops_tree::TreePath;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Retrieve, Uri, Validator};

use super::content::{SettingsFile, child};
use crate::error::Problem;
use crate::files::Files;

/// The schemas of one layout, each read and built once.
pub(super) struct Schemas {
    directory: Option<TreePath>,
    by_kind: HashMap<String, Option<(TreePath, Validator)>>,
}

/// One thing that does not fit.
pub(super) struct Mismatch {
    /// The value that does not fit.
    pub(super) pointer: String,
    /// Where to look for the cause: the same, or a member that is missing or one too many.
    pub(super) cause: String,
    pub(super) message: String,
    pub(super) schema: String,
}

/// Most mismatches that are reported of one object.
const MOST: usize = 20;

struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, uri: &Uri<String>) -> Result<serde_json::Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`$ref` to {uri}: only references within the file (`#/…`) are followed").into())
    }
}

impl Schemas {
    pub(super) fn new(directory: Option<TreePath>) -> Schemas {
        Schemas { directory, by_kind: HashMap::new() }
    }

    /// What in `content` does not fit the schema of `kind`; nothing when there is none.
    pub(super) fn check(&mut self, files: &mut Files<'_>, kind: &str, content: &Value) -> Result<Vec<Mismatch>, Problem> {
        if self.directory.is_none() {
            return Ok(Vec::new());
        }
        if !self.by_kind.contains_key(kind) {
            // Noted as absent first: a schema that is broken is reported once, not by each object.
            self.by_kind.insert(kind.to_owned(), None);
            let schema = self.load(files, kind)?;
            self.by_kind.insert(kind.to_owned(), schema);
        }
        let Some(Some((path, validator))) = self.by_kind.get(kind) else { return Ok(Vec::new()) };
        let content = to_json(content);
        let mut mismatches: Vec<Mismatch> = validator
            .iter_errors(&content)
            .take(MOST)
            .map(|e| Mismatch { pointer: e.instance_path().to_string(), cause: cause(&e), message: message(&e), schema: path.to_string() })
            .collect();
        mismatches.sort_by(|a, b| (&a.pointer, &a.message).cmp(&(&b.pointer, &b.message)));
        Ok(mismatches)
    }

    fn load(&self, files: &mut Files<'_>, kind: &str) -> Result<Option<(TreePath, Validator)>, Problem> {
        let Some(directory) = &self.directory else { return Ok(None) };
        let Some(file) = SettingsFile::read_stem(files, directory, &kind.to_lowercase())? else { return Ok(None) };
        let schema = to_json(file.value.as_ref().unwrap_or(&Value::Null));
        let built = jsonschema::options().with_retriever(Nowhere).build(&schema);
        let refuse =
            |e: jsonschema::ValidationError<'_>| Problem::Schema { at: file.locate(e.instance_path().as_str()), reason: e.to_string() };
        built.map(|v| Some((file.path.clone(), v))).map_err(refuse)
    }
}

/// What is wrong, without the value: configuration should hold no secret, but a message is the wrong place to find out.
fn message(error: &jsonschema::ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            format!("the schema has no {}", unexpected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        }
        _ => error.masked().to_string(),
    }
}

fn cause(error: &jsonschema::ValidationError<'_>) -> String {
    let pointer = error.instance_path().as_str();
    let member = match error.kind() {
        ValidationErrorKind::Required { property } => property.as_str(),
        ValidationErrorKind::AdditionalProperties { unexpected } | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            unexpected.first().map(String::as_str)
        }
        _ => None,
    };
    member.map_or_else(|| pointer.to_owned(), |key| child(pointer, key))
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(b) => (*b).into(),
        Value::Number(Number::Int(n)) => (*n).into(),
        Value::Number(Number::UInt(n)) => (*n).into(),
        Value::Number(Number::Float(n)) => (*n).into(),
        Value::String(s) => s.as_str().into(),
        Value::List(list) => list.iter().map(to_json).collect(),
        Value::Map(map) => serde_json::Value::Object(map.iter().map(|(k, v)| (k.to_string(), to_json(v))).collect()),
    }
}
