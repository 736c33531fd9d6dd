//! A kubelet that runs nothing: it says of pods what a kubelet would.
//!
//! A pod that is to run for good becomes Running and Ready; one that is to end (`restartPolicy` other than `Always`) ends
//! well. The annotation `gitops.test/outcome` makes it otherwise: `Fail` ends it badly, `Hang` lets it run on,
//! `Crash` lets it wait with CrashLoopBackOff, `Pending` leaves it alone.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use crate::plane::{ADMIN, send};

/// Ends with its drop, at the next event or time-out of its watch.
pub(crate) struct Kubelet {
    over: Arc<AtomicBool>,
    _thread: JoinHandle<()>,
}

impl Kubelet {
    pub(crate) fn start(agent: Agent, url: String) -> Kubelet {
        let over = Arc::new(AtomicBool::new(false));
        let flag = over.clone();
        let thread = std::thread::spawn(move || {
            while !flag.load(Ordering::Acquire) {
                // An API server that restarts is asked again.
                if follow(&agent, &url, &flag).is_err() {
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        });
        Kubelet { over, _thread: thread }
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}

/// One watch, from all pods that are there.
fn follow(agent: &Agent, url: &str, over: &AtomicBool) -> Result<(), String> {
    let path = format!("{url}/api/v1/pods?watch=true&timeoutSeconds=300");
    let answer = agent.get(&path).header("Authorization", format!("Bearer {ADMIN}")).call().map_err(|e| e.to_string())?;
    let mut lines = BufReader::new(answer.into_body().into_reader()).lines();
    while let Some(Ok(line)) = lines.next() {
        if over.load(Ordering::Acquire) {
            return Ok(());
        }
        let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
        if event["type"] == "ADDED" || event["type"] == "MODIFIED" {
            run(agent, url, &event["object"]);
        }
    }
    Err("the watch ended".to_owned())
}

fn run(agent: &Agent, url: &str, pod: &Value) {
    let phase = pod["status"]["phase"].as_str().unwrap_or("Pending");
    let metadata = &pod["metadata"];
    if phase != "Pending" || !pod["status"]["containerStatuses"].is_null() || !metadata["deletionTimestamp"].is_null() {
        return;
    }
    let ends = pod["spec"]["restartPolicy"] != "Always";
    let status = match metadata["annotations"]["gitops.test/outcome"].as_str() {
        Some("Pending") => return,
        Some("Fail") => ended(pod, "Failed", 1),
        Some("Crash") => running(pod, json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting"}}), false),
        Some("Hang") => running(pod, json!({"running": {}}), true),
        _ if ends => ended(pod, "Succeeded", 0),
        _ => running(pod, json!({"running": {}}), true),
    };
    let (Some(namespace), Some(name)) = (metadata["namespace"].as_str(), metadata["name"].as_str()) else { return };
    let path = format!("{url}/api/v1/namespaces/{namespace}/pods/{name}/status");
    // A pod that is gone meanwhile needs none.
    let _ = send(agent, &path, "PATCH", "application/merge-patch+json", Some(&json!({"status": status})));
}

fn containers<'a>(pod: &'a Value, state: &'a Value, ready: bool) -> Vec<Value> {
    let list = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |c: &Value| json!({"name": c["name"], "image": c["image"], "imageID": "", "ready": ready, "restartCount": 0, "state": state});
    list.iter().map(one).collect()
}

fn running(pod: &Value, state: Value, ready: bool) -> Value {
    let word = if ready { "True" } else { "False" };
    json!({
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": word}, {"type": "ContainersReady", "status": word}],
        "containerStatuses": containers(pod, &state, ready),
    })
}

fn ended(pod: &Value, phase: &str, code: i64) -> Value {
    let state = json!({"terminated": {"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" }}});
    json!({
        "phase": phase,
        "conditions": [{"type": "Ready", "status": "False", "reason": "PodCompleted"}],
        "containerStatuses": containers(pod, &state, false),
    })
}
