//! Runs every folder of `tests/cases/<group>/<case>/`.
//!
//! A case: `case.yaml` (fields in [`Case`]), `input/` (a tree, as it lies in git; may be missing), `references/`
//! (a folder for each other source that has a `ref`), and exactly one of
//! `expected.yaml` (the objects, compared as values) and `error.txt` (the error's text). `warnings.txt` stands beside
//! `expected.yaml` when there are warnings. Any other file fails. `UPDATE_EXPECT=1` writes what differs; a person reads
//! the diff.
#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "door: the test reads its cases from files")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use gitops_manifest::Value;
use gitops_manifest::yaml::{self, ParseOptions};
use gitops_render::{
    Context, DirectoryOptions, EngineChoice, EnvironmentOptions, HelmOptions, Limits, Reference, Rendered, Source, render,
};
use gitops_tree::{MemoryTree, TreePath};

#[derive(Default)]
struct Case {
    why: String,
    path: String,
    engine: String,
    /// The options of the engine, by their names in an Application.
    options: Vec<(String, Value)>,
    namespace: String,
    /// Whether charts of kustomizations are off.
    without_charts: bool,
    /// Symbolic links to add to the input, from and to.
    links: Vec<(String, String)>,
    /// Files whose change must not ask for another render, and those whose change must.
    stays_when: Vec<String>,
    changes_when: Vec<String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_list().expect("a list").iter().map(text).collect()
}

fn read_case(folder: &Path) -> Case {
    let bytes = fs::read(folder.join("case.yaml")).unwrap_or_else(|_| panic!("{}: no case.yaml", folder.display()));
    let parsed = yaml::parse(&bytes, "case.yaml", &ParseOptions::default()).unwrap();
    let mut case = Case { engine: "detect".into(), ..Case::default() };
    for (key, value) in parsed.documents[0].value.as_map().expect("a map").iter() {
        let pairs = || value.as_map().expect("a map").iter().map(|(k, v)| (k.to_string(), v.clone()));
        match key.as_str() {
            "why" => case.why = text(value),
            "path" => case.path = text(value),
            "engine" => case.engine = text(value),
            "options" => case.options = pairs().collect(),
            "namespace" => case.namespace = text(value),
            "charts" => case.without_charts = value.as_bool() == Some(false),
            "links" => case.links = pairs().map(|(k, v)| (k, text(&v))).collect(),
            "stays-when" => case.stays_when = texts(value),
            "changes-when" => case.changes_when = texts(value),
            other => panic!("{}: case.yaml has no field `{other}`", folder.display()),
        }
    }
    assert!(!case.why.is_empty(), "{}: case.yaml must say why", folder.display());
    case
}

fn engine(case: &Case) -> EngineChoice {
    if case.engine == "helm" {
        let block = Value::Map(case.options.iter().map(|(k, v)| (k.as_str(), v.clone())).collect());
        let environment = vec![("ARGOCD_APP_NAME".to_owned(), "case".to_owned())];
        return EngineChoice::Helm(HelmOptions { block: Some(block), environment });
    }
    let mut directory = DirectoryOptions::default();
    let mut parameters = Vec::new();
    for (key, value) in &case.options {
        match key.as_str() {
            "recurse" => directory.recurse = value.as_bool().unwrap(),
            "include" => directory.include = Some(text(value)),
            "exclude" => directory.exclude = Some(text(value)),
            "disableExtensionFilter" => directory.disable_extension_filter = value.as_bool().unwrap(),
            _ => parameters.push((key.as_str(), value.as_str().unwrap())),
        }
    }
    match case.engine.as_str() {
        "detect" => EngineChoice::Detect,
        "directory" => EngineChoice::Directory(directory),
        "environment" => EngineChoice::Environment(EnvironmentOptions::from_parameters(parameters).unwrap()),
        other => EngineChoice::Unsupported { name: other.to_owned() },
    }
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

fn values(text: &[u8]) -> Vec<Value> {
    yaml::parse(text, "expected.yaml", &ParseOptions::default()).unwrap().documents.into_iter().map(|d| d.value).collect()
}

fn print(rendered: &Rendered) -> String {
    rendered.manifests.iter().fold(String::new(), |mut all, m| {
        write!(all, "---\n{}", yaml::print(m.body())).unwrap();
        all
    })
}

/// Compares one file of a case, or writes it. `None` means that it must not be there.
fn compare(file: &Path, actual: Option<&str>, same: impl Fn(&[u8], &str) -> bool, wrong: &mut Vec<String>) {
    let expected = fs::read(file).ok();
    let good = match (&expected, actual) {
        (Some(expected), Some(actual)) => same(expected, actual),
        (None, None) => true,
        _ => false,
    };
    if good {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        match actual {
            Some(actual) => fs::write(file, actual).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
        return;
    }
    let expected = expected.map_or_else(|| "nothing".to_owned(), |e| String::from_utf8_lossy(&e).into_owned());
    wrong.push(format!("{}\n  expected:\n{expected}\n  actual:\n{}", file.display(), actual.unwrap_or("nothing")));
}

fn check(folder: &Path, wrong: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !["case.yaml", "input", "references", "expected.yaml", "error.txt", "warnings.txt"].contains(&name.as_str()) {
            wrong.push(format!("{}: unknown file `{name}`", folder.display()));
        }
    }
    let case = read_case(folder);
    let input = folder.join("input");
    let tree = add_files(MemoryTree::new(), &input, &input);
    let tree = case.links.iter().fold(tree, |tree, (from, to)| tree.with_link(from, to));
    let source = Source { path: TreePath::parse(&case.path).unwrap(), engine: engine(&case) };
    let limits = Limits::default();
    let others = folder.join("references");
    let others = if others.is_dir() { folders(&others) } else { Vec::new() };
    let others: Vec<(&str, MemoryTree)> =
        others.iter().map(|o| (o.file_name().unwrap().to_str().unwrap(), add_files(MemoryTree::new(), o, o))).collect();
    let references: Vec<_> = others.iter().map(|(name, tree)| Reference { name, tree }).collect();
    let context = Context { charts: !case.without_charts, references: &references, ..Context::new("case", &case.namespace, &limits) };
    let result = render(&tree, &source, &context);
    let same_text = |expected: &[u8], actual: &str| expected == actual.as_bytes();
    let reads = match &result {
        Ok(rendered) => {
            let warnings: String = rendered.warnings.iter().map(|w| format!("{w}\n")).collect();
            let warnings = Some(warnings.as_str()).filter(|w| !w.is_empty());
            compare(&folder.join("expected.yaml"), Some(&print(rendered)), |e, a| values(e) == values(a.as_bytes()), wrong);
            compare(&folder.join("warnings.txt"), warnings, same_text, wrong);
            compare(&folder.join("error.txt"), None, same_text, wrong);
            &rendered.reads
        }
        Err(error) => {
            compare(&folder.join("error.txt"), Some(&format!("{error}\n")), same_text, wrong);
            compare(&folder.join("expected.yaml"), None, same_text, wrong);
            error.reads()
        }
    };
    assert!(reads.holds_in(&tree).unwrap(), "{}: a render must hold in its own tree", folder.display());
    for (files, expected) in [(&case.stays_when, true), (&case.changes_when, false)] {
        for file in files {
            if reads.holds_in(&tree.clone().with(file, "changed: true\n")).unwrap() != expected {
                wrong.push(format!("{}: with {file} changed, the render should hold: {expected}", folder.display()));
            }
        }
    }
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
    assert!(cases.len() >= 25, "only {} cases were found", cases.len());
    assert!(wrong.is_empty(), "{} differ:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
