//! The project's own cases: `tests/cases/<area>/<name>/` with `case.toml` (why, oracle, build), `input/`, and exactly one of
//! `expected.yaml` (the bytes that kustomize prints) and `error.txt` (our words, where kustomize fails too).
//!
//! A folder is all there is to a case. `UPDATE_EXPECT=1` writes what is built into the folders; read the difference then.

#![expect(clippy::disallowed_methods, reason = "door: a test that reads its cases")]

use std::fs;
use std::path::{Path, PathBuf};

use gitops_kustomize::{Options, Seams, build};
use gitops_tree::{MemoryTree, TreePath};

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut failed = Vec::new();
    let mut count = 0;
    for area in folders(&root) {
        for case in folders(&area) {
            count += 1;
            if let Err(message) = check(&case) {
                failed.push(format!("{}: {message}", case.strip_prefix(&root).unwrap_or(&case).display()));
            }
        }
    }
    println!("{} passed, {} failed", count - failed.len(), failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(count > 0, "no cases at {}", root.display());
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a folder of cases").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn check(case: &Path) -> Result<(), String> {
    for entry in fs::read_dir(case).expect("a case").map(|entry| entry.expect("an entry").file_name()) {
        if !["case.toml", "input", "expected.yaml", "error.txt"].iter().any(|known| entry.to_str() == Some(known)) {
            return Err(format!("what is {entry:?}?"));
        }
    }
    let about = fs::read_to_string(case.join("case.toml")).map_err(|_| "has no case.toml".to_owned())?;
    let field =
        |name: &str| about.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('=')).map(|v| v.trim().trim_matches('"'));
    if field("why").is_none_or(str::is_empty) || field("oracle").is_none_or(str::is_empty) {
        return Err("case.toml must say `why` and `oracle`".to_owned());
    }
    let mut tree = MemoryTree::new();
    let input = case.join("input");
    add(&mut tree, &input, &input);
    let start = TreePath::parse(field("build").unwrap_or_default()).map_err(|error| error.to_string())?;
    let built = build(&tree, &start, &Options::default(), &Seams::default());
    let (file, text) = match built {
        Ok(built) => ("expected.yaml", built.to_yaml()),
        Err(error) => ("error.txt", format!("{error}\n")),
    };
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        for file in ["expected.yaml", "error.txt"] {
            let _ = fs::remove_file(case.join(file));
        }
        fs::write(case.join(file), text).expect("the case is written");
        return Ok(());
    }
    match (fs::read_to_string(case.join("expected.yaml")), fs::read_to_string(case.join("error.txt"))) {
        (Ok(expected), Err(_)) if file == "expected.yaml" && expected == text => Ok(()),
        (Err(_), Ok(expected)) if file == "error.txt" && expected == text => Ok(()),
        (Ok(_), Ok(_)) | (Err(_), Err(_)) => Err("must have one of expected.yaml and error.txt".to_owned()),
        (Ok(expected), _) | (_, Ok(expected)) => Err(format!("built\n{text}\nexpected\n{expected}")),
    }
}

fn add(tree: &mut MemoryTree, input: &Path, dir: &Path) {
    for path in fs::read_dir(dir).expect("an input").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            add(tree, input, &path);
        } else {
            let name = path.strip_prefix(input).expect("inside").to_str().expect("a name").to_owned();
            let bytes = fs::read(&path).expect("a file");
            *tree = std::mem::take(tree).with(&name, bytes);
        }
    }
}
