//! `Job`: by which conditions are there; only of `Suspended` the status counts too.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing, Suspended};

pub(crate) fn health(live: &Live<'_>) -> Health {
    let (mut failed, mut ended, mut suspended) = (None, None, false);
    for condition in live.conditions() {
        match condition.kind() {
            "Failed" => failed = Some(condition.message()),
            "Complete" => ended = Some(condition.message()),
            "Suspended" => {
                ended = Some(condition.message());
                suspended |= condition.status() == "True";
            }
            _ => {}
        }
    }
    match (failed, ended) {
        (Some(message), _) => Health::new(Degraded, message),
        (None, None) => Health::new(Progressing, ""),
        (None, Some(message)) => Health::new(if suspended { Suspended } else { Healthy }, message),
    }
}
