//! One object of configuration and its identity.

use std::fmt;

use crate::value::{Map, Value};

/// What names an object at a target: API group, kind, namespace and name. The version is not part of it, because the
/// same object is served under several.
///
/// Sorts by group, kind, namespace, name: the order of Argo CD's `status.resources`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind, as written in `kind`.
    pub kind: String,
    /// Namespace; empty for none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectId {
    /// An identity from its four parts.
    pub fn new(group: &str, kind: &str, namespace: &str, name: &str) -> ObjectId {
        ObjectId { group: group.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    /// Reads what [`fmt::Display`] writes: `group/Kind/namespace/name`, group and namespace possibly empty.
    pub fn parse(text: &str) -> Option<ObjectId> {
        let mut parts = text.splitn(4, '/');
        let (group, kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        (!kind.is_empty() && !name.is_empty()).then(|| ObjectId::new(group, kind, namespace, name))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.group, self.kind, self.namespace, self.name)
    }
}

/// Where in a repository something stands.
#[derive(Clone, Debug, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Location {
    /// Path of the file, from the root of its tree. Empty when there is no file.
    pub file: String,
    /// Line, from 1; 0 when only the file is known.
    pub line: usize,
    /// Column in characters, from 1; 0 when only the line is known.
    pub column: usize,
}

impl Location {
    /// A file as a whole.
    pub fn file(file: impl Into<String>) -> Location {
        Location { file: file.into(), line: 0, column: 0 }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.file.is_empty() { "input" } else { &self.file })?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

/// Why a value is not an object that can be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The document is a list or a scalar.
    #[error("{at}: expected a map with apiVersion, kind and metadata, found a {found}")]
    NotAMap {
        /// Where the document begins.
        at: Location,
        /// What stands there.
        found: &'static str,
    },
    /// A field that every object needs.
    #[error("{at}: `{field}` is missing or is not a non-empty string")]
    Field {
        /// Where the document begins.
        at: Location,
        /// Path of the field.
        field: &'static str,
    },
}

/// One object of configuration: a map that has `apiVersion`, `kind` and `metadata.name` (or `metadata.generateName`).
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    id: ObjectId,
    version: String,
    body: Value,
    at: Location,
}

impl Manifest {
    /// Takes a document that stands at `at`.
    ///
    /// # Errors
    /// When it is not a map, or lacks `apiVersion`, `kind`, or both `metadata.name` and `metadata.generateName`.
    pub fn from_value(body: Value, at: Location) -> Result<Manifest, ManifestError> {
        if body.as_map().is_none() {
            return Err(ManifestError::NotAMap { at, found: body.kind_name() });
        }
        let text = |path: &[&str]| body.str_at(path).filter(|s| !s.is_empty());
        let Some(api_version) = text(&["apiVersion"]) else { return Err(ManifestError::Field { at, field: "apiVersion" }) };
        let Some(kind) = text(&["kind"]) else { return Err(ManifestError::Field { at, field: "kind" }) };
        let Some(name) = text(&["metadata", "name"]).or_else(|| text(&["metadata", "generateName"])) else {
            return Err(ManifestError::Field { at, field: "metadata.name" });
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let id = ObjectId::new(group, kind, text(&["metadata", "namespace"]).unwrap_or(""), name);
        let version = version.to_owned();
        Ok(Manifest { id, version, body, at })
    }

    /// Its identity.
    pub fn id(&self) -> &ObjectId {
        &self.id
    }

    /// The version part of `apiVersion`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The whole object.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// The whole object, given away.
    pub fn into_body(self) -> Value {
        self.body
    }

    /// Where it was read.
    pub fn at(&self) -> &Location {
        &self.at
    }

    /// The value of an annotation, if it is a string.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.body.str_at(&["metadata", "annotations", key])
    }

    /// The value of a label, if it is a string.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.body.str_at(&["metadata", "labels", key])
    }

    /// Puts the object into a namespace.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.metadata().insert("namespace", namespace);
        self.id.namespace = namespace.to_owned();
    }

    /// Takes the object out of its namespace.
    pub fn clear_namespace(&mut self) {
        self.metadata().remove("namespace");
        self.id.namespace.clear();
    }

    /// Sets an annotation, making the map when there is none.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        self.set_in("annotations", key, value);
    }

    /// Sets a label, making the map when there is none.
    pub fn set_label(&mut self, key: &str, value: &str) {
        self.set_in("labels", key, value);
    }

    fn set_in(&mut self, map: &str, key: &str, value: &str) {
        let map = self.metadata().entry_or_null(map);
        if map.as_map().is_none() {
            *map = Value::Map(Map::new());
        }
        if let Some(m) = map.as_map_mut() {
            m.insert(key, value);
        }
    }

    fn metadata(&mut self) -> &mut Map {
        // `from_value` found a name in `metadata`, so both are maps and stay so: nothing here replaces them.
        self.body
            .as_map_mut()
            .and_then(|m| m.get_mut("metadata"))
            .and_then(Value::as_map_mut)
            .expect("a manifest has a metadata map: checked when it was made")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(api_version: &str) -> Value {
        let metadata: Map = [("name", "web")].into_iter().collect();
        Value::Map(
            [("apiVersion", Value::from(api_version)), ("kind", "Deployment".into()), ("metadata", metadata.into())].into_iter().collect(),
        )
    }

    #[test]
    fn the_group_is_what_stands_before_the_slash() {
        let m = Manifest::from_value(object("apps/v1"), Location::default()).expect("valid");
        assert_eq!(m.id().to_string(), "apps/Deployment//web");
        assert_eq!(m.version(), "v1");
        assert_eq!(ObjectId::parse("apps/Deployment//web").as_ref(), Some(m.id()));
        let m = Manifest::from_value(object("v1"), Location::default()).expect("valid");
        assert_eq!(m.id().group, "");
    }

    #[test]
    fn a_missing_name_is_named() {
        let e =
            Manifest::from_value(Value::Map([("apiVersion", "v1"), ("kind", "ConfigMap")].into_iter().collect()), Location::file("a.yaml"));
        assert_eq!(e.expect_err("no name").to_string(), "a.yaml: `metadata.name` is missing or is not a non-empty string");
    }
}
