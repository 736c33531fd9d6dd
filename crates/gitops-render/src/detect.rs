//! Which engine a directory is for, when nobody chose one.
//!
//! Rules: Argo CD's tool detection (Kustomize before Helm, both by names directly in the path), with the environment
//! layouts between them and `directory`. The environment layouts are recognised only where a plain directory would make
//! no sense, so that nobody's manifests are taken for settings.

use gitops_tree::{EntryKind, TreePath};

use crate::error::Problem;
use crate::files::{Files, Found};

pub(crate) enum Detected {
    Kustomize,
    Helm,
    Environment,
    Directory,
}

pub(crate) fn detect(files: &mut Files<'_>, path: &TreePath) -> Result<Detected, Problem> {
    // Broken links are the chosen engine's to report.
    let entries = files.list(path, &mut Vec::new())?.unwrap_or_default();
    let with = |names: &[&str]| entries.iter().find(|e| names.contains(&e.path.file_name())).map(|e| e.path.clone());
    if with(&gitops_kustomize::FILE_NAMES).is_some() {
        return Ok(Detected::Kustomize);
    }
    if entries.iter().any(|e| e.path.file_name().ends_with("Chart.yaml")) {
        return Ok(Detected::Helm);
    }
    let directory = |name: &str| entries.iter().any(|e| e.path.file_name() == name && e.kind == EntryKind::Directory);
    if with(&["platform.yaml", "platform.yml", "platform.json"]).is_some() && (directory("agents") || directory("webapps")) {
        return Ok(Detected::Environment);
    }
    let is_settings = |e: &&Found| e.kind == EntryKind::File && is_data(e.path.file_name());
    if directory("environments") && !entries.iter().any(|e| is_settings(&e)) {
        return Ok(Detected::Environment);
    }
    if path.parent().is_some_and(|p| p.file_name() == "environments") {
        let settings: Vec<&Found> = entries.iter().filter(is_settings).collect();
        for file in &settings {
            let bytes = files.read_at(&file.path)?.unwrap_or_default();
            if has(&bytes, b"apiVersion") && has(&bytes, b"kind") {
                return Ok(Detected::Directory);
            }
        }
        if !settings.is_empty() {
            return Ok(Detected::Environment);
        }
    }
    Ok(Detected::Directory)
}

/// Whether a file of this name is YAML or JSON.
pub(crate) fn is_data(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|extension| name.ends_with(extension))
}

pub(crate) fn has(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
