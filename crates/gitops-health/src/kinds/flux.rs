//! Flux's kinds. `Ready` decides; beside it each kind has conditions that must be true too, and the message is `Ready`'s reason.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing, Suspended};

/// Whether the group is one of Flux's toolkit.
pub(super) fn is_of(group: &str) -> bool {
    group.ends_with(".toolkit.fluxcd.io")
}

pub(super) fn health(live: &Live<'_>) -> Option<Health> {
    if live.is_true("spec.suspend") {
        return Some(Health::new(Suspended, format!("{} is suspended", live.kind())));
    }
    // Kinds that only hold settings have no conditions: providers and alerts of the newest versions.
    if live.conditions().next().is_none() {
        let settings = matches!(live.kind(), "Alert" | "Provider");
        return (!settings).then(|| Health::new(Progressing, "Status unknown"));
    }
    let ready = live.condition("Ready");
    let mut message = ready.map_or("", |c| c.reason()).to_owned();
    if let Some(outdated) = live.condition("ArtifactOutdated").filter(|c| c.status() == "True") {
        message = format!("{message} {}", outdated.reason()).trim().to_owned();
    }
    let beside = match (live.group(), live.kind()) {
        ("helm.toolkit.fluxcd.io", _) => &["Released", "TestSuccess"][..],
        ("source.toolkit.fluxcd.io", _) => &["ArtifactInStorage"],
        _ => &[],
    };
    let works = live.is("Ready", "Unknown") && live.is("Reconciling", "True");
    let done = live.is("Ready", "True") && (beside.is_empty() || beside.iter().any(|kind| live.is(kind, "True")));
    let status = if works {
        Progressing
    } else if done {
        Healthy
    } else {
        Degraded
    };
    Some(Health::new(status, message))
}
