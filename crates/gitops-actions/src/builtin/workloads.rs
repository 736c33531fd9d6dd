//! `Deployment`, `StatefulSet`, `DaemonSet`: restart, scale, pause.

use gitops_manifest::Value;

use super::{Outcome, action, whole_number};
use crate::action::{Action, ActionError, Input};
use crate::edit::{Edit, is_true};
use crate::time::Utc;

/// What `kubectl rollout restart` writes too.
const RESTARTED: &[&str] = &["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];

pub(super) fn of_deployment(live: &Value) -> Vec<Action> {
    let paused = is_true(live, &["spec", "paused"]);
    vec![
        restart(),
        action("pause").icon("fa fa-fw fa-pause-circle").only_if(!paused),
        action("resume").icon("fa fa-fw fa-play-circle").only_if(paused),
        scale(),
    ]
}

pub(super) fn of_stateful_set(_: &Value) -> Vec<Action> {
    vec![restart(), scale()]
}

pub(super) fn of_daemon_set(_: &Value) -> Vec<Action> {
    vec![restart()]
}

fn restart() -> Action {
    action("restart").icon("fa fa-fw fa-redo")
}

fn scale() -> Action {
    action("scale").icon("fa fa-fw fa-plus-circle").takes("replicas", "")
}

pub(super) fn run(live: &Value, name: &str, input: &Input) -> Option<Outcome> {
    let kind = live.str_at(&["kind"]).unwrap_or("");
    let edit = Edit::of(live);
    Some(match (name, kind) {
        ("restart", _) => Ok(edit.set(RESTARTED, format!("{}Z", Utc::new(input.now).stamp())).done()),
        ("scale", "Deployment" | "StatefulSet") => {
            whole_number(input, "replicas").map_err(ActionError::refused).map(|n| edit.set(&["spec", "replicas"], n).done())
        }
        ("pause", "Deployment") => Ok(edit.set(&["spec", "paused"], true).done()),
        ("resume", "Deployment") => Ok(edit.remove(&["spec", "paused"]).done()),
        _ => return None,
    })
}
