//! Whether a comparison is followed by a sync that nobody asked for. `sync.md` §11.
//!
//! In: the policy, what the comparison found, the last operation. Out: an operation to start, or why not.
//! Times are seconds since 1970, UTC. Nothing here looks at a clock: a self-heal that must wait says until when.

use std::time::Duration;

use gitops_manifest::ObjectId;

use crate::code::{ConditionType, OperationPhase, SyncCode};
use crate::operation::{InitiatedBy, Operation, SyncOperation, SyncResource};
use crate::retry::{Retry, grow};
use crate::source::ApplicationSource;
use crate::spec::{ApplicationSpec, Automated};

/// What the decision goes by.
#[derive(Clone, Debug)]
pub struct AutoSyncInput<'a> {
    /// The spec: its policy, options and retry.
    pub spec: &'a ApplicationSpec,
    /// Whether an operation is asked for or runs.
    pub operation_present: bool,
    /// Whether the application is being deleted.
    pub deleting: bool,
    /// Whether a sync window forbids a sync now.
    pub window_blocks: bool,
    /// What the comparison found.
    pub sync: SyncCode,
    /// The application's objects that are no hooks.
    pub resources: &'a [AutoSyncResource],
    /// The compared revisions, one for each source.
    pub revisions: &'a [String],
    /// The compared sources.
    pub sources: &'a [ApplicationSource],
    /// Whether the revisions belong to `sources` (a list), or to the one `source`.
    pub multiple_sources: bool,
    /// Whether the new revisions change nothing that this application renders: then only sources are compared.
    pub revisions_equivalent: bool,
    /// The last operation.
    pub last: Option<LastOperation<'a>>,
    /// How self-heal attempts are spaced.
    pub self_heal: SelfHealBackoff,
}

/// One object, as far as the decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoSyncResource {
    /// Which.
    pub id: ObjectId,
    /// Whether it agrees.
    pub status: SyncCode,
    /// Whether it is live but no longer desired.
    pub requires_pruning: bool,
}

/// The last operation, as far as the decision needs it.
#[derive(Clone, Debug)]
pub struct LastOperation<'a> {
    /// How it ended.
    pub phase: OperationPhase,
    /// Why.
    pub message: &'a str,
    /// What it synced: revisions and sources. None when it has no result; that counts as attempted.
    pub synced: Option<(&'a [String], &'a [ApplicationSource])>,
    /// When it ended, seconds since 1970.
    pub finished_at: Option<i64>,
    /// `autoHealAttemptsCount` of its sync.
    pub self_heal_attempts: i64,
}

/// How self-heal attempts are spaced: none before the first, then `first · factor^(n−1)`, at most `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfHealBackoff {
    /// Wait before the second attempt; zero turns growing waits off, and `fixed` is used.
    pub first: Duration,
    /// What each wait is multiplied by.
    pub factor: i64,
    /// The longest wait.
    pub cap: Duration,
    /// Wait before every attempt when `first` is zero.
    pub fixed: Duration,
}

impl Default for SelfHealBackoff {
    fn default() -> SelfHealBackoff {
        SelfHealBackoff { first: Duration::from_secs(2), factor: 3, cap: Duration::from_secs(300), fixed: Duration::from_secs(5) }
    }
}

impl SelfHealBackoff {
    /// The wait after `attempts` attempts.
    pub fn wait(&self, attempts: i64) -> Duration {
        if self.first.is_zero() {
            return self.fixed;
        }
        match u32::try_from(attempts) {
            Ok(n @ 1..) => grow(self.first, self.factor, n - 1, self.cap),
            Ok(0) => Duration::ZERO,
            Err(_) => {
                if attempts < 0 {
                    Duration::ZERO
                } else {
                    self.cap
                }
            }
        }
    }
}

/// What follows a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum AutoSync {
    /// Start this operation.
    Start {
        /// A full sync.
        operation: Box<Operation>,
    },
    /// Do nothing; no condition.
    Nothing {
        /// Why, for the log.
        reason: &'static str,
    },
    /// Do nothing, and show this condition.
    Guarded {
        /// Its kind.
        condition: ConditionType,
        /// What, why and what to do.
        message: String,
    },
    /// Sync the objects that drifted.
    SelfHeal {
        /// A selective sync.
        operation: Box<Operation>,
        /// The objects.
        resources: Vec<ObjectId>,
        /// Not before this time, seconds since 1970: look again then. None is at once.
        not_before: Option<i64>,
    },
}

