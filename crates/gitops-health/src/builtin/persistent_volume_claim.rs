//! `PersistentVolumeClaim`: by phase.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing, Unknown};

pub(crate) fn health(live: &Live<'_>) -> Health {
    let status = match live.str("status.phase") {
        "Lost" => Degraded,
        "Pending" => Progressing,
        "Bound" => Healthy,
        _ => Unknown,
    };
    Health::new(status, "")
}
