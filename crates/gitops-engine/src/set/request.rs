//! What is asked about sets: list, one, create, delete, look again.

use std::sync::Arc;
use std::time::Duration;

use gitops_app::ApplicationSet;
use gitops_manifest::{Location, Manifest, Value};
use gitops_state::Origin;
use serde_json::json;

use super::{SetSlot, declare, withdraw};
use crate::engine::Engine;
use crate::error::{EngineError, blocking};
use crate::project::declared_elsewhere;

/// How long a deletion is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A set with its status.
pub type SetView = ApplicationSet;

fn view(slot: &SetSlot) -> SetView {
    let state = slot.lock();
    ApplicationSet { status: Some(state.status.clone()).filter(|s| !s.is_null()), ..(*state.set).clone() }
}

pub(super) fn read(manifest: Value) -> Result<ApplicationSet, EngineError> {
    let manifest = Manifest::from_value(manifest, Location::default()).map_err(|e| EngineError::Invalid(e.to_string()))?;
    ApplicationSet::from_manifest(&manifest).map_err(|e| EngineError::Invalid(e.to_string()))
}

impl Engine {
    /// Every set, by name.
    pub fn sets(&self) -> Vec<SetView> {
        self.0.sets.all().iter().map(|slot| view(slot)).collect()
    }

    pub(super) fn find_set(&self, name: &str) -> Result<Arc<SetSlot>, EngineError> {
        let bare = name.rsplit_once('/').map_or(name, |(_, bare)| bare);
        self.0.sets.get(bare).ok_or_else(|| EngineError::ObjectNotFound { kind: "applicationset", name: name.to_owned() })
    }

    /// One set.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn set(&self, name: &str) -> Result<SetView, EngineError> {
        Ok(view(&*self.find_set(name)?))
    }

    /// Expands a set again, and returns when that is done.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn refresh_set(&self, name: &str) -> Result<(), EngineError> {
        let slot = self.find_set(name)?;
        let mut passes = slot.passes.subscribe();
        let before = *passes.borrow_and_update();
        slot.lock().stale = true;
        self.0.sets.queue.add(slot.name());
        // A pass that is under way may have begun before: the one after it has not.
        while slot.lock().stale || *passes.borrow_and_update() == before {
            if passes.changed().await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Creates a set, or with `upsert` changes it.
    ///
    /// # Errors
    /// When it is no valid ApplicationSet, exists already, or is declared elsewhere.
    pub async fn put_set(&self, manifest: Value, upsert: bool, by: &str) -> Result<SetView, EngineError> {
        let set = read(manifest)?;
        let name = set.metadata.name.clone();
        if let Some(slot) = self.0.sets.get(&name) {
            let origin = slot.lock().origin.clone();
            declared_elsewhere("applicationset", &name, &origin, "change")?;
            if !upsert {
                return Err(EngineError::ObjectExists { kind: "applicationset", name });
            }
        }
        let inner = self.0.clone();
        let slot = blocking(move || declare(&inner, set, Origin::Api)).await??;
        self.0.audit_object(by, "create", &format!("applicationset:{name}"), json!({}));
        Ok(view(&slot))
    }

    /// Deletes a set; with `cascade` its applications too, each as its finalizer says. Without, or where its policy forbids
    /// deletion, they go on without it.
    ///
    /// # Errors
    /// When there is none of that name, it is declared elsewhere, or it is not gone after 30 seconds: then it goes on going.
    pub async fn delete_set(&self, name: &str, cascade: bool, by: &str) -> Result<(), EngineError> {
        let slot = self.find_set(name)?;
        let origin = slot.lock().origin.clone();
        declared_elsewhere("applicationset", slot.name(), &origin, "remove")?;
        let mut passes = slot.passes.subscribe();
        withdraw(&self.0, &slot, cascade);
        self.0.audit_object(by, "delete", &format!("applicationset:{name}"), json!({ "cascade": cascade }));
        let gone = async { while self.0.sets.get(slot.name()).is_some() && passes.changed().await.is_ok() {} };
        if tokio::time::timeout(PATIENCE, gone).await.is_err() {
            return Err(EngineError::Precondition(format!(
                "applicationset '{name}' is being deleted, and waits for its applications: see the server's log"
            )));
        }
        Ok(())
    }
}
