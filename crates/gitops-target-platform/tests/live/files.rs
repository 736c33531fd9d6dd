//! Applying, pruning, reading back; faults of the directory; secrets.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use gitops_apply::Target;
use gitops_health::HealthStatus;
use gitops_manifest::ObjectId;
use gitops_target_platform::{OpenError, PlatformTarget, SecretError, SecretResolver};
use tempfile::tempdir;

use crate::{config, config_map, object, open, read};

const AGENTS: &str = "kinds: [{match: platform.gitops.dev/Agent, content: spec, path: 'agents/{name}/manifest.json'}]";

#[tokio::test]
async fn an_object_is_applied_read_back_and_pruned() {
    let dir = tempdir().unwrap();
    let target = open(dir.path(), "");
    let m = config_map("web", "blue");
    for _ in 0..2 {
        target.apply("shop", &m, Default::default()).await.unwrap();
    }
    assert!(read(dir.path(), "shop/core/ConfigMap/web.yaml").contains("color: blue"));
    let live = target.live("shop", std::slice::from_ref(&m)).await.unwrap();
    assert_eq!(live[m.id()].manifest, m);
    assert_eq!(live[m.id()].health.as_ref().unwrap().status, HealthStatus::Healthy);
    assert!(target.live("other", &[]).await.unwrap().is_empty());
    assert!(target.prune("other", m.id(), Default::default()).await.unwrap_err().message.contains("owned by application `shop`"));
    target.prune("shop", m.id(), Default::default()).await.unwrap();
    target.prune("shop", m.id(), Default::default()).await.unwrap();
    assert!(!dir.path().join("shop").exists(), "empty folders go too");
    assert_eq!(target.health("shop", &[m.id().clone()]).await.unwrap()[m.id()].as_ref().unwrap().status, HealthStatus::Missing);
}

#[tokio::test]
async fn ownership_survives_a_restart_and_leftovers_go() {
    let dir = tempdir().unwrap();
    let (a, b) = (config_map("a", "blue"), config_map("b", "blue"));
    let target = open(dir.path(), "");
    target.apply("shop", &a, Default::default()).await.unwrap();
    target.apply("shop", &b, Default::default()).await.unwrap();
    assert!(matches!(PlatformTarget::open(config(dir.path(), "")), Err(OpenError::InUse { .. })));
    drop(target);
    // As after a kill between the record and the file (b), and in the middle of a write.
    fs::remove_file(dir.path().join("shop/core/ConfigMap/b.yaml")).unwrap();
    fs::write(dir.path().join(".gitops/tmp/7"), "half").unwrap();
    let target = open(dir.path(), "");
    assert_eq!(fs::read_dir(dir.path().join(".gitops/tmp")).unwrap().count(), 0);
    let live = target.live("shop", &[a.clone(), b.clone()]).await.unwrap();
    assert_eq!(live.keys().collect::<Vec<_>>(), [a.id()]);
    assert_eq!(live[a.id()].owner.as_deref(), Some("shop"));
    target.apply("shop", &b, Default::default()).await.unwrap();
    assert_eq!(target.live("shop", &[]).await.unwrap().len(), 2);
    drop(target);
    fs::write(fs::read_dir(dir.path().join(".gitops/owners")).unwrap().next().unwrap().unwrap().path(), "{").unwrap();
    assert!(matches!(PlatformTarget::open(config(dir.path(), "")), Err(OpenError::DamagedRecords { count: 1, .. })));
}

