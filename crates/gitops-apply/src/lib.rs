//! The sync engine: a plan as a graph of tasks, a pure state machine, and the driver.
//!
//! [`plan()`] orders what is to be done, [`step()`] chooses what comes next, `drive` carries it out at a [`Target`].
//!
//! ```
//! use gitops_apply::*;
//! use gitops_manifest::{Location, Manifest, json};
//! let body = json::parse(br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"}}"#, "a.json").unwrap();
//! let desired = [Manifest::from_value(body, Location::file("a.json")).unwrap()];
//! let (live, request, started_at) = (LiveSet::new(), SyncRequest::default(), Timestamp::default());
//! let input = PlanInput { operation: "1", app: "web", namespace: "", desired: &desired, live: &live, unchanged: &equal_bodies,
//!     activation: &|_| None, activate_also: &[], request: &request, revision: "", started_at, deletion_approved: None };
//! let state = SyncState::new(plan(&input).unwrap(), Settings::default());
//! let Step::Continue { next, commands } = step(state, &Observed::default(), started_at) else { panic!("not over yet") };
//! let [Command::Apply(task)] = commands[..] else { panic!("one object to apply") };
//! let seen = Observed { events: vec![Event::Finished(task, Ok(()))] };
//! let Step::Done { outcome, .. } = step(next, &seen, started_at) else { panic!("one wave is not waited for") };
//! assert_eq!(outcome.message, "successfully synced (all tasks run)");
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

#[cfg(test)]
mod cases;
mod dependency;
mod draft;
mod hook;
mod opening;
mod option;
mod order;
mod outcome;
mod plan;
mod request;
mod state;
mod state_json;
mod step;
mod target;
mod task;
mod waiting;

#[cfg(feature = "drive")]
mod control;
#[cfg(feature = "drive")]
mod drive;

#[cfg(feature = "drive")]
pub use control::{Control, Controller};
#[cfg(feature = "drive")]
pub use drive::{Clock, Driven, Journal, JournalError, drive};
pub use gitops_app::{OperationPhase, ResultCode};
pub use gitops_manifest::Timestamp;
pub use hook::{DeletePolicy, Hook, HookKind};
pub use opening::OpeningTarget;
pub use order::{Phase, Wave, kind_rank};
pub use outcome::{Outcome, Subject, TaskPhase, TaskResult};
pub use plan::{Cycle, Plan, PlanError, PlanInput, PlanProblem, equal_bodies, plan};
pub use request::{Backoff, ResourceSelector, Retry, Settings, Strategy, SyncRequest};
pub use state::SyncState;
pub use state_json::StateError;
pub use step::{Command, Event, Observed, Step, step};
pub use target::{
    HookOutcome, HookRunId, LiveObject, LiveSet, NamespaceMetadata, Preparation, Propagation, Removal, Seen, Target, TargetError,
    TargetFuture, WriteOptions,
};
pub use task::{Action, Change, PruneMode, Task, TaskId};
