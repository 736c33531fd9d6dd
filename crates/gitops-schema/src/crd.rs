//! Types from a CustomResourceDefinition (`apiextensions.k8s.io/v1`): a kind per version, from its structural schema.

use std::collections::HashMap;

use gitops_manifest::Value;

use crate::SchemaError;
use crate::builder::Builder;
use crate::openapi::Reader;
use crate::table::{ANY, Scope, TypeTable};

const DOCUMENT: &str = "CustomResourceDefinition";

/// The kinds that a CRD defines, one per version that it serves.
///
/// Every object has the metadata that all objects have, whatever the schema says of it.
///
/// # Errors
/// When group, kind or versions are missing.
pub fn from_crd(crd: &Value) -> Result<TypeTable, SchemaError> {
    let missing = |field: &str, expected| SchemaError::Missing { document: DOCUMENT, field: field.to_owned(), expected };
    let text = |path: &[&str]| crd.str_at(path).ok_or_else(|| missing(&path.join("."), "text"));
    let (group, kind) = (text(&["spec", "group"])?, text(&["spec", "names", "kind"])?);
    let scope = match crd.str_at(&["spec", "scope"]) {
        Some("Namespaced") => Some(Scope::Namespaced),
        Some("Cluster") => Some(Scope::Cluster),
        _ => None,
    };
    let versions = crd.at(&["spec", "versions"]).and_then(Value::as_list).ok_or_else(|| missing("spec.versions", "list"))?;
    let mut builder = Builder::new();
    for (i, version) in versions.iter().enumerate() {
        let name = version.str_at(&["name"]).ok_or_else(|| missing(&format!("spec.versions[{i}].name"), "text"))?;
        let mut reader = Reader { builder: &mut builder, schemas: None, done: HashMap::new() };
        let id = version.at(&["schema", "openAPIV3Schema"]).map_or(ANY, |schema| reader.root(schema));
        builder.kind((group.to_owned(), name.to_owned(), kind.to_owned()), id, scope);
    }
    Ok(builder.finish())
}
