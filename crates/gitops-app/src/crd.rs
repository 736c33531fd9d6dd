//! The CRDs of the three kinds, made from the tables that documents are checked against: [`crd()`].
//!
//! They accept every manifest that Argo CD's CRDs accept, and our own fields besides; those say so in their description.

use gitops_manifest::{Map, Value};

use crate::schema::{APP_PROJECT, APPLICATION, APPLICATION_SET, Field, Shape};

/// The kinds that have a CRD.
pub const CRD_KINDS: [&str; 3] = [crate::KIND, crate::PROJECT_KIND, crate::SET_KIND];

struct Names {
    plural: &'static str,
    short: &'static [&'static str],
    columns: &'static [(&'static str, &'static str, i64)],
    status: bool,
    shape: &'static Shape,
}

/// Argo CD's columns, so that `kubectl get` shows what people are used to.
static APPLICATION_COLUMNS: [(&str, &str, i64); 4] = [
    ("Sync Status", ".status.sync.status", 0),
    ("Health Status", ".status.health.status", 0),
    ("Revision", ".status.sync.revision", 10),
    ("Project", ".spec.project", 10),
];

fn names(kind: &str) -> Option<Names> {
    Some(match kind {
        crate::KIND => {
            Names { plural: "applications", short: &["app", "apps"], columns: &APPLICATION_COLUMNS, status: false, shape: &APPLICATION }
        }
        crate::PROJECT_KIND => {
            Names { plural: "appprojects", short: &["appproj", "appprojs"], columns: &[], status: false, shape: &APP_PROJECT }
        }
        crate::SET_KIND => {
            Names { plural: "applicationsets", short: &["appset", "appsets"], columns: &[], status: true, shape: &APPLICATION_SET }
        }
        _ => return None,
    })
}

/// The CustomResourceDefinition of one of [`CRD_KINDS`]; none for another kind.
pub fn crd(kind: &str) -> Option<Value> {
    let Names { plural, short, columns, status, shape } = names(kind)?;
    let mut version = map([
        ("name", "v1alpha1".into()),
        ("served", true.into()),
        ("storage", true.into()),
        ("schema", map([("openAPIV3Schema", root(shape))])),
    ]);
    if let Value::Map(version) = &mut version {
        if !columns.is_empty() {
            let column = |(name, path, priority): &(&str, &str, i64)| {
                let mut column = map([("name", (*name).into()), ("jsonPath", (*path).into()), ("type", "string".into())]);
                if let (Value::Map(column), true) = (&mut column, *priority != 0) {
                    column.insert("priority", *priority);
                }
                column
            };
            version.insert("additionalPrinterColumns", Value::List(columns.iter().map(column).collect()));
        }
        if status {
            version.insert("subresources", map([("status", Value::Map(Map::new()))]));
        }
    }
    let texts = |list: &[&str]| Value::List(list.iter().map(|t| (*t).into()).collect());
    let names = map([
        ("kind", kind.into()),
        ("listKind", format!("{kind}List").into()),
        ("plural", plural.into()),
        ("shortNames", texts(short)),
        ("singular", kind.to_lowercase().into()),
    ]);
    let spec =
        [("group", "argoproj.io".into()), ("names", names), ("scope", "Namespaced".into()), ("versions", Value::List(vec![version]))];
    Some(map([
        ("apiVersion", "apiextensions.k8s.io/v1".into()),
        ("kind", "CustomResourceDefinition".into()),
        ("metadata", map([("name", format!("{plural}.argoproj.io").into())])),
        ("spec", map(spec)),
    ]))
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().collect())
}

/// Generators may each carry a template of an Application. Spelt out, those make a CRD of 1.5 MB, which etcd does not keep: here
/// they are open, and the set is checked whole when it is read.
fn open_templates(schema: &mut Value, within: bool) {
    let Some(map) = schema.as_map_mut() else { return };
    for (key, inner) in map.iter_mut() {
        if within && key.as_str() == "template" && inner.get("properties").is_some() {
            *inner = map_open();
        } else if let Value::List(items) = inner {
            items.iter_mut().for_each(|item| open_templates(item, within));
        } else {
            open_templates(inner, within || key.as_str() == "generators");
        }
    }
}

fn map_open() -> Value {
    map([("type", "object".into()), ("x-kubernetes-preserve-unknown-fields", true.into())])
}

/// The whole object: its metadata is the API server's to check, and its status may hold what other programs write.
fn root(shape: &Shape) -> Value {
    let mut schema = schema(shape);
    open_templates(&mut schema, false);
    let properties = schema.as_map_mut().and_then(|s| s.get_mut("properties")).and_then(Value::as_map_mut);
    if let Some(properties) = properties {
        properties.insert("metadata", map([("type", "object".into())]));
        if let Some(status) = properties.get_mut("status").and_then(Value::as_map_mut) {
            status.insert("x-kubernetes-preserve-unknown-fields", true);
        }
    }
    schema
}

fn schema(shape: &Shape) -> Value {
    let of_type = |name: &str| map([("type", name.into())]);
    let preserve = ("x-kubernetes-preserve-unknown-fields", Value::from(true));
    match shape {
        Shape::Text | Shape::OneOf(_) => of_type("string"),
        Shape::Bool => of_type("boolean"),
        Shape::Int => map([("type", "integer".into()), ("format", "int64".into())]),
        Shape::IntOrText => {
            map([("anyOf", Value::List(vec![of_type("integer"), of_type("string")])), ("x-kubernetes-int-or-string", true.into())])
        }
        Shape::Opaque => map_open(),
        Shape::Any | Shape::Unchecked(_) => map([preserve]),
        Shape::List(item) => map([("type", "array".into()), ("items", schema(item))]),
        Shape::MapOf(item) => map([("type", "object".into()), ("additionalProperties", schema(item))]),
        Shape::Fields(fields) => fields_schema(fields),
    }
}

fn fields_schema(fields: &[Field]) -> Value {
    let property = |field: &Field| {
        let mut schema = schema(&field.shape);
        if let (Value::Map(schema), Some(why)) = (&mut schema, field.ours) {
            schema.insert("description", format!("Not Argo CD's: this engine only. {why}"));
        }
        (field.name, schema)
    };
    let mut out = map([("type", "object".into()), ("properties", Value::Map(fields.iter().map(property).collect()))]);
    let required: Vec<Value> = fields.iter().filter(|f| f.required).map(|f| f.name.into()).collect();
    if let (Value::Map(out), false) = (&mut out, required.is_empty()) {
        out.insert("required", Value::List(required));
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_crd_fits_into_one_request() {
        for kind in super::CRD_KINDS {
            let text = gitops_manifest::yaml::print(&super::crd(kind).expect("a CRD"));
            println!("{kind}: {} bytes", text.len());
            // etcd keeps 1.5 MiB, and `kubectl apply` 256 KiB in its annotation.
            assert!(text.len() < 256_000, "{kind}: {} bytes", text.len());
        }
    }
}
