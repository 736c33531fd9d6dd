//! The first thing people do: the server with no configuration, inside a checkout that has `examples/`.

use std::fs;
use std::path::Path;
use std::process::Command;

use gitops_state::{AppKey, OpenOptions, Store};

use crate::support::command_line::gitops;
use crate::support::repository::{commit, init};
use crate::support::server::Server;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn start(checkout: &Path, log: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitops-server"));
    command.args(["--listen", "127.0.0.1:0"]).current_dir(checkout);
    Server::run(command, log)
}

#[test]
fn the_examples_are_live_with_no_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let (checkout, log) = (dir.path().join("checkout"), dir.path().join("server.log"));
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"), &checkout.join("examples"));
    init(&checkout);
    let revision = commit(&checkout, "examples");
    let server = start(&checkout, &log);

    let declared = fs::read_dir(checkout.join("examples/applications")).unwrap();
    let mut names: Vec<_> = declared.map(|e| e.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    for name in &names {
        let app = server.wait_synced(name, &revision);
        assert!(app["status"]["conditions"].is_null(), "{name}: {}", app["status"]["conditions"]);
    }
    assert_eq!(gitops(&server, &["app", "list", "-o", "name"]).good().lines().collect::<Vec<_>>(), names);

    let guestbook = server.application("guestbook");
    let results = guestbook["status"]["operationState"]["syncResult"]["resources"].as_array().unwrap();
    let job = results.iter().find(|r| r["kind"] == "Job").unwrap();
    assert_eq!(job["hookType"], "PreSync");
    assert!(job["message"].as_str().unwrap().starts_with("skipped: "), "{job}");
    let live = checkout.join(".gitops/live");
    for file in [
        "_/core/Namespace/guestbook.yaml",
        "catalog/apps/Deployment/catalog.yaml",
        "catalog/core/Service/catalog.yaml",
        "catalog/core/Secret/catalog.yaml",
        "catalog-staging/core/ConfigMap/catalog.yaml",
        "guestbook/apps/Deployment/guestbook-web.yaml",
        "honua-production/platform.gitops-engine.dev/Metadata/metadata.yaml",
        "honua-staging/platform.gitops-engine.dev/Datasources/datasources.yaml",
        "ikigai/platform.gitops-engine.dev/Agent/monitoring-agent.yaml",
        "ikigai/platform.gitops-engine.dev/WebApp/dashboard.yaml",
        "storefront/apps/Deployment/storefront.yaml",
        "storefront-staging/core/ConfigMap/storefront-4946f4d7bb.yaml",
    ] {
        assert!(live.join(file).is_file(), "{file} is not live");
    }
    assert!(!live.join("guestbook/batch").exists(), "a hook is no live object");
    assert_eq!(server.application("catalog-prod")["status"]["sourceType"], "Helm");
    secrets_are_live_and_nowhere_else(&server, &checkout, &log);
    assert_eq!(server.stop().code(), Some(0));
    secrets_are_sealed_in_the_store(&checkout);

    // Started again with a new commit in the checkout: it goes on from there.
    let config = checkout.join("examples/guestbook/config.yaml");
    fs::write(&config, fs::read_to_string(&config).unwrap().replacen("data:", "data:\n  ADDED_LATER: \"yes\"", 1)).unwrap();
    let second = commit(&checkout, "one more entry");
    let server = start(&checkout, &log);
    server.wait_synced("guestbook", &second);
    let text = fs::read_to_string(live.join("guestbook/core/ConfigMap/guestbook.yaml")).unwrap();
    assert!(text.contains("ADDED_LATER"), "{text}");
    assert_eq!(server.history("guestbook").len(), 2);
}

/// What the examples encrypt, in the clear and as Kubernetes writes it.
const SECRETS: [&str; 3] = ["catalog-prod-api-key-4711", "Y2F0YWxvZy1wcm9kLWFwaS1rZXktNDcxMQ==", "staging-horse-battery"];

/// The manifests of a deployment, as a rollback would have them: packed in the store, so that a search of its file is no proof.
fn secrets_are_sealed_in_the_store(checkout: &Path) {
    let (store, _) = Store::open(&checkout.join(".gitops/state.db"), &OpenOptions::default()).unwrap();
    for name in ["catalog-prod", "catalog-staging"] {
        let key = AppKey::new("argocd", name);
        let mut kept = Vec::new();
        for entry in store.history(&key).unwrap() {
            kept.extend(store.history_manifests(&key, entry.id).unwrap().unwrap());
        }
        for operation in store.operations(&key, 10).unwrap() {
            kept.extend(store.operation_manifests(&operation.id).unwrap().unwrap_or_default());
            for text in [&operation.state_json, &operation.request_json, &operation.message] {
                assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{name}");
            }
        }
        let texts: Vec<String> = kept.iter().map(|blob| String::from_utf8_lossy(&blob.bytes).into_owned()).collect();
        assert!(texts.iter().any(|text| text.contains("sealed:v1:")), "{name}: the Secret is among what is kept");
        assert!(texts.iter().all(|text| SECRETS.iter().all(|secret| !text.contains(secret))), "{name}");
    }
}

fn secrets_are_live_and_nowhere_else(server: &Server, checkout: &Path, log: &Path) {
    let live = checkout.join(".gitops/live");
    let read = |file: &str| fs::read_to_string(live.join(file)).unwrap();
    assert!(read("catalog/core/Secret/catalog.yaml").contains(SECRETS[1]));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(live.join("catalog/core/Secret/catalog.yaml")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let hidden = |text: &[u8], place: &str| {
        for secret in SECRETS {
            assert!(!text.windows(secret.len()).any(|w| w == secret.as_bytes()), "{place} holds {secret}");
        }
    };
    hidden(&fs::read(log).unwrap(), "the log");
    for app in ["catalog-prod", "catalog-staging"] {
        for rest in ["", "/manifests", "/managed-resources", "/diff", "/history", "/deployment"] {
            let (status, answer) = server.get_text(&format!("/api/v1/applications/{app}{rest}"));
            assert_eq!(status, 200, "{app}{rest}");
            hidden(answer.as_bytes(), rest);
        }
    }
    // Store, mirrors, back-ups, records of ownership: all but the two kinds of live files that are meant to have them.
    let mut pending = vec![checkout.join(".gitops")];
    let mut files = 0;
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                pending.push(path);
            } else if !path.to_str().unwrap().contains("/live/") || path.to_str().unwrap().contains("/live/.gitops/") {
                files += 1;
                hidden(&fs::read(&path).unwrap(), path.to_str().unwrap());
            }
        }
    }
    assert!(files > 20, "{files} files were looked at");
}
