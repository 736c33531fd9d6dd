//! Input that is made to do harm: each is a clear error with its file, in bounded time and memory.
#![allow(clippy::unwrap_used, reason = "tests")]

use gitops_render::{Context, DirectoryOptions, EngineChoice, EnvironmentOptions, Limits, Problem, RenderError, Rendered, Source, render};
use gitops_tree::{MemoryTree, TreePath};

fn directory(recurse: bool) -> EngineChoice {
    EngineChoice::Directory(DirectoryOptions { recurse, ..DirectoryOptions::default() })
}

fn environment() -> EngineChoice {
    EngineChoice::Environment(EnvironmentOptions { environment: "production".into(), ..EnvironmentOptions::default() })
}

fn run(tree: &MemoryTree, engine: EngineChoice, limits: &Limits) -> Result<Rendered, RenderError> {
    let source = Source { path: TreePath::root(), engine };
    render(tree, &source, &Context::new("bad", "", limits))
}

/// Renders what must fail, and returns its text.
fn fails(tree: &MemoryTree, engine: EngineChoice) -> String {
    run(tree, engine, &Limits::default()).expect_err("must fail").to_string()
}

/// A manifest with `body` in it, so that it looks like one.
fn manifest(body: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n{body}")
}

fn bomb() -> String {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..12 {
        let item = format!("*a{}", i - 1);
        text += &format!("a{i}: &a{i} [{}]\n", vec![item; 10].join(","));
    }
    text
}

#[test]
fn a_yaml_bomb() {
    let error = fails(&MemoryTree::new().with("bomb.yaml", manifest(&bomb())), directory(false));
    assert!(error.starts_with("bomb.yaml"), "{error}");
    let error = fails(&MemoryTree::new().with("environments/production/bomb.yaml", bomb()), environment());
    assert!(error.starts_with("environments/production/bomb.yaml"), "{error}");
}

#[test]
fn a_hundred_megabytes() {
    let tree = MemoryTree::new().with("large.yaml", vec![b'#'; 100 << 20]);
    let error = fails(&tree, directory(false));
    assert_eq!(error, "large.yaml: with this file the source is larger than the limit of 10000000 bytes");
    let tree = MemoryTree::new().with("environments/production/large.json", vec![b' '; 100 << 20]);
    assert!(fails(&tree, environment()).starts_with("environments/production/large.json: "));
}

#[test]
fn many_files_that_are_together_too_large() {
    let text = manifest(&format!("data: {{x: {}}}\n", "y".repeat(1 << 20)));
    let tree = (0..12).fold(MemoryTree::new(), |tree, i| tree.with(&format!("{i:02}.yaml"), &text));
    assert!(fails(&tree, directory(false)).starts_with("09.yaml: "));
}

#[test]
fn deep_nesting_of_yaml_and_json() {
    let deep = "[".repeat(100_000);
    let tree = MemoryTree::new().with("deep.yaml", manifest(&format!("data: {deep}\n"))).with("deep.json", &deep);
    let error = fails(&tree, directory(false));
    assert_eq!(error.lines().filter(|l| l.starts_with("deep.")).count(), 2, "{error}");
}

#[test]
fn deep_nesting_of_directories() {
    let path = "d/".repeat(1_000) + "a.yaml";
    let error = fails(&MemoryTree::new().with(&path, manifest("")), directory(true));
    assert!(error.ends_with("more than 200 directories deep"), "{error}");
}

#[test]
fn links_that_multiply() {
    // Each directory holds two links to the next: 2^40 files from forty directories.
    let mut tree = MemoryTree::new().with("d40/a.yaml", manifest(""));
    for i in 0..40 {
        let next = format!("../d{}", i + 1);
        tree = tree.with_link(&format!("d{i}/x"), &next).with_link(&format!("d{i}/y"), &next);
    }
    let mut limits = Limits::default();
    limits.max_entries = 5_000;
    let error = run(&tree, directory(true), &limits).expect_err("must fail");
    assert!(error.problems().iter().any(|p| matches!(p, Problem::TooMany { limit: 5_000, .. })), "{error}");
}

#[test]
fn invalid_utf8_in_our_own_files() {
    let tree =
        MemoryTree::new().with("environments/production/a.json", b"{\"a\": \"\xff\"}").with("environments/production/b.yaml", b"a: \xff");
    let error = fails(&tree, environment());
    assert_eq!(error.lines().count(), 2, "{error}");
    assert!(error.lines().all(|l| l.starts_with("environments/production/")), "{error}");
}

#[test]
fn a_link_out_of_an_environment() {
    let tree =
        MemoryTree::new().with("environments/production/a.json", "{}").with_link("environments/production/b.json", "../../../etc/passwd");
    let error = fails(&tree, environment());
    assert_eq!(error, "environments/production/b.json: the symbolic link points to `../../../etc/passwd`, which leaves the repository");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let tree = MemoryTree::new()
        .with("platform.yaml", "a: 1\n")
        .with("agents/a/manifest.json", r#"{"token": "hunter2", "other": "vault://hunter2 hunter2"}"#)
        .with("schemas/agent.json", r#"{"properties": {"token": {"enum": ["vault://x"]}, "other": {"maxLength": 3}}}"#);
    let error = fails(&tree, environment());
    assert!(!error.contains("hunter2"), "{error}");
    assert_eq!(error.lines().count(), 3, "{error}");
}

#[test]
fn a_failed_render_also_knows_what_it_read() {
    let tree = MemoryTree::new().with("a.yaml", manifest("data: [\n"));
    let error = run(&tree, directory(false), &Limits::default()).expect_err("must fail");
    assert!(error.reads().holds_in(&tree).unwrap());
    assert!(!error.reads().holds_in(&tree.clone().with("a.yaml", manifest(""))).unwrap());
}

#[test]
fn schemas_that_refer_to_themselves() {
    let schemas = [
        r##"{"$ref": "#"}"##,
        r##"{"allOf": [{"$ref": "#"}]}"##,
        r##"{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}}"##,
        r##"{"not": {"$ref": "#"}}"##,
        r##"{"if": {"$ref": "#"}, "then": {"$ref": "#"}}"##,
    ];
    for schema in schemas {
        let tree = MemoryTree::new().with("environments/production/a.json", r#"{"b": {}}"#).with("schemas/a.json", schema);
        // Whether it is refused or has no effect is the validator's affair: it must come to an end.
        if let Err(error) = run(&tree, environment(), &Limits::default()) {
            assert!(error.problems().len() <= 20, "{schema}: {error}");
        }
    }
}
