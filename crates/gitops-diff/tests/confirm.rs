//! What the API server's answer to a dry run decides.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gitops_diff::{CompareOptions, Comparer, Managers, Verdict};
use gitops_manifest::{Value, yaml};
use gitops_schema::Schema;

fn read(text: &str) -> Value {
    yaml::parse(text.as_bytes(), "case", &yaml::ParseOptions::default()).unwrap().documents.remove(0).value
}

fn service(spec: &str, resource_version: &str) -> Value {
    read(&format!(
        r#"
apiVersion: v1
kind: Service
metadata:
  name: a
  resourceVersion: "{resource_version}"
  generation: {resource_version}
  managedFields:
  - manager: gitops
    operation: Apply
    apiVersion: v1
    fieldsV1: {{"f:spec": {{"f:clusterIP": {{}}, "f:ports": {{'k:{{"port":80,"protocol":"TCP"}}': {{".": {{}}, "f:port": {{}}, "f:nodePort": {{}}}}}}}}}}
spec: {spec}
"#
    ))
}

fn comparer() -> Comparer {
    let managers = Managers { applied: vec!["gitops".into()], updated: Vec::new() };
    Comparer { managers, options: CompareOptions::default(), rules: Vec::new() }
}

#[test]
fn a_doubt_ends_with_an_answer_that_is_live() {
    let schema = Schema::default();
    let desired = read("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: '', ports: [{port: 80, nodePort: 0}]}}");
    let live = service("{clusterIP: 10.0.0.1, ports: [{port: 80, protocol: TCP, nodePort: 30000}]}", "1");
    assert_eq!(comparer().compare(&schema, &desired, &live, &[]).verdict(), Verdict::AskServer);
    let answer = service("{clusterIP: 10.0.0.1, ports: [{port: 80, protocol: TCP, nodePort: 30000}]}", "2");
    assert_eq!(comparer().confirm(&schema, &answer, &live, &[], false).verdict(), Verdict::InSync);
}

#[test]
fn what_is_ours_in_the_answer_counts_and_what_web_hooks_do_does_not() {
    let schema = Schema::default();
    let live = service("{clusterIP: 10.0.0.1, externalName: x, ports: [{port: 80, protocol: TCP, nodePort: 30000}]}", "1");
    let answer = service("{clusterIP: 10.0.0.1, externalName: y, ports: [{port: 80, protocol: TCP, nodePort: 30001}]}", "1");
    let found = comparer().confirm(&schema, &answer, &live, &[], false);
    let paths: Vec<&str> = found.differences.iter().map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["spec.ports[port=80].nodePort"]);
    let found = comparer().confirm(&schema, &answer, &live, &[], true);
    assert_eq!(found.differences.len(), 2, "{found:?}");
}

#[test]
fn what_is_ours_and_goes_away_counts() {
    let schema = Schema::default();
    let live = service("{clusterIP: 10.0.0.1, ports: [{port: 80, protocol: TCP}, {port: 81, protocol: TCP}]}", "1");
    let answer = service("{clusterIP: 10.0.0.1, ports: [{port: 81, protocol: TCP}]}", "1");
    let found = comparer().confirm(&schema, &answer, &live, &[], false);
    assert_eq!(found.differences.len(), 1, "{found:?}");
    assert_eq!(found.differences[0].path, "spec.ports[port=80]");
}

#[test]
fn people_see_live_without_noise_and_what_an_apply_makes_of_it() {
    let desired = read("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80, nodePort: 30001}, {port: 81}]}}");
    let live = service("{clusterIP: 10.0.0.1, ports: [{port: 80, protocol: TCP, nodePort: 30000}]}", "1");
    let found = comparer().compare(&Schema::default(), &desired, &live, &[]);
    let (live, after) = comparer().seen(&live, &found);
    assert_eq!(
        live,
        read(
            "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.0.0.1, ports: [{port: 80, protocol: TCP, nodePort: 30000}]}}"
        )
    );
    let ports = "[{port: 80, protocol: TCP, nodePort: 30001}, {port: 81}]";
    assert_eq!(after, read(&format!("{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {{ports: {ports}}}}}")));
}
