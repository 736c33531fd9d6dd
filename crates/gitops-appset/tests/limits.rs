//! Sets that are made to do harm, and how often a set is looked at.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gitops_app::ApplicationSet;
use gitops_appset::{ExpandError, Limits, Nowhere, Settings, WorldError, expand, parameters, requeue_after};
use gitops_manifest::yaml::{self, ParseOptions};
use gitops_manifest::{Location, Manifest, Value};

fn yaml(text: &str) -> Value {
    yaml::parse(text.as_bytes(), "t.yaml", &ParseOptions::default()).unwrap().documents.remove(0).value
}

fn set(spec: &str) -> ApplicationSet {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: set}}\nspec:\n  template: {{metadata: {{name: \
         '{{{{name}}}}'}}, spec: {{project: '', destination: {{name: x}}, source: {{repoURL: u, path: p}}}}}}\n  {spec}\n"
    );
    ApplicationSet::from_manifest(&Manifest::from_value(yaml(&text), Location::file("t.yaml")).unwrap()).unwrap()
}

#[test]
fn a_product_of_products_stops_at_the_limit() {
    let list = |key: &str| {
        let elements: Vec<String> = (0..200).map(|i| format!("{{{key}: '{i}'}}")).collect();
        format!("{{list: {{elements: [{}]}}}}", elements.join(", "))
    };
    let inner = format!("{{matrix: {{generators: [{}, {}]}}}}", list("a"), list("b"));
    let bomb = set(&format!("generators: [{{matrix: {{generators: [{inner}, {}]}}}}]", list("c")));
    let error = expand(&bomb, &Nowhere, &Settings::default()).unwrap_err();
    assert_eq!(
        error,
        ExpandError::TooMany { at: "spec.generators[0].matrix.generators[0].matrix".into(), limit: Limits::default().parameter_sets }
    );
}

#[test]
fn what_is_not_connected_says_so() {
    let git = set("generators: [{git: {repoURL: 'https://g/x', revision: '', directories: [{path: '*'}]}}]");
    let error = parameters(&git, &Nowhere, &Settings::default()).unwrap_err();
    assert!(matches!(&error, ExpandError::World { source: WorldError::Unavailable { what, .. }, .. } if what == "https://g/x"));
    let go = set("goTemplate: true\n  generators: [{list: {elements: [{name: a}]}}]");
    let error = expand(&go, &Nowhere, &Settings::default()).unwrap_err().to_string();
    assert!(error.starts_with("spec.goTemplate: Go templates cannot be rendered here"), "{error}");
    let forge = set("generators: [{scmProvider: {github: {organization: o}}}]");
    let off = Settings { forges: false, ..Settings::default() };
    assert!(expand(&forge, &Nowhere, &off).unwrap_err().to_string().contains("forges are switched off"));
}

#[test]
fn a_caller_may_refuse_single_applications() {
    let two = set("generators: [{list: {elements: [{name: a}, {name: b}]}}]");
    let check = |app: &gitops_app::Application| if app.metadata.name == "a" { Err("project x is not there".into()) } else { Ok(()) };
    let expansion = expand(&two, &Nowhere, &Settings { check: Some(&check), ..Settings::default() }).unwrap();
    assert_eq!((expansion.applications.len(), expansion.problem_line().as_deref()), (1, Some("project x is not there")));
    let both = |_: &gitops_app::Application| Err("no".to_owned());
    let expansion = expand(&two, &Nowhere, &Settings { check: Some(&both), ..Settings::default() }).unwrap();
    assert_eq!(expansion.problem_line().as_deref(), Some("no (and 1 more)"));
}

#[test]
fn how_often_a_set_is_looked_at() {
    for (generators, minutes) in [
        ("[{list: {elements: []}}]", None),
        ("[{clusters: {}}]", None),
        ("[{git: {repoURL: u, revision: r}}]", Some(3)),
        ("[{git: {repoURL: u, revision: r, requeueAfterSeconds: 600}}]", Some(10)),
        ("[{git: {repoURL: u, revision: r, requeueAfterSeconds: 0}}]", None),
        ("[{clusterDecisionResource: {configMapRef: c}}]", Some(3)),
        ("[{scmProvider: {}}]", Some(30)),
        ("[{pullRequest: {}}]", Some(30)),
        ("[{plugin: {configMapRef: {name: p}}}]", Some(30)),
        ("[{list: {elements: []}}, {pullRequest: {requeueAfterSeconds: 120}}, {git: {repoURL: u, revision: r}}]", Some(2)),
        ("[{matrix: {generators: [{list: {elements: []}}, {pullRequest: {}}]}}]", Some(30)),
        ("[{merge: {generators: [{git: {repoURL: u, revision: r}}, {matrix: {generators: [{plugin: {}}, {list: {}}]}}]}}]", Some(3)),
    ] {
        let generators = yaml(generators);
        let found = requeue_after(generators.as_list().unwrap(), Duration::from_secs(180));
        assert_eq!(found, minutes.map(|m| Duration::from_secs(m * 60)), "{generators:?}");
    }
}
