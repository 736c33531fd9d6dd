//! The repository's own `examples/` render, and their Applications are valid under Argo CD's CRD.
#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "door: the test reads its cases from files")]

use std::fs;
use std::path::{Path, PathBuf};

use gitops_manifest::Value;
use gitops_manifest::yaml::{self, ParseOptions};
use gitops_manifest::{Manifest, json};
use gitops_render::{Context, Decryption, EngineChoice, EnvironmentOptions, HelmOptions, Limits, Rendered, Source, render};
use gitops_sops::Keys;
use gitops_tree::{MemoryTree, TreePath};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn add_files(mut tree: MemoryTree, root: &Path, directory: &Path) -> MemoryTree {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        tree = if path.is_dir() {
            add_files(tree, root, &path)
        } else {
            tree.with(path.strip_prefix(root).unwrap().to_str().unwrap(), fs::read(&path).unwrap())
        };
    }
    tree
}

fn examples() -> MemoryTree {
    add_files(MemoryTree::new(), &workspace(), &workspace().join("examples"))
}

fn applications() -> Vec<Value> {
    let mut paths: Vec<PathBuf> = fs::read_dir(workspace().join("examples/applications")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|p| yaml::parse(&fs::read(p).unwrap(), "app", &ParseOptions::default()).unwrap().documents.remove(0).value).collect()
}

fn application(name: &str) -> Value {
    applications().into_iter().find(|a| a["metadata"]["name"].as_str() == Some(name)).unwrap()
}

fn render_application(tree: &MemoryTree, application: &Value) -> Rendered {
    let spec = &application["spec"];
    let source = &spec["source"];
    let engine = match (source.get("helm"), source.get("plugin")) {
        (None, None) => EngineChoice::Detect,
        (Some(block), _) => EngineChoice::Helm(HelmOptions { block: Some(block.clone()), environment: Vec::new() }),
        (None, Some(plugin)) => {
            assert_eq!(plugin["name"].as_str(), Some("environment"));
            let parameters = plugin["parameters"].as_list().unwrap().iter();
            let parameters = parameters.map(|p| (p["name"].as_str().unwrap(), p["string"].as_str().unwrap()));
            EngineChoice::Environment(EnvironmentOptions::from_parameters(parameters).unwrap())
        }
    };
    let source = Source { path: TreePath::parse(source["path"].as_str().unwrap()).unwrap(), engine };
    let namespace = spec["destination"]["namespace"].as_str().unwrap();
    let limits = Limits::default();
    let identity = fs::read_to_string(workspace().join("examples/age-key.txt")).unwrap();
    let decryption = Decryption::in_the_clear(Keys::new().with_identity_file(&identity, "age-key.txt").unwrap());
    let name = application["metadata"]["name"].as_str().unwrap();
    let context = Context { decryption: Some(&decryption), ..Context::new(name, namespace, &limits) };
    render(tree, &source, &context).unwrap_or_else(|e| panic!("{e}"))
}

fn kinds(rendered: &Rendered) -> Vec<String> {
    rendered.manifests.iter().map(|m| format!("{}/{}", m.id().kind, m.id().name)).collect()
}

#[test]
fn every_application_renders_without_a_warning() {
    let tree = examples();
    let expected: [(&str, &[&str]); 8] = [
        ("catalog-prod", &["Secret/catalog", "ConfigMap/catalog", "Service/catalog", "Deployment/catalog"]),
        ("catalog-staging", &["Secret/catalog", "ConfigMap/catalog", "Service/catalog", "Deployment/catalog"]),
        (
            "guestbook",
            &[
                "ConfigMap/guestbook",
                "Job/guestbook-migrate",
                "Namespace/guestbook",
                "Deployment/guestbook-store",
                "Service/guestbook-store",
                "Deployment/guestbook-web",
                "Service/guestbook-web",
            ],
        ),
        ("honua-production", &["Datasources/datasources", "Metadata/metadata"]),
        ("honua-staging", &["Datasources/datasources", "Metadata/metadata"]),
        ("ikigai-platform", &["Platform/platform", "Agent/alerting-agent", "Agent/monitoring-agent", "WebApp/dashboard"]),
        (
            "storefront-prod",
            &["ConfigMap/storefront-k4m96bg685", "Service/storefront", "Deployment/storefront", "PodDisruptionBudget/storefront"],
        ),
        ("storefront-staging", &["ConfigMap/storefront-4946f4d7bb", "Service/storefront", "Deployment/storefront"]),
    ];
    let applications = applications();
    assert_eq!(applications.len(), expected.len());
    for (application, (name, objects)) in applications.iter().zip(expected) {
        assert_eq!(application["metadata"]["name"].as_str(), Some(name));
        let rendered = render_application(&tree, application);
        assert_eq!(kinds(&rendered), objects, "{name}");
        assert_eq!(rendered.warnings, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn production_differs_from_staging_as_written() {
    let tree = examples();
    let object = |app: &str, object: usize| render_application(&tree, &application(app)).manifests.remove(object).into_body();
    let spec = |app: &str, at: usize| object(app, at)["spec"].clone();
    let production = spec("honua-production", 1);
    assert_eq!(production["collections"]["roads"]["maxFeatures"].as_i64(), Some(10_000));
    assert_eq!(json::print(&production["cache"]), r#"{"seconds":3600,"warm":["roads"]}"#);
    let staging = spec("honua-staging", 1);
    assert_eq!(json::print(&staging["cache"]), r#"{"seconds":300}"#);
    assert_eq!(json::print(&spec("ikigai-platform", 2)["schedule"]), r#"{"every":"10s"}"#);
    assert_eq!(object("catalog-prod", 0).str_at(&["data", "API_KEY"]), Some("Y2F0YWxvZy1wcm9kLWFwaS1rZXktNDcxMQ=="));
    assert_eq!(json::print(&object("catalog-prod", 1)["data"]), r#"{"CACHE_SECONDS":"600","LOG_LEVEL":"info"}"#);
    assert_eq!(json::print(&object("catalog-staging", 1)["data"]), r#"{"LOG_LEVEL":"debug"}"#);
}

#[test]
fn a_change_to_staging_does_not_touch_production() {
    let tree = examples();
    let production = render_application(&tree, &application("honua-production"));
    let staging = tree.clone().with("examples/honua/environments/staging/metadata.json", "{}");
    assert!(production.reads.holds_in(&staging).unwrap());
    let shared = tree.with("examples/honua/environments/_shared/metadata.json", "{}");
    assert!(!production.reads.holds_in(&shared).unwrap());
}

#[test]
fn applications_are_valid_under_the_crd() {
    let conformance = std::env::var_os("GITOPS_CONFORMANCE").map_or_else(|| workspace().join("../shared/conformance"), PathBuf::from);
    let Ok(crd) = fs::read(conformance.join("argocd/application-crd.yaml")) else {
        eprintln!("skipped: no conformance data; set GITOPS_CONFORMANCE");
        return;
    };
    let crd = yaml::parse(&crd, "crd", &ParseOptions::default()).unwrap().documents.remove(0).value;
    let schema = &crd["spec"]["versions"].as_list().unwrap()[0]["schema"]["openAPIV3Schema"];
    let schema: serde_json::Value = serde_json::from_str(&json::print(schema)).unwrap();
    let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft4).build(&schema).unwrap();
    for application in applications() {
        let manifest = Manifest::from_value(application.clone(), gitops_manifest::Location::default()).unwrap();
        let instance: serde_json::Value = serde_json::from_str(&json::print(&application)).unwrap();
        let errors: Vec<String> = validator.iter_errors(&instance).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", manifest.id());
    }
}
