//! The plane comes up, runs controllers, survives a restart of its API server, and the proxy spoils what it is told to.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::time::{Duration, Instant};

use gitops_control_plane::{ADMIN, Fault, FaultyProxy};
use serde_json::{Value, json};

fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn jobs_end_and_deployments_become_available() {
    let Some(plane) = gitops_control_plane::shared() else { return };
    let namespace = plane.namespace("plane");
    let pod = json!({"containers": [{"name": "main", "image": "example.test/image"}], "restartPolicy": "Never"});
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": {"template": {"spec": pod}}});
    let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
    assert_eq!(plane.request("POST", &jobs, Some(&job)).0, 201);
    let labels = json!({"app": "web"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": pod["containers"]}});
    let spec = json!({"selector": {"matchLabels": labels}, "template": template, "replicas": 2});
    let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec});
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    assert_eq!(plane.request("POST", &deployments, Some(&web)).0, 201);
    let status = |path: String, field: &str| plane.request("GET", &path, None).1["status"][field].clone();
    eventually("the job ends", || status(format!("{jobs}/once"), "succeeded") == 1);
    eventually("the deployment is available", || status(format!("{deployments}/web"), "availableReplicas") == 2);
}

#[test]
fn the_api_server_restarts_with_everything_it_had() {
    let Some(plane) = gitops_control_plane::start() else { return };
    let namespace = plane.namespace("kept");
    plane.stop_apiserver();
    assert!(plane.send("GET", "/version", "application/json", None).is_err());
    plane.start_apiserver();
    assert_eq!(plane.request("GET", &format!("/api/v1/namespaces/{namespace}"), None).0, 200);
}

#[test]
fn the_proxy_passes_on_and_spoils() {
    let Some(plane) = gitops_control_plane::shared() else { return };
    let proxy = FaultyProxy::start(plane);
    let config: Value = serde_json::from_str(&proxy.kubeconfig(ADMIN)).unwrap();
    let url = format!("{}/version", config["clusters"][0]["cluster"]["server"].as_str().unwrap());
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let status = || agent.get(&url).header("Authorization", format!("Bearer {ADMIN}")).call().unwrap().status().as_u16();
    assert_eq!(status(), 200);
    let mut left = 1;
    proxy.plan(move |_| (std::mem::replace(&mut left, 0) > 0).then_some(Fault::Answer(500, "no")));
    assert_eq!([status(), status()], [500, 200]);
    assert_eq!(proxy.take_seen().len(), 3);
}
