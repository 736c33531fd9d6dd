//! Single actions of single kinds.

use gitops_manifest::Value;

use super::{Outcome, action};
use crate::action::{Action, Input};
use crate::edit::{Edit, annotation, is_true};
use crate::time::Utc;

const ROLLING_UPDATE: &str = "strimzi.io/manual-rolling-update";

pub(super) fn discover(live: &Value) -> Vec<Action> {
    match live.str_at(&["kind"]).unwrap_or("") {
        "StrimziPodSet" => vec![action("rolling-update").only_if(annotation(live, ROLLING_UPDATE).is_none())],
        "ExternalSecret" => vec![action("refresh")],
        "PushSecret" => vec![action("push")],
        "MariaDB" => {
            let suspended = is_true(live, &["spec", "suspend"]);
            vec![action("suspend").only_if(!suspended), action("resume").only_if(suspended)]
        }
        "PullRequest" => {
            vec![
                action("merge")
                    .shown_as("Merge PR")
                    .icon("fa fa-fw fa-code-merge")
                    .only_if(live.str_at(&["spec", "state"]) == Some("open")),
            ]
        }
        _ => {
            let paused = is_true(live, &["spec", "pause"]);
            vec![
                action("pause").icon("fa fa-fw fa-pause-circle").only_if(!paused),
                action("unpause").icon("fa fa-fw fa-play-circle").only_if(paused),
            ]
        }
    }
}

pub(super) fn run(live: &Value, name: &str, input: &Input) -> Option<Outcome> {
    let edit = Edit::of(live);
    let impacts = match (live.str_at(&["kind"]).unwrap_or(""), name) {
        ("StrimziPodSet", "rolling-update") => edit.annotate(ROLLING_UPDATE, "true").done(),
        ("ExternalSecret", "refresh") | ("PushSecret", "push") => {
            edit.annotate("force-sync", format!("{}Z", Utc::new(input.now).stamp())).done()
        }
        ("MariaDB", "suspend") => edit.set(&["spec", "suspend"], true).done(),
        ("MariaDB", "resume") => edit.set(&["spec", "suspend"], false).done(),
        ("PullRequest", "merge") => edit.set(&["spec", "state"], "merged").done(),
        ("PerconaServerMongoDB", "pause") => edit.set(&["spec", "pause"], true).done(),
        ("PerconaServerMongoDB", "unpause") => edit.set(&["spec", "pause"], false).done(),
        _ => return None,
    };
    Some(Ok(impacts))
}
