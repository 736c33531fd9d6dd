//! `CronJob` and `Job`: run now, suspend, resume, terminate.

use gitops_manifest::{Map, Value};

use super::{Outcome, action};
use crate::action::{Action, Impact, Input};
use crate::edit::{Edit, copied, is_true, list, map};
use crate::time::Utc;

pub(super) fn of_cron_job(live: &Value) -> Vec<Action> {
    vec![action("create-job").shown_as("Create Job").icon("fa fa-fw fa-plus"), suspend_or_resume(live)]
}

fn suspend_or_resume(live: &Value) -> Action {
    if is_true(live, &["spec", "suspend"]) {
        action("resume").icon("fa fa-fw fa-play")
    } else {
        action("suspend").icon("fa fa-fw fa-pause")
    }
}

pub(super) fn run_cron_job(live: &Value, name: &str, input: &Input) -> Option<Outcome> {
    Some(match name {
        "create-job" => Ok(vec![Impact::Create(job(live, input))]),
        "suspend" => Ok(Edit::of(live).set(&["spec", "suspend"], true).done()),
        "resume" => Ok(Edit::of(live).set(&["spec", "suspend"], false).done()),
        _ => return None,
    })
}

/// What `kubectl create job --from` makes.
fn job(live: &Value, input: &Input) -> Value {
    let name = live.str_at(&["metadata", "name"]).unwrap_or("");
    let owner = map([
        ("apiVersion", copied(live, &["apiVersion"])),
        ("blockOwnerDeletion", true.into()),
        ("controller", true.into()),
        ("kind", copied(live, &["kind"])),
        ("name", name.into()),
        ("uid", copied(live, &["metadata", "uid"])),
    ]);
    let template = &["spec", "jobTemplate", "metadata"];
    let mut annotations =
        live.at(&[template[0], template[1], template[2], "annotations"]).and_then(Value::as_map).cloned().unwrap_or_else(Map::new);
    annotations.insert("cronjob.kubernetes.io/instantiate", "manual");
    let metadata = map([
        ("name", format!("{name}-{}", Utc::new(input.now).minutes_short()).into()),
        ("namespace", copied(live, &["metadata", "namespace"])),
        ("labels", copied(live, &["spec", "jobTemplate", "metadata", "labels"])),
        ("annotations", annotations.into()),
        ("ownerReferences", vec![owner].into()),
    ]);
    let spec = copied(live, &["spec", "jobTemplate", "spec"]);
    map([("apiVersion", "batch/v1".into()), ("kind", "Job".into()), ("metadata", metadata), ("spec", spec)])
}

pub(super) fn of_job(live: &Value) -> Vec<Action> {
    if has_ended(live) { Vec::new() } else { vec![suspend_or_resume(live), action("terminate").icon("fa fa-fw fa-stop")] }
}

fn has_ended(live: &Value) -> bool {
    list(live, &["status", "conditions"]).iter().any(|c| {
        let ends = matches!(c.str_at(&["type"]), Some("Complete" | "Failed" | "FailureTarget" | "SuccessCriteriaMet"));
        ends && c.str_at(&["status"]) == Some("True")
    })
}

pub(super) fn run_job(live: &Value, name: &str, input: &Input) -> Option<Outcome> {
    Some(match name {
        "suspend" => Ok(Edit::of(live).set(&["spec", "suspend"], true).done()),
        "resume" => Ok(Edit::of(live).set(&["spec", "suspend"], false).done()),
        "terminate" if has_ended(live) => Ok(Edit::of(live).done()),
        "terminate" => {
            let mut conditions = list(live, &["status", "conditions"]).to_vec();
            conditions.push(map([
                ("type", "FailureTarget".into()),
                ("status", "True".into()),
                ("reason", "ManuallyTerminated".into()),
                ("message", "Job was terminated explicitly through Argo CD".into()),
                ("lastTransitionTime", format!("{}Z", Utc::new(input.now).stamp()).into()),
            ]));
            Ok(Edit::of(live).set(&["status", "conditions"], conditions).done())
        }
        _ => return None,
    })
}
