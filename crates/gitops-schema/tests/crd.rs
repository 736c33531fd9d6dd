//! Custom kinds: from their CRD, and beside the built-in ones.

use gitops_manifest::{Value, yaml};
use gitops_schema::{Merge, Scalar, Schema, SchemaError, Scope, Shape, TypeTable, from_crd, from_openapi};

fn read(text: &str) -> Value {
    yaml::parse(text.as_bytes(), "crd.yaml", &yaml::ParseOptions::default()).expect("YAML").documents.remove(0).value
}

const CRD: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  scope: Cluster
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        type: object
        properties:
          metadata: {type: object}
          spec:
            type: object
            required: [size]
            properties:
              size: {anyOf: [{type: integer}, {type: string}], x-kubernetes-int-or-string: true, pattern: "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$"}
              port: {x-kubernetes-int-or-string: true}
              mode: {type: string, default: fast}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, properties: {name: {type: string}}}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              rest: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: boolean}}}
              free: {x-kubernetes-preserve-unknown-fields: true}
              template: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
"#;

#[test]
fn a_structural_schema_becomes_types() {
    let mut schema = Schema::default();
    schema.set("widgets.example.com", from_crd(&read(CRD)).expect("a CRD"));
    let object = read("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n");
    let kind = schema.kind_of(&object).expect("known");
    assert_eq!(kind.scope, Some(Scope::Cluster));
    let spec = kind.ty.field("spec").ty;
    assert!(matches!(spec.field("size").ty.shape(), Shape::Scalar(Scalar::Quantity)));
    assert!(spec.field("size").required && !spec.field("port").required);
    assert!(matches!(spec.field("port").ty.shape(), Shape::Scalar(Scalar::IntOrString)));
    assert_eq!(spec.field("mode").default, Some(&Value::from("fast")));
    let Shape::List { merge: Merge::Keys(keys), .. } = spec.field("parts").ty.shape() else { panic!("keys") };
    assert_eq!(keys.collect::<Vec<_>>(), ["name"]);
    assert!(matches!(spec.field("tags").ty.shape(), Shape::List { merge: Merge::Set, .. }));
    assert!(matches!(spec.field("rest").ty.shape(), Shape::Object(o) if o.open && o.fields().len() == 1));
    assert!(matches!(spec.field("free").ty.shape(), Shape::Any));
    // What every object has is known although the CRD does not say it.
    for metadata in [kind.ty.field("metadata").ty, spec.field("template").ty.field("metadata").ty] {
        assert!(matches!(metadata.field("finalizers").ty.shape(), Shape::List { merge: Merge::Set, .. }));
    }
    schema.remove("widgets.example.com");
    assert!(schema.kind_of(&object).is_none());
    assert!(schema.kind("apps", "v1", "Deployment").is_some());
}

#[test]
fn a_custom_table_is_printed_and_read_alike() {
    let table = from_crd(&read(CRD)).expect("a CRD");
    let text = table.print();
    assert_eq!(TypeTable::parse(&text).expect("a table").print(), text);
}

#[test]
fn what_is_missing_is_named() {
    let missing = |text: &str| match from_crd(&read(text)) {
        Err(SchemaError::Missing { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing("spec: {names: {kind: A}}"), "spec.group");
    assert_eq!(missing("spec: {group: g, names: {kind: A}}"), "spec.versions");
    assert_eq!(missing("spec: {group: g, names: {kind: A}, versions: [{}]}"), "spec.versions[0].name");
    assert!(matches!(from_openapi([&Value::Null]), Err(SchemaError::Missing { .. })));
}

#[test]
fn hostile_documents_neither_hang_nor_overflow() {
    // A reference to itself, and a chain that is longer than any stack.
    let own = read(
        "components: {schemas: {a: {$ref: '#/components/schemas/a', x-kubernetes-group-version-kind: [{group: g, version: v, kind: A}]}}}",
    );
    assert!(from_openapi([&own]).expect("read").kind("g", "v", "A").is_some());
    let mut text = String::from("components:\n  schemas:\n");
    for i in 0..20_000 {
        let gvk = format!("x-kubernetes-group-version-kind: [{{group: g, version: v, kind: K{i}}}]");
        let next = if i == 0 { 0 } else { i - 1 };
        text.push_str(&format!("    s{i:06}: {{{gvk}, type: object, properties: {{p: {{$ref: '#/components/schemas/s{next:06}'}}}}}}\n"));
    }
    let table = from_openapi([&read(&text)]).expect("read");
    assert!(table.kind("g", "v", "K19999").is_some());
}
