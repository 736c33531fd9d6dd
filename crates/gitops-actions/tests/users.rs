//! Users' actions in Lua, and what the shipped ones leave behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gitops_actions::{ActionError, Actions, Impact, Input, UserActions};
use gitops_manifest::{Value, json};
use proptest::prelude::*;

fn live(text: &str) -> Value {
    json::parse(text.as_bytes(), "live").unwrap()
}

fn deployment() -> Value {
    live(
        r#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "annotations": {}},
            "spec": {"paused": true, "selector": {}, "template": {"spec": {"volumes": [{"emptyDir": {}}]}}}}"#,
    )
}

fn users(merges: bool) -> Actions {
    let mut user = UserActions::new(merges);
    let discovery = "local a = {} a['restart'] = {disabled = true, displayName = 'Mine'} a['tag'] = {params = {{name = 'tag'}}} return a";
    user.set_discovery("discovery.lua", discovery).unwrap();
    user.define("tag", "tag.lua", "obj.metadata.labels = {tag = actionParams['tag']} return obj").unwrap();
    user.define("copy", "copy.lua", "obj.metadata.name = 'b' return {{operation = 'create', resource = obj}}").unwrap();
    user.define("odd", "odd.lua", "return {{operation = 'delete', resource = obj}}").unwrap();
    let mut actions = Actions::default();
    actions.set("apps", "Deployment", user);
    actions
}

fn names(actions: &Actions) -> Vec<String> {
    actions.discover(&deployment()).unwrap().into_iter().map(|a| format!("{}{}", a.name, a.display_name)).collect()
}

#[test]
fn users_replace_or_join_the_shipped_ones() {
    assert_eq!(names(&users(false)), ["restartMine", "tag"]);
    assert_eq!(names(&users(true)), ["pause", "restartMine", "resume", "scale", "tag"]);
}

#[test]
fn a_script_changes_a_copy_and_empty_maps_stay_maps() {
    let input = Input { params: [("tag".to_owned(), "7".to_owned())].into(), now: 0 };
    let impacts = users(false).run(&deployment(), "tag", &input).unwrap();
    assert_eq!(json::print(&impacts[0].patch_of(&deployment()).unwrap()), r#"{"metadata":{"labels":{"tag":"7"}}}"#);
    let impacts = users(false).run(&deployment(), "copy", &input).unwrap();
    assert!(matches!(&impacts[..], [Impact::Create(made)] if made.str_at(&["metadata", "name"]) == Some("b")));
    // A shipped action can be run even where users' discovery hides it.
    assert!(users(false).run(&deployment(), "pause", &input).is_ok());
    assert!(users(false).run(&deployment(), "odd", &input).unwrap_err().to_string().contains("unsupported operation `delete`"));
    assert!(matches!(users(false).run(&deployment(), "none", &input), Err(ActionError::NoSuchAction { .. })));
}

#[test]
fn what_was_set_is_taken_away_again() {
    let run = |object: &Value, action: &str| {
        let impacts = Actions::default().run(object, action, &Input::default()).unwrap();
        impacts[0].patch_of(object).map(|p| json::print(&p))
    };
    assert_eq!(run(&deployment(), "resume").as_deref(), Some(r#"{"spec":{"paused":null}}"#));
    let scaled = live(
        r#"{"apiVersion": "keda.sh/v1", "kind": "ScaledObject", "metadata": {"annotations": {"autoscaling.keda.sh/paused": "true", "a": "b"}}}"#,
    );
    assert_eq!(run(&scaled, "resume").as_deref(), Some(r#"{"metadata":{"annotations":{"autoscaling.keda.sh/paused":null}}}"#));
    let rollout = live(r#"{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "status": {"abort": true, "pauseConditions": [{}]}}"#);
    assert_eq!(run(&rollout, "retry").as_deref(), Some(r#"{"status":{"abort":null}}"#));
    assert_eq!(run(&rollout, "resume").as_deref(), Some(r#"{"status":{"pauseConditions":null}}"#));
    let application =
        live(r#"{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "spec": {"syncPolicy": {"automated": {"prune": true}}}}"#);
    assert_eq!(run(&application, "toggle-auto-sync").as_deref(), Some(r#"{"spec":{"syncPolicy":{"automated":{"enabled":false}}}}"#));
}

const KINDS: &[(&str, &str)] = &[
    ("apps", "Deployment"),
    ("argoproj.io", "Rollout"),
    ("argoproj.io", "CronWorkflow"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("keda.sh", "ScaledObject"),
    ("numaflow.numaproj.io", "Pipeline"),
    ("postgresql.cnpg.io", "Cluster"),
];
const ODD: &[&str] = &["null", "[]", "{}", "1", "\"x\"", "{\"paused\": 1}", "{\"conditions\": [1]}", "{\"lifecycle\": []}"];
const ACTIONS: &[&str] = &["restart", "pause", "resume", "scale", "terminate", "promote", "create-job", "create-workflow", "force-promote"];

proptest! {
    #[test]
    fn any_shape_is_taken(
        (group, kind) in prop::sample::select(KINDS),
        metadata in prop::sample::select(ODD),
        spec in prop::sample::select(ODD),
        status in prop::sample::select(ODD),
        action in prop::sample::select(ACTIONS),
    ) {
        let text = format!(r#"{{"apiVersion": "{group}/v1", "kind": "{kind}", "metadata": {metadata}, "spec": {spec}, "status": {status}}}"#);
        let object = live(&text);
        prop_assert!(Actions::default().discover(&object).is_ok());
        let _ = Actions::default().run(&object, action, &Input { now: i64::MAX, ..Input::default() });
    }
}
