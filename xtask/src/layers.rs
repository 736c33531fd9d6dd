//! Crates point down: ARCHITECTURE.md's table, held.

use crate::metadata::{Package, packages};

/// Every crate of ours and its layer. A crate may need crates of lower layers only.
const LAYERS: &[(&str, u8)] = &[
    ("gitops-manifest", 0),
    ("gitops-tree", 0),
    ("gitops-template", 1),
    ("gitops-schema", 1),
    ("gitops-diff", 2),
    ("gitops-sops", 1),
    ("gitops-seal", 1),
    ("gitops-health", 1),
    ("gitops-app", 2),
    ("gitops-apply", 3),
    ("gitops-kustomize", 2),
    ("gitops-helm", 2),
    ("gitops-lua", 2),
    ("gitops-actions", 3),
    ("gitops-customize", 4),
    ("gitops-appset", 3),
    ("gitops-git", 3),
    ("gitops-render", 3),
    ("gitops-plugin", 4),
    ("gitops-source", 5),
    ("gitops-forge", 5),
    ("gitops-state", 5),
    ("gitops-target-platform", 5),
    ("gitops-target-kubernetes", 5),
    ("gitops-engine", 6),
    ("gitops-http", 7),
    ("gitops", 8),
    ("gitops-server", 8),
    // Tests only: beside the benches at the top, so that nothing below them may need it to run.
    ("gitops-control-plane", 9),
    ("gitops-benches", 10),
    ("xtask", 9),
];

/// Libraries that reach out of the process, and the only crates that may use them.
const DOORS: &[(&str, &[&str])] = &[
    ("gix", &["gitops-git", "gitops-source"]),
    ("gix-transport", &["gitops-source"]),
    ("rusqlite", &["gitops-state"]),
    ("kube-client", &["gitops-target-kubernetes"]),
    ("inotify", &["gitops-target-platform"]),
    ("ureq", &["gitops-source", "gitops-forge", "gitops-target-platform", "gitops", "gitops-control-plane"]),
    ("axum", &["gitops-http", "gitops-server"]),
    ("granit-parser", &["gitops-manifest"]),
    ("mlua", &["gitops-lua"]),
    ("aes-gcm", &["gitops-sops", "gitops-seal"]),
    ("x25519-dalek", &["gitops-sops"]),
    ("petgraph", &["gitops-apply"]),
    ("jsonschema", &["gitops-helm", "gitops-render"]),
    ("wait4", &["gitops-benches"]),
];

pub(crate) fn wrong() -> Vec<String> {
    check(&packages())
}

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

fn check(all: &[Package]) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in all.iter().filter(|p| p.member) {
        let from = &package.name;
        let Some(ours) = layer(from) else {
            wrong.push(format!("{from}: is in no layer: add it to LAYERS in xtask/src/layers.rs and to ARCHITECTURE.md"));
            continue;
        };
        for to in &package.needs {
            if layer(to).is_some_and(|theirs| ours <= theirs) {
                wrong.push(format!("{from} -> {to}: only lower layers"));
            }
            if DOORS.iter().any(|(library, by)| library == to && !by.contains(&from.as_str())) {
                wrong.push(format!("{from} -> {to}: only a door may"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, needs: &[&str]) -> Package {
        Package {
            name: name.into(),
            version: "0.0.0".into(),
            licence: None,
            member: true,
            needs: needs.iter().map(|n| (*n).to_owned()).collect(),
        }
    }

    #[test]
    fn the_workspace_points_down() {
        assert_eq!(wrong(), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_up_a_foreign_door_and_an_unknown_crate_are_found() {
        let found = check(&[package("gitops-diff", &["gitops-engine", "rusqlite"]), package("gitops-new", &[])]);
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
