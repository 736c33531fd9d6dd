//! Reading an Application: what is accepted, and what is said about what is not.

use gitops_app::{Application, ApplicationError};
use gitops_manifest::{Location, Manifest, json};

fn read(text: &str) -> Result<Application, ApplicationError> {
    let body = json::parse(text.as_bytes(), "a.json").expect("JSON");
    Application::from_manifest(&Manifest::from_value(body, Location::file("apps/a.json")).expect("a manifest"))
}

fn with_spec(spec: &str) -> Result<Application, ApplicationError> {
    read(&format!(r#"{{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{{"name":"a"}},"spec":{spec}}}"#))
}

fn problems(spec: &str) -> Vec<String> {
    with_spec(spec).expect_err("wrong").problems().iter().map(ToString::to_string).collect()
}

const DESTINATION: &str = r#""project":"default","destination":{"server":"https://kubernetes.default.svc"}"#;

#[test]
fn another_kind_is_named() {
    let e = read(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#).expect_err("not an Application");
    assert_eq!(e.to_string(), "apps/a.json: expected kind Application of argoproj.io/v1alpha1, found ConfigMap of v1");
}

#[test]
fn every_problem_is_reported_at_once() {
    let found = problems(
        r#"{"project":7,"destnation":{},"destination":{"server":"x","name":"y"},
            "syncPolicy":{"automated":{"prune":"yes"},"retry":{"limit":1.5}},
            "sources":[{"repoUrl":"u","path":"/etc","helm":{"valuefiles":[]}}]}"#,
    );
    assert_eq!(
        found,
        [
            "spec.destnation: unknown field, did you mean `destination`?",
            "spec.project: expected a string, found a number",
            "spec.sources[0].helm.valuefiles: unknown field, did you mean `valueFiles`?",
            "spec.sources[0].repoUrl: unknown field, did you mean `repoURL`?",
            "spec.sources[0].repoURL: missing, but required",
            "spec.syncPolicy.automated.prune: expected a boolean, found a string",
            "spec.syncPolicy.retry.limit: expected a whole number, found a number",
        ]
    );
}

#[test]
fn rules_of_the_spec_are_checked() {
    let rules = |rest: &str| problems(&format!("{{{DESTINATION},{rest}}}"));
    assert_eq!(rules(r#""source":{"repoURL":"u"}"#), ["spec.source: needs `path` or `chart`"]);
    assert_eq!(
        rules(r#""source":{"repoURL":"u","chart":"c"}"#),
        ["spec.source.targetRevision: is empty; a chart needs a version or a constraint"]
    );
    assert_eq!(
        rules(r#""sources":[{"repoURL":"u","ref":"a b"},{"repoURL":"u","ref":"v"},{"repoURL":"","ref":"v"}]"#),
        [
            "spec.sources[0].ref: may hold only letters, digits, `_` and `-`",
            "spec.sources[2].repoURL: is empty; name the repository",
            "spec.sources[2].ref: another source has the same ref; give each its own",
        ]
    );
    assert_eq!(
        rules(r#""source":{"repoURL":"u","path":"../x","helm":{"values":"a: 1"},"directory":{"recurse":true},"plugin":{}}"#),
        [
            "spec.source.path: must be relative and stay inside the repository",
            "spec.source: has several tool blocks (helm, directory); keep at most one",
        ]
    );
    assert_eq!(rules(r#""info":[]"#), ["spec: says no source; set `source` or `sources`"]);
    assert_eq!(
        problems(
            r#"{"project":"","destination":{},"source":{"repoURL":"u","path":"."},
            "syncPolicy":{"retry":{"backoff":{"duration":"soon","maxDuration":"3m"}}}}"#
        ),
        [
            "spec.destination: has neither `server` nor `name`; set one",
            "spec.syncPolicy.retry.backoff.duration: `soon` is not a duration: write a number with a unit, e.g. `30s`, `5m` or `1h30m`",
        ]
    );
}

#[test]
fn the_hydrated_source_wins() {
    let app = with_spec(&format!(
        r#"{{{DESTINATION},"source":{{"repoURL":"u","path":"p"}},"sourceHydrator":{{
            "drySource":{{"repoURL":"dry","path":"p","targetRevision":"main"}},
            "syncSource":{{"targetBranch":"env/prod","path":"out"}}}}}}"#
    ))
    .expect("valid");
    let sources = app.effective_sources();
    assert_eq!((sources[0].repo_url.as_str(), sources[0].path.as_str(), sources[0].revision_spec()), ("dry", "out", "env/prod"));
    assert!(!app.has_multiple_sources());
}

#[test]
fn nulls_count_as_absent_and_tools_may_be_empty() {
    let app = with_spec(&format!(
        r#"{{{DESTINATION},"syncPolicy":null,"source":{{"repoURL":"u","path":"p","helm":{{"valuesObject":{{"a":null}}}},"kustomize":{{}}}}}}"#
    ))
    .expect("valid");
    assert_eq!(app.spec.sync_policy, None);
    assert!(!app.is_automated());
    let helm = app.spec.source.and_then(|s| s.helm).expect("kept");
    assert!(helm["valuesObject"]["a"].is_null() && helm["valuesObject"].as_object().is_some_and(|o| o.contains_key("a")));
}
