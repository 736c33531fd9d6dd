//! Every Application, AppProject and ApplicationSet of `examples/` is valid under Argo CD's CRDs and read by us; what is ours
//! alone lies in a folder of its own, and Argo CD's CRDs do not know it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::path::{Path, PathBuf};

use gitops_app::{AppProject, Application, ApplicationSet};
use gitops_manifest::{Manifest, Value, json, yaml};
use serde_json::Value as Json;

/// Holds forms that Argo CD does not know.
const OWN: &str = "own-forms";

fn crd(kind: &str) -> Option<Json> {
    let root = std::env::var_os("GITOPS_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    let file = root.join(format!("argocd/{}-crd.yaml", kind.to_ascii_lowercase()));
    let Ok(text) = std::fs::read(&file) else {
        assert!(std::env::var("GITOPS_REQUIRE").as_deref() != Ok("all"), "{} is not there", file.display());
        eprintln!("skipped: {} is not there", file.display());
        return None;
    };
    let parsed = yaml::parse(&text, "crd", &yaml::ParseOptions::default()).unwrap();
    let crd: Json = serde_json::from_str(&json::print(&parsed.documents[0].value)).unwrap();
    Some(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone())
}

/// Fields that an API server would drop: those that the schema does not name, and does not say to keep.
fn unknown(value: &Json, schema: &Json, path: &str, found: &mut Vec<String>) {
    if schema["x-kubernetes-preserve-unknown-fields"] == Json::Bool(true) {
        return;
    }
    match value {
        Json::Object(fields) => {
            for (key, inner) in fields {
                let at = format!("{path}.{key}");
                if let Some(known) = schema["properties"].get(key) {
                    unknown(inner, known, &at, found);
                } else if schema["additionalProperties"].is_object() {
                    unknown(inner, &schema["additionalProperties"], &at, found);
                } else if !(at.starts_with(".metadata.") || at == ".metadata") {
                    found.push(at);
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| unknown(item, &schema["items"], path, found)),
        _ => {}
    }
}

fn manifests(dir: &Path, found: &mut Vec<(PathBuf, Value)>) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            manifests(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml") && !path.components().any(|c| c.as_os_str() == "templates") {
            let text = std::fs::read(&path).unwrap();
            let Ok(parsed) = yaml::parse(&text, "example", &yaml::ParseOptions::default()) else { continue };
            let ours = |v: &Value| v.str_at(&["apiVersion"]) == Some(gitops_app::API_VERSION);
            found.extend(parsed.documents.into_iter().map(|d| d.value).filter(ours).map(|v| (path.clone(), v)));
        }
    }
}

#[test]
fn every_example_is_valid_for_both() {
    let mut all = Vec::new();
    manifests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"), &mut all);
    assert!(all.len() >= 18, "{}", all.len());
    let mut own = 0;
    for (path, body) in all {
        let at = path.display().to_string();
        let kind = body.str_at(&["kind"]).unwrap().to_owned();
        let manifest = Manifest::from_value(body.clone(), gitops_manifest::Location::file(&at)).unwrap();
        let read = match kind.as_str() {
            "Application" => Application::from_manifest(&manifest).map(|_| ()),
            "AppProject" => AppProject::from_manifest(&manifest).map(|_| ()),
            _ => ApplicationSet::from_manifest(&manifest).map(|_| ()),
        };
        assert!(read.is_ok(), "{}", read.unwrap_err());
        let Some(schema) = crd(&kind) else { return };
        let value: Json = serde_json::from_str(&json::print(&body)).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| format!("{at}: {}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let mut dropped = Vec::new();
        unknown(&value, &schema, "", &mut dropped);
        if path.components().any(|c| c.as_os_str() == OWN) {
            own += 1;
            assert_eq!(dropped, [".spec.health", ".spec.syncPolicy.syncWindows"], "{at}");
        } else {
            assert!(dropped.is_empty(), "{at}: Argo CD does not know {dropped:?}");
        }
    }
    assert_eq!(own, 1);
}
