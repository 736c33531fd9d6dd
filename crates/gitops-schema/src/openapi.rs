//! Types from an OpenAPI v3 document of an API server: `/openapi/v3/api/v1`, `/openapi/v3/apis/GROUP/VERSION`.

use std::collections::HashMap;

use gitops_manifest::{Map, Value};

use crate::SchemaError;
use crate::builder::{Builder, DEEPEST, NewField};
use crate::defaults::default_in_code;
use crate::table::{ANY, Id, KindKey, Scalar, Scope, Stored, TypeTable};

const DOCUMENT: &str = "OpenAPI document";
const REFERENCE: &str = "#/components/schemas/";

/// More types than any real document has: all of Kubernetes has a few thousand.
const MOST_TYPES: usize = 1 << 18;

/// What a CRD says of a quantity: there is no type of its own for it.
const QUANTITY_PATTERN: &str = "[KMGTPE]i)|[numkMGTPE]";

/// The types of one document, or of several that belong together.
///
/// # Errors
/// When a document has no `components.schemas`, or too many of them.
pub fn from_openapi<'d>(documents: impl IntoIterator<Item = &'d Value>) -> Result<TypeTable, SchemaError> {
    let mut builder = Builder::new();
    let mut shared = HashMap::new();
    for document in documents {
        let schemas = document.at(&["components", "schemas"]).and_then(Value::as_map).ok_or(SchemaError::Missing {
            document: DOCUMENT,
            field: "components.schemas".to_owned(),
            expected: "map",
        })?;
        let mut reader = Reader { builder: &mut builder, schemas: Some(schemas), done: HashMap::new() };
        // Every document repeats what all objects have.
        for (name, schema) in schemas.iter() {
            match shared.get(name.as_str()) {
                Some((known, id)) if *known == schema => _ = reader.done.insert(name.to_string(), *id),
                _ => {}
            }
        }
        let scopes = scopes(document);
        let has_paths = document.get("paths").is_some();
        for (name, schema) in schemas.iter() {
            for key in kind_keys(schema) {
                let scope = scopes.get(&key).copied();
                // Lists, options and events are no objects: a document with paths says which kinds are.
                if scope.is_none() && has_paths {
                    continue;
                }
                let id = reader.definition(name, 0);
                reader.builder.kind(key, id, scope);
            }
        }
        reader.core_names(schemas);
        shared.extend(reader.done.iter().filter_map(|(name, id)| Some((name.clone(), (schemas.get(name)?, *id)))));
        if builder.len() > MOST_TYPES {
            return Err(SchemaError::TooBig { document: DOCUMENT, limit: "262144 types" });
        }
    }
    Ok(builder.finish())
}

