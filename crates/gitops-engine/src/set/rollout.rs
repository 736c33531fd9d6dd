//! RollingSync: which applications of a set sync now.

use std::sync::Arc;

use gitops_app::{ApplicationSet, ConditionType, OperationPhase, Retry, SetStrategy, SyncCode, SyncOperation};
use gitops_appset::{Progress, ProgressStatus, Rollout, RolloutApplication, rollout};
use gitops_health::HealthStatus;
use gitops_manifest::Timestamp;
use serde_json::{Value as Json, json};

use super::{SetSlot, apply};
use crate::engine::{Engine, Inner};
use crate::gate;

/// Who asks for these syncs.
const BY: &str = "applicationset-controller";

/// Decides, and starts what may start. None for a set without steps.
pub(crate) async fn advance(inner: &Arc<Inner>, slot: &Arc<SetSlot>, set: &ApplicationSet) -> Option<Rollout> {
    let steps = set.spec.strategy.as_ref().and_then(SetStrategy::steps)?;
    let now = gate::now();
    let members = apply::members(inner, slot);
    let apps: Vec<_> = members
        .iter()
        .map(|member| {
            let state = member.lock();
            let running = state.running.as_ref().map(|r| (OperationPhase::Running, r.started));
            // Of one that is over its end is known: it ended after it began.
            let operation = running.or_else(|| state.last.as_ref().map(|l| (l.phase, l.finished_at)));
            (state.app.clone(), state.status.clone(), operation)
        })
        .collect();
    let known: Vec<RolloutApplication<'_>> = apps
        .iter()
        .map(|(app, status, operation)| {
            let sync = status.sync.as_ref();
            let broken = |kind: &ConditionType| matches!(kind, ConditionType::InvalidSpecError | ConditionType::UnknownError);
            let revisions = sync.map(|s| if s.revisions.is_empty() { vec![s.revision.clone()] } else { s.revisions.clone() });
            RolloutApplication {
                name: &app.metadata.name,
                labels: &app.metadata.labels,
                sync: sync.and_then(|s| s.status).unwrap_or(SyncCode::Unknown),
                health: status.health.as_ref().and_then(|h| h.status).unwrap_or(HealthStatus::Unknown),
                revisions: revisions.unwrap_or_default(),
                operation: *operation,
                // Statuses here are those of the last pass, which follows each operation.
                reconciled_at: Some(now),
                spec_differs: false,
                broken: status.conditions.iter().any(|c| broken(&c.kind)),
            }
        })
        .collect();
    let last = slot.lock().progress.clone();
    let mut rolled = rollout(steps, &known, &last, now);
    let engine = Engine(inner.clone());
    for name in &rolled.sync {
        if let Err(e) = start(&engine, name).await {
            tracing::warn!(set = slot.name(), app = name, "{e}");
            // Its turn stays open.
            if let Some(progress) = rolled.progress.iter_mut().find(|p| p.application == *name) {
                progress.status = ProgressStatus::Waiting;
                progress.message = e;
            }
        }
    }
    slot.lock().progress.clone_from(&rolled.progress);
    Some(rolled)
}

async fn start(engine: &Engine, name: &str) -> Result<(), String> {
    let slot = engine.0.find(name).map_err(|e| e.to_string())?;
    let app = slot.lock().app.clone();
    let ruling = engine.0.permitted(&app).map_err(|e| e.to_string())?;
    let gate = engine.0.gate(&app, &ruling, gate::now());
    if !gate.automated {
        return Err(gate.reason);
    }
    let policy = app.spec.sync_policy.clone().unwrap_or_default();
    let prune = policy.automated.as_ref().is_some_and(|a| a.prune);
    let sync = SyncOperation { prune, sync_options: app.spec.sync_options().to_vec(), ..SyncOperation::default() };
    let retry = policy.retry.unwrap_or_else(Retry::automated_default);
    engine.sync(name, sync, Some(retry), BY).await.map(|_| ()).map_err(|e| e.to_string())
}

/// `status.applicationStatus`.
pub(crate) fn to_json(progress: &[Progress]) -> Json {
    progress
        .iter()
        .map(|p| {
            json!({
                "application": p.application, "status": p.status.to_string(),
                "step": p.step.map_or_else(|| "-1".to_owned(), |s| s.to_string()), "targetRevisions": p.target_revisions,
                "message": p.message, "lastTransitionTime": Timestamp::from_millis(p.since.saturating_mul(1000)).to_string(), "since": p.since,
            })
        })
        .collect()
}

/// Reads `status.applicationStatus` again, after a start.
pub(crate) fn progress(status: &Json) -> Vec<Progress> {
    let text = |v: &Json, key: &str| v[key].as_str().unwrap_or_default().to_owned();
    let read = |v: &Json| {
        Some(Progress {
            application: text(v, "application"),
            status: ProgressStatus::parse(&text(v, "status"))?,
            step: text(v, "step").parse().ok(),
            target_revisions: v["targetRevisions"].as_array()?.iter().filter_map(|r| r.as_str().map(str::to_owned)).collect(),
            message: text(v, "message"),
            since: v["since"].as_i64().unwrap_or_default(),
        })
    };
    status["applicationStatus"].as_array().into_iter().flatten().filter_map(read).collect()
}
