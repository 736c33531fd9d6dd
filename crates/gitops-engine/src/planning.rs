//! What a sync would do, before it does it: ordered steps, differences, and a hash of both. A sync that is given the hash begins
//! only while it would still do the same.

use gitops_app::{Retry, SyncOperation};
use gitops_apply::{Action, Change, Plan, PruneMode, Task};
use gitops_manifest::json;
use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::operation;
use crate::pair::Pair;
use crate::request::Prepared;

/// Conditions of a sync beyond Argo CD's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncTerms {
    /// Begin only if the plan has this hash, or begins with it: at least 8 digits.
    pub expect: Option<String>,
    /// A sync of some objects only runs the application's hooks as well.
    pub with_hooks: bool,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// `PreSync`, `Sync`, `PostSync` or `SyncFail`.
    pub phase: &'static str,
    /// The wave.
    pub wave: i32,
    /// `create`, `update`, `unchanged`, `prune`, `prune (needs approval)`, `keep`, `run` or `activate`.
    pub action: &'static str,
    /// The object, or the activation group.
    pub subject: String,
}

/// What a sync would do.
#[derive(Clone, Debug)]
pub struct SyncPlan {
    /// The same as long as the same would be done.
    pub hash: String,
    /// The revisions, one for each source.
    pub revisions: Vec<String>,
    /// In order.
    pub steps: Vec<PlanStep>,
    /// Objects that would be made, changed or removed, masked.
    pub differences: Vec<Pair>,
}

fn action(task: &Task) -> &'static str {
    match &task.action {
        Action::Apply { change: Change::Create, .. } => "create",
        Action::Apply { change: Change::Update, .. } => "update",
        Action::Apply { change: Change::Unchanged, .. } => "unchanged",
        Action::Prune { mode: PruneMode::Delete, .. } => "prune",
        Action::Prune { mode: PruneMode::Confirm, .. } => "prune (needs approval)",
        Action::Prune { .. } => "keep",
        Action::Hook { .. } => "run",
        Action::Activate { .. } => "activate",
    }
}

fn step(task: &Task) -> PlanStep {
    // A hook's name at the target is made of the time; what it is named after is not.
    let subject = match &task.action {
        Action::Hook { source, .. } => source.to_string(),
        Action::Activate { group } => format!("activation of {group}"),
        Action::Apply { id, .. } | Action::Prune { id, .. } => id.to_string(),
    };
    PlanStep { phase: task.phase.as_str(), wave: task.wave.number(), action: action(task), subject }
}

/// Both sides of everything that changes, and a hash over them and the order.
fn described(prepared: &Prepared, plan: &Plan) -> Result<SyncPlan, EngineError> {
    let steps: Vec<PlanStep> = plan.tasks().iter().map(step).collect();
    let mut hash = Sha256::new();
    for revision in &prepared.request.revisions {
        hash.update(format!("revision {revision}\n"));
    }
    let mut differences = Vec::new();
    for (task, step) in plan.tasks().iter().zip(&steps) {
        hash.update(format!("{} {} {} {}\n", step.phase, step.wave, step.action, step.subject));
        let source = match &task.action {
            Action::Hook { source, .. } => Some(source),
            _ => task.object(),
        };
        let Some(id) = source else { continue };
        let desired = prepared.manifests.iter().find(|m| m.id() == id).map(|m| m.body()).filter(|_| !task.removes());
        let live = prepared.live.get(id).map(|l| l.manifest.body());
        for side in [desired, live] {
            hash.update(side.map(json::print).unwrap_or_default());
            hash.update("\n");
        }
        if task.changes() {
            differences.push(Pair::plain(id.clone(), desired, live, true));
        }
    }
    Ok(SyncPlan { hash: hex::encode(hash.finalize()), revisions: prepared.request.revisions.clone(), steps, differences })
}

impl Engine {
    /// What a sync would do. Nothing is changed.
    ///
    /// # Errors
    /// When it could not begin.
    pub async fn plan_sync(&self, name: &str, sync: SyncOperation, terms: &SyncTerms, by: &str) -> Result<SyncPlan, EngineError> {
        // A plan may be looked at while a window or a stop holds syncs back.
        let prepared = self.prepare(name, SyncOperation { dry_run: true, ..sync.clone() }, None, terms, by).await?;
        let prepared = prepared.with_dry_run(sync.dry_run);
        let plan = operation::planned(&self.0, &prepared.slot, &prepared.request, &prepared.manifests, &prepared.live).await?;
        described(&prepared, &plan)
    }

    /// Begins a sync on terms.
    ///
    /// # Errors
    /// As [`Engine::sync`], and when what would be done is not what was expected.
    pub async fn sync_on(
        &self,
        name: &str,
        sync: SyncOperation,
        retry: Option<Retry>,
        terms: &SyncTerms,
        by: &str,
    ) -> Result<crate::Begun, EngineError> {
        let prepared = self.prepare(name, sync, retry, terms, by).await?;
        if let Some(expected) = &terms.expect {
            let plan = operation::planned(&self.0, &prepared.slot, &prepared.request, &prepared.manifests, &prepared.live).await?;
            let found = described(&prepared, &plan)?.hash;
            if expected.len() < 8 || !found.starts_with(expected.as_str()) {
                return Err(EngineError::Precondition(format!(
                    "what would be applied is not what was expected: its hash is {found}, not {expected}. Look again with \
                     `gitops app sync {name} --plan`"
                )));
            }
        }
        self.begin(prepared, by).await
    }
}
