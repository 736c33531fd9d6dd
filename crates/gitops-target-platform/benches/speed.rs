//! Applying one object, and comparing 1,000 applications: `cargo bench -p gitops-target-platform`. `SPEED_DIR` picks the disk.
#![allow(clippy::unwrap_used, reason = "benches")]

use std::time::Instant;

use gitops_apply::Target;
use gitops_manifest::{Location, Manifest, json};
use gitops_target_platform::{PlatformConfig, PlatformTarget};

fn object(app: usize, i: usize) -> Manifest {
    let text = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"m{i}\",\"namespace\":\"a{app}\"}},\"data\":{{\"k\":\"v\"}}}}"
    );
    Manifest::from_value(json::parse(text.as_bytes(), "x").unwrap(), Location::default()).unwrap()
}

#[tokio::main]
async fn main() {
    // `cargo test` builds benches and runs them with `--test`: nothing is measured then.
    if std::env::args().any(|argument| argument == "--test") || !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    for durable in [false, true] {
        let dir = tempfile::tempdir_in(std::env::var("SPEED_DIR").unwrap_or_else(|_| "/tmp".into())).unwrap();
        let config = PlatformConfig { durable, ..PlatformConfig::new(dir.path()) };
        let target = PlatformTarget::open(config).unwrap();
        let mut times: Vec<_> = Vec::new();
        for i in 0..200 {
            let m = object(0, i);
            let begun = Instant::now();
            target.apply("a0", &m, Default::default()).await.unwrap();
            times.push(begun.elapsed());
        }
        times.sort();
        println!("apply, durable {durable}: median {:?}, p95 {:?}", times[100], times[190]);
    }
    let dir = tempfile::tempdir().unwrap();
    let config = || PlatformConfig { durable: false, ..PlatformConfig::new(dir.path()) };
    let target = PlatformTarget::open(config()).unwrap();
    let apps: Vec<Vec<Manifest>> = (0..1000).map(|app| (0..10).map(|i| object(app, i)).collect()).collect();
    for (app, objects) in apps.iter().enumerate() {
        for m in objects {
            target.apply(&format!("a{app}"), m, Default::default()).await.unwrap();
        }
    }
    for pass in ["reading", "settled", "settled"] {
        let begun = Instant::now();
        for (app, objects) in apps.iter().enumerate() {
            assert_eq!(target.live(&format!("a{app}"), objects).await.unwrap().len(), 10);
        }
        println!("live of 1,000 applications of 10 objects, {pass}: {:?}", begun.elapsed());
    }
    drop(target);
    let begun = Instant::now();
    PlatformTarget::open(config()).unwrap();
    println!("open with 10,000 objects: {:?}", begun.elapsed());
}