#[tokio::test]
async fn a_hand_edit_is_drift_and_foreign_files_are_left() {
    let dir = tempdir().unwrap();
    let target = open(dir.path(), "");
    let m = config_map("web", "blue");
    target.apply("shop", &m, Default::default()).await.unwrap();
    let path = dir.path().join("shop/core/ConfigMap/web.yaml");
    fs::write(&path, read(dir.path(), "shop/core/ConfigMap/web.yaml").replace("blue", "red")).unwrap();
    let live = target.live("shop", std::slice::from_ref(&m)).await.unwrap();
    assert_eq!(live[m.id()].manifest.body().str_at(&["data", "color"]), Some("red"));
    let health = target.health("shop", &[m.id().clone()]).await.unwrap()[m.id()].clone().unwrap();
    assert_eq!(health.status, HealthStatus::Progressing);
    target.apply("shop", &m, Default::default()).await.unwrap();
    assert_eq!(target.live("shop", &[]).await.unwrap()[m.id()].manifest, m);

    fs::write(&path, "secret: [hunter2").unwrap();
    assert!(target.live("shop", std::slice::from_ref(&m)).await.unwrap().is_empty(), "unreadable and desired: to be written again");
    assert_eq!(target.live("shop", &[]).await.unwrap().len(), 1, "unreadable and not desired: to be pruned");
    let health = target.health("shop", &[m.id().clone()]).await.unwrap()[m.id()].clone().unwrap();
    assert_eq!(health.status, HealthStatus::Degraded);
    assert!(!health.message.contains("hunter2"), "{}", health.message);

    let other = config_map("foreign", "green");
    fs::write(dir.path().join("shop/core/ConfigMap/foreign.yaml"), gitops_manifest::yaml::print(other.body())).unwrap();
    let live = target.live("shop", std::slice::from_ref(&other)).await.unwrap();
    assert_eq!((live[other.id()].owner.clone(), &live[other.id()].manifest), (None, &other));
    assert!(target.prune("shop", other.id(), Default::default()).await.unwrap_err().message.contains("was not written by this server"));
    // Not desired and gone: whoever puts a file there again owns it.
    fs::remove_file(&path).unwrap();
    target.live("shop", &[]).await.unwrap();
    fs::write(&path, "x: 1").unwrap();
    assert!(target.live("shop", &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_hand_edit_of_the_same_length_is_seen_after_a_settled_look() {
    let dir = tempdir().unwrap();
    let target = open(dir.path(), "");
    let m = config_map("web", "blue");
    target.apply("shop", &m, Default::default()).await.unwrap();
    // Until the file's time is old enough to be trusted; each look must be right meanwhile.
    for _ in 0..30 {
        assert_eq!(target.live("shop", &[]).await.unwrap()[m.id()].manifest, m);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let path = dir.path().join("shop/core/ConfigMap/web.yaml");
    fs::write(&path, read(dir.path(), "shop/core/ConfigMap/web.yaml").replace("blue", "pink")).unwrap();
    assert_eq!(target.live("shop", &[]).await.unwrap()[m.id()].manifest.body().str_at(&["data", "color"]), Some("pink"));
}

#[tokio::test]
async fn hostile_names_stay_inside() {
    let dir = tempdir().unwrap();
    let target = open(&dir.path().join("live"), "");
    let long = "n".repeat(3000);
    let names = ["..", "../../x", "a/b", ".gitops", "~", "a\\b", "sp ace", "Ä", &long, "%2E%2E", "x\\u0000y"];
    let objects: Vec<_> = names.iter().map(|name| config_map(&name.replace('\\', "\\\\"), "blue")).collect();
    for m in &objects {
        target.apply("shop", m, Default::default()).await.unwrap();
    }
    let traversal = object("{apiVersion: ../v1, kind: '../..', metadata: {name: x, namespace: ..}}");
    target.apply("shop", &traversal, Default::default()).await.unwrap();
    assert_eq!(target.live("shop", &[]).await.unwrap().len(), names.len() + 1);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(fs::read_dir(dir.path().join("live/.gitops/owners")).unwrap().count() == names.len() + 1);
    let clash = target.apply("shop", &config_map("SP ACE", "x"), Default::default()).await.unwrap_err();
    assert!(!clash.transient && clash.message.contains("letter case aside"), "{clash}");
    for m in &objects {
        target.prune("shop", m.id(), Default::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_service_finds_its_layout_and_a_changed_rule_moves_files() {
    let dir = tempdir().unwrap();
    let target = open(dir.path(), AGENTS);
    let m = object("{apiVersion: platform.gitops.dev/v1, kind: Agent, metadata: {name: mon}, spec: {interval: 5}}");
    target.apply("shop", &m, Default::default()).await.unwrap();
    assert_eq!(read(dir.path(), "agents/mon/manifest.json"), "{\n  \"interval\": 5\n}\n");
    fs::write(dir.path().join("agents/mon/manifest.json"), "{\"interval\": 6}").unwrap();
    let live = target.live("shop", std::slice::from_ref(&m)).await.unwrap();
    assert_eq!(live[m.id()].manifest.body().at(&["spec", "interval"]).unwrap().as_i64(), Some(6));
    let bare = object("{apiVersion: platform.gitops.dev/v1, kind: Agent, metadata: {name: bare}}");
    assert!(target.apply("shop", &bare, Default::default()).await.unwrap_err().message.starts_with("app/x.yaml:1:1: "));
    drop(target);
    let target = open(dir.path(), &AGENTS.replace("manifest.json", "agent.yaml"));
    assert!(target.live("shop", std::slice::from_ref(&m)).await.unwrap().is_empty());
    target.apply("shop", &m, Default::default()).await.unwrap();
    assert_eq!(read(dir.path(), "agents/mon/agent.yaml"), "interval: 5\n");
    assert!(!dir.path().join("agents/mon/manifest.json").exists());
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_said_plainly() {
    let dir = tempdir().unwrap();
    let target = open(dir.path(), "");
    fs::write(dir.path().join("shop"), "a file").unwrap();
    let e = target.apply("shop", &config_map("web", "blue"), Default::default()).await.unwrap_err();
    assert!(e.transient && e.message.contains("a file stands where a folder is needed"), "{e}");
    fs::remove_file(dir.path().join("shop")).unwrap();
    fs::create_dir_all(dir.path().join("shop/core/ConfigMap/web.yaml")).unwrap();
    let e = target.apply("shop", &config_map("web", "blue"), Default::default()).await.unwrap_err();
    assert!(e.transient && e.message.contains("a folder stands where the file belongs"), "{e}");
    fs::remove_dir(dir.path().join("shop/core/ConfigMap/web.yaml")).unwrap();
    target.apply("shop", &config_map("web", "blue"), Default::default()).await.unwrap();
    assert_eq!(fs::read_dir(dir.path().join(".gitops/tmp")).unwrap().count(), 0, "no temporary file is left");
}

#[tokio::test]
async fn symlinks_are_not_followed_out() {
    let (dir, outside) = (tempdir().unwrap(), tempdir().unwrap());
    let target = open(dir.path(), "");
    symlink(outside.path(), dir.path().join("shop")).unwrap();
    let m = config_map("web", "blue");
    let e = target.apply("shop", &m, Default::default()).await.unwrap_err();
    assert!(e.message.contains("a symlink leads out of the live directory"), "{e}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    fs::remove_file(dir.path().join("shop")).unwrap();
    target.apply("shop", &m, Default::default()).await.unwrap();
    // A live file that became a symlink is replaced, its end untouched.
    let path = dir.path().join("shop/core/ConfigMap/web.yaml");
    fs::write(outside.path().join("x"), "mine").unwrap();
    fs::remove_file(&path).unwrap();
    symlink(outside.path().join("x"), &path).unwrap();
    assert!(target.live("shop", std::slice::from_ref(&m)).await.unwrap().is_empty());
    target.apply("shop", &m, Default::default()).await.unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(fs::read_to_string(outside.path().join("x")).unwrap(), "mine");
}

struct Vault;

impl SecretResolver for Vault {
    fn resolve(&self, reference: &str) -> Result<String, SecretError> {
        match reference {
            "vault://db#password" => Ok("hunter2hunter2".into()),
            _ => Err(SecretError { message: format!("`{reference}`: no such secret"), transient: true }),
        }
    }
}

#[tokio::test]
async fn secrets_are_in_the_live_file_only() {
    let (dir, vault) = (tempdir().unwrap(), tempdir().unwrap());
    fs::write(vault.path().join("token"), "filetoken1\n").unwrap();
    let text = format!("secrets: {{env: [CARGO_PKG_*], files: ['{}']}}", vault.path().display());
    let target = PlatformTarget::open_with_resolver(config(dir.path(), &text), Arc::new(Vault)).unwrap();
    let secret = |data: &str| object(&format!("{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, stringData: {{{data}}}}}"));
    let m = secret(&format!("a: 'vault://db#password', b: 'env://CARGO_PKG_NAME', c: 'file://{}/token', d: plain", vault.path().display()));
    target.apply("shop", &m, Default::default()).await.unwrap();
    let path = dir.path().join("_/core/Secret/s.yaml");
    let written = fs::read_to_string(&path).unwrap();
    assert!(
        written.contains("a: hunter2hunter2\n") && written.contains("b: gitops-target-platform\n") && written.contains("c: filetoken1\n")
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for owner in fs::read_dir(dir.path().join(".gitops/owners")).unwrap() {
        assert!(!fs::read_to_string(owner.unwrap().path()).unwrap().contains("hunter2"));
    }
    assert_eq!(target.live("shop", std::slice::from_ref(&m)).await.unwrap()[m.id()].manifest, m);
    // Also after a restart, when only the resolver knows the value; copied elsewhere; and changed by hand.
    drop(target);
    let target = PlatformTarget::open_with_resolver(config(dir.path(), &text), Arc::new(Vault)).unwrap();
    fs::write(&path, written.replace("filetoken1", "anothertoken").replace("d: plain", "d: x-hunter2hunter2-x")).unwrap();
    let live = target.live("shop", std::slice::from_ref(&m)).await.unwrap();
    let data = live[m.id()].manifest.body().get("stringData").unwrap();
    assert_eq!(data.str_at(&["a"]), Some("vault://db#password"));
    assert_eq!(data.str_at(&["c"]), Some("********"));
    assert_eq!(data.str_at(&["d"]), Some("x-vault://db#password-x"));
    assert!(!format!("{live:?}").contains("hunter2"));
    for (data, expected, transient) in [
        ("k: ['env://HOME']", "app/x.yaml:1:1: /Secret//s: stringData.k[0]: `env://HOME` is not allowed", false),
        ("k: 'file:///etc/passwd'", "`file:///etc/passwd` is not allowed", false),
        ("k: 'vault://none'", "stringData.k: `vault://none`: no such secret", true),
    ] {
        let e = target.apply("shop", &secret(data), Default::default()).await.unwrap_err();
        assert!(e.message.contains(expected) && e.transient == transient, "{e}");
    }
    let up = format!("k: 'file://{}/../../etc/passwd'", vault.path().display());
    assert!(target.apply("shop", &secret(&up), Default::default()).await.unwrap_err().message.contains("is not allowed"));
    symlink("/etc/passwd", vault.path().join("link")).unwrap();
    let link = format!("k: 'file://{}/link'", vault.path().display());
    assert!(target.apply("shop", &secret(&link), Default::default()).await.unwrap_err().message.contains("is not allowed"));
    drop(target);
    let target = open(dir.path(), "");
    assert!(
        target
            .apply("shop", &secret("k: 'vault://x'"), Default::default())
            .await
            .unwrap_err()
            .message
            .contains("stringData.k: `vault://x`: this server has no resolver")
    );
    drop(target);
    let target = open(dir.path(), "kinds: [{match: core/Secret, secrets: keep}]");
    target.apply("shop", &secret("k: 'vault://x'"), Default::default()).await.unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("vault://x"));
}

#[tokio::test]
async fn many_at_once() {
    let dir = tempdir().unwrap();
    let target = open(dir.path(), "");
    let mut tasks = Vec::new();
    for i in 0..64 {
        let target = target.clone();
        tasks.push(tokio::spawn(async move {
            let m = config_map(&format!("m{}", i % 8), &format!("c{i}"));
            target.apply("shop", &m, Default::default()).await.unwrap();
            if i % 3 == 0 {
                target.prune("shop", m.id(), Default::default()).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for (id, live) in target.live("shop", &[]).await.unwrap() {
        assert!(read(dir.path(), &target.path_of(&id)).contains(live.manifest.body().str_at(&["data", "color"]).unwrap()));
    }
    assert_eq!(ObjectId::new("", "ConfigMap", "shop", "m1"), *config_map("m1", "").id());
}
