//! Signals from outside to an operation that is being driven. No runtime is needed: a flag set and a waker.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use gitops_manifest::Timestamp;

#[derive(Default)]
struct Shared {
    signals: Signals,
    waker: Option<Waker>,
}

/// What was asked since it was last looked at; `shutdown` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Signals {
    pub(crate) terminate: bool,
    pub(crate) supersede: bool,
    pub(crate) shutdown: bool,
    pub(crate) look: bool,
    pub(crate) approved: Option<Timestamp>,
}

/// The driver's end; see [`Control::new`].
pub struct Control(Arc<Mutex<Shared>>);

/// The other end: any number of clones, from any thread.
#[derive(Clone)]
pub struct Controller(Arc<Mutex<Shared>>);

impl Control {
    /// A pair: the end that [`crate::drive`] takes, and the end for whoever steers the operation.
    pub fn new() -> (Controller, Control) {
        let shared = Arc::new(Mutex::new(Shared::default()));
        (Controller(Arc::clone(&shared)), Control(shared))
    }

    /// Takes what is new, and registers to be woken by what comes next.
    pub(crate) fn take(&mut self, context: &Context<'_>) -> Signals {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.waker = Some(context.waker().clone());
        let taken = shared.signals;
        shared.signals = Signals { shutdown: taken.shutdown, ..Signals::default() };
        taken
    }
}

impl Controller {
    fn signal(&self, set: impl FnOnce(&mut Signals)) {
        let waker = {
            let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            set(&mut shared.signals);
            shared.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A person stops the operation: running hooks are ended and removed, and it fails.
    pub fn terminate(&self) {
        self.signal(|s| s.terminate = true);
    }

    /// There is a newer revision: if the operation fails, waits for a retry or waits for health, it ends there.
    pub fn supersede(&self) {
        self.signal(|s| s.supersede = true);
    }

    /// The process ends: nothing new is begun, what is under way is waited for and recorded, and the operation stays
    /// running in the journal. To wait no longer, drop the future of [`crate::drive`]: that is as safe as a crash.
    pub fn shutdown(&self) {
        self.signal(|s| s.shutdown = true);
    }

    /// Something happened at the target: health that is waited for is looked at now, not at the next poll.
    pub fn look(&self) {
        self.signal(|s| s.look = true);
    }

    /// A person approved removals that need confirmation (`Prune=confirm`) at this time.
    pub fn approve_deletion(&self, at: Timestamp) {
        self.signal(|s| s.approved = Some(at));
    }
}
