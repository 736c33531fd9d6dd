//! `Deployment`.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Progressing, Suspended};

pub(crate) fn health(live: &Live<'_>) -> Health {
    if live.is_true("spec.paused") {
        return Health::new(Suspended, "Deployment is paused");
    }
    if live.int("metadata.generation") > live.int("status.observedGeneration") {
        return Health::new(Progressing, "Waiting for rollout to finish: observed deployment generation less than desired generation");
    }
    if live.conditions().any(|c| c.kind() == "Progressing" && c.reason() == "ProgressDeadlineExceeded") {
        return Health::new(Degraded, format!("Deployment \"{}\" exceeded its progress deadline", live.name()));
    }
    let [all, updated, available] = ["replicas", "updatedReplicas", "availableReplicas"].map(|f| live.int(&format!("status.{f}")));
    let waiting = |what: String| Health::new(Progressing, format!("Waiting for rollout to finish: {what}"));
    match live.maybe_int("spec.replicas") {
        Some(wanted) if updated < wanted => waiting(format!("{updated} out of {wanted} new replicas have been updated...")),
        _ if all > updated => waiting(format!("{} old replicas are pending termination...", all.saturating_sub(updated))),
        _ if available < updated => waiting(format!("{available} of {updated} updated replicas are available...")),
        _ => Health::healthy(),
    }
}
