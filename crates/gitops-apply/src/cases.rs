//! Objects for this crate's unit tests.

use gitops_manifest::{Location, Manifest, Map, Value};

/// An object with annotations.
pub(crate) fn object(api_version: &str, kind: &str, namespace: &str, name: &str, annotations: &[(&str, &str)]) -> Manifest {
    let annotations: Map = annotations.iter().map(|(k, v)| (*k, *v)).collect();
    let metadata: Map =
        [("namespace", Value::from(namespace)), ("name", name.into()), ("annotations", annotations.into())].into_iter().collect();
    let body: Map = [("apiVersion", Value::from(api_version)), ("kind", kind.into()), ("metadata", metadata.into())].into_iter().collect();
    Manifest::from_value(body.into(), Location::file("case.yaml")).expect("a case is valid")
}
