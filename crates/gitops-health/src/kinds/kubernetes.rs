//! Kinds of Kubernetes that get their health from what their conditions add up to.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing};

/// Judged by its last run: a job that did not succeed once may still be right, one that did and no longer does is not.
pub(super) fn cron_job(live: &Live<'_>) -> Option<Health> {
    if !live.has("status") {
        return Some(Health::new(Progressing, "Waiting for CronJob"));
    }
    let (scheduled, succeeded) = (live.str("status.lastScheduleTime"), live.str("status.lastSuccessfulTime"));
    let (status, message) = if live.is_true("spec.suspend") {
        (Healthy, "CronJob is Suspended")
    } else if scheduled.is_empty() {
        (Healthy, "CronJob has not been scheduled yet")
    } else if !live.list("status.active").is_empty() {
        (Healthy, "The job is running. Its last execution may not have been successful")
    } else if succeeded.is_empty() {
        (Healthy, "The CronJob never completed successfully. It may not be healthy")
    } else if succeeded < scheduled {
        (Degraded, "CronJob has not completed its last execution successfully")
    } else {
        (Healthy, "CronJob has completed its last execution successfully")
    };
    Some(Health::new(status, message))
}

/// Too few pods is what a budget is for; only other refusals are failures.
pub(super) fn pod_disruption_budget(live: &Live<'_>) -> Option<Health> {
    let failed = live.conditions().find(|c| c.status() == "False" && c.reason() != "InsufficientPods");
    let (condition, status) = match failed {
        Some(condition) => (condition, Degraded),
        None => match live.conditions().last() {
            Some(condition) => (condition, Healthy),
            None => return Some(Health::new(Progressing, "Waiting for status")),
        },
    };
    Some(Health::new(status, format!("PodDisruptionBudget has {}", condition.reason())))
}

pub(super) fn custom_resource_definition(live: &Live<'_>) -> Option<Health> {
    if live.has("metadata.deletionTimestamp") {
        return Some(Health::new(Progressing, "CRD is terminating"));
    }
    let mut established = false;
    if live.conditions().next().is_none() {
        return Some(Health::new(Progressing, "Status conditions not found"));
    }
    for condition in live.conditions() {
        let message = condition.message();
        match (condition.kind(), condition.status()) {
            ("Terminating", "True") => return Some(Health::new(Progressing, format!("CRD is terminating: {message}"))),
            ("NamesAccepted", "False") => return Some(Health::new(Degraded, format!("CRD names have not been accepted: {message}"))),
            ("NonStructuralSchema", "True") => return Some(Health::new(Degraded, format!("Schema violations found: {message}"))),
            ("Established", "True") => established = true,
            ("Established", _) if condition.reason() == "Installing" => return Some(Health::new(Progressing, "CRD is being installed")),
            _ => {}
        }
    }
    Some(if established { Health::new(Healthy, "CRD is healthy") } else { Health::new(Degraded, "CRD is not established") })
}
