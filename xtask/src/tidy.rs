//! Tidiness: what a reviewer would say twice.

use std::fs;
use std::path::{Path, PathBuf};

/// Words that are no nouns of the field, as names of modules.
const NO_NOUNS: &[&str] = &["util", "utils", "common", "helpers", "helper", "manager", "types", "misc"];

/// A source file beyond this many lines hides a second noun.
const LONGEST_FILE: usize = 900;

/// What is left behind by unfinished work. Split so that this file does not find itself.
const LEFT_OVERS: &[&str] =
    &[concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME"), concat!("BOOT", "STRAP"), concat!("#[ig", "nore")];

pub(crate) fn wrong() -> Vec<String> {
    let mut wrong = Vec::new();
    let mut files = Vec::new();
    for top in ["crates", "bins", "benches", "xtask"] {
        sources(Path::new(top), &mut files);
    }
    for file in &files {
        let text = fs::read_to_string(file).unwrap_or_default();
        wrong.extend(faults(&file.display().to_string(), &text));
    }
    wrong.extend(missing_lint_lists());
    wrong
}

fn sources(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("cases") {
            sources(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

fn faults(file: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let stem = Path::new(file).file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    if NO_NOUNS.contains(&stem) {
        wrong.push(format!("{file}: `{stem}` is no noun of the field: name the module after what it owns"));
    }
    let lines = text.lines().count();
    if lines > LONGEST_FILE {
        wrong.push(format!("{file}: {lines} lines: look for the second noun"));
    }
    if !text.starts_with("//!") && !text.starts_with("#!") {
        wrong.push(format!("{file}: begins with no `//!` that says what it owns"));
    }
    for left in LEFT_OVERS {
        if let Some(line) = text.lines().position(|l| l.contains(left)) {
            wrong.push(format!("{file}:{}: `{left}` is unfinished work", line + 1));
        }
    }
    wrong
}

/// Pure crates forbid I/O in a `clippy.toml` of their own; the nearest one replaces the root's, so each must be whole.
fn missing_lint_lists() -> Vec<String> {
    const PURE: &[&str] = &[
        "gitops-manifest",
        "gitops-health",
        "gitops-app",
        "gitops-schema",
        "gitops-diff",
        "gitops-customize",
        "gitops-apply",
        "gitops-render",
    ];
    const FORBIDDEN: &[&str] =
        &["std::fs::read", "std::process::Command::new", "std::env::var", "std::time::SystemTime::now", "std::time::Instant::now"];
    let mut wrong = Vec::new();
    for krate in PURE {
        let file = format!("crates/{krate}/clippy.toml");
        let text = fs::read_to_string(&file).unwrap_or_default();
        wrong.extend(FORBIDDEN.iter().filter(|f| !text.contains(**f)).map(|f| format!("{file}: does not forbid `{f}`")));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).expect("the workspace is there");
        assert_eq!(wrong(), Vec::<String>::new());
    }

    #[test]
    fn faults_are_found() {
        assert_eq!(faults("src/utils.rs", "fn main() { to\u{64}o!() }").len(), 3);
    }
}
