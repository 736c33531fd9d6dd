//! The live directory as it stands.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::wait::{holds, until};

/// Each live file with what changes when it is written again: its inode and its time of modification in nanoseconds.
pub(crate) fn stamps(root: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            if entry.file_name() == ".gitops" {
                continue;
            } else if metadata.is_dir() {
                waiting.push(path);
            } else {
                found.insert(path, (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()));
            }
        }
    }
    found
}

/// Waits until a live file holds a text.
pub(crate) fn wait_for_text(file: &Path, text: &str) {
    until(&file.display().to_string(), || {
        let found = std::fs::read_to_string(file).map_err(|e| e.to_string())?;
        holds(found.contains(text), || format!("no `{text}` in it:\n{found}"))
    });
}
