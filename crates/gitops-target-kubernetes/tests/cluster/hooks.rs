//! Hooks that fail, hang, are stopped, and whose process is killed.

use std::time::Duration;

use gitops_apply::{Driven, SyncState, drive};
use serde_json::Value;

use crate::support::{Cluster, Now, Paper, eventually, request, steering};

fn job(name: &str, hook: &str, outcome: &str, more: &str) -> String {
    format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}, annotations: {{argocd.argoproj.io/hook: {hook}{more}}}}}, \
         spec: {{backoffLimit: 0, template: {{metadata: {{annotations: {{gitops.test/outcome: {outcome}}}}}, \
         spec: {{restartPolicy: Never, containers: [{{name: main, image: x}}]}}}}}}}}"
    )
}

const MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}";

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_hook_ends_the_sync_and_runs_the_branch_of_failure() {
    let Some(cluster) = Cluster::shared("hookfail") else { return };
    let text = [job("migrate", "PreSync", "Fail", ""), MAP.to_owned(), job("page", "SyncFail", "Succeed", "")].join("\n---\n");
    let outcome = cluster.try_sync("app", &text, &[]).await;
    assert_eq!(outcome.phase.as_str(), "Failed", "{}", outcome.message);
    assert!(cluster.get("configmaps/settings").is_none(), "nothing came after the hook");
    assert_eq!(cluster.get("batch/v1/jobs/page").unwrap()["status"]["succeeded"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn left_overs_go_before_the_next_run_and_policies_after_it() {
    let Some(cluster) = Cluster::shared("hookagain") else { return };
    let succeeded = ", argocd.argoproj.io/hook-delete-policy: HookSucceeded";
    let text = [job("kept", "PreSync", "Succeed", ""), MAP.to_owned(), job("gone", "PostSync", "Succeed", succeeded)].join("\n---\n");
    cluster.sync("app", &text).await;
    let uid = |cluster: &Cluster<'_>| cluster.get("batch/v1/jobs/kept").unwrap()["metadata"]["uid"].clone();
    let first = uid(&cluster);
    assert!(cluster.get("batch/v1/jobs/gone").is_none());
    cluster.sync("app", &text).await;
    assert_ne!(uid(&cluster), first, "it ran again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_hangs_is_stopped_and_removed() {
    let Some(cluster) = Cluster::shared("hookhang") else { return };
    let desired = cluster.manifests(&[job("long", "PreSync", "Hang", ""), MAP.to_owned()].join("\n---\n"));
    let (controller, mut control) = steering();
    let paper = Paper::default();
    let running = cluster.sync_with("app", &desired, request(&[]), &mut control, &paper);
    let stop = async {
        eventually("the hook runs", || cluster.get("batch/v1/jobs/long").is_some_and(|j| j["status"]["active"] == 1)).await;
        controller.terminate();
    };
    let (outcome, ()) = tokio::join!(running, stop);
    assert_eq!(outcome.message, "Operation terminated");
    assert!(cluster.get("batch/v1/jobs/long").is_none(), "it is gone");
}

/// The process is killed between the creation of the hook's Job and its end, again and again: there is one Job.
#[tokio::test(flavor = "multi_thread")]
async fn a_hook_is_taken_up_after_a_crash_and_never_made_again() {
    let Some(cluster) = Cluster::shared("crash") else { return };
    let text = [job("migrate", "PreSync", "Succeed", ""), MAP.to_owned(), job("smoke", "PostSync", "Succeed", "")].join("\n---\n");
    let desired = cluster.manifests(&text);
    let manifests = desired.iter().map(|m| (m.id().clone(), m.clone())).collect();
    let mut kept = cluster.planned("app", &desired, &request(&[])).await.to_json();
    let mut uids: Vec<Value> = Vec::new();
    let mut cut_offs = 0;
    // Each life is a little longer than the one before.
    for life in 0..200_u64 {
        let next = cluster.again();
        next.target.connect().await.unwrap();
        let state = SyncState::from_json(&kept, &manifests).unwrap();
        let (_controller, mut control) = steering();
        let paper = Paper::default();
        let lived = tokio::time::timeout(Duration::from_millis(5 * life), drive(&next.target, &paper, &Now, state, &mut control, 4)).await;
        if let Some(last) = paper.0.lock().unwrap().last() {
            kept.clone_from(last);
        }
        for name in ["migrate", "smoke"] {
            let uid = cluster.get(&format!("batch/v1/jobs/{name}")).map(|j| j["metadata"]["uid"].clone());
            uids.extend(uid.filter(|u| !uids.contains(u)));
        }
        match lived {
            Err(_) => cut_offs += 1,
            Ok(Driven::Done(outcome, _)) => {
                assert_eq!(outcome.phase.as_str(), "Succeeded", "{}", outcome.message);
                assert_eq!(uids.len(), 2, "each hook was made once");
                assert!(cut_offs > 3);
                return;
            }
            Ok(other) => panic!("{other:?}"),
        }
    }
    panic!("it never ended");
}
