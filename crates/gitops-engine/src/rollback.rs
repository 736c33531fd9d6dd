//! Going back to an earlier deployment: from the store, so that git need not be there. The revision is pinned, auto-sync
//! held, and both stay visible until they are released.

use std::time::Duration;

use gitops_app::{InitiatedBy, Operation, SyncOperation};
use gitops_state::Hold;
use serde_json::json;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::error::{EngineError, blocking};
use crate::operation::{self, Request};
use crate::pass;
use crate::request::{Begun, History, RollbackTo, live};
use crate::slot::Slot;

/// How long a rollback waits for the operation that it ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// Finds the deployment meant, in a history that is oldest first.
fn find<'a>(history: &'a [History], to: &RollbackTo) -> Result<&'a History, String> {
    let kept = || history.iter().map(|h| h.entry.id.to_string()).collect::<Vec<_>>().join(", ");
    match to {
        RollbackTo::Id(id) => {
            history.iter().find(|h| h.entry.id == *id).ok_or_else(|| format!("there is no deployment {id}; kept are: {}", kept()))
        }
        RollbackTo::Revision(revision) => {
            if revision.len() < 7 {
                return Err(format!("revision `{revision}` is too short: give at least 7 digits, or an id of: {}", kept()));
            }
            let newest = history.iter().rev().find(|h| h.entry.revision.starts_with(revision.as_str()));
            newest.ok_or_else(|| format!("no kept deployment is of revision `{revision}`; ids that are kept: {}", kept()))
        }
        RollbackTo::Previous => {
            let before = history.len().checked_sub(2).map(|i| &history[i]);
            before.ok_or_else(|| "there is no earlier deployment to go back to".to_owned())
        }
    }
}

impl Engine {
    /// Goes back to an earlier deployment.
    ///
    /// # Errors
    /// When it is not kept, or an operation runs.
    pub async fn rollback(&self, name: &str, to: RollbackTo, prune: bool, dry_run: bool, by: &str) -> Result<Begun, EngineError> {
        let inner = &self.0;
        let slot = inner.find(name)?;
        let history = self.history(name).await?;
        let chosen = find(&history, &to).map_err(EngineError::Precondition)?;
        let (id, revision) = (chosen.entry.id, chosen.entry.revision.clone());
        let (store, key) = (inner.store.clone(), slot.key.clone());
        let blobs = blocking(move || store.history_manifests(&key, id.unsigned_abs())).await??;
        let blobs = blobs.ok_or_else(|| EngineError::Precondition(format!("deployment {id} is no longer kept")))?;
        let manifests: std::sync::Arc<[_]> = pass::manifests(&blobs).map_err(EngineError::Internal)?.into();
        let app = slot.lock().app.clone();
        inner.may_begin(&app, dry_run)?;
        let found = live(inner, &slot, &app, &manifests).await?;
        let before = slot.lock().hold.clone();
        if !dry_run {
            // Held before it begins: a pass in between must not sync forward again.
            let hold = Hold {
                reason: format!("rolled back to deployment {id}"),
                by: by.to_owned(),
                at: gitops_state::now(),
                revision: Some(format!("{id}@{revision}")),
            };
            self.hold(name, Some(hold)).await?;
            self.clear_the_way(&slot).await;
        }
        let request = Request {
            operation: Operation {
                sync: Some(SyncOperation { revision: revision.clone(), prune, dry_run, ..SyncOperation::default() }),
                initiated_by: InitiatedBy { username: by.to_owned(), automated: false },
                ..Operation::default()
            },
            revisions: vec![revision.clone()],
            sources: chosen.entry.source.clone().into_iter().collect(),
            bases: Vec::new(),
            history: true,
            attempt: 1,
            commit: true,
            with_hooks: false,
            rendering: 0,
        };
        let ruling = inner.permitted(&app)?;
        match operation::begin(inner, &slot, request, manifests, &found, &ruling).await {
            Ok(operation) => {
                inner.audit(by, "rollback", &slot.key, json!({ "operation": operation, "id": id, "revision": revision }));
                Ok(Begun { operation, revision })
            }
            Err(e) => {
                if !dry_run {
                    self.hold(name, before).await?;
                }
                Err(e)
            }
        }
    }

    /// Releases the hold of a rollback.
    ///
    /// # Errors
    /// When there is none of that name, or nothing is held.
    pub async fn resume(&self, name: &str, by: &str) -> Result<(), EngineError> {
        let slot = self.0.find(name)?;
        if slot.lock().hold.is_none() {
            return Err(EngineError::Precondition(format!("application '{name}' is not held")));
        }
        self.hold(name, None).await?;
        // What the rollback left is no attempt at what the sources say.
        slot.lock().last = None;
        self.0.audit(by, "resume", &slot.key, json!({}));
        self.0.queue.add(slot.name());
        Ok(())
    }

    /// Ends the operation that runs, most often one that fails and tries again: whoever rolls back cannot wait for it.
    async fn clear_the_way(&self, slot: &Slot) {
        let deadline = Instant::now() + PATIENCE;
        if let Some(running) = &slot.lock().running {
            running.terminate();
        }
        while slot.lock().running.is_some() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn hold(&self, name: &str, hold: Option<Hold>) -> Result<(), EngineError> {
        let slot = self.0.find(name)?;
        let (store, key, stored) = (self.0.store.clone(), slot.key.clone(), hold.clone());
        blocking(move || store.set_hold(&key, stored.as_ref())).await??;
        slot.lock().hold = hold;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gitops_app::RevisionHistory;

    use super::*;

    fn history(revisions: &[&str]) -> Vec<History> {
        let entry = |(i, r): (usize, &&str)| RevisionHistory { id: i as i64 + 1, revision: (*r).to_owned(), ..RevisionHistory::default() };
        revisions
            .iter()
            .enumerate()
            .map(|e| History {
                entry: entry(e),
                status: "Succeeded".into(),
                message: String::new(),
                operation: String::new(),
                resolved: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn by_id_by_revision_and_the_one_before() {
        let h = history(&["aaaaaaaa1", "bbbbbbbb2", "aaaaaaaa1"]);
        let id = |to| find(&h, &to).map(|h| h.entry.id);
        assert_eq!(id(RollbackTo::Previous), Ok(2));
        assert_eq!(id(RollbackTo::Id(1)), Ok(1));
        assert_eq!(id(RollbackTo::Revision("aaaaaaa".into())), Ok(3));
        assert!(id(RollbackTo::Id(9)).is_err());
        assert!(id(RollbackTo::Revision("aaa".into())).is_err());
        assert!(find(&h[..1], &RollbackTo::Previous).is_err());
    }
}
