//! Runs every folder of `tests/cases/<group>/<case>/`.
//!
//! A case: `case.yaml` (`why`; `shows`: `parameters`, the default, or `applications`; `spec` of the set, laid over a plain
//! template; `world`, see [`world::Answers`]; `double-star`), `input/` (the files of every repository; may be missing), and
//! exactly one of `expected.yaml` and `error.txt`. `problems.txt` stands beside `expected.yaml` when applications are wrong on
//! their own. Any other file fails. `UPDATE_EXPECT=1` writes what differs; a person reads the diff.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "door: the test reads its cases from files")]

mod world;

use std::fs;
use std::path::{Path, PathBuf};

use gitops_app::ApplicationSet;
use gitops_appset::{Settings, expand, parameters};
use gitops_manifest::patch::merge;
use gitops_manifest::yaml::{self, ParseOptions};
use gitops_manifest::{Location, Manifest, Value};
use gitops_tree::MemoryTree;

use world::{Answers, Paths};

const PLAIN: &str = "
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: set, namespace: argocd, uid: u-1}
spec:
  template:
    metadata: {name: '{{name}}'}
    spec:
      project: default
      destination: {name: in-cluster, namespace: shop}
      source: {repoURL: 'https://git.example/shop.git', path: deploy}
";

fn read(text: &[u8]) -> Value {
    yaml::parse(text, "case.yaml", &ParseOptions::default()).unwrap().documents.remove(0).value
}

fn add_files(mut tree: MemoryTree, root: &Path, directory: &Path) -> MemoryTree {
    let Ok(entries) = fs::read_dir(directory) else { return tree };
    for entry in entries {
        let path = entry.unwrap().path();
        tree = if path.is_dir() {
            add_files(tree, root, &path)
        } else {
            tree.with(path.strip_prefix(root).unwrap().to_str().unwrap(), fs::read(&path).unwrap())
        };
    }
    tree
}

/// What a case comes to: the expected text and the problems, or the error.
fn run(case: &Value, files: MemoryTree) -> Result<(String, String), String> {
    let mut body = read(PLAIN.as_bytes());
    merge::apply(body.as_map_mut().unwrap().entry_or_null("spec"), &case["spec"]);
    let manifest = Manifest::from_value(body, Location::file("set.yaml")).unwrap();
    let set = ApplicationSet::from_manifest(&manifest).map_err(|e| e.to_string())?;
    let answers = Answers { data: case.get("world").cloned().unwrap_or_default(), files };
    let allowed = ["https://allowed.example".to_owned()];
    let double_star = case.get("double-star").and_then(Value::as_bool).unwrap_or(false);
    let settings = Settings { go_templates: Some(&Paths), double_star, allowed_forges: &allowed, ..Settings::default() };
    if case.str_at(&["shows"]) != Some("applications") {
        let sets = parameters(&set, &answers, &settings).map_err(|e| e.to_string())?;
        return Ok((yaml::print(&Value::List(sets.into_iter().map(Value::Map).collect())), String::new()));
    }
    let expansion = expand(&set, &answers, &settings).map_err(|e| e.to_string())?;
    let bodies: Vec<Value> = expansion.applications.iter().map(gitops_app::Application::to_value).collect();
    let problems: String = expansion.problems.iter().map(|p| format!("{}: {}\n", p.name, p.reason)).collect();
    Ok((yaml::print(&Value::List(bodies)), problems))
}

fn compare(file: &Path, actual: Option<&str>, wrong: &mut Vec<String>) {
    let expected = fs::read_to_string(file).ok();
    if expected.as_deref() == actual {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        match actual {
            Some(actual) => fs::write(file, actual).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
        return;
    }
    let shown = |t: Option<&str>| t.unwrap_or("nothing").to_owned();
    wrong.push(format!("{}\n  expected:\n{}\n  actual:\n{}", file.display(), shown(expected.as_deref()), shown(actual)));
}

fn check(folder: &Path, wrong: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !["case.yaml", "input", "expected.yaml", "error.txt", "problems.txt"].contains(&name.as_str()) {
            wrong.push(format!("{}: unknown file `{name}`", folder.display()));
        }
    }
    let case = read(&fs::read(folder.join("case.yaml")).unwrap());
    for key in case.as_map().unwrap().keys() {
        assert!(["why", "shows", "spec", "world", "double-star"].contains(&key.as_str()), "{}: `{}`", folder.display(), key.as_str());
    }
    assert!(!case.str_at(&["why"]).unwrap_or("").is_empty(), "{}: case.yaml must say why", folder.display());
    let input = folder.join("input");
    let (expected, problems, error) = match run(&case, add_files(MemoryTree::new(), &input, &input)) {
        Ok((expected, problems)) => (Some(expected), Some(problems).filter(|p| !p.is_empty()), None),
        Err(error) => (None, None, Some(format!("{error}\n"))),
    };
    compare(&folder.join("expected.yaml"), expected.as_deref(), wrong);
    compare(&folder.join("problems.txt"), problems.as_deref(), wrong);
    compare(&folder.join("error.txt"), error.as_deref(), wrong);
}

fn folders(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    for path in &found {
        assert!(path.is_dir(), "{}: unknown file", path.display());
    }
    found
}

#[test]
fn every_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let cases: Vec<PathBuf> = folders(&root).iter().flat_map(|group| folders(group)).collect();
    let mut wrong = Vec::new();
    for case in &cases {
        check(case, &mut wrong);
    }
    println!("{} passed, {} failed", cases.len() - wrong.len().min(cases.len()), wrong.len());
    assert!(cases.len() >= 50, "only {} cases were found", cases.len());
    assert!(wrong.is_empty(), "{} differ:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