fn kind_keys(schema: &Value) -> Vec<KindKey> {
    let list = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_list).unwrap_or_default();
    // Several kinds share a schema only where it is none of an object (`DeleteOptions`, `WatchEvent`).
    match list {
        [one] => kind_key(one).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn kind_key(value: &Value) -> Option<KindKey> {
    let text = |key| value.get(key).and_then(Value::as_str).map(str::to_owned);
    Some((text("group")?, text("version")?, text("kind")?))
}

/// The kinds that the paths serve, and where their objects live.
fn scopes(document: &Value) -> HashMap<KindKey, Scope> {
    let mut out = HashMap::new();
    for (path, methods) in document.get("paths").and_then(Value::as_map).into_iter().flat_map(Map::iter) {
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let rest = match segments.as_slice() {
            ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
            _ => continue,
        };
        let (scope, single) = match rest {
            ["namespaces", "{namespace}", _, "{name}"] => (Scope::Namespaced, true),
            ["namespaces", "{namespace}", _] => (Scope::Namespaced, false),
            [_, "{name}"] => (Scope::Cluster, true),
            [_] => (Scope::Cluster, false),
            _ => continue,
        };
        // A list over all namespaces looks like one of the cluster; only what can be created there is.
        let served = if single { &["get", "put", "patch"][..] } else { &["post"] };
        let keys = served.iter().filter_map(|method| kind_key(methods.at(&[method, "x-kubernetes-group-version-kind"])?));
        out.extend(keys.map(|key| (key, scope)));
    }
    out
}

/// Reads schemas into a builder.
pub(crate) struct Reader<'b, 'd> {
    pub(crate) builder: &'b mut Builder,
    /// What references point into; a CRD has none.
    pub(crate) schemas: Option<&'d Map>,
    pub(crate) done: HashMap<String, Id>,
}

impl<'d> Reader<'_, 'd> {
    fn definition(&mut self, name: &str, depth: usize) -> Id {
        if let Some(id) = self.done.get(name) {
            return *id;
        }
        let Some(schema) = self.schemas.and_then(|s| s.get(name)) else { return ANY };
        if depth > DEEPEST {
            return ANY;
        }
        if let Some(known) = well_known(name) {
            let id = self.builder.shape(known);
            self.done.insert(name.to_owned(), id);
            return id;
        }
        let id = self.builder.reserve();
        self.done.insert(name.to_owned(), id);
        let made = self.schema_named(schema, name, depth + 1);
        self.builder.settle(id, made);
        id
    }

    /// What settings call types by.
    fn core_names(&mut self, schemas: &'d Map) {
        const CORE: &str = "io.k8s.api.core.v1.";
        let names = schemas.keys().filter_map(|name| Some((name, name.strip_prefix(CORE)?)));
        // Lists of objects are no part of any.
        for (name, short) in names.filter(|(_, short)| !short.ends_with("List")) {
            let id = self.definition(name, 0);
            self.builder.named(format!("core/v1/{short}"), id);
        }
        if schemas.keys().any(|name| name.starts_with(CORE)) {
            for (short, scalar) in [("core/Quantity", Scalar::Quantity), ("meta/v1/Duration", Scalar::Duration)] {
                let id = self.builder.shape(Stored::Scalar(scalar));
                self.builder.named(short.to_owned(), id);
            }
        }
    }

    /// The type of a schema that has no name.
    pub(crate) fn schema(&mut self, schema: &'d Value, depth: usize) -> Id {
        self.schema_named(schema, "", depth)
    }

    /// The type of a custom resource: an embedded one that nobody has to call so.
    pub(crate) fn root(&mut self, schema: &'d Value) -> Id {
        self.object_with(schema, "", true, 0)
    }

    fn schema_named(&mut self, schema: &'d Value, owner: &str, depth: usize) -> Id {
        if depth > DEEPEST || self.builder.len() > MOST_TYPES {
            return ANY;
        }
        if let Some(name) = reference(schema) {
            let id = self.definition(name, depth + 1);
            let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
            return if atomic { self.builder.atomic(id) } else { id };
        }
        if let Some(scalar) = scalar(schema) {
            return self.builder.shape(Stored::Scalar(scalar));
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("array") => self.list(schema, depth),
            Some("object") => self.object(schema, owner, depth),
            _ if schema.get("properties").is_some() => self.object(schema, owner, depth),
            _ => ANY,
        }
    }

    fn list(&mut self, schema: &'d Value, depth: usize) -> Id {
        let element = schema.get("items").map_or(ANY, |items| self.schema(items, depth + 1));
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        let keys: Vec<String> = match text("x-kubernetes-list-type") {
            Some("map") => {
                let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_list).unwrap_or_default();
                keys.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            // Servers before list types had patch keys only.
            None => text("x-kubernetes-patch-merge-key").map(str::to_owned).into_iter().collect(),
            _ => Vec::new(),
        };
        self.builder.list(element, text("x-kubernetes-list-type") == Some("set"), &keys)
    }

    fn object(&mut self, schema: &'d Value, owner: &str, depth: usize) -> Id {
        let embedded = schema.get("x-kubernetes-embedded-resource").and_then(Value::as_bool) == Some(true);
        self.object_with(schema, owner, embedded, depth)
    }

    fn object_with(&mut self, schema: &'d Value, owner: &str, embedded: bool, depth: usize) -> Id {
        let flag = |key: &str| schema.get(key).and_then(Value::as_bool) == Some(true);
        let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
        let open = flag("x-kubernetes-preserve-unknown-fields");
        let properties = schema.get("properties").and_then(Value::as_map);
        let values = schema.get("additionalProperties").filter(|v| v.as_map().is_some() || v.as_bool() == Some(true));
        match (properties, values) {
            (None, Some(values)) => {
                let values = self.schema(values, depth + 1);
                self.builder.shape(Stored::Map { values, atomic })
            }
            (None, None) if !atomic && !embedded => ANY,
            (properties, values) => {
                let required = schema.get("required").and_then(Value::as_list).unwrap_or_default();
                let mut fields: Vec<NewField> = Vec::new();
                for (name, field) in properties.into_iter().flat_map(Map::iter) {
                    fields.push(NewField {
                        name: name.to_string(),
                        ty: self.schema(field, depth + 1),
                        // A required field's default in the document is Go's zero value, which the code fills.
                        default: default_in_code(owner, name).or_else(|| default(field)),
                        required: required.iter().any(|r| r.as_str() == Some(name)),
                    });
                }
                if embedded {
                    self.embed(&mut fields);
                }
                self.builder.object(fields, atomic, open || values.is_some())
            }
        }
    }

    /// What every embedded object has, listed or not.
    fn embed(&mut self, fields: &mut Vec<NewField>) {
        let string = self.builder.shape(Stored::Scalar(Scalar::String));
        let metadata = crate::builtin()
            .kind("", "v1", "ConfigMap")
            .map_or(ANY, |config_map| self.builder.import(config_map.ty.field("metadata").ty, &mut HashMap::new(), 0));
        for (name, ty) in [("apiVersion", string), ("kind", string), ("metadata", metadata)] {
            match fields.iter_mut().find(|f| f.name == name) {
                // CRDs say `metadata: {type: object}`; the API server knows better.
                Some(field) if name == "metadata" => field.ty = metadata,
                Some(_) => {}
                None => fields.push(NewField { name: name.to_owned(), ty, default: None, required: false }),
            }
        }
    }
}

