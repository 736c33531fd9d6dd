//! Builds recorded kustomizations, and holds the bytes against what kustomize v5.8.2 made of them: its own test suite
//! (`kustomize`) and trees of public repositories (`kustomize-real`).
//!
//! The data lies beside the project (`../shared/conformance`, or where `GITOPS_CONFORMANCE` says). Without it the tests
//! do nothing and say so; under `GITOPS_REQUIRE=all` they fail. `KUSTOMIZE_CASE` runs the cases whose path holds it, and
//! prints what differs.
#![expect(clippy::disallowed_methods, reason = "door: the test reads its cases from files")]

use std::fs;
use std::path::{Path, PathBuf};

use gitops_kustomize::{BuildError, Built, LoadRestrictor, Options, Reorder, Seams, build};
use gitops_manifest::{Value, json};
use gitops_tree::{DiskTree, TreePath};

/// Cases that are not held to their expectation, each with the reason.
const EXPECTED_DIFFERENCES: [(&str, &str); 0] = [];

fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("GITOPS_CONFORMANCE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    let path = root.join(name);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var("GITOPS_REQUIRE").as_deref() != Ok("all"), "{}: the conformance data is missing", path.display());
    eprintln!("SKIPPED: {}: the conformance data is missing", path.display());
    None
}

fn run(input: &Path, path: &str, options: &Options) -> Result<Built, BuildError> {
    let tree = DiskTree::open(input).expect("the input is a directory");
    let mut seams = Seams::default();
    seams.tree_location = Some("/");
    build(&tree, &TreePath::parse(path).expect("inside"), options, &seams)
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
}

impl Tally {
    fn count(&mut self, name: &str, outcome: Result<(), String>) {
        let excused = EXPECTED_DIFFERENCES.iter().any(|(case, _)| *case == name);
        match outcome {
            Ok(()) => self.passed += 1,
            Err(_) if excused => self.passed += 1,
            Err(why) => {
                if std::env::var_os("KUSTOMIZE_CASE").is_some() {
                    println!("== {name}\n{why}");
                }
                self.failed.push(format!("{name}: {}", why.lines().next().unwrap_or_default()));
            }
        }
    }

    fn finish(self, what: &str) {
        for failure in &self.failed {
            println!("FAILED {failure}");
        }
        println!("{what}: {} passed, {} failed", self.passed, self.failed.len());
        assert!(self.failed.is_empty(), "{what}: {} cases differ", self.failed.len());
    }
}

fn chosen(name: &str) -> bool {
    std::env::var("KUSTOMIZE_CASE").map_or(true, |part| name.contains(&part))
}

fn compare(outcome: Result<Built, BuildError>, expected: Option<&str>) -> Result<(), String> {
    match (outcome, expected) {
        (Ok(built), Some(expected)) => {
            let printed = built.to_yaml();
            if printed == expected { Ok(()) } else { Err(difference(&printed, expected)) }
        }
        (Ok(built), None) => Err(format!("it builds, and should fail\n{}", built.to_yaml())),
        (Err(_), None) => Ok(()),
        (Err(error), Some(_)) => Err(format!("it fails: {error}")),
    }
}

fn difference(ours: &str, theirs: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
    let at = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let around = |lines: &[&str]| lines[at.saturating_sub(6)..lines.len().min(at + 8)].join("\n");
    format!("line {} differs\n--- ours\n{}\n--- theirs\n{}", at + 1, around(&a), around(&b))
}

fn options(case: &Value) -> Options {
    let mut options = Options::default();
    if case.str_at(&["options", "reorder"]) == Some("none") {
        options.reorder = Reorder::None;
    }
    if case.str_at(&["options", "loadRestrictor"]) == Some("LoadRestrictionsNone") {
        options.load_restrictor = LoadRestrictor::None;
    }
    options.managed_by_label = case.at(&["options", "enableManagedByLabel"]).and_then(Value::as_bool).unwrap_or_default();
    options
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(path).expect("a directory").map(|e| e.expect("an entry").path()).collect();
    found.retain(|p| p.is_dir());
    found.sort();
    found
}

#[test]
fn kustomizes_own_cases() {
    let Some(root) = data("kustomize") else { return };
    let mut tally = Tally::default();
    for folder in directories(&root.join("cases")).iter().flat_map(|area| directories(area)) {
        let name = folder.strip_prefix(root.join("cases")).expect("below").display().to_string();
        if !chosen(&name) {
            continue;
        }
        let text = fs::read(folder.join("case.json")).expect("readable");
        let case = json::parse(&text, "case.json").expect("JSON");
        let path = case.str_at(&["build"]).unwrap_or(".").to_owned();
        let mut options = options(&case);
        let expected = fs::read_to_string(folder.join("expected.yaml")).ok();
        assert!(expected.is_some() != folder.join("error.txt").exists(), "{name}: one of expected.yaml and error.txt");
        let input = folder.join("input");
        tally.count(&name, compare(run(&input, &path, &options), expected.as_deref()));
        if options.reorder == Reorder::None && expected.is_some() {
            options.reorder = Reorder::Legacy;
            let sorted = fs::read_to_string(folder.join("expected.default-order.yaml")).ok().or(expected);
            tally.count(&format!("{name} (default order)"), compare(run(&input, &path, &options), sorted.as_deref()));
        }
    }
    tally.finish("kustomize");
}

#[test]
fn real_kustomizations() {
    let Some(root) = data("kustomize-real") else { return };
    let mut tally = Tally::default();
    let list = fs::read_to_string(root.join("cases.tsv")).expect("readable");
    for line in list.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [_, repository, path, _, _, file] = columns.as_slice() else { panic!("six columns: {line}") };
        let name = format!("{repository}/{path}");
        if !chosen(&name) {
            continue;
        }
        let expected = fs::read_to_string(root.join("expected").join(file)).expect("readable");
        let outcome = run(&root.join("repos").join(repository), path, &Options::default());
        tally.count(&name, compare(outcome, Some(&expected)));
    }
    tally.finish("kustomize-real");
}
