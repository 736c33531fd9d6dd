//! Order, definitions, namespaces, drift.

use std::time::{Duration, Instant};

use gitops_apply::Target;
use serde_json::json;

use crate::support::{Cluster, eventually};

pub(crate) const WEB: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'example.test/web:1', resources: {limits: {cpu: 1000m, memory: 1Gi}}}]}
";

const GUESTBOOK: &str = r"
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {argocd.argoproj.io/hook: PreSync}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: example.test/migrate}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: hello}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec:
  selector: {matchLabels: {app: backend}}
  template: {metadata: {labels: {app: backend}}, spec: {containers: [{name: main, image: example.test/backend}]}}
---
apiVersion: v1
kind: Service
metadata: {name: front, annotations: {argocd.argoproj.io/sync-wave: '1'}}
spec: {selector: {app: backend}, ports: [{port: 80}]}
";

fn created(object: &serde_json::Value) -> String {
    object["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_come_before_waves_and_waves_wait_for_health() {
    let Some(cluster) = Cluster::shared("waves") else { return };
    let outcome = cluster.sync("guestbook", GUESTBOOK).await;
    let order: Vec<_> = outcome.results.iter().map(|r| r.subject.to_string().rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(order, ["migrate", "settings", "backend", "front"], "{:?}", outcome.results);
    let backend = cluster.get("apps/v1/deployments/backend").unwrap();
    assert_eq!(backend["status"]["availableReplicas"], 1, "wave 1 waited until wave 0 was healthy");
    let job = cluster.get("batch/v1/jobs/migrate").unwrap();
    assert_eq!(job["status"]["succeeded"], 1);
    assert!(created(&job) <= created(&backend));
    assert!(job["metadata"]["finalizers"].is_null(), "the hook was let go: {}", job["metadata"]);
    assert_eq!(cluster.out_of_sync("guestbook", GUESTBOOK.split_once("---").unwrap().1).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_without_changes_makes_no_request() {
    let Some(cluster) = Cluster::shared("quiet") else { return };
    cluster.sync("quiet", WEB).await;
    eventually("the deployment settles", || cluster.get("apps/v1/deployments/web").unwrap()["status"]["availableReplicas"] == 2).await;
    cluster.live("quiet", WEB).await;
    let before = cluster.target.usage().requests;
    for _ in 0..20 {
        let live = cluster.live("quiet", WEB).await;
        let ids: Vec<_> = live.keys().cloned().collect();
        let health = cluster.target.health(&cluster.app("quiet"), &ids).await.unwrap();
        assert_eq!(health.len(), 1);
    }
    let other_watches = cluster.target.usage().requests - before;
    assert_eq!(other_watches, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_seen_within_a_second_and_put_back() {
    let Some(cluster) = Cluster::shared("heal") else { return };
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {colour: blue}}";
    cluster.sync("heal", map).await;
    assert_eq!(cluster.out_of_sync("heal", map).await, [""; 0]);
    let edited = Instant::now();
    cluster.patch("configmaps/settings", &json!({"data": {"colour": "red"}}));
    let seen = cluster.told_of("heal", edited).await;
    assert!(seen < Duration::from_secs(1), "{seen:?}");
    assert_eq!(cluster.out_of_sync("heal", map).await.len(), 1);
    cluster.sync("heal", map).await;
    assert_eq!(cluster.get("configmaps/settings").unwrap()["data"]["colour"], "blue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_and_its_objects_come_in_one_sync() {
    let Some(cluster) = Cluster::shared("crd") else { return };
    let group = format!("{}.example.test", cluster.namespace);
    let text = format!(
        r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: tapes.{group}}}
spec:
  group: {group}
  names: {{kind: Tape, plural: tapes}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
apiVersion: {group}/v1
kind: Tape
metadata: {{name: mix}}
spec: {{length: 90}}
"
    );
    let outcome = cluster.sync("music", &text).await;
    assert_eq!(outcome.results.len(), 2);
    let tape = cluster.get(&format!("{group}/v1/tapes/mix")).unwrap();
    let expected = format!("{}:{group}/Tape:{}/mix", cluster.app("music"), cluster.namespace);
    assert_eq!(tape["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"], expected);
    let (_, crd) = cluster.plane.request("GET", &format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tapes.{group}"), None);
    assert!(crd["metadata"]["annotations"].is_null(), "definitions are not tracked");
    assert_eq!(cluster.target.namespaced(&group, "Tape"), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_shows_what_the_objects_made() {
    let Some(cluster) = Cluster::shared("tree") else { return };
    cluster.sync("tree", WEB).await;
    eventually("the deployment settles", || cluster.get("apps/v1/deployments/web").unwrap()["status"]["availableReplicas"] == 2).await;
    let tree = cluster.target.tree(&cluster.app("tree")).await.unwrap();
    let kinds: Vec<&str> = tree.iter().map(|n| n.id.kind.as_str()).collect();
    assert_eq!(kinds, ["Pod", "Pod", "Deployment", "ReplicaSet"]);
    let of = |kind: &str| tree.iter().find(|n| n.id.kind == kind).unwrap();
    assert_eq!(of("ReplicaSet").parent.as_deref(), Some(of("Deployment").uid.as_str()));
    assert_eq!(of("Pod").parent.as_deref(), Some(of("ReplicaSet").uid.as_str()));
    let happened = cluster.target.events(&of("Deployment").id).await.unwrap();
    assert!(happened.iter().any(|h| h.reason == "ScalingReplicaSet"), "{happened:?}");
    let refused = cluster.target.logs(&cluster.namespace, "nobody", None, 10).await.unwrap_err();
    assert!(refused.message.contains("not found"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_kind_is_said_before_anything_is_written() {
    let Some(cluster) = Cluster::shared("unknown") else { return };
    let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: first}}\n---\n{apiVersion: example.test/v9, kind: Nothing, metadata: {name: x}}";
    let outcome = cluster.try_sync("app", text, &[]).await;
    assert!(outcome.message.starts_with("one or more objects failed to apply (dry run)"), "{}", outcome.message);
    assert!(outcome.message.contains("no kind Nothing in example.test/v9"), "{}", outcome.message);
    assert!(cluster.get("configmaps/first").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_would_refuse_in_a_later_wave_is_said_before_the_first() {
    let Some(cluster) = Cluster::shared("invalid") else { return };
    let service = "{apiVersion: v1, kind: Service, metadata: {name: bad, annotations: {argocd.argoproj.io/sync-wave: '5'}}, spec: {ports: [{port: 99999}]}}";
    let text = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: first}}}}\n---\n{service}");
    let outcome = cluster.try_sync("app", &text, &[]).await;
    assert!(outcome.message.contains("(dry run)") && outcome.message.contains("99999"), "{}", outcome.message);
    assert!(cluster.get("configmaps/first").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_namespace_is_made_with_its_metadata() {
    let Some(mut cluster) = Cluster::shared("made") else { return };
    cluster.namespace = format!("{}-new", cluster.namespace);
    let mut request = crate::support::request(&["CreateNamespace=true"]);
    let labels = [("team".to_owned(), "blue".to_owned())].into();
    request.managed_namespace = Some(gitops_apply::NamespaceMetadata { labels, annotations: Default::default() });
    let desired = cluster.manifests("{apiVersion: v1, kind: ConfigMap, metadata: {name: first}}");
    let (_controller, mut control) = crate::support::steering();
    let outcome = cluster.sync_with("app", &desired, request, &mut control, &Default::default()).await;
    assert_eq!(outcome.phase.as_str(), "Succeeded", "{}", outcome.message);
    let (_, namespace) = cluster.plane.request("GET", &format!("/api/v1/namespaces/{}", cluster.namespace), None);
    assert_eq!(namespace["metadata"]["labels"]["team"], "blue");
    assert!(namespace["metadata"]["annotations"].is_null(), "nobody's");
    assert!(cluster.get("configmaps/first").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_and_force_write_what_cannot_be_patched() {
    let Some(cluster) = Cluster::shared("force") else { return };
    let job = |image: &str, options: &str| {
        format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: once, annotations: {{argocd.argoproj.io/sync-options: '{options}'}}}}, \
             spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: main, image: {image}}}]}}}}}}}}"
        )
    };
    cluster.sync("app", &job("a", "")).await;
    let first = cluster.get("batch/v1/jobs/once").unwrap()["metadata"]["uid"].clone();
    let refused = cluster.try_sync("app", &job("b", ""), &[]).await;
    assert!(refused.message.contains("field is immutable"), "{}", refused.message);
    cluster.sync("app", &job("b", "Force=true")).await;
    let second = cluster.get("batch/v1/jobs/once").unwrap();
    assert_ne!(second["metadata"]["uid"], first);
    let map = |data: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: m, annotations: {{argocd.argoproj.io/sync-options: Replace=true}}}}, data: {data}}}"
        )
    };
    cluster.sync("app", &format!("{}\n---\n{}", job("b", "Force=true"), map("{a: '1'}"))).await;
    cluster.patch("configmaps/m", &json!({"data": {"theirs": "x"}}));
    cluster.sync("app", &format!("{}\n---\n{}", job("b", "Force=true"), map("{a: '2'}"))).await;
    assert_eq!(cluster.get("configmaps/m").unwrap()["data"], json!({"a": "2"}), "written whole");
}
