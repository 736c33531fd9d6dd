//! The embedded table is the one that is printed, and says what the rules of the diff need.

use gitops_schema::{Merge, Scalar, Schema, Scope, Shape, Type, TypeTable, builtin};

fn at<'a>(group: &str, kind: &str, path: &str) -> Type<'a> {
    let version = if group == "autoscaling" { "v2" } else { "v1" };
    let ty = builtin().kind(group, version, kind).expect("built in").ty;
    path.split('.').fold(ty, |ty, name| match (name, ty.shape()) {
        ("[]", Shape::List { element, .. }) => element,
        _ => ty.field(name).ty,
    })
}

#[test]
fn the_text_is_read_and_printed_alike() {
    let text = include_str!("../src/builtin.schema");
    let table = TypeTable::parse(text).expect("a table");
    assert_eq!(table.print(), text);
    assert!(table.len() > 500 && table.heap_bytes() < 200_000, "{} types, {} bytes", table.len(), table.heap_bytes());
}

#[test]
fn a_broken_text_names_its_line() {
    for (text, line) in [
        ("", 1),
        ("gitops-schema 1\nwhat is\tthis\n", 2),
        ("gitops-schema 1\nany\nlist\t7\tatomic\n", 3),
        ("gitops-schema 1\nany\nobject\n.a\tx\n", 4),
        ("gitops-schema 1\nany\nkind\t\tv1\tA\tN\t9\n", 3),
    ] {
        assert_eq!(TypeTable::parse(text).expect_err(text).line, line, "{text:?}");
    }
}

#[test]
fn lists_and_maps_are_merged_as_the_server_merges_them() {
    let keys = |ty: Type<'_>| match ty.shape() {
        Shape::List { merge: Merge::Keys(keys), .. } => keys.map(str::to_owned).collect::<Vec<_>>().join(","),
        Shape::List { merge: Merge::Set, .. } => "set".to_owned(),
        Shape::List { .. } => "atomic".to_owned(),
        Shape::Map { atomic, .. } => format!("map {atomic}"),
        Shape::Object(object) => format!("object {}", object.atomic),
        other => format!("{other:?}"),
    };
    for (group, kind, path, expected) in [
        ("", "Pod", "spec.containers", "name"),
        ("", "Pod", "spec.containers.[].ports", "containerPort,protocol"),
        ("", "Pod", "spec.tolerations", "atomic"),
        ("", "Service", "spec.ports", "port,protocol"),
        ("", "Pod", "metadata.finalizers", "set"),
        ("", "Pod", "metadata.ownerReferences", "uid"),
        ("", "Pod", "metadata.labels", "map false"),
        ("apps", "Deployment", "spec.selector", "object true"),
        ("apps", "Deployment", "spec.template", "object false"),
        ("", "Pod", "spec.nodeSelector", "map true"),
        ("rbac.authorization.k8s.io", "Role", "rules", "atomic"),
        ("apps", "StatefulSet", "spec.volumeClaimTemplates", "atomic"),
    ] {
        assert_eq!(keys(at(group, kind, path)), expected, "{kind} {path}");
    }
}

#[test]
fn single_values_have_their_types() {
    for (group, kind, path, expected) in [
        ("", "Pod", "spec.containers.[].resources.limits.cpu", Scalar::Quantity),
        ("", "Service", "spec.ports.[].targetPort", Scalar::IntOrString),
        ("", "Secret", "data.x", Scalar::Bytes),
        ("", "Pod", "metadata.creationTimestamp", Scalar::Time),
        ("", "Pod", "spec.hostNetwork", Scalar::Boolean),
        ("apps", "Deployment", "spec.replicas", Scalar::Integer),
    ] {
        assert!(matches!(at(group, kind, path).shape(), Shape::Scalar(s) if s == expected), "{kind} {path}");
    }
}

#[test]
fn defaults_of_documents_and_of_code_are_there() {
    let default = |group, kind, path: &str, field: &str| at(group, kind, path).field(field).default.map(gitops_manifest::json::print);
    assert_eq!(default("", "Service", "spec.ports.[]", "protocol").as_deref(), Some("\"TCP\""));
    assert_eq!(default("", "Pod", "spec.volumes.[].secret", "defaultMode").as_deref(), Some("420"));
    assert_eq!(default("networking.k8s.io", "NetworkPolicy", "spec.ingress.[].ports.[]", "protocol").as_deref(), Some("\"TCP\""));
}

#[test]
fn scopes_are_known_and_lists_are_no_kinds() {
    let schema = Schema::default();
    assert_eq!(schema.scope("apps", "Deployment"), Some(Scope::Namespaced));
    assert_eq!(schema.scope("", "Namespace"), Some(Scope::Cluster));
    assert_eq!(schema.scope("apiextensions.k8s.io", "CustomResourceDefinition"), Some(Scope::Cluster));
    assert_eq!(schema.scope("", "PodList"), None);
    assert_eq!(schema.scope("", "APIGroup"), None);
}
