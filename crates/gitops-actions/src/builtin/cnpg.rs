//! CloudNativePG's `Cluster`: what its `kubectl` plug-in does.

use gitops_manifest::Value;

use super::{Outcome, action};
use crate::action::{Action, ActionError, Input};
use crate::edit::{Edit, annotation, list};
use crate::time::Utc;

const RECONCILIATION: &str = "cnpg.io/reconciliationLoop";

fn healthy_instances(live: &Value) -> Vec<&str> {
    list(live, &["status", "instancesStatus", "healthy"]).iter().filter_map(Value::as_str).collect()
}

pub(super) fn discover(live: &Value) -> Vec<Action> {
    let suspended = annotation(live, RECONCILIATION) == Some("disabled");
    vec![
        action("restart").shown_as("Rollout restart Cluster").icon("fa fa-fw fa-recycle"),
        action("reload").shown_as("Reload all Configuration").icon("fa fa-fw fa-rotate-right"),
        action("promote")
            .shown_as("Promote Replica to Primary")
            .icon("fa fa-fw fa-angles-up")
            .takes("instance", "any")
            .only_if(healthy_instances(live).len() > 1),
        if suspended {
            action("resume").shown_as("Resume Reconciliation").icon("fa fa-fw fa-play")
        } else {
            action("suspend").shown_as("Suspend Reconciliation").icon("fa fa-fw fa-pause")
        },
    ]
}

pub(super) fn run(live: &Value, name: &str, input: &Input) -> Option<Outcome> {
    let edit = Edit::of(live);
    let now = format!("{}Z", Utc::new(input.now).stamp());
    Some(match name {
        "restart" => Ok(edit.annotate("kubectl.kubernetes.io/restartedAt", now).done()),
        "reload" => Ok(edit.annotate("cnpg.io/reloadedAt", now).done()),
        "suspend" => Ok(edit.annotate(RECONCILIATION, "disabled").done()),
        "resume" => Ok(edit.remove(&["metadata", "annotations", RECONCILIATION]).done()),
        "promote" => {
            let wanted = input.params.get("instance").map_or("any", String::as_str);
            match candidate(live, wanted) {
                Some(instance) => Ok(edit
                    .set(&["status", "targetPrimary"], instance)
                    .set(&["status", "targetPrimaryTimestamp"], now)
                    .set(&["status", "phase"], "Switchover in progress")
                    .set(&["status", "phaseReason"], format!("Switching over to {instance}"))
                    .done()),
                None => Err(ActionError::refused(format!("Could not find a healthy instance matching the criteria: {wanted}"))),
            }
        }
        _ => return None,
    })
}

/// A healthy replica: any, by its number or by its name.
fn candidate<'v>(live: &'v Value, wanted: &str) -> Option<&'v str> {
    let primary = live.str_at(&["status", "currentPrimary"]);
    let mut replicas = healthy_instances(live).into_iter().filter(|instance| Some(*instance) != primary);
    replicas
        .find(|instance| wanted == "any" || *instance == wanted || instance.rsplit_once('-').is_some_and(|(_, number)| number == wanted))
}
