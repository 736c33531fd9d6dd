//! The driver's journal and clock: the store, and the system's time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gitops_apply::{Clock, Journal, JournalError, SyncState, Timestamp};

use crate::engine::Inner;
use crate::operation;
use crate::slot::Slot;

/// Keeps the states of one operation, and shows them.
pub(crate) struct StoreJournal {
    pub(crate) inner: Arc<Inner>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) id: String,
}

impl Journal for StoreJournal {
    fn save(&self, state: &SyncState) -> Result<(), JournalError> {
        operation::show(&self.slot, state);
        self.inner.store.save_operation(&self.id, &state.to_json()).map_err(|e| JournalError { message: e.to_string() })
    }
}

/// The system's clock.
pub(crate) struct SystemClock;

/// Now, in the apply engine's unit.
pub(crate) fn now() -> Timestamp {
    gitops_state::now()
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let wait: Duration = at.since(now());
        Box::pin(tokio::time::sleep(wait))
    }
}
