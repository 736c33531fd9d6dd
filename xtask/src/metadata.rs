//! What `cargo metadata` says, as plain values.

use std::process::Command;

use serde_json::Value;

/// A package of the dependency tree.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    /// Whether it is one of ours.
    pub(crate) member: bool,
    /// Names of the packages it needs to run (not to build or to be tested).
    pub(crate) needs: Vec<String>,
}

/// All packages that the workspace may build with, on this platform.
///
/// # Panics
/// When cargo does not answer: there is nothing to check then.
pub(crate) fn packages() -> Vec<Package> {
    let out = Command::new("cargo").args(["metadata", "--format-version=1", "--locked"]).output().expect("cargo runs");
    assert!(out.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&out.stderr));
    let all: Value = serde_json::from_slice(&out.stdout).expect("cargo metadata prints JSON");
    let members: Vec<&str> = texts(&all["workspace_members"]);
    let list = all["packages"].as_array().expect("a list of packages");
    list.iter()
        .map(|p| Package {
            name: p["name"].as_str().unwrap_or_default().to_owned(),
            version: p["version"].as_str().unwrap_or_default().to_owned(),
            licence: p["license"].as_str().map(str::to_owned),
            member: p["id"].as_str().is_some_and(|id| members.contains(&id)),
            needs: p["dependencies"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|d| d["kind"].is_null())
                .filter_map(|d| d["name"].as_str().map(str::to_owned))
                .collect(),
        })
        .collect()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
