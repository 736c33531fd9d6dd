//! A desired object as it is sent: marked as ours, Secrets in their stored form, without what only the server sets.

use base64::Engine as _;
use gitops_apply::WriteOptions;
use gitops_manifest::{Manifest, Map, Value, json};

use crate::kind::Kind;
use crate::tracking::Tracking;

/// The object to send, as a manifest.
pub(crate) fn marked(manifest: &Manifest, kind: &Kind, tracking: &Tracking, app: &str, options: &WriteOptions) -> Manifest {
    let mut manifest = placed(manifest, kind, &options.namespace);
    tracking.mark(&mut manifest, app, &options.namespace);
    manifest
}

/// The object where it belongs, in the form in which it is stored.
pub(crate) fn placed(manifest: &Manifest, kind: &Kind, namespace: &str) -> Manifest {
    let mut manifest = manifest.clone();
    if !kind.namespaced {
        manifest.clear_namespace();
    } else if manifest.id().namespace.is_empty() && !namespace.is_empty() {
        manifest.set_namespace(namespace);
    }
    if kind.kind == "Secret" && kind.group.is_empty() && manifest.body().get("stringData").is_some() {
        let at = manifest.at().clone();
        let encoded = stored_secret(manifest.body().clone());
        manifest = Manifest::from_value(encoded, at).unwrap_or(manifest);
    }
    manifest
}

/// `stringData` in `data`, over what is there: the server does the same, but would remember who wrote `stringData`.
fn stored_secret(mut body: Value) -> Value {
    let Some(map) = body.as_map_mut() else { return body };
    let Some(Value::Map(plain)) = map.remove("stringData") else { return body };
    let data = map.entry_or_null("data");
    if data.as_map().is_none() {
        *data = Value::Map(Map::new());
    }
    if let Some(data) = data.as_map_mut() {
        for (key, value) in plain {
            let text = match value {
                Value::String(text) => text.to_string(),
                Value::Null => String::new(),
                other => json::print(&other),
            };
            data.insert(key, base64::engine::general_purpose::STANDARD.encode(text));
        }
    }
    body
}

/// The JSON to send. What only the server sets is left out: manifests copied from a cluster carry it.
pub(crate) fn text(manifest: &Manifest) -> String {
    let mut body = manifest.body().clone();
    if let Some(metadata) = body.as_map_mut().and_then(|m| m.get_mut("metadata")).and_then(Value::as_map_mut) {
        for field in ["managedFields", "creationTimestamp", "resourceVersion", "uid", "generation", "selfLink"] {
            metadata.remove(field);
        }
    }
    json::print(&body)
}

#[cfg(test)]
mod tests {
    use gitops_manifest::Location;

    use super::*;

    fn kind(name: &str, namespaced: bool) -> Kind {
        let (group, version, plural) = (String::new(), "v1".into(), "x".into());
        Kind { group, version, kind: name.into(), plural, namespaced, watched: true }
    }

    fn object(text: &str) -> Manifest {
        Manifest::from_value(json::parse(text.as_bytes(), "case").expect("JSON"), Location::default()).expect("an object")
    }

    #[test]
    fn objects_are_marked_and_placed() {
        let map = object(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","uid":"u"}}"#);
        let options = WriteOptions { namespace: "shop".into(), ..WriteOptions::default() };
        let sent = marked(&map, &kind("ConfigMap", true), &Tracking::default(), "web", &options);
        let expected = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":{"argocd.argoproj.io/tracking-id":"web:/ConfigMap:shop/a"},"name":"a","namespace":"shop"}}"#;
        assert_eq!(text(&sent), expected);
        let definition = object(r#"{"apiVersion":"v1","kind":"CustomResourceDefinition","metadata":{"name":"a","namespace":"shop"}}"#);
        let sent = marked(&definition, &kind("CustomResourceDefinition", false), &Tracking::default(), "web", &options);
        assert_eq!(text(&sent), r#"{"apiVersion":"v1","kind":"CustomResourceDefinition","metadata":{"name":"a"}}"#);
    }

    #[test]
    fn secrets_are_sent_as_they_are_stored() {
        let secret = object(
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"a":"eA==","b":"eQ=="},"stringData":{"b":"new","c":null}}"#,
        );
        let sent = placed(&secret, &kind("Secret", true), "");
        assert_eq!(json::print(sent.body().get("data").expect("data")), r#"{"a":"eA==","b":"bmV3","c":""}"#);
        assert!(sent.body().get("stringData").is_none());
    }
}
