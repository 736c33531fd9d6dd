//! Numaproj: pipelines that can be paused, promoted and deleted, and the rollouts that own them.

use gitops_manifest::Value;

use super::{Outcome, action};
use crate::action::{Action, Input};
use crate::edit::{Edit, annotation, label, list};

const UPGRADE_STATE: &str = "numaplane.numaproj.io/upgrade-state";
const FORCE_PROMOTE: &str = "numaplane.numaproj.io/force-promote";
const ALLOW_DATA_LOSS: &str = "numaplane.numaproj.io/allow-data-loss";

fn kind(live: &Value) -> &str {
    live.str_at(&["kind"]).unwrap_or("")
}

fn pauses(paused: bool, strategies: Option<&str>, free: bool) -> Vec<Action> {
    let (gradual, fast) = match strategies {
        Some("fast") => (false, true),
        Some("slow, fast") => (true, true),
        _ => (true, false),
    };
    let play = |name: &str| action(name).icon("fa-solid fa-fw fa-play");
    vec![
        action("pause").icon("fa-solid fa-fw fa-pause").only_if(free && !paused),
        play("unpause-gradual").shown_as("Unpause (gradual)").only_if(free && paused && gradual),
        play("unpause-fast").shown_as("Unpause (fast)").only_if(free && paused && fast),
    ]
}

pub(super) fn of_flow(live: &Value) -> Vec<Action> {
    let state = label(live, UPGRADE_STATE).unwrap_or("");
    let promotable = state == "in-progress" && label(live, FORCE_PROMOTE) != Some("true");
    let promote = action("force-promote").shown_as("Force Promote").icon("fa-solid fa-fw fa-forward").only_if(promotable);
    if kind(live) == "InterStepBufferService" {
        return vec![promote];
    }
    // Its rollout pauses and resumes what it owns, until it is about to be thrown away.
    let recyclable = state.starts_with("recyclable");
    let rollout = format!("{}Rollout", kind(live));
    let owned = list(live, &["metadata", "ownerReferences"]).iter().any(|owner| owner.str_at(&["kind"]) == Some(&rollout));
    let paused = live.str_at(&["spec", "lifecycle", "desiredPhase"]) == Some("Paused");
    let strategies = live.str_at(&["spec", "metadata", "annotations", "numaflow.numaproj.io/allowed-resume-strategies"]);
    let mut actions = pauses(paused, strategies, !owned || recyclable);
    actions.push(promote);
    if kind(live) == "Pipeline" {
        actions.push(action("delete").shown_as("Delete").icon("fa-solid fa-fw fa-trash").only_if(recyclable));
    }
    actions
}

pub(super) fn run_flow(live: &Value, name: &str, _: &Input) -> Option<Outcome> {
    let edit = Edit::of(live);
    let phase = &["spec", "lifecycle", "desiredPhase"];
    let strategy = "numaflow.numaproj.io/resume-strategy";
    let impacts = match (kind(live), name) {
        (_, "force-promote") => edit.set(&["metadata", "labels", FORCE_PROMOTE], "true").done(),
        ("MonoVertex" | "Pipeline", "pause") => edit.set(phase, "Paused").done(),
        // Without a count of its own the vertex is scaled up from its minimum.
        ("MonoVertex", "unpause-gradual") => edit.set(phase, "Running").remove(&["spec", "replicas"]).done(),
        ("MonoVertex", "unpause-fast") => edit.set(phase, "Running").done(),
        ("Pipeline", "unpause-gradual") => edit.set(phase, "Running").annotate(strategy, "slow").done(),
        ("Pipeline", "unpause-fast") => edit.set(phase, "Running").annotate(strategy, "fast").done(),
        ("Pipeline", "delete") => edit.annotate("numaplane.numaproj.io/marked-for-deletion", "true").done(),
        _ => return None,
    };
    Some(Ok(impacts))
}

/// Where a rollout keeps the phase of what it rolls out.
fn phase_path(live: &Value) -> [&'static str; 5] {
    let child = if kind(live) == "PipelineRollout" { "pipeline" } else { "monoVertex" };
    ["spec", child, "spec", "lifecycle", "desiredPhase"]
}

pub(super) fn of_plane(live: &Value) -> Vec<Action> {
    let paused = live.str_at(&phase_path(live)) == Some("Paused");
    let mut actions = pauses(paused, Some("slow, fast"), true);
    if kind(live) == "PipelineRollout" {
        let draining = live.str_at(&["status", "upgradeInProgress"]) == Some("PipelinePauseAndDrain");
        let allowed = annotation(live, ALLOW_DATA_LOSS) == Some("true");
        actions.push(action("allow-data-loss").shown_as("Allow (Possible) Data Loss").only_if(draining && !allowed));
        actions.push(action("disallow-data-loss").shown_as("Disallow Data Loss").only_if(allowed));
    }
    actions
}

pub(super) fn run_plane(live: &Value, name: &str, _: &Input) -> Option<Outcome> {
    let edit = Edit::of(live);
    let phase = phase_path(live);
    let fast = &["spec", "strategy", "pauseResume", "fastResume"];
    let impacts = match (kind(live), name) {
        (_, "pause") => edit.set(&phase, "Paused").done(),
        (_, "unpause-gradual") => edit.set(&phase, "Running").set(fast, false).done(),
        (_, "unpause-fast") => edit.set(&phase, "Running").set(fast, true).done(),
        ("PipelineRollout", "allow-data-loss") => edit.annotate(ALLOW_DATA_LOSS, "true").done(),
        ("PipelineRollout", "disallow-data-loss") => edit.annotate(ALLOW_DATA_LOSS, "false").done(),
        _ => return None,
    };
    Some(Ok(impacts))
}
