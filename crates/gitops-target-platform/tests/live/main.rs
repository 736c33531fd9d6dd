//! The live directory as the engine uses it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod act;
mod files;
mod watch;

use std::path::Path;

use gitops_apply::HookRunId;
use gitops_manifest::{Location, Manifest, Value, yaml};
use gitops_target_platform::{PlatformConfig, PlatformTarget};

pub(crate) fn value(text: &str) -> Value {
    yaml::parse(text.as_bytes(), "t.yaml", &yaml::ParseOptions::default()).unwrap().documents[0].value.clone()
}

pub(crate) fn object(text: &str) -> Manifest {
    Manifest::from_value(value(text), Location { file: "app/x.yaml".into(), line: 1, column: 1 }).unwrap()
}

pub(crate) fn config_map(name: &str, color: &str) -> Manifest {
    object(&format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: \"{name}\", namespace: shop}}, data: {{color: \"{color}\"}}}}"))
}

/// Configuration with `more` lines after the root.
pub(crate) fn config(root: &Path, more: &str) -> PlatformConfig {
    PlatformConfig::parse(&value(&format!("root: {}\ndurable: false\n{more}", root.display())), "c").unwrap()
}

pub(crate) fn open(root: &Path, more: &str) -> PlatformTarget {
    PlatformTarget::open(config(root, more)).unwrap()
}

pub(crate) fn run_id() -> HookRunId {
    HookRunId { operation: "op1".into(), hook: "h".into(), attempt: 1 }
}

pub(crate) fn read(root: &Path, path: &str) -> String {
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}
