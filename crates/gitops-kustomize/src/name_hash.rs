//! The hash of their content behind the names of generated resources.

use gitops_manifest::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::error::ResourceError;
use crate::node::{MeaningError, Node};
use crate::openapi::Schemas;
use crate::res_map::ResMap;
use crate::resource::Resource;

/// Puts hashes behind the names of all resources that want one.
///
/// # Errors
/// When such a resource has no meaning.
pub(crate) fn add(map: &mut ResMap, schemas: &Schemas) -> Result<(), ResourceError> {
    if !map.resources().iter().any(|r| r.memory.needs_hash) {
        return Ok(());
    }
    for resource in map.resources_mut().iter_mut().filter(|r| r.memory.needs_hash) {
        let hash = hash(resource).map_err(|e| ResourceError::Meaning { id: resource.id(schemas).to_string(), message: e.to_string() })?;
        resource.remember_id(schemas);
        let name = format!("{}-{hash}", resource.name());
        resource.set_metadata_text("name", &name);
    }
    Ok(())
}

fn hash(resource: &Resource) -> Result<String, MeaningError> {
    let part = |field: &str| match resource.node.get(field) {
        None => Ok(Value::from("")),
        Some(Node::Scalar(scalar)) => Ok(Value::from(scalar.text.clone())),
        Some(node) => node.to_value(),
    };
    let mut told = Map::new();
    let kind = resource.kind();
    let more = match kind {
        "ConfigMap" => "binaryData",
        "Secret" => "stringData",
        _ => return Ok(encode(&json::print_html_safe(&resource.node.to_value()?))),
    };
    told.insert("kind", kind);
    // The reference looks for a field that is called `metadata/name`, and finds none: the name is not in the hash.
    told.insert("name", part("metadata/name")?);
    told.insert("data", part("data")?);
    if kind == "Secret" {
        told.insert("type", part("type")?);
    }
    if let Some(node @ Node::Map(_)) = resource.node.get(more) {
        told.insert(more, node.to_value()?);
    }
    Ok(encode(&json::print_html_safe(&Value::Map(told))))
}

/// The first ten hex digits, those that look like vowels or each other replaced.
fn encode(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let letters = b"gh2k456789mbcdtf";
    digits.take(10).map(|digit| char::from(letters[usize::from(digit)])).collect()
}
