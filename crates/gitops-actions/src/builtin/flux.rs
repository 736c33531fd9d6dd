//! Flux's kinds: reconcile now, suspend, resume.

use gitops_manifest::Value;

use super::{Outcome, action};
use crate::action::{Action, Input};
use crate::edit::{Edit, is_true};
use crate::time::Utc;

/// Kinds that only hold settings, so that there is nothing to reconcile.
fn reconciles(live: &Value) -> bool {
    !matches!(live.str_at(&["kind"]), Some("Alert" | "Provider"))
}

pub(super) fn discover(live: &Value) -> Vec<Action> {
    let suspended = is_true(live, &["spec", "suspend"]);
    let mut actions = vec![action("suspend").only_if(!suspended), action("resume").only_if(suspended)];
    if reconciles(live) {
        actions.push(action("reconcile").only_if(!suspended));
    }
    actions
}

pub(super) fn run(live: &Value, name: &str, input: &Input) -> Option<Outcome> {
    let edit = Edit::of(live);
    Some(Ok(match name {
        "suspend" => edit.set(&["spec", "suspend"], true).done(),
        "resume" => edit.set(&["spec", "suspend"], false).done(),
        "reconcile" if reconciles(live) => {
            edit.annotate("reconcile.fluxcd.io/requestedAt", format!("By Argo CD at: {}", Utc::new(input.now).stamp())).done()
        }
        _ => return None,
    }))
}
