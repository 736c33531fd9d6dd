//! KEDA: pause scaling, at the count there is or at another one.

use gitops_manifest::Value;

use super::{Outcome, action, whole_number};
use crate::action::{Action, ActionError, Input};
use crate::edit::{Edit, annotation};

const PAUSED: &str = "autoscaling.keda.sh/paused";
const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";

fn scales_objects(live: &Value) -> bool {
    live.str_at(&["kind"]) == Some("ScaledObject")
}

pub(super) fn discover(live: &Value) -> Vec<Action> {
    let paused = annotation(live, PAUSED) == Some("true");
    let held = annotation(live, PAUSED_REPLICAS).is_some() && scales_objects(live);
    let mut actions = vec![
        action("pause").icon("fa fa-fw fa-pause-circle").only_if(!paused && !held),
        action("resume").icon("fa fa-fw fa-play-circle").only_if(paused || held),
    ];
    if scales_objects(live) {
        actions.push(action("paused-replicas").icon("fa fa-fw fa-pause-circle").takes("replicas", "0").only_if(!paused));
    }
    actions
}

pub(super) fn run(live: &Value, name: &str, input: &Input) -> Option<Outcome> {
    let edit = Edit::of(live);
    Some(match name {
        "pause" => Ok(edit.annotate(PAUSED, "true").done()),
        "resume" => {
            let annotations = || ["metadata", "annotations"];
            let kept = live
                .at(&annotations())
                .and_then(Value::as_map)
                .map_or(0, |m| m.keys().filter(|k| ![PAUSED, PAUSED_REPLICAS].contains(&k.as_str())).count());
            let edit = edit.remove(&["metadata", "annotations", PAUSED]).remove(&["metadata", "annotations", PAUSED_REPLICAS]);
            Ok(if kept == 0 { edit.remove(&annotations()) } else { edit }.done())
        }
        "paused-replicas" if scales_objects(live) => match whole_number(input, "replicas") {
            Ok(n) => Ok(edit.annotate(PAUSED_REPLICAS, n.to_string()).done()),
            Err(why) => Err(ActionError::refused(format!("{why} (must be >= 0)"))),
        },
        _ => return None,
    })
}
