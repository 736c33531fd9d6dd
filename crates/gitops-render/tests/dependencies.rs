//! Dependencies that are not vendored, by a fetcher: locks, what is refused, and what is noted.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Mutex;

use gitops_render::{
    ChartFetcher, ChartRequest, Context, EngineChoice, FetchedChart, HelmOptions, Limits, RenderError, Rendered, Source, render,
};
use gitops_tree::{MemoryTree, TreePath};

/// Hands out nothing, and notes what was asked for.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

impl ChartFetcher for Asked {
    fn fetch(&self, request: &ChartRequest) -> Result<FetchedChart, String> {
        self.0.lock().unwrap().push(request.to_string());
        Err("nothing is published".to_owned())
    }
}

fn rendered(tree: &MemoryTree) -> (Result<Rendered, RenderError>, Vec<String>) {
    let asked = Asked::default();
    let limits = Limits::default();
    let context = Context { fetcher: Some(&asked), ..Context::new("web", "web", &limits) };
    let engine = EngineChoice::Helm(HelmOptions::default());
    let result = render(tree, &Source { path: TreePath::parse("web").unwrap(), engine }, &context);
    (result, asked.0.into_inner().unwrap())
}

const DEPENDENCIES: &str = "dependencies:\n- {name: db, version: '>=1.0 <2', repository: 'https://charts.example.org'}\n";

fn chart(dependencies: &str) -> MemoryTree {
    MemoryTree::new().with("web/Chart.yaml", format!("apiVersion: v2\nname: web\nversion: 1.0.0\n{dependencies}"))
}

#[test]
fn ranges_are_asked_for_without_a_lock_and_versions_with_one() {
    let (result, asked) = rendered(&chart(DEPENDENCIES));
    assert_eq!(asked, ["chart db (>=1.0 <2) from https://charts.example.org"]);
    let error = result.unwrap_err().to_string();
    assert!(error.contains("dependency `db`: nothing is published"), "{error}");
    // The digest is what `helm dependency update` would write for this Chart.yaml and version 1.4.2.
    let lock = "dependencies:\n- {name: db, repository: 'https://charts.example.org', version: 1.4.2}\ndigest: DIGEST\n";
    let digest = "sha256:6395704e302b51d9eb9f667b0c262c8441de48a5bb32eca741ff1089d25a2a3f";
    let (_, asked) = rendered(&chart(DEPENDENCIES).with("web/Chart.lock", lock.replace("DIGEST", digest)));
    assert_eq!(asked, ["chart db (1.4.2) from https://charts.example.org"]);
    let (result, asked) = rendered(&chart(DEPENDENCIES).with("web/Chart.lock", lock));
    let error = result.unwrap_err().to_string();
    assert!(error.contains("run `helm dependency update`") && asked.is_empty(), "{error}");
}

#[test]
fn what_is_vendored_is_not_asked_for() {
    let vendored = chart(DEPENDENCIES).with("web/charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.1.0\n");
    let (result, asked) = rendered(&vendored);
    assert!(result.is_ok() && asked.is_empty());
}

#[test]
fn names_of_an_installation_are_refused_and_nothing_is_read_outside_of_the_tree() {
    for (repository, wanted) in
        [("@stable", "write the repository's address"), ("file://../../../etc", "`db`"), ("file://../none", "not there")]
    {
        let (result, asked) = rendered(&chart(&DEPENDENCIES.replace("https://charts.example.org", repository)));
        let error = result.unwrap_err().to_string();
        assert!(error.contains(wanted) && asked.is_empty(), "{repository}: {error}");
    }
}

#[test]
fn a_directory_beside_it_is_read_and_noted() {
    let tree = chart(&DEPENDENCIES.replace("https://charts.example.org", "file://../db"))
        .with("db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.1.0\n")
        .with("db/templates/a.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: db}}\n")
        .with("other/file", "1");
    let (result, _) = rendered(&tree);
    let rendered = result.unwrap();
    assert_eq!(rendered.manifests[0].id().name, "db");
    assert!(rendered.reads.holds_in(&tree.clone().with("other/file", "2")).unwrap());
    assert!(!rendered.reads.holds_in(&tree.with("db/values.yaml", "a: 1\n")).unwrap());
}
