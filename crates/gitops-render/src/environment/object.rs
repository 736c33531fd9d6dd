//! From merged content to an object.

use gitops_manifest::patch::merge;
use gitops_manifest::{Manifest, Map, Value};

use super::content::{Content, child};
use super::schema::Schemas;
use super::{GROUP, VERSION, reference};
use crate::error::Problem;
use crate::files::Files;
use crate::nearest::nearest;
use crate::render::Output;

/// The key of the content that is ours.
const RESERVED: &str = "$gitops";

/// What the reserved key may hold.
const RESERVED_FIELDS: [&str; 2] = ["annotations", "labels"];

/// Makes objects, all with one namespace and one set of schemas.
pub(super) struct Maker<'a> {
    pub(super) namespace: &'a str,
    pub(super) schemas: Schemas,
}

impl Maker<'_> {
    /// Adds the object of `content` to `output`, or what is wrong with it. `null` is no object.
    pub(super) fn make(&mut self, files: &mut Files<'_>, kind: &str, name: &str, content: &Content, output: &mut Output) {
        let before = output.problems.len();
        let mut merged = content.merged();
        if merged.is_null() {
            return;
        }
        let reserved = merged.as_map_mut().and_then(|m| m.remove(RESERVED));
        let wrong = |m: reference::Malformed| Problem::Reference {
            at: content.locate(&m.pointer),
            pointer: m.pointer,
            scheme: m.scheme,
            reason: m.reason,
        };
        output.problems.extend(reference::malformed(&merged).into_iter().map(wrong));
        let is_object =
            merged.str_at(&["apiVersion"]).is_some() && merged.str_at(&["kind"]).is_some() && merged["metadata"].as_map().is_some();
        let schema_kind = if is_object { merged.str_at(&["kind"]).unwrap_or(kind) } else { kind };
        match self.schemas.check(files, schema_kind, &merged) {
            Ok(mismatches) => output.problems.extend(mismatches.into_iter().map(|m| Problem::Mismatch {
                at: content.locate(&m.cause),
                pointer: if m.pointer.is_empty() { "/".to_owned() } else { m.pointer },
                message: m.message,
                schema: m.schema,
            })),
            Err(problem) => output.problems.push(problem),
        }
        let name = name.to_lowercase().replace('_', "-");
        if !is_object && !names_an_object(&name) {
            output.problems.push(Problem::Name { at: content.base(), name: name.clone() });
        }
        let metadata = reserved.map(|r| read_reserved(&r, content, &mut output.problems)).unwrap_or_default();
        if output.problems.len() > before {
            return;
        }
        let body = if is_object { merged } else { wrap(kind, &name, self.namespace, merged) };
        match Manifest::from_value(with_metadata(body, metadata), content.base()) {
            Ok(manifest) => output.manifests.push(manifest),
            Err(e) => output.problems.push(e.into()),
        }
    }
}

fn wrap(kind: &str, name: &str, namespace: &str, spec: Value) -> Value {
    let mut metadata: Map = [("name", name)].into_iter().collect();
    if !namespace.is_empty() {
        metadata.insert("namespace", namespace);
    }
    let entries: [(&str, Value); 4] =
        [("apiVersion", format!("{GROUP}/{VERSION}").into()), ("kind", kind.into()), ("metadata", metadata.into()), ("spec", spec)];
    Value::Map(entries.into_iter().collect())
}

/// Merges annotations and labels into the object's metadata.
fn with_metadata(mut body: Value, added: Map) -> Value {
    if let Some(metadata) = body.as_map_mut().and_then(|m| m.get_mut("metadata")) {
        merge::apply(metadata, &Value::Map(added));
    }
    body
}

fn read_reserved(reserved: &Value, content: &Content, problems: &mut Vec<Problem>) -> Map {
    let pointer = child("", RESERVED);
    let expected = |pointer: &str, expected: &'static str, found: &Value| Problem::Expected {
        at: content.locate(pointer),
        field: pointer.trim_start_matches('/').replace('/', "."),
        expected,
        found: found.kind_name(),
    };
    let Some(map) = reserved.as_map() else {
        problems.push(expected(&pointer, "a map", reserved));
        return Map::new();
    };
    for (key, value) in map.iter() {
        let place = child(&pointer, key);
        if !RESERVED_FIELDS.contains(&key.as_str()) {
            problems.push(Problem::UnknownField {
                at: content.locate(&place),
                field: format!("{RESERVED}.{key}"),
                known: RESERVED_FIELDS.map(str::to_owned).to_vec(),
                similar: nearest(key, RESERVED_FIELDS).map(str::to_owned),
            });
            continue;
        }
        match value.as_map() {
            None => problems.push(expected(&place, "a map", value)),
            Some(texts) => problems.extend(
                texts.iter().filter(|(_, v)| v.as_str().is_none()).map(|(k, v)| expected(&child(&place, k), "a string (in quotes)", v)),
            ),
        }
    }
    map.clone()
}

/// Rule: Kubernetes' names, RFC 1123 subdomains.
fn names_an_object(name: &str) -> bool {
    let end = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.len() <= 253
        && end(bytes.first())
        && end(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
}
