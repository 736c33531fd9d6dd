//! Changes by others are noticed, our own are not.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gitops_apply::Target;
use gitops_target_platform::{Change, Drift, DriftWatch};
use tempfile::tempdir;

use crate::{config_map, open};

async fn next(watch: &mut DriftWatch) -> Drift {
    tokio::time::timeout(Duration::from_secs(20), watch.next()).await.expect("a change in time").expect("the watch runs")
}

async fn changes_are_noticed(root: &Path, more: &str, polling: bool) {
    let target = open(root, more);
    let (a, b) = (config_map("a", "blue"), config_map("b", "blue"));
    target.apply("shop", &a, Default::default()).await.unwrap();
    let mut watch = target.watch().unwrap();
    assert_eq!(watch.is_polling(), polling);
    let drift = |m: &gitops_manifest::Manifest, change| Drift::Object { app: "shop".into(), id: m.id().clone(), change };
    // Our own writes, in folders new and old; then one by hand, which must be the first that is heard of.
    target.apply("shop", &b, Default::default()).await.unwrap();
    target.apply("shop", &config_map("c", "red"), Default::default()).await.unwrap();
    target.apply("shop", &config_map("c", "green"), Default::default()).await.unwrap();
    target.prune("shop", config_map("c", "").id(), Default::default()).await.unwrap();
    let path = root.join("shop/core/ConfigMap/a.yaml");
    fs::write(&path, "by hand").unwrap();
    assert_eq!(next(&mut watch).await, drift(&a, Change::Changed));
    target.apply("shop", &a, Default::default()).await.unwrap();
    fs::remove_file(root.join("shop/core/ConfigMap/b.yaml")).unwrap();
    assert_eq!(next(&mut watch).await, drift(&b, Change::Removed));
    fs::create_dir_all(root.join("new/folder")).unwrap();
    fs::write(root.join("new/folder/x.yaml"), "x").unwrap();
    assert_eq!(next(&mut watch).await, Drift::Foreign { path: "new/folder/x.yaml".into() });
    fs::rename(root.join("shop"), root.join("new/.shop")).unwrap();
    loop {
        match next(&mut watch).await {
            Drift::Foreign { .. } => {}
            other if other == drift(&b, Change::Removed) => {}
            other => {
                assert_eq!(other, drift(&a, Change::Removed));
                break;
            }
        }
    }
    drop(watch);
    drop(target);
    open(root, more);
}

#[tokio::test]
async fn by_events() {
    let dir = tempdir().unwrap();
    changes_are_noticed(dir.path(), "", false).await;
}

#[tokio::test]
async fn by_polling() {
    let dir = tempdir().unwrap();
    changes_are_noticed(dir.path(), "watch: poll\npollSeconds: 0.02", true).await;
}
