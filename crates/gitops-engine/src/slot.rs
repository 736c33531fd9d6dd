//! One application in memory: its declaration, its last render and comparison, and the operation that runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_app::{Application, ApplicationSource, ApplicationStatus, Operation, OperationPhase};
use gitops_apply::Controller;
use gitops_manifest::Manifest;
use gitops_state::{AppKey, Hold, Origin};
use tokio::sync::{Notify, watch};

use crate::rendering::Rendering;

/// The operation that runs.
pub(crate) struct Running {
    pub(crate) id: String,
    pub(crate) controller: Controller,
    pub(crate) revisions: Vec<String>,
    /// Id of the render that it applies; 0 when it is not known.
    pub(crate) rendering: u64,
    /// Somebody asked for it.
    pub(crate) manual: bool,
    /// It changes nothing, so that nothing holds it up.
    pub(crate) dry_run: bool,
    /// When it began, in seconds since 1970.
    pub(crate) started: i64,
    /// Somebody asked for its end.
    pub(crate) terminated: Arc<AtomicBool>,
    /// Wakes it while it is paused.
    pub(crate) wake: Arc<Notify>,
}

impl Running {
    /// Asks for its end, also while it is paused.
    pub(crate) fn terminate(&self) {
        self.terminated.store(true, Ordering::Release);
        self.controller.terminate();
        self.wake.notify_one();
    }

    /// The process ends.
    pub(crate) fn shutdown(&self) {
        self.controller.shutdown();
        self.wake.notify_one();
    }
}

/// A failed operation that asked for its revision to be resolved again for each attempt, and has attempts left.
#[derive(Clone)]
pub(crate) struct Again {
    pub(crate) operation: Operation,
    /// Number of the attempt.
    pub(crate) attempt: u32,
    /// When, in milliseconds since 1970.
    pub(crate) at: i64,
    /// Id of the render that failed: another one need not wait.
    pub(crate) rendering: u64,
}

/// The last operation that ended, as far as auto-sync goes by it.
#[derive(Clone)]
pub(crate) struct Last {
    pub(crate) phase: OperationPhase,
    pub(crate) message: String,
    pub(crate) revisions: Vec<String>,
    /// Id of the render that it applied; 0 when it is not known, as after a start.
    pub(crate) rendering: u64,
    pub(crate) sources: Vec<ApplicationSource>,
    /// Remote bases that were read, each with its commit.
    pub(crate) bases: Vec<String>,
    /// Seconds since 1970.
    pub(crate) finished_at: i64,
    pub(crate) self_heal_attempts: i64,
}

/// What changes about an application.
pub(crate) struct State {
    pub(crate) app: Arc<Application>,
    pub(crate) origin: Origin,
    pub(crate) hold: Option<Hold>,
    pub(crate) rendering: Option<Arc<Rendering>>,
    /// What was compared last: of the render, or of the deployment that a rollback pinned.
    pub(crate) desired: Arc<[Manifest]>,
    pub(crate) status: ApplicationStatus,
    /// The status as the store has it.
    pub(crate) stored: String,
    pub(crate) operation_id: Option<String>,
    pub(crate) running: Option<Running>,
    pub(crate) last: Option<Last>,
    pub(crate) again: Option<Again>,
    pub(crate) pending_activations: Vec<String>,
    /// Render again even if nothing changed.
    pub(crate) hard: bool,
    pub(crate) deleted: bool,
}

/// An application.
pub(crate) struct Slot {
    pub(crate) key: AppKey,
    state: Mutex<State>,
    /// Passes that were begun, so that a refresh can wait for the end of one that began after it asked.
    pub(crate) begun: AtomicU64,
    /// Passes that have ended. One at a time runs, so the numbers of both fit.
    pub(crate) passes: watch::Sender<u64>,
}

impl Slot {
    pub(crate) fn new(key: AppKey, app: Application, origin: Origin) -> Slot {
        Slot {
            key,
            state: Mutex::new(State {
                app: Arc::new(app),
                origin,
                hold: None,
                rendering: None,
                desired: Arc::default(),
                status: ApplicationStatus::default(),
                stored: String::new(),
                operation_id: None,
                running: None,
                last: None,
                again: None,
                pending_activations: Vec::new(),
                hard: false,
                deleted: false,
            }),
            begun: AtomicU64::new(0),
            passes: watch::Sender::new(0),
        }
    }

    /// The state. Never held across a wait.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // What a panicking pass wrote is whole: each field is set in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.key.name
    }
}
