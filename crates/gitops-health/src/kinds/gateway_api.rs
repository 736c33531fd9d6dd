//! The Gateway API, and policies of others that report by its ancestors: each parent, ancestor or listener is judged by itself.

use gitops_manifest::Value;

use crate::live::{Condition, Live, conditions};
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing};

pub(super) fn gateway(live: &Live<'_>) -> Option<Health> {
    let listeners = live.list("status.listeners").iter().map(|l| ("Listener: ".to_owned(), l));
    let own = live.at("status").map(|s| (String::new(), s));
    for (prefix, of) in own.into_iter().chain(listeners) {
        if let Some(health) = not_there_yet(&prefix, conditions(of)) {
            return Some(health);
        }
    }
    Some(match live.conditions().next() {
        Some(_) => Health::new(Healthy, "Gateway is healthy"),
        None => Health::new(Progressing, "Waiting for Gateway status"),
    })
}

pub(super) fn gateway_class(live: &Live<'_>) -> Option<Health> {
    let generation = live.maybe_int("metadata.generation");
    let current = live.condition("Accepted").filter(|c| is_current(c, generation));
    Some(match current.map(|c| (c.status(), c.message())) {
        Some(("True", message)) => Health::new(Healthy, message),
        Some(("False", message)) => Health::new(Degraded, message),
        Some((_, message)) => Health::new(Progressing, message),
        None => Health::new(Progressing, "Waiting for GatewayClass status"),
    })
}

/// `HTTPRoute`, `GRPCRoute` and their likes: parents that were last seen for an older spec are left out.
pub(super) fn route(live: &Live<'_>) -> Option<Health> {
    let generation = live.maybe_int("metadata.generation");
    let mut any = false;
    for parent in live.list("status.parents") {
        if conditions(parent).next().is_none() || !conditions(parent).all(|c| is_current(&c, generation)) {
            continue;
        }
        any = true;
        let prefix = format!("Parent {}: ", parent.str_at(&["parentRef", "name"]).unwrap_or(""));
        if let Some(health) = not_there_yet(&prefix, conditions(parent)) {
            return Some(health);
        }
    }
    Some(if any {
        Health::new(Healthy, format!("{} is healthy", live.kind()))
    } else {
        Health::new(Progressing, format!("Waiting for {} status", live.kind()))
    })
}

/// Policies: accepted by every ancestor.
pub(super) fn policy(live: &Live<'_>) -> Option<Health> {
    let generation = live.maybe_int("metadata.generation");
    let kind = live.kind();
    let ancestors = live.list("status.ancestors");
    let name = |ancestor: &Value| ancestor.str_at(&["ancestorRef", "name"]).unwrap_or("").to_owned();
    let reported: Vec<&Value> =
        ancestors.iter().filter(|a| a.get("conditions").and_then(Value::as_list).is_none_or(|c| !c.is_empty())).collect();
    if reported.is_empty() {
        return Some(Health::new(Progressing, format!("Waiting for {kind} status")));
    }
    for ancestor in reported {
        for condition in conditions(ancestor) {
            if !is_current(&condition, generation) {
                let message = format!("Waiting for Ancestor {} to update {kind} status", name(ancestor));
                return Some(Health::new(Progressing, message));
            }
        }
        let prefix = format!("Ancestor {}: ", name(ancestor));
        if let Some(health) = not_there_yet(&prefix, conditions(ancestor)) {
            return Some(health);
        }
        let conflicted = conditions(ancestor).find(|c| c.kind() == "Conflicted" && c.status() == "True");
        if let Some(condition) = conflicted {
            return Some(Health::new(Degraded, format!("{prefix}{}", condition.message())));
        }
        let mut all = conditions(ancestor).peekable();
        if all.peek().is_some() && !all.any(|c| c.kind() == "Accepted") {
            return Some(Health::new(Degraded, format!("{prefix}{kind} is not accepted")));
        }
    }
    Some(Health::new(Healthy, format!("{kind} is healthy")))
}

fn is_current(condition: &Condition<'_>, generation: Option<i64>) -> bool {
    match (condition.observed(), generation) {
        (Some(seen), Some(latest)) => seen == latest,
        _ => true,
    }
}

fn not_there_yet<'a>(prefix: &str, all: impl Iterator<Item = Condition<'a>> + Clone) -> Option<Health> {
    let find = |kind: &str, wrong: fn(&str) -> bool| all.clone().find(|c| c.kind() == kind && wrong(c.status()));
    let found = find("ResolvedRefs", |s| s == "False")
        .or_else(|| find("Accepted", |s| s == "False"))
        .map(|c| (Degraded, c))
        .or_else(|| find("Programmed", |s| s != "True").map(|c| (Progressing, c)));
    found.map(|(status, condition)| Health::new(status, format!("{prefix}{}", condition.message())))
}
