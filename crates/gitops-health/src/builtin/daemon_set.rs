//! `DaemonSet`.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Healthy, Progressing};

pub(crate) fn health(live: &Live<'_>) -> Health {
    if live.int("metadata.generation") > live.int("status.observedGeneration") {
        return Health::new(Progressing, "Waiting for rollout to finish: observed daemon set generation less than desired generation");
    }
    let [wanted, updated, available] =
        ["desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"].map(|f| live.int(&format!("status.{f}")));
    if live.str("spec.updateStrategy.type") == "OnDelete" {
        return Health::new(Healthy, format!("daemon set {updated} out of {wanted} new pods have been updated"));
    }
    let waiting = |what: String| Health::new(Progressing, format!("Waiting for daemon set \"{}\" rollout to finish: {what}", live.name()));
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new pods have been updated..."));
    }
    if available < wanted {
        return waiting(format!("{available} of {wanted} updated pods are available..."));
    }
    Health::healthy()
}
