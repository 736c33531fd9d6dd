//! Gloo: the state is a word or its number, by reporting namespace or, in older versions, once.

use gitops_manifest::Value;

use crate::live::{Live, text};
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing, Suspended, Unknown};

pub(super) fn health(live: &Live<'_>) -> Option<Health> {
    let status = live.at("status")?;
    let mut healthy = false;
    let by_namespace = status.get("statuses").and_then(Value::as_map);
    let reports = by_namespace.map_or_else(|| vec![status], |map| map.values().collect());
    for report in reports {
        let reason = report.str_at(&["reason"]).unwrap_or("");
        match report.get("state").map(text).as_deref() {
            Some("0" | "Pending") => return Some(Health::new(Suspended, "The resource has not yet been validated")),
            Some("1" | "Accepted") => healthy = true,
            Some("2" | "Rejected" | "3" | "Warning") => return Some(Health::new(Degraded, reason)),
            // An older version leaves the state out when it is 0.
            None if !reason.is_empty() || report.get("reportedBy").is_some() => {
                return Some(Health::new(Suspended, "The resource has not yet been validated"));
            }
            None => {}
            Some(_) => return Some(Health::new(Unknown, reason)),
        }
    }
    Some(if healthy { Health::new(Healthy, "The resource has been validated") } else { Health::new(Progressing, "Update in progress") })
}