/// What a field is filled with. `{}` stands for the defaults within.
fn default(field: &Value) -> Option<Value> {
    field.get("default").filter(|v| v.as_map().is_none_or(|m| !m.is_empty()) && !v.is_null()).cloned()
}

/// The name that a schema refers to, bare or as the only one of `allOf`.
fn reference(schema: &Value) -> Option<&str> {
    let all = schema.get("allOf").and_then(Value::as_list);
    let holder = match all {
        Some([one]) if schema.get("properties").is_none() => one,
        _ => schema,
    };
    holder.get("$ref")?.as_str()?.strip_prefix(REFERENCE)
}

fn scalar(schema: &Value) -> Option<Scalar> {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    let int_or_string = schema.get("x-kubernetes-int-or-string").and_then(Value::as_bool) == Some(true);
    if int_or_string || text("format") == Some("int-or-string") {
        let quantity = text("pattern").is_some_and(|p| p.contains(QUANTITY_PATTERN));
        return Some(if quantity { Scalar::Quantity } else { Scalar::IntOrString });
    }
    match (text("type")?, text("format")) {
        ("string", Some("byte")) => Some(Scalar::Bytes),
        ("string", Some("date-time")) => Some(Scalar::Time),
        ("string", Some("duration")) => Some(Scalar::Duration),
        ("string", _) if text("pattern").is_some_and(|p| p.contains(QUANTITY_PATTERN)) => Some(Scalar::Quantity),
        ("string", _) => Some(Scalar::String),
        ("integer", _) => Some(Scalar::Integer),
        ("number", _) => Some(Scalar::Number),
        ("boolean", _) => Some(Scalar::Boolean),
        _ => None,
    }
}

/// Types whose schema does not say what they are.
fn well_known(name: &str) -> Option<Stored> {
    const MACHINERY: &str = "io.k8s.apimachinery.pkg.";
    Some(match name.strip_prefix(MACHINERY)? {
        "api.resource.Quantity" => Stored::Scalar(Scalar::Quantity),
        "util.intstr.IntOrString" => Stored::Scalar(Scalar::IntOrString),
        "apis.meta.v1.Duration" => Stored::Scalar(Scalar::Duration),
        "apis.meta.v1.Time" | "apis.meta.v1.MicroTime" => Stored::Scalar(Scalar::Time),
        "apis.meta.v1.FieldsV1" | "runtime.RawExtension" => Stored::Any,
        _ => return None,
    })
}
