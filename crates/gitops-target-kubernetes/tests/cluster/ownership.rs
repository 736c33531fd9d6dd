//! Taking over from kubectl and from Argo CD, and leaving alone what is others'.

use gitops_apply::Target;
use serde_json::{Value, json};

use crate::support::{Cluster, eventually, one};
use crate::sync::WEB;

fn as_json(cluster: &Cluster<'_>, text: &str) -> Value {
    let manifest = cluster.manifests(text).remove(0);
    serde_json::from_str(&gitops_manifest::json::print(manifest.body())).unwrap()
}

async fn settled(cluster: &Cluster<'_>) -> (Value, Vec<Value>) {
    eventually("the deployment settles", || cluster.get("apps/v1/deployments/web").unwrap()["status"]["availableReplicas"] == 2).await;
    let sets =
        cluster.get("apps/v1/replicasets").unwrap()["items"].as_array().unwrap().iter().map(|s| s["metadata"]["uid"].clone()).collect();
    (cluster.get("apps/v1/deployments/web").unwrap(), sets)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_applied_is_taken_over_without_a_restart() {
    let Some(cluster) = Cluster::shared("kubectl") else { return };
    let mut body = as_json(&cluster, WEB);
    body["metadata"]["labels"] = json!({"dropped": "from-git"});
    let record = body.to_string();
    body["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": record});
    cluster.create("apps/v1/deployments?fieldManager=kubectl-client-side-apply", &body);
    let (_, before) = settled(&cluster).await;
    cluster.sync("web", WEB).await;
    let (after, sets) = settled(&cluster).await;
    assert_eq!(sets, before, "no new ReplicaSet");
    assert!(after["metadata"]["labels"].is_null(), "what kubectl wanted and git does not is gone: {}", after["metadata"]);
    let managers: Vec<_> = after["metadata"]["managedFields"].as_array().unwrap().iter().map(|m| m["manager"].as_str().unwrap()).collect();
    assert!(managers.contains(&"gitops-engine") && !managers.contains(&"kubectl-client-side-apply"), "{managers:?}");
    assert_eq!(cluster.out_of_sync("web", WEB).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_argo_applied_is_taken_over_without_a_restart() {
    let Some(cluster) = Cluster::shared("argo") else { return };
    let mut body = as_json(&cluster, WEB);
    let id = format!("{}:apps/Deployment:{}/web", cluster.app("web"), cluster.namespace);
    body["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": id});
    body["metadata"]["labels"] = json!({"dropped": "from-git"});
    let path = cluster.path("apps/v1/deployments/web?fieldManager=argocd-controller&force=true");
    let (status, answer) = cluster.plane.send("PATCH", &path, "application/apply-patch+yaml", Some(&body)).unwrap();
    assert_eq!(status, 201, "{answer}");
    let (_, before) = settled(&cluster).await;
    let live = cluster.live("web", WEB).await;
    assert_eq!(live.values().next().unwrap().owner, Some(cluster.app("web")), "its tracking id is ours");
    cluster.sync("web", &WEB.replace("replicas: 2", "replicas: 2\n  revisionHistoryLimit: 3")).await;
    let (after, sets) = settled(&cluster).await;
    assert_eq!(sets, before, "no new ReplicaSet");
    assert!(after["metadata"]["labels"].is_null());
    assert_eq!(after["spec"]["revisionHistoryLimit"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_manager_keeps_its_fields() {
    let Some(cluster) = Cluster::shared("others") else { return };
    let without = WEB.replace("  replicas: 2\n", "");
    cluster.sync("web", &without).await;
    cluster.patch("apps/v1/deployments/web?fieldManager=autoscaler", &json!({"spec": {"replicas": 2}}));
    settled(&cluster).await;
    cluster.sync("web", &without).await;
    assert_eq!(cluster.get("apps/v1/deployments/web").unwrap()["spec"]["replicas"], 2);
    assert_eq!(cluster.out_of_sync("web", &without).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_tracked_is_pruned() {
    let Some(cluster) = Cluster::shared("prune") else { return };
    let map = |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}");
    cluster.create("configmaps", &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nobodys"}}));
    cluster.sync("other", &map("others")).await;
    cluster.sync("app", &[map("kept"), map("dropped")].join("\n---\n")).await;
    // A controller copies an object with its annotations: the copy is nobody's.
    let copied = cluster.get("configmaps/dropped").unwrap()["metadata"]["annotations"].clone();
    cluster.create("configmaps", &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "copy", "annotations": copied}}));
    let outcome = cluster.sync("app", &map("kept")).await;
    let pruned: Vec<_> = outcome.results.iter().filter(|r| r.message == "pruned").map(|r| r.subject.to_string()).collect();
    assert_eq!(pruned, [format!("/ConfigMap/{}/dropped", cluster.namespace)]);
    eventually("it is gone", || cluster.get("configmaps/dropped").is_none()).await;
    for (name, there) in [("kept", true), ("nobodys", true), ("others", true), ("copy", true), ("dropped", false)] {
        assert_eq!(cluster.get(&format!("configmaps/{name}")).is_some(), there, "{name}");
    }
    let id = one(&map("others")).id().clone();
    let id = gitops_manifest::ObjectId { namespace: cluster.namespace.clone(), ..id };
    let refused = cluster.target.prune(&cluster.app("app"), &id, Default::default()).await.unwrap_err();
    assert!(refused.message.contains(&format!("is owned by application `{}`", cluster.app("other"))), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_compared_as_they_are_stored() {
    let Some(cluster) = Cluster::shared("secret") else { return };
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {password: hunter2}}";
    cluster.sync("app", secret).await;
    assert_eq!(cluster.get("secrets/key").unwrap()["data"]["password"], "aHVudGVyMg==");
    assert_eq!(cluster.out_of_sync("app", secret).await, [""; 0]);
    cluster.sync("app", "{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {other: x}}").await;
    assert_eq!(cluster.get("secrets/key").unwrap()["data"], json!({"other": "eA=="}), "a dropped key goes");
}
