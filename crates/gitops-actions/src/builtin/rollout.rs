//! Argo's `Rollout`: what its `kubectl` plug-in does.

use gitops_manifest::Value;

use super::{Outcome, action};
use crate::action::{Action, Input};
use crate::edit::{Edit, has, is_true, list};
use crate::time::Utc;

const STEPS: &[&str] = &["spec", "strategy", "canary", "steps"];
const STEP: &[&str] = &["status", "currentStepIndex"];

fn is_promoted(live: &Value) -> bool {
    let current = live.str_at(&["status", "currentPodHash"]);
    current.is_some() && current == live.str_at(&["status", "stableRS"])
}

fn is_aborted(live: &Value) -> bool {
    is_true(live, &["status", "abort"])
}

/// Since 0.10 the controller keeps the generation as a number and knows `promoteFull`; before, it kept a hash.
fn promotes_fully(live: &Value) -> bool {
    let observed = live.at(&["status", "observedGeneration"]);
    let observed = observed.and_then(|v| v.as_i64().or_else(|| v.as_str()?.parse().ok()));
    let generation = live.at(&["metadata", "generation"]).and_then(Value::as_i64);
    matches!((observed, generation), (Some(seen), Some(latest)) if seen <= latest)
}

pub(super) fn discover(live: &Value) -> Vec<Action> {
    let promoted = is_promoted(live);
    let paused = is_true(live, &["spec", "paused"]);
    let aborted = is_aborted(live);
    let waits = is_true(live, &["status", "verifyingPreview"]) || !list(live, &["status", "pauseConditions"]).is_empty();
    // A rollout that no stable version is known of has nothing to be promoted from.
    let begun = has(live, &["status", "stableRS"]) || has(live, &["status", "canary", "stableRS"]);
    let blue_green = has(live, &["spec", "strategy", "blueGreen"]);
    let steps = !list(live, STEPS).is_empty();
    vec![
        action("restart").shown_as("Restart Pods"),
        action("resume").only_if(waits || paused),
        action("abort").only_if(!promoted && !aborted),
        action("retry").only_if(!promoted && aborted),
        action("promote-full").only_if(!promoted && begun && (promotes_fully(live) || !blue_green)),
        action("skip-current-step").only_if(!promoted && steps),
        action("pause").only_if(!promoted && !aborted && !paused),
    ]
}

pub(super) fn run(live: &Value, name: &str, input: &Input) -> Option<Outcome> {
    let edit = Edit::of(live);
    let steps = i64::try_from(list(live, STEPS).len()).unwrap_or(i64::MAX);
    let impacts = match name {
        "restart" => edit.set(&["spec", "restartAt"], format!("{}Z", Utc::new(input.now).stamp())).done(),
        "pause" => edit.set(&["spec", "paused"], true).done(),
        "resume" => {
            let edit = edit.remove(&["status", "pauseConditions"]);
            if is_true(live, &["spec", "paused"]) { edit.set(&["spec", "paused"], false) } else { edit }.done()
        }
        "abort" => edit.set(&["status", "abort"], true).done(),
        "retry" => edit.remove(&["status", "abort"]).done(),
        "promote-full" if promotes_fully(live) => edit.set(&["status", "promoteFull"], true).done(),
        "promote-full" => {
            let edit = edit.remove(&["status", "abort"]).remove(&["status", "pauseConditions"]);
            if steps > 0 { edit.set(STEP, steps) } else { edit }.done()
        }
        "skip-current-step" => {
            let current = live.at(STEP).and_then(Value::as_i64).unwrap_or(0);
            if current < steps { edit.remove(&["status", "pauseConditions"]).set(STEP, current.saturating_add(1)) } else { edit }.done()
        }
        _ => return None,
    };
    Some(Ok(impacts))
}
