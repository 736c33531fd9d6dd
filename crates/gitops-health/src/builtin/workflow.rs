//! Argo's `Workflow`: by phase. It is here because hooks of many applications are workflows.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing, Unknown};

pub(crate) fn health(live: &Live<'_>) -> Health {
    let status = match live.str("status.phase") {
        "" | "Pending" | "Running" => Progressing,
        "Succeeded" => Healthy,
        "Failed" | "Error" => Degraded,
        _ => Unknown,
    };
    Health::new(status, live.str("status.message"))
}
