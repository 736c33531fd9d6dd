//! `Pod`: by phase, and for pods that are to run on also by readiness and by why containers wait.

use gitops_manifest::Value;

use crate::live::{Live, integer};
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing, Unknown};

const IGNORE_RESTART_POLICY: &str = "argocd.argoproj.io/ignore-restart-policy";

pub(crate) fn health(live: &Live<'_>) -> Health {
    let long = is_to_run_on(live);
    let failing = if long { failing_containers(live) } else { Vec::new() };
    if !failing.is_empty() {
        return Health::new(Degraded, failing.join(", "));
    }
    let message = live.str("status.message");
    match live.str("status.phase") {
        "Pending" => Health::new(Progressing, message),
        "Succeeded" => Health::new(Healthy, message),
        "Failed" if message.is_empty() => Health::new(Degraded, why_it_failed(live)),
        "Failed" => Health::new(Degraded, message),
        "Running" if long => {
            let status = if live.is("Ready", "True") {
                Healthy
            } else if containers(live, "containerStatuses").any(|c| c.at(&["lastState", "terminated"]).is_some_and(|t| !t.is_null())) {
                Degraded
            } else {
                Progressing
            };
            Health::new(status, message)
        }
        "Running" if matches!(live.str("spec.restartPolicy"), "OnFailure" | "Never") => Health::new(Progressing, message),
        _ => Health::new(Unknown, message),
    }
}

fn is_to_run_on(live: &Live<'_>) -> bool {
    let is_hook = ["argocd.argoproj.io/hook", "helm.sh/hook"].iter().any(|key| live.annotation(key).is_some());
    live.str("spec.restartPolicy") == "Always" || (!is_hook && live.annotation(IGNORE_RESTART_POLICY) == Some("true"))
}

fn containers<'a>(live: &Live<'a>, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    live.list(&format!("status.{field}")).iter()
}

fn failing_containers<'a>(live: &Live<'a>) -> Vec<&'a str> {
    let waiting = containers(live, "containerStatuses").filter_map(|c| c.at(&["state", "waiting"]));
    let failing = waiting.filter(|w| {
        let reason = w.str_at(&["reason"]).unwrap_or("");
        reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff")
    });
    failing.map(|w| w.str_at(&["message"]).unwrap_or("")).collect()
}

fn why_it_failed(live: &Live<'_>) -> String {
    let all = containers(live, "initContainerStatuses").chain(containers(live, "containerStatuses"));
    for container in all {
        let Some(end) = container.at(&["state", "terminated"]) else { continue };
        if let Some(message) = end.str_at(&["message"]).filter(|m| !m.is_empty()) {
            return message.to_owned();
        }
        if end.str_at(&["reason"]) == Some("OOMKilled") {
            return "OOMKilled".to_owned();
        }
        let code = end.get("exitCode").and_then(integer).unwrap_or(0);
        if code != 0 {
            return format!("container {:?} failed with exit code {code}", container.str_at(&["name"]).unwrap_or(""));
        }
    }
    String::new()
}
