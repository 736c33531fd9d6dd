//! API servers that restart, refuse, fall silent and forget who we are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gitops_apply::Target;
use gitops_control_plane::{ADMIN, Fault, FaultyProxy, VIEWER};
use serde_json::json;

use crate::support::{Cluster, eventually};

fn maps(count: usize) -> String {
    let one = |i: usize| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: m{i:03}, annotations: {{argocd.argoproj.io/sync-wave: '{}'}}}}, data: {{a: b}}}}",
            i / 20
        )
    };
    (0..count).map(one).collect::<Vec<_>>().join("\n---\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_restarts_during_a_sync_is_waited_for() {
    let Some(plane) = gitops_control_plane::start() else { return };
    let cluster = Cluster::on(&plane, "restart");
    let text = maps(100);
    cluster.target.connect().await.unwrap();
    let sync = cluster.sync("app", &text);
    let restart = async {
        let first = || plane.send("GET", &cluster.path("configmaps/m020"), "application/json", None);
        eventually("the second wave begins", || first().is_ok_and(|(status, _)| status == 200)).await;
        tokio::task::block_in_place(|| {
            plane.stop_apiserver();
            plane.start_apiserver();
        });
    };
    tokio::join!(sync, restart);
    assert_eq!(cluster.out_of_sync("app", &text).await, [""; 0]);
    // The watches are back as well.
    let edited = Instant::now();
    cluster.patch("configmaps/m001", &json!({"data": {"a": "c"}}));
    cluster.told_of("app", edited).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_pass_are_repeated() {
    let Some(plane) = gitops_control_plane::shared() else { return };
    let proxy = FaultyProxy::start(plane);
    let cluster = Cluster::with(plane, "refusals", &proxy.kubeconfig(ADMIN), |_| {});
    cluster.target.connect().await.unwrap();
    let count = Arc::new(AtomicU32::new(0));
    proxy.plan(move |seen| {
        // Every third write goes wrong, each time in another way.
        let n = if seen.method == "PATCH" { count.fetch_add(1, Ordering::Relaxed) } else { return None };
        match n % 12 {
            2 => Some(Fault::Answer(429, "too many requests")),
            5 => Some(Fault::Answer(500, "etcdserver: leader changed")),
            8 => Some(Fault::Answer(503, "apiserver is shutting down")),
            11 => Some(Fault::LoseAnswer),
            _ => None,
        }
    });
    let text = maps(40);
    cluster.sync("app", &text).await;
    assert_eq!(cluster.out_of_sync("app", &text).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_falls_silent_is_opened_again() {
    let Some(plane) = gitops_control_plane::shared() else { return };
    let proxy = FaultyProxy::start(plane);
    let cluster = Cluster::with(plane, "silent", &proxy.kubeconfig(ADMIN), |config| config.silence = Duration::from_secs(1));
    proxy.plan(|seen| (seen.watches() && seen.path.contains("/configmaps")).then_some(Fault::Silence));
    cluster.sync("app", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: b}}").await;
    proxy.silence(true);
    proxy.plan(|_| None);
    let edited = Instant::now();
    cluster.patch("configmaps/a", &json!({"data": {"a": "edited"}}));
    let seen = cluster.told_of("app", edited).await;
    assert!(seen < Duration::from_secs(20), "{seen:?}");
    proxy.silence(false);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_read_again() {
    let Some(plane) = gitops_control_plane::shared() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kubeconfig");
    std::fs::write(&file, plane.kubeconfig("expired")).unwrap();
    let access = gitops_target_kubernetes::Access::Kubeconfig { file: file.clone(), context: None };
    let config = gitops_target_kubernetes::KubernetesConfig::new("test", access);
    let target = gitops_target_kubernetes::KubernetesTarget::new(config, |_| {});
    let refused = target.connect().await.unwrap_err();
    assert!(refused.message.contains("does not accept our credentials (401)"), "{refused}");
    std::fs::write(&file, plane.kubeconfig(ADMIN)).unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    target.connect().await.unwrap();
    assert!(target.live("an-application-of-nobody", &[]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forbidden_is_named_with_what_is_missing() {
    let Some(plane) = gitops_control_plane::shared() else { return };
    let cluster = Cluster::with(plane, "forbidden", &plane.kubeconfig(VIEWER), |_| {});
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
    let refused = cluster.target.live(&cluster.app("app"), &cluster.manifests(map)).await.unwrap_err();
    assert!(!refused.transient);
    for part in ["\"viewer\"", "cannot list", "\"configmaps\"", "grant our user a role"] {
        assert!(refused.message.contains(part), "{part}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_is_deleted_under_us_takes_its_objects_along() {
    let Some(cluster) = Cluster::shared("crdgone") else { return };
    let group = format!("{}.example.test", cluster.namespace);
    let definition = format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: discs.{group}}}, spec: {{group: {group}, \
         names: {{kind: Disc, plural: discs}}, scope: Namespaced, versions: [{{name: v1, served: true, storage: true, schema: \
         {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}]}}}}"
    );
    let disc = format!("{{apiVersion: {group}/v1, kind: Disc, metadata: {{name: one}}}}");
    cluster.sync("music", &format!("{definition}\n---\n{disc}")).await;
    assert_eq!(cluster.live("music", &disc).await.len(), 1);
    let gone = Instant::now();
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/discs.{group}");
    cluster.plane.request("DELETE", &path, None);
    cluster.told_of("music", gone).await;
    eventually("the definition is gone", || cluster.plane.request("GET", &path, None).0 == 404).await;
    let started = Instant::now();
    loop {
        if cluster.live("music", &disc).await.is_empty() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "its objects are still there");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // And comes back with the next sync.
    cluster.sync("music", &format!("{definition}\n---\n{disc}")).await;
    assert_eq!(cluster.live("music", &disc).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_hook_that_is_not_up_yet_is_waited_for() {
    let Some(plane) = gitops_control_plane::start() else { return };
    let cluster = Cluster::on(&plane, "webhook");
    let name = format!("{}.example.test", cluster.namespace);
    let hook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": name},
        "webhooks": [{
            "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": 1,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}],
            "clientConfig": {"url": "https://127.0.0.1:1/not-up"},
        }],
    });
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    assert_eq!(plane.request("POST", path, Some(&hook)).0, 201);
    let probe = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}});
    eventually("the web hook counts", || plane.request("POST", &cluster.path("configmaps?dryRun=All"), Some(&probe)).0 == 500).await;
    let sync = cluster.sync("app", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}");
    let up = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(cluster.get("configmaps/a").is_none());
        assert_eq!(plane.request("DELETE", &format!("{path}/{name}"), None).0, 200);
    };
    tokio::join!(sync, up);
}
