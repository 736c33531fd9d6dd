//! Finalizers, waves of removal, and what is said while something is waited for.

use serde_json::json;

use crate::support::{Cluster, Paper, eventually, request, steering};

#[tokio::test(flavor = "multi_thread")]
async fn a_finalizer_is_named_and_waited_for() {
    let Some(cluster) = Cluster::shared("finalizer") else { return };
    let stuck = "{apiVersion: v1, kind: ConfigMap, metadata: {name: stuck, finalizers: [example.test/hold]}}";
    let wave = "{apiVersion: v1, kind: ConfigMap, metadata: {name: next, annotations: {argocd.argoproj.io/sync-wave: '1'}}}";
    cluster.sync("app", stuck).await;
    let desired = cluster.manifests(wave);
    let (_controller, mut control) = steering();
    let paper = Paper::default();
    let running = cluster.sync_with("app", &desired, request(&[]), &mut control, &paper);
    let free = async {
        let waits = |text: &str| paper.0.lock().unwrap().last().is_some_and(|s| s.contains(text));
        eventually("it says what it waits for", || {
            waits("waiting for deletion of /ConfigMap/stuck") && waits("waits for finalizer example.test/hold")
        })
        .await;
        assert!(cluster.get("configmaps/next").is_none(), "the next wave waits");
        cluster.patch("configmaps/stuck", &json!({"metadata": {"finalizers": null}}));
    };
    let (outcome, ()) = tokio::join!(running, free);
    assert_eq!(outcome.phase.as_str(), "Succeeded", "{}", outcome.message);
    assert_eq!(outcome.results[0].message, "pruned");
    assert!(cluster.get("configmaps/next").is_some() && cluster.get("configmaps/stuck").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_ends_says_what_holds_it() {
    let Some(cluster) = Cluster::shared("terminating") else { return };
    let stuck = "{apiVersion: v1, kind: ConfigMap, metadata: {name: stuck, finalizers: [example.test/hold]}}";
    cluster.sync("app", stuck).await;
    let path = format!("/api/v1/namespaces/{}", cluster.namespace);
    cluster.plane.request("DELETE", &path, None);
    eventually("the namespace says why it stays", || {
        let (_, namespace) = cluster.plane.request("GET", &path, None);
        let conditions = namespace["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|c| c["type"] == "NamespaceFinalizersRemaining" && c["status"] == "True")
    })
    .await;
    let more = format!("{stuck}\n---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: late}}}}");
    let outcome = cluster.try_sync("app", &more, &[]).await;
    assert_eq!(outcome.phase.as_str(), "Failed");
    assert!(outcome.message.contains("is being deleted") && outcome.message.contains("example.test/hold"), "{}", outcome.message);
    cluster.patch("configmaps/stuck", &json!({"metadata": {"finalizers": null}}));
}
