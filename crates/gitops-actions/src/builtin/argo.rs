//! Argo's other kinds: end a run, run a workflow now, switch auto-sync.

use gitops_manifest::{Map, Value};

use super::{Outcome, action};
use crate::action::{Action, Impact, Input};
use crate::edit::{Edit, copied, has, label, map};
use crate::time::Utc;

const INSTANCE: &str = "workflows.argoproj.io/controller-instanceid";
const AUTOMATED: &[&str] = &["spec", "syncPolicy", "automated"];
const ENABLED: &[&str] = &["spec", "syncPolicy", "automated", "enabled"];

fn syncs_itself(live: &Value) -> bool {
    has(live, AUTOMATED) && live.at(ENABLED).and_then(Value::as_bool) != Some(false)
}

pub(super) fn discover(live: &Value) -> Vec<Action> {
    match live.str_at(&["kind"]).unwrap_or("") {
        "AnalysisRun" => {
            let ends = live.str_at(&["status", "phase"]);
            vec![action("terminate").only_if(matches!(ends, None | Some("" | "Pending" | "Running")))]
        }
        "Application" => {
            vec![action("toggle-auto-sync").shown_as(if syncs_itself(live) { "Disable Auto-Sync" } else { "Enable Auto-Sync" })]
        }
        _ => vec![action("create-workflow").shown_as("Create Workflow")],
    }
}

pub(super) fn run(live: &Value, name: &str, input: &Input) -> Option<Outcome> {
    let impacts = match (live.str_at(&["kind"]).unwrap_or(""), name) {
        ("AnalysisRun", "terminate") => Edit::of(live).set(&["spec", "terminate"], true).done(),
        ("Application", "toggle-auto-sync") => Edit::of(live).set(ENABLED, !syncs_itself(live)).done(),
        ("CronWorkflow", "create-workflow") => vec![Impact::Create(of_cron_workflow(live, input))],
        ("WorkflowTemplate", "create-workflow") => vec![Impact::Create(of_template(live, input))],
        _ => return None,
    };
    Some(Ok(impacts))
}

fn workflow(live: &Value, input: &Input, labels: Value, annotations: Value, spec: Value) -> Value {
    let name = live.str_at(&["metadata", "name"]).unwrap_or("");
    let owner = map([
        ("apiVersion", copied(live, &["apiVersion"])),
        ("kind", copied(live, &["kind"])),
        ("name", name.into()),
        ("uid", copied(live, &["metadata", "uid"])),
    ]);
    let metadata = map([
        ("name", format!("{name}-{}", Utc::new(input.now).minutes()).into()),
        ("namespace", copied(live, &["metadata", "namespace"])),
        ("labels", labels),
        ("annotations", annotations),
        ("ownerReferences", vec![owner].into()),
    ]);
    map([("apiVersion", "argoproj.io/v1alpha1".into()), ("kind", "Workflow".into()), ("metadata", metadata), ("spec", spec)])
}

/// What `argo submit --from=workflowtemplate/…` makes.
fn of_template(live: &Value, input: &Input) -> Value {
    let name = copied(live, &["metadata", "name"]);
    let labels = map([("workflows.argoproj.io/workflow-template", name.clone())]);
    let spec = map([("workflowTemplateRef", map([("name", name)]))]);
    workflow(live, input, labels, Value::Null, spec)
}

/// What `argo submit --from=cronwf/…` makes.
fn of_cron_workflow(live: &Value, input: &Input) -> Value {
    let part = |name: &str| live.at(&["spec", "workflowMetadata", name]).and_then(Value::as_map).cloned().unwrap_or_else(Map::new);
    let (mut labels, mut annotations) = (part("labels"), part("annotations"));
    labels.insert("workflows.argoproj.io/cron-workflow", copied(live, &["metadata", "name"]));
    if let Some(instance) = label(live, INSTANCE) {
        labels.insert(INSTANCE, instance);
    }
    annotations.insert("workflows.argoproj.io/scheduled-time", format!("{}Z", Utc::new(input.now).stamp()));
    let mut made = workflow(live, input, labels.into(), annotations.into(), copied(live, &["spec", "workflowSpec"]));
    // The reference puts them here, where the API server drops them, and not into the metadata: a finalizer would keep the
    // workflow from being deleted by its owner.
    let finalizers = copied(live, &["spec", "workflowMetadata", "finalizers"]);
    if let (Some(map), false) = (made.as_map_mut(), finalizers.is_null()) {
        map.insert("finalizers", finalizers);
    }
    made
}
