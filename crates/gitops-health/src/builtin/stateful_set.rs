//! `StatefulSet`.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Healthy, Progressing};

pub(crate) fn health(live: &Live<'_>) -> Health {
    let observed = live.int("status.observedGeneration");
    if observed == 0 || live.int("metadata.generation") > observed {
        return Health::new(Progressing, "Waiting for statefulset spec update to be observed...");
    }
    let wanted = live.maybe_int("spec.replicas");
    let ready = live.int("status.readyReplicas");
    if let Some(wanted) = wanted.filter(|wanted| ready < *wanted) {
        return Health::new(Progressing, format!("Waiting for {} pods to be ready...", wanted.saturating_sub(ready)));
    }
    let updated = live.int("status.updatedReplicas");
    match live.str("spec.updateStrategy.type") {
        "RollingUpdate" if live.has("spec.updateStrategy.rollingUpdate") => {
            if let (Some(wanted), Some(partition)) = (wanted, live.maybe_int("spec.updateStrategy.rollingUpdate.partition")) {
                let new = wanted.saturating_sub(partition);
                if updated < new {
                    let message =
                        format!("Waiting for partitioned roll out to finish: {updated} out of {new} new pods have been updated...");
                    return Health::new(Progressing, message);
                }
            }
            Health::new(Healthy, format!("partitioned roll out complete: {updated} new pods have been updated..."))
        }
        "OnDelete" => Health::new(Healthy, format!("statefulset has {ready} ready pods")),
        _ => {
            let (new, current) = (live.str("status.updateRevision"), live.str("status.currentRevision"));
            if new != current {
                let message = format!("waiting for statefulset rolling update to complete {updated} pods at revision {new}...");
                return Health::new(Progressing, message);
            }
            let pods = live.int("status.currentReplicas");
            Health::new(Healthy, format!("statefulset rolling update complete {pods} pods at revision {current}..."))
        }
    }
}
