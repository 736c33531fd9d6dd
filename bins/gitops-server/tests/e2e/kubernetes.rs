//! A cluster as the destination: the guestbook of `examples/` in waves with its PreSync Job, on a real control plane.

use std::path::Path;
use std::time::{Duration, Instant};

use gitops_control_plane::{ADMIN, ControlPlane};
use serde_json::{Value, json};

use crate::support::repository::Repository;
use crate::support::server::{Place, Server};
use crate::support::wait::{holds, until};

/// The address by which the example's Application names its cluster.
const CLUSTER: &str = "https://kubernetes.default.svc";

fn examples() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The example as it lies in this repository, read from the test's own.
fn guestbook() -> Repository {
    let repository = Repository::new();
    for entry in std::fs::read_dir(examples().join("guestbook")).unwrap() {
        let file = entry.unwrap().path();
        let name = format!("examples/guestbook/{}", file.file_name().unwrap().to_str().unwrap());
        repository.write(&name, &std::fs::read_to_string(&file).unwrap());
    }
    let application = std::fs::read_to_string(examples().join("kubernetes/guestbook.yaml")).unwrap();
    repository.write("applications/guestbook.yaml", &application);
    repository
}

fn start(place: &Place, repository: &Repository, plane: &ControlPlane) -> Server {
    let file = place.file("kubeconfig");
    std::fs::write(&file, plane.kubeconfig(ADMIN)).unwrap();
    let alias = format!("repositories:\n- {{url: 'https://git.example.com/platform/gitops.git', readFrom: '{}'}}\n", repository.url());
    let clusters = format!("clusters:\n- {{name: test, kubeconfig: '{}', server: '{CLUSTER}'}}\n", file.display());
    place.start(repository, &format!("{alias}{clusters}"), "")
}

fn object(plane: &ControlPlane, path: &str) -> Option<Value> {
    let (status, body) = plane.request("GET", path, None);
    (status == 200).then_some(body)
}

#[test]
fn the_guestbook_comes_live_on_a_cluster_and_stays_so() {
    let Some(plane) = gitops_control_plane::shared() else { return };
    let repository = guestbook();
    let first = repository.push("the guestbook");
    let place = Place::new();
    let server = start(&place, &repository, plane);
    let app = server.wait_synced("guestbook", &first);
    let results: Vec<&str> = app["status"]["operationState"]["syncResult"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        results,
        ["guestbook", "guestbook-migrate", "guestbook", "guestbook-store", "guestbook-store", "guestbook-web", "guestbook-web"],
        "namespace, Job, then wave after wave"
    );
    let web = "/apis/apps/v1/namespaces/guestbook/deployments/guestbook-web";
    assert_eq!(object(plane, "/apis/batch/v1/namespaces/guestbook/jobs/guestbook-migrate").unwrap()["status"]["succeeded"], 1);
    until("the deployment is available", || {
        let status = object(plane, web).unwrap()["status"].clone();
        holds(status["availableReplicas"] == 3, || status.to_string())
    });

    // An edit by hand is put back at once.
    let edited = Instant::now();
    let (status, answer) = plane.request("PATCH", web, Some(&json!({"spec": {"replicas": 1}})));
    assert_eq!(status, 200, "{answer}");
    until("the edit is put back", || {
        let replicas = object(plane, web).unwrap()["spec"]["replicas"].clone();
        holds(replicas == 3, || replicas.to_string())
    });
    let healed = edited.elapsed();
    assert!(healed < Duration::from_secs(10), "{healed:?}");
    println!("healed after {healed:?}");

    // What git drops goes, and what nobody tracks stays.
    let maps = "/api/v1/namespaces/guestbook/configmaps";
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}});
    assert_eq!(plane.request("POST", maps, Some(&theirs)).0, 201);
    let store = std::fs::read_to_string(examples().join("guestbook/store.yaml")).unwrap();
    repository.write("examples/guestbook/store.yaml", store.split("---").next().unwrap());
    let second = repository.push("no service for the store");
    server.refreshed("guestbook");
    server.wait_synced("guestbook", &second);
    assert!(object(plane, "/api/v1/namespaces/guestbook/services/guestbook-store").is_none());
    assert!(object(plane, &format!("{maps}/theirs")).is_some());

    // The next start finds everything as it was and does nothing.
    assert_eq!(server.stop().code(), Some(0));
    let version = object(plane, web).unwrap()["metadata"]["resourceVersion"].clone();
    let server = start(&place, &repository, plane);
    server.refreshed("guestbook");
    let app = server.wait_synced("guestbook", &second);
    assert_eq!(app["status"]["health"]["status"], "Healthy");
    assert_eq!(object(plane, web).unwrap()["metadata"]["resourceVersion"], version);
    assert!(!server.log().contains("Succeeded"), "{}", server.log());
}
