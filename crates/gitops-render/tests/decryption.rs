//! Encrypted files in every place that an engine reads, and where their texts must not be.
#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "door: the test reads files that sops made")]

use std::fs;

use gitops_manifest::json;
use gitops_render::{Context, Decryption, EngineChoice, HelmOptions, Limits, Reference, RenderError, Rendered, Source, render};
use gitops_sops::Keys;
use gitops_tree::{MemoryTree, TreePath};

fn sops(path: &str) -> Vec<u8> {
    fs::read(format!("{}/../gitops-sops/tests/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn keys() -> Keys {
    Keys::new().with_identity_file(&String::from_utf8(sops("keys/one.txt")).unwrap(), "one.txt").unwrap()
}

fn rendered(tree: &MemoryTree, engine: EngineChoice, decryption: Option<&Decryption>) -> Result<Rendered, RenderError> {
    let limits = Limits::default();
    let other = MemoryTree::new().with("shared/file.yaml", sops("cases/yaml-one-recipients/file.yaml"));
    let references = [Reference { name: "shared", tree: &other }];
    let context = Context { decryption, references: &references, ..Context::new("app", "ns", &limits) };
    render(tree, &Source { path: TreePath::parse("app").unwrap(), engine }, &context)
}

fn text(rendered: &Rendered) -> String {
    rendered.manifests.iter().map(|m| json::print(m.body())).collect()
}

/// Renders in the clear and sealed: the first holds `plain`, the second holds it opened only.
fn both(tree: &MemoryTree, engine: &EngineChoice, plain: &str) {
    let clear = rendered(tree, engine.clone(), Some(&Decryption::in_the_clear(keys()))).unwrap();
    assert!(text(&clear).contains(plain), "{}", text(&clear));
    let decryption = Decryption::from_identities(keys());
    let sealed = rendered(tree, engine.clone(), Some(&decryption)).unwrap();
    assert!(!text(&sealed).contains(plain) && text(&sealed).contains("sealed:v1:"), "{}", text(&sealed));
    let again = rendered(tree, engine.clone(), Some(&decryption)).unwrap();
    assert_eq!(text(&again), text(&sealed), "the same twice");
    for (manifest, clear) in sealed.manifests.iter().zip(&clear.manifests) {
        let mut body = manifest.body().clone();
        decryption.sealer().unwrap().open_object(&mut body).unwrap();
        assert_eq!(&body, clear.body());
    }
    assert!(sealed.reads.holds_in(tree).unwrap());
}

#[test]
fn manifests_of_directories() {
    let tree = MemoryTree::new().with("app/secret.yaml", sops("cases/encrypted-regex/file.yaml"));
    both(&tree, &EngineChoice::Detect, "manifest-password");
    // The metadata of SOPS is no part of the object, and without keys it is as it is written.
    let clear = rendered(&tree, EngineChoice::Detect, Some(&Decryption::in_the_clear(keys()))).unwrap();
    assert!(clear.manifests[0].body().get("sops").is_none());
    let as_written = rendered(&tree, EngineChoice::Detect, None).unwrap();
    assert!(text(&as_written).contains("ENC[AES256_GCM"));
    let refused = rendered(&tree, EngineChoice::Detect, Some(&Decryption::default())).unwrap_err().to_string();
    assert!(refused.starts_with("app/secret.yaml: encrypted with SOPS for age1"), "{refused}");
}

#[test]
fn resources_and_generators_of_kustomizations() {
    let kustomization = "resources: [secret.yaml]\nsecretGenerator:\n- {name: env, envs: [file.env]}\n- {name: raw, files: [file.json]}\n";
    let tree = MemoryTree::new()
        .with("app/kustomization.yaml", kustomization)
        .with("app/secret.yaml", sops("cases/encrypted-regex/file.yaml"))
        .with("app/file.env", "TOKEN=plain\n")
        .with("app/file.json", sops("cases/json-one-recipients/file.json"));
    both(&tree, &EngineChoice::Detect, "manifest-password");
}

fn chart(template: &str) -> MemoryTree {
    MemoryTree::new().with("app/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n").with("app/templates/a.yaml", template)
}

fn with_values() -> EngineChoice {
    let block = json::parse(br#"{"valueFiles": ["$shared/shared/file.yaml"]}"#, "").unwrap();
    EngineChoice::Helm(HelmOptions { block: Some(block), ..HelmOptions::default() })
}

#[test]
fn values_of_charts_wherever_they_end_up() {
    let tree = chart(
        "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata:\n  url: db://{{ .Values.database.user }}@host\n  enc: {{ print \"u:\" .Values.database.user | b64enc }}\n",
    );
    both(&tree, &with_values(), "app-user");
}

#[test]
fn messages_hold_no_value() {
    let decryption = Decryption::from_identities(keys());
    let tree = chart("{{ fail (print \"no such user: \" .Values.database.user) }}");
    let message = rendered(&tree, with_values(), Some(&decryption)).unwrap_err().to_string();
    assert!(message.contains("no such user: ********") && !message.contains("app-user"), "{message}");
    let broken = MemoryTree::new().with("app/secret.yaml", sops("cases/clear-value-changed/file.yaml"));
    let message = rendered(&broken, EngineChoice::Detect, Some(&decryption)).unwrap_err().to_string();
    assert!(message.contains("app/secret.yaml: the MAC"), "{message}");
}
