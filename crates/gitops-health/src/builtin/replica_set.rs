//! `ReplicaSet`.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Progressing};

pub(crate) fn health(live: &Live<'_>) -> Health {
    if live.int("metadata.generation") > live.int("status.observedGeneration") {
        return Health::new(Progressing, "Waiting for rollout to finish: observed replica set generation less than desired generation");
    }
    if let Some(failure) = live.condition("ReplicaFailure").filter(|c| c.status() == "True") {
        return Health::new(Degraded, failure.message());
    }
    let available = live.int("status.availableReplicas");
    match live.maybe_int("spec.replicas").filter(|wanted| available < *wanted) {
        Some(wanted) => {
            Health::new(Progressing, format!("Waiting for rollout to finish: {available} out of {wanted} new replicas are available..."))
        }
        None => Health::healthy(),
    }
}
