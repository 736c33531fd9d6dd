//! Knative and KServe: messages list the conditions.

use std::fmt::Write as _;

use crate::live::{Condition, Live};
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing, Suspended};

/// `KnativeServing` and `KnativeEventing`.
pub(super) fn operator(live: &Live<'_>) -> Option<Health> {
    let (mut message, mut done, mut open) = (String::new(), true, false);
    for (index, condition) in live.conditions().enumerate() {
        let _ = writeln!(message, "{}: {} | {}", index + 1, condition.kind(), condition.status());
        done &= condition.status() == "True";
        open |= condition.status() == "Unknown"
            || (condition.status() == "False" && matches!(condition.kind(), "Ready" | "DeploymentsAvailable"));
    }
    Some(if message.is_empty() {
        Health::new(Progressing, format!("Waiting for {}", live.kind()))
    } else if open {
        Health::new(Progressing, message)
    } else if done {
        Health::new(Healthy, format!("{} is healthy.", live.kind()))
    } else {
        Health::new(Degraded, message)
    })
}

pub(super) fn service(live: &Live<'_>) -> Option<Health> {
    if live.conditions().next().is_none() {
        return Some(Health::new(Progressing, "Waiting for status update."));
    }
    let mut message = String::new();
    for condition in live.conditions().filter(|c| matches!(c.status(), "False" | "Unknown")) {
        let _ = write!(message, "{} is {}", condition.kind(), condition.status());
        if !condition.reason().is_empty() {
            let _ = write!(message, ", since {}.", condition.reason());
        }
        if !condition.message().is_empty() {
            let _ = write!(message, " {}", condition.message());
        }
        message.push('\n');
    }
    let failed = live.conditions().any(|c| c.status() == "False");
    let done = ["ConfigurationsReady", "RoutesReady", "Ready"].iter().all(|kind| live.is(kind, "True"));
    Some(if failed {
        Health::new(Degraded, message)
    } else if done && message.is_empty() {
        Health::new(Healthy, "Knative Service is healthy.")
    } else {
        Health::new(Progressing, message)
    })
}

/// KServe's `InferenceService`: the model's transition comes before the conditions.
pub(super) fn inference_service(live: &Live<'_>) -> Option<Health> {
    let transition = live.str("status.modelStatus.transitionStatus");
    if live.is("Stopped", "True") {
        return Some(Health::new(Suspended, "InferenceService is Stopped"));
    }
    if live.conditions().next().is_none() && transition.is_empty() {
        return Some(Health::new(Progressing, "Waiting for InferenceService to report status..."));
    }
    let settled = matches!(transition, "" | "UpToDate");
    let (mut message, mut failed, mut open) = (String::new(), false, false);
    if !settled {
        let _ = write!(message, "0: transitionStatus | {transition}");
    }
    for (index, condition) in live.conditions().enumerate().filter(|(_, c)| c.kind() != "Stopped" && c.status() != "True") {
        failed |= condition.status() == "False";
        open |= condition.status() != "False";
        let _ = write!(message, " | {}: {}", index + 1, described(&condition));
    }
    let status = if !settled {
        if transition == "InProgress" { Progressing } else { Degraded }
    } else if failed {
        Degraded
    } else if open {
        Progressing
    } else {
        return Some(Health::new(Healthy, "InferenceService is healthy."));
    };
    Some(Health::new(status, message))
}

fn described(condition: &Condition<'_>) -> String {
    let parts = [condition.kind(), condition.status(), condition.reason(), condition.message()];
    parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" | ")
}
