//! Settings as they stand in `argocd-cm`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gitops_actions::Input;
use gitops_customize::Customizations;
use gitops_diff::{IgnoreStatus, Managers, Verdict};
use gitops_health::HealthStatus;
use gitops_manifest::{Value, yaml};

fn read(text: &str) -> Value {
    yaml::parse(text.as_bytes(), "case", &yaml::ParseOptions::default()).unwrap().documents.remove(0).value
}

fn customizations(settings: &[(&str, &str)]) -> Customizations {
    let (found, problems) = Customizations::read(settings.iter().copied());
    assert_eq!(problems, []);
    found
}

const LUA: &str = "hs = {}\nhs.status = obj.status.torn and 'Degraded' or 'Healthy'\nhs.message = 'by script'\nreturn hs";

#[test]
fn health_scripts_by_kind_and_by_wildcard() {
    let whole = "\"*.example.org/*\":\n  health.lua: |\n    return {status = string.upper('x') == 'X' and 'Suspended' or 'Degraded'}\n  health.lua.useOpenLibs: true\n";
    let found = customizations(&[("resource.customizations.health.example.org_Tape", LUA), ("resource.customizations", whole)]);
    let status = |text: &str| found.assess(&read(text)).unwrap().status;
    assert_eq!(status("{apiVersion: example.org/v1, kind: Tape, status: {torn: true}}"), HealthStatus::Degraded);
    assert_eq!(status("{apiVersion: a.example.org/v1, kind: Other}"), HealthStatus::Suspended);
    // Without a script the shipped rules.
    assert_eq!(status("{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Bound}}"), HealthStatus::Healthy);
}

#[test]
fn a_core_kind_has_no_group_and_libraries_may_come_later() {
    let script = "return {status = 'Healthy', message = string.rep('a', 2)}";
    let key = "resource.customizations.health.ConfigMap";
    let closed = customizations(&[(key, script)]);
    let map = read("{apiVersion: v1, kind: ConfigMap}");
    assert_eq!(closed.assess(&map).unwrap().status, HealthStatus::Unknown);
    let open = customizations(&[(key, script), ("resource.customizations.useOpenLibs.ConfigMap", "true")]);
    assert_eq!(open.assess(&map).unwrap().message, "aa");
}

#[test]
fn ignored_differences_of_the_system() {
    let found = customizations(&[
        ("resource.customizations.ignoreDifferences.apps_Deployment", "jsonPointers: [/spec/replicas]"),
        ("resource.customizations.ignoreDifferences.all", "jqPathExpressions: ['.metadata.labels.x']"),
        ("resource.customizations.ignoreDifferences.ConfigMap", "managedFieldsManagers: [robot]"),
    ]);
    let comparer = found.comparer(Managers::default());
    let schema = gitops_schema::Schema::default();
    let verdict = |desired: &str, live: &str| comparer.compare(&schema, &read(desired), &read(live), &[]).verdict();
    let deployment = |spec: &str| format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {spec}}}");
    assert_eq!(verdict(&deployment("{replicas: 1}"), &deployment("{replicas: 2}")), Verdict::InSync);
    assert_eq!(verdict(&deployment("{paused: true}"), &deployment("{paused: false}")), Verdict::Differs);
    let labelled = |x: &str| format!("{{apiVersion: v1, kind: Pod, metadata: {{name: a, labels: {{x: {x}}}}}}}");
    assert_eq!(verdict(&labelled("a"), &labelled("b")), Verdict::InSync);
    let live = "{apiVersion: v1, kind: ConfigMap, data: {a: c}, metadata: {name: a, managedFields: [{manager: robot, operation: Update, fieldsV1: {\"f:data\": {\"f:a\": {}}}}]}}";
    assert_eq!(verdict("{apiVersion: v1, kind: ConfigMap, data: {a: b}, metadata: {name: a}}", live), Verdict::InSync);
}

#[test]
fn compare_options_and_known_types() {
    let found = customizations(&[
        ("resource.compareoptions", "ignoreResourceStatusField: none\nignoreAggregatedRoles: true\n"),
        ("resource.customizations.knownTypeFields.example.org_Tape", "- {field: spec.size, type: core/Quantity}\n"),
    ]);
    assert_eq!(found.options.ignore_status, IgnoreStatus::Never);
    assert!(found.options.ignore_aggregated_roles);
    let schema = gitops_schema::Schema::default();
    let tape = |size: &str| read(&format!("{{apiVersion: example.org/v1, kind: Tape, metadata: {{name: a}}, spec: {{size: {size}}}}}"));
    let comparer = found.comparer(Managers::default());
    assert_eq!(comparer.compare(&schema, &tape("1000m"), &tape("'1'"), &[]).verdict(), Verdict::InSync);
}

#[test]
fn users_actions() {
    let yaml = "mergeBuiltinActions: true\ndiscovery.lua: |\n  return {rewind = {}}\ndefinitions:\n- name: rewind\n  action.lua: |\n    obj.spec.position = 0\n    return obj\n";
    let found = customizations(&[("resource.customizations.actions.example.org_Tape", yaml)]);
    let tape = read("{apiVersion: example.org/v1, kind: Tape, metadata: {name: a}, spec: {position: 7}}");
    let names: Vec<String> = found.actions.discover(&tape).unwrap().into_iter().map(|a| a.name).collect();
    assert_eq!(names, ["rewind"]);
    assert_eq!(found.actions.run(&tape, "rewind", &Input::default()).unwrap().len(), 1);
}

#[test]
fn what_is_wrong_is_named_and_the_rest_counts() {
    let (found, problems) = Customizations::read([
        ("resource.customizations.ignoreDifferences.apps_Deployment", "jqPathExpressions: ['input']"),
        ("resource.customizations.ignoreDifferences.apps_StatefulSet", "jsonPointers: [/spec/replicas]"),
        ("resource.customizations.health.a_B", "return {"),
        ("resource.customizations.knownTypeFields.a_B", "- {field: x, type: core/v1/Nothing}"),
        ("resource.customizations.taste.a_B", "x"),
        ("resource.compareoptions", "a: ["),
        ("url", "https://example.com"),
    ]);
    assert_eq!(found.rules.len(), 1);
    let keys: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(keys.len(), 5, "{problems:?}");
    assert!(problems.iter().any(|p| p.key.contains("taste") && p.message.contains("ignoreDifferences")));
}