/// Decides.
pub fn auto_sync(input: &AutoSyncInput<'_>) -> AutoSync {
    let policy = match enabled_policy(input) {
        Ok(policy) => policy,
        Err(reason) => return AutoSync::Nothing { reason },
    };
    let attempted = input.last.as_ref().filter(|last| was_attempted(input, last));
    if let Some(last) = attempted {
        if last.phase != OperationPhase::Succeeded {
            let message = format!("Failed last sync attempt to [{}]: {}", input.revisions.join(" "), last.message);
            return AutoSync::Guarded { condition: ConditionType::SyncError, message };
        }
        if !policy.self_heal {
            return AutoSync::Nothing { reason: "this revision was synced already and self-heal is off" };
        }
    }
    if policy.prune && !policy.allow_empty && !input.resources.is_empty() && input.resources.iter().all(|r| r.requires_pruning) {
        let revisions = input.revisions.join(" ");
        let message = format!("Skipping sync attempt to [{revisions}]: auto-sync will wipe out all resources");
        return AutoSync::Guarded { condition: ConditionType::SyncError, message };
    }
    match attempted {
        None => AutoSync::Start { operation: Box::new(operation(input, policy)) },
        Some(last) => self_heal(input, policy, last),
    }
}

/// The policy, when every condition for an automated sync holds.
fn enabled_policy<'a>(input: &AutoSyncInput<'a>) -> Result<&'a Automated, &'static str> {
    let automated = input.spec.sync_policy.as_ref().and_then(|p| p.automated.as_ref()).filter(|a| a.is_on());
    let Some(policy) = automated else { return Err("automated sync is off") };
    if input.operation_present {
        return Err("an operation is in progress");
    }
    if input.deleting {
        return Err("the application is being deleted");
    }
    if input.sync != SyncCode::OutOfSync {
        return Err("the application is not out of sync");
    }
    if input.window_blocks {
        return Err("a sync window forbids it now");
    }
    let mut differing = input.resources.iter().filter(|r| r.status != SyncCode::Synced).peekable();
    if !policy.prune && differing.peek().is_some() && differing.all(|r| r.requires_pruning) {
        return Err("all that differs would have to be pruned, and automated pruning is off");
    }
    Ok(policy)
}

fn was_attempted(input: &AutoSyncInput<'_>, last: &LastOperation<'_>) -> bool {
    match last.synced {
        None => true,
        Some((revisions, sources)) => sources == input.sources && (input.revisions_equivalent || revisions == input.revisions),
    }
}

fn operation(input: &AutoSyncInput<'_>, policy: &Automated) -> Operation {
    let retry = input.spec.sync_policy.as_ref().and_then(|p| p.retry.clone());
    let mut sync = SyncOperation { prune: policy.prune, sync_options: input.spec.sync_options().to_vec(), ..SyncOperation::default() };
    if input.multiple_sources {
        sync.revisions = input.revisions.to_vec();
    } else {
        sync.revision = input.revisions.first().cloned().unwrap_or_default();
    }
    Operation {
        sync: Some(sync),
        initiated_by: InitiatedBy { username: String::new(), automated: true },
        retry: retry.unwrap_or_else(Retry::automated_default),
        ..Operation::default()
    }
}

fn self_heal(input: &AutoSyncInput<'_>, policy: &Automated, last: &LastOperation<'_>) -> AutoSync {
    let drifted = input.resources.iter().filter(|r| r.status != SyncCode::Synced);
    let resources: Vec<ObjectId> = drifted.map(|r| r.id.clone()).collect();
    let mut operation = operation(input, policy);
    if let Some(sync) = &mut operation.sync {
        // Group, kind and name only, as Argo CD writes it; the namespace stays open.
        let selected = resources.iter().map(|id| SyncResource {
            group: id.group.clone(),
            kind: id.kind.clone(),
            name: id.name.clone(),
            namespace: String::new(),
        });
        sync.resources = selected.collect();
        sync.auto_heal_attempts_count = last.self_heal_attempts.saturating_add(1);
    }
    let wait = input.self_heal.wait(last.self_heal_attempts);
    // Whole seconds, rounded up: never earlier than promised.
    let seconds = i64::try_from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).unwrap_or(i64::MAX);
    let not_before = if wait.is_zero() { None } else { last.finished_at.map(|t| t.saturating_add(seconds)) };
    AutoSync::SelfHeal { operation: Box::new(operation), resources, not_before }
}

#[cfg(test)]
mod tests;
