//! Chooses the next step of a sync. Never touches a target: see `drive` for the part that does.
//!
//! In: the state, what was seen, the time. Out: the next state and a list of commands, or how the operation ended.
//! A stage begins when the one before it is done: objects healthy, hooks over. A sync with a single stage waits for
//! hooks only, and the last stage of plain objects is never waited for.
//! Units: times are [`Timestamp`]s, waves are `i32`.
//! Errors: none. A plan that cannot run is refused earlier, by [`crate::plan()`].
//! Rules: Argo CD's sync phases, waves, hooks, delete policies, results and messages. Differences: commands that were
//! lost in a crash are sent again, a hook under the same run id; a newer revision ends an operation that only waits.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use gitops_health::{Health, HealthStatus};
use gitops_manifest::ObjectId;

use crate::hook::DeletePolicy;
use crate::order::Phase;
use gitops_app::{OperationPhase, ResultCode};

use crate::outcome::Outcome;
use crate::state::{HealthWait, Mode, Prepared, Progress, SyncState, TaskState};
use crate::target::{HookOutcome, HookRunId, TargetError};
use crate::task::{Action, Change, PruneMode, TaskId};
use crate::waiting;
use gitops_manifest::Timestamp;

/// What was seen since the last step, in that order. Empty when only time has passed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// What was seen.
    pub events: Vec<Event>,
}

/// One thing that was seen. What does not fit the state (a result that came twice, or of another attempt) is ignored.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// [`Command::Apply`], [`Command::Prune`] or [`Command::Activate`] ended.
    Finished(TaskId, Result<(), TargetError>),
    /// [`Command::Prepare`] ended: the objects that the target would refuse, each with the reason.
    Prepared(Result<Vec<(ObjectId, String)>, TargetError>),
    /// The removal of the task's object was accepted, and the object is not gone yet: what it waits for.
    Removing(TaskId, String),
    /// [`Command::ReleaseHook`] ended.
    HookReleased(TaskId, Result<(), TargetError>),
    /// [`Command::DeleteHook`] ended.
    HookDeleted(TaskId, Result<(), TargetError>),
    /// The run of a hook in this attempt ended, or could not be begun.
    HookEnded(TaskId, u32, Result<HookOutcome, TargetError>),
    /// Health of the objects asked for: `Some(None)` where the kind has none, absent where the object is gone.
    Health(BTreeMap<ObjectId, Option<Health>>),
    /// Health could not be asked for.
    HealthUnknown(TargetError),
    /// Time has passed, or something happened at the target: look at health now.
    Tick,
    /// A person stops the operation.
    TerminateRequested,
    /// There is a newer revision.
    Superseded,
    /// A person approved removals at this time.
    DeletionApproved(Timestamp),
    /// The program was started again: every command that has no result yet is lost. Harmless at the very beginning.
    Restarted,
}

/// Something to do. Each is answered by its [`Event`].
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Have the target do what comes before the first wave.
    Prepare,
    /// Make the object of the task live.
    Apply(TaskId),
    /// Remove the object of the task.
    Prune(TaskId),
    /// Activate the group of the task under this run id.
    Activate(TaskId, HookRunId),
    /// Run the hook of the task under this run id. Takes long: other commands do not wait for it.
    RunHook(TaskId, HookRunId),
    /// Remove what the hook left; end its run first if it is under way.
    DeleteHook(TaskId),
    /// Tell the target that the end of the hook's run is on record.
    ReleaseHook(TaskId),
    /// Ask for the health of these.
    CheckHealth(Vec<ObjectId>),
    /// Step again at this time, if nothing is seen before. A later one replaces it.
    WakeAt(Timestamp),
}

/// The answer of [`step`].
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a step is taken apart where it is made, and most of them continue")]
pub enum Step {
    /// The operation goes on.
    Continue {
        /// To be kept before the commands are carried out.
        next: SyncState,
        /// In this order; those of one step may run at the same time.
        commands: Vec<Command>,
    },
    /// The operation is over.
    Done {
        /// How it went.
        outcome: Outcome,
        /// The last state, for the record: with every result. It does not go on.
        last: Box<SyncState>,
    },
}

/// Chooses the next step. Pure: same input, same answer.
pub fn step(state: SyncState, seen: &Observed, now: Timestamp) -> Step {
    let mut turn = Turn { state, now, commands: Vec::new() };
    for event in &seen.events {
        turn.take(event);
    }
    if let Some(at) = turn.deadline()
        && now >= at
        && !turn.state.terminating
    {
        turn.state.terminating = true;
        turn.state.message = "operation is terminating due to timeout".into();
    }
    loop {
        match turn.advance() {
            Flow::Again => {}
            Flow::Wait => {
                turn.wake();
                return Step::Continue { next: turn.state, commands: turn.commands };
            }
            Flow::End(outcome) => return Step::Done { outcome: *outcome, last: Box::new(turn.state) },
        }
    }
}

enum Flow {
    Again,
    Wait,
    End(Box<Outcome>),
}

/// How far the groups of a stage are.
enum Groups {
    Wait,
    Done,
    /// The stage does not go on: a removal failed, or an activation would follow a failure.
    Broken,
}

struct Turn {
    state: SyncState,
    now: Timestamp,
    commands: Vec<Command>,
}

/// What the result of a removal says.
const PRUNED: &str = "pruned";

/// A termination ends the runs of hooks with this message.
const TERMINATED: &str = "Terminated";

impl Turn {
    // ---- what was seen ----

    fn take(&mut self, event: &Event) {
        match event {
            Event::Finished(id, result) => self.finished(*id, result),
            Event::Prepared(result) => self.prepared(result),
            Event::Removing(id, _) => {
                if self.known(*id) == Some(Progress::Sent) && self.state.task(*id).removes() {
                    self.record(*id, Progress::Running, Some(ResultCode::Pruned), PRUNED);
                }
            }
            Event::HookReleased(id, result) => {
                if self.state.releasing.remove(id)
                    && let Err(error) = result
                {
                    let hook = self.state.task(*id).subject();
                    self.note(format!("hook {hook} is over, but the target holds on to it: {error}"));
                }
            }
            Event::HookDeleted(id, result) => self.hook_deleted(*id, result),
            Event::HookEnded(id, attempt, result) => self.hook_ended(*id, *attempt, result),
            Event::Health(seen) if self.state.health == HealthWait::Asked => self.health_seen(seen),
            Event::HealthUnknown(error) if self.state.health == HealthWait::Asked => {
                self.state.health = HealthWait::PollAt(self.now.after(self.state.settings.health_poll));
                self.note(format!("health could not be found out: {error}"));
            }
            Event::Health(_) | Event::HealthUnknown(_) => {}
            Event::Tick => {
                if let HealthWait::PollAt(_) = self.state.health {
                    self.state.health = HealthWait::Idle;
                }
            }
            Event::TerminateRequested => {
                if !self.state.terminating {
                    self.state.terminating = true;
                    self.state.message = "operation is terminating".into();
                }
            }
            Event::Superseded => self.state.superseded = true,
            Event::DeletionApproved(at) => self.state.approved = self.state.approved.max(Some(*at)),
            Event::Restarted => self.restarted(),
        }
    }

    fn finished(&mut self, id: TaskId, result: &Result<(), TargetError>) {
        if self.known(id) != Some(Progress::Sent) {
            return;
        }
        match (result, &self.state.task(id).action) {
            (Ok(()), Action::Apply { change, .. }) => {
                let message = if *change == Change::Create { "created" } else { "updated" };
                self.record(id, Progress::Running, Some(ResultCode::Synced), message);
            }
            (Ok(()), Action::Prune { .. }) => self.record(id, Progress::Succeeded, Some(ResultCode::Pruned), PRUNED),
            (Ok(()), Action::Activate { .. }) => self.record(id, Progress::Succeeded, Some(ResultCode::Synced), "activated"),
            (Ok(()), Action::Hook { .. }) => {}
            (Err(error), _) => self.record(id, Progress::Failed, Some(ResultCode::SyncFailed), &error.message),
        }
    }

    fn hook_deleted(&mut self, id: TaskId, result: &Result<(), TargetError>) {
        if self.known(id) == Some(Progress::Clearing) {
            match result {
                Ok(()) => self.set(id, Progress::Cleared),
                Err(error) => {
                    let message = format!("what an earlier run left could not be removed: {error}");
                    self.record(id, Progress::Failed, Some(ResultCode::SyncFailed), &message);
                }
            }
        } else if let Some(done) = self.state.removed.get_mut(&id)
            && !*done
        {
            *done = true;
            if let Err(error) = result {
                self.state.removal_failed = true;
                let hook = self.state.task(id).subject();
                self.note(format!("hook {hook} could not be removed: {error}"));
            }
        }
    }

    fn hook_ended(&mut self, id: TaskId, attempt: u32, result: &Result<HookOutcome, TargetError>) {
        if self.known(id) != Some(Progress::Running) || attempt != self.state.attempt || !self.state.task(id).is_hook() {
            return;
        }
        let synced = Some(ResultCode::Synced);
        if self.state.plan.writing.target_takes_part {
            self.state.releasing.insert(id);
            self.commands.push(Command::ReleaseHook(id));
        }
        match result {
            Ok(HookOutcome::Succeeded { message }) => self.record(id, Progress::Succeeded, synced, message),
            Ok(HookOutcome::Skipped { message }) => self.record(id, Progress::Succeeded, synced, &format!("skipped: {message}")),
            Ok(HookOutcome::Failed { message }) => self.record(id, Progress::Failed, synced, message),
            Err(error) => self.record(id, Progress::Failed, Some(ResultCode::SyncFailed), &error.message),
        }
    }

    fn health_seen(&mut self, seen: &BTreeMap<ObjectId, Option<Health>>) {
        for id in self.plain_running() {
            let Some(object) = self.state.task(id).object() else { continue };
            let code = self.state.tasks[id.index()].code;
            match seen.get(object) {
                None if self.state.task(id).removes() => self.record(id, Progress::Succeeded, code, PRUNED),
                Some(health) if self.state.task(id).removes() => {
                    let why = health.as_ref().map(|h| format!("{PRUNED}: {}", h.message));
                    self.state.tasks[id.index()].message = why.unwrap_or_else(|| PRUNED.to_owned());
                }
                None => {
                    let message =
                        format!("Resource {}/{}/{} is missing, it might have been deleted", object.group, object.kind, object.name);
                    self.record(id, Progress::Failed, Some(ResultCode::SyncFailed), &message);
                }
                Some(None) => self.set(id, Progress::Succeeded),
                Some(Some(health)) => match health.status {
                    HealthStatus::Healthy => self.set(id, Progress::Succeeded),
                    HealthStatus::Degraded => self.record(id, Progress::Failed, code, &health.message.clone()),
                    _ => self.state.tasks[id.index()].message.clone_from(&health.message),
                },
            }
        }
        self.state.health = HealthWait::PollAt(self.now.after(self.state.settings.health_poll));
    }

    fn restarted(&mut self) {
        self.state.health = HealthWait::Idle;
        if self.state.preparation == Prepared::Asked {
            self.state.preparation = Prepared::No;
        }
        self.commands.extend(self.state.releasing.iter().copied().map(Command::ReleaseHook));
        self.state.removed.retain(|_, done| *done);
        let open: Vec<TaskId> = self.state.plan.ids().collect();
        for id in open {
            match self.state.progress(id) {
                Progress::Sent => self.set(id, Progress::Pending),
                Progress::Clearing => {
                    self.set(id, Progress::Pending);
                    self.state.cleared = false;
                }
                Progress::Running if self.state.task(id).is_hook() && !self.state.terminating => self.run_again(id),
                _ => {}
            }
        }
    }

    /// A hook that was begun and whose end is not recorded: the target looks the run up, or repeats it.
    fn run_again(&mut self, id: TaskId) {
        if let Some(run) = self.state.run_id(self.state.task(id)) {
            self.note(format!("hook run {run} was begun and its end is not recorded: repeated under the same id"));
            self.commands.push(Command::RunHook(id, run));
        }
    }

    // ---- what to do ----

    fn advance(&mut self) -> Flow {
        if self.state.terminating {
            return self.terminate();
        }
        if let Mode::Retrying(at) = self.state.mode {
            return self.retrying(at);
        }
        if self.state.in_flight > 0 || !self.state.releasing.is_empty() || self.state.removed.values().any(|done| !done) {
            self.state.message = "one or more tasks are running".into();
            return Flow::Wait;
        }
        if self.state.plan.dry_run {
            return self.dry_run();
        }
        if self.state.preparation != Prepared::Yes && self.state.mode == Mode::Forward {
            return self.prepare();
        }
        match self.state.mode {
            Mode::Forward => self.forward(),
            Mode::Failing => self.failing(),
            Mode::SyncFail => self.sync_fail(),
            Mode::Succeeding => self.succeeding(),
            Mode::Retrying(_) => Flow::Wait,
        }
    }

    fn prepare(&mut self) -> Flow {
        if self.state.preparation == Prepared::No {
            self.state.preparation = Prepared::Asked;
            self.state.message = "preparing".into();
            self.commands.push(Command::Prepare);
        }
        Flow::Wait
    }

    /// Whatever the target would refuse fails the operation before anything is written.
    fn prepared(&mut self, result: &Result<Vec<(ObjectId, String)>, TargetError>) {
        if self.state.preparation != Prepared::Asked {
            return;
        }
        self.state.preparation = Prepared::Yes;
        let refused = match result {
            Ok(refused) if refused.is_empty() => return,
            Ok(refused) => refused,
            Err(error) => {
                self.state.mode = Mode::Failing;
                self.state.failure = error.message.clone();
                return;
            }
        };
        for (object, reason) in refused {
            let task = self.state.plan.ids().find(|id| !self.state.task(*id).removes() && self.state.task(*id).object() == Some(object));
            if let Some(task) = task {
                self.record(task, Progress::Failed, Some(ResultCode::SyncFailed), reason);
            }
        }
        self.state.mode = Mode::Failing;
        self.state.failure = self.with_reasons("one or more objects failed to apply (dry run)", |_| true);
    }

    fn dry_run(&mut self) -> Flow {
        use ResultCode::{PruneSkipped, Pruned, Synced};
        let tasks: Vec<TaskId> = self.state.plan.ids().collect();
        for id in tasks {
            let (code, message) = match &self.state.task(id).action {
                Action::Apply { change: Change::Create, .. } => (Synced, "created (dry run)"),
                Action::Apply { change: Change::Update, .. } => (Synced, "updated (dry run)"),
                Action::Apply { change: Change::Unchanged, .. } => (Synced, "unchanged (dry run)"),
                Action::Hook { .. } => (Synced, "not run (dry run)"),
                Action::Prune { mode, .. } => skipped(*mode).map_or((Pruned, "pruned (dry run)"), |m| (PruneSkipped, m)),
                Action::Activate { .. } => continue,
            };
            self.record(id, Progress::Succeeded, Some(code), message);
        }
        self.state.message = "successfully synced (all tasks run)".into();
        self.end(OperationPhase::Succeeded)
    }

    fn forward(&mut self) -> Flow {
        let stage = self.state.stage;
        if self.state.plan.stages.get(stage).is_none_or(|s| s.phase == Phase::SyncFail) {
            self.state.mode = Mode::Succeeding;
            self.state.message = "successfully synced (no more tasks)".into();
            return Flow::Again;
        }
        if let Some(at) = self.state.hold_until {
            if self.now < at {
                self.state.message = "waiting between two waves".into();
                return Flow::Wait;
            }
            self.state.hold_until = None;
        }
        match self.run_groups() {
            Groups::Wait => Flow::Wait,
            Groups::Broken => self.fail(),
            Groups::Done => self.finish_stage(),
        }
    }

    /// Everything of the stage is applied or begun.
    fn finish_stage(&mut self) -> Flow {
        if self.stage_failed() {
            return self.fail();
        }
        let stage = &self.state.plan.stages[self.state.stage];
        let last = self.state.plan.stages.get(self.state.stage + 1).is_none_or(|s| s.phase == Phase::SyncFail);
        let hooks = stage.tasks().any(|i| self.state.plan.tasks[i].is_hook());
        if last && !hooks {
            self.state.mode = Mode::Succeeding;
            self.state.message = "successfully synced (all tasks run)".into();
            return Flow::Again;
        }
        if self.wait_for_hooks() {
            return Flow::Wait;
        }
        if self.state.plan.stages.len() > 1 && self.wait_for_health() {
            let message = &self.state.message;
            if self.state.superseded && self.state.health != HealthWait::Asked {
                self.state.message = format!("superseded by a newer revision while {message}");
                return self.end(OperationPhase::Failed);
            }
            return Flow::Wait;
        }
        if !last && !self.state.settings.wave_delay.is_zero() {
            self.state.hold_until = Some(self.now.after(self.state.settings.wave_delay));
        }
        self.open_stage(self.state.stage + 1);
        Flow::Again
    }

    fn open_stage(&mut self, stage: usize) {
        self.state.stage = stage;
        self.state.group = 0;
        self.state.cleared = false;
        self.state.health = HealthWait::Idle;
    }

    /// Begins group after group of the open stage, as far as that goes without waiting for an answer.
    fn run_groups(&mut self) -> Groups {
        loop {
            let stage = &self.state.plan.stages[self.state.stage];
            let Some(range) = stage.groups.get(self.state.group).cloned() else { return Groups::Done };
            let ids: Vec<TaskId> = range.map(TaskId::at).collect();
            let open = ids.iter().any(|id| matches!(self.state.progress(*id), Progress::Pending | Progress::Cleared));
            let action = &self.state.task(ids[0]).action;
            let (removals, activations) = (matches!(action, Action::Prune { .. }), matches!(action, Action::Activate { .. }));
            if open && removals && self.wait_for_approval(&ids) {
                return Groups::Wait;
            }
            if open && activations && self.stage_failed() {
                return Groups::Broken;
            }
            if open && !removals && !activations && self.clear_left_overs() {
                return Groups::Wait;
            }
            if open {
                ids.iter().for_each(|id| self.begin(*id));
                if self.state.in_flight > 0 {
                    self.state.message = "one or more tasks are running".into();
                    return Groups::Wait;
                }
            }
            if removals && ids.iter().any(|id| self.state.progress(*id) == Progress::Failed) {
                return Groups::Broken;
            }
            self.state.group += 1;
        }
    }

    fn begin(&mut self, id: TaskId) {
        if !matches!(self.state.progress(id), Progress::Pending | Progress::Cleared) {
            return;
        }
        let task = self.state.task(id);
        match (&task.action, self.state.run_id(task)) {
            (Action::Apply { change: Change::Unchanged, .. }, _) => {
                self.record(id, Progress::Running, Some(ResultCode::Synced), "unchanged");
            }
            (Action::Apply { .. }, _) => self.send(id, Progress::Sent, Command::Apply(id)),
            (Action::Prune { mode, .. }, _) => match skipped(*mode) {
                Some(why) => self.record(id, Progress::Succeeded, Some(ResultCode::PruneSkipped), why),
                None => self.send(id, Progress::Sent, Command::Prune(id)),
            },
            (Action::Activate { .. }, Some(run)) => self.send(id, Progress::Sent, Command::Activate(id, run)),
            (Action::Hook { .. }, Some(run)) => {
                self.record(id, Progress::Running, Some(ResultCode::Synced), "running");
                self.commands.push(Command::RunHook(id, run));
            }
            (Action::Activate { .. } | Action::Hook { .. }, None) => {}
        }
    }

    /// Removals of the open stage wait for a person. True while they do.
    fn wait_for_approval(&mut self, ids: &[TaskId]) -> bool {
        if self.state.approved.is_some_and(|at| at >= self.state.plan.started_at) {
            return false;
        }
        let waits = |id: &&TaskId| matches!(self.state.task(**id).action, Action::Prune { mode: PruneMode::Confirm, .. });
        let waiting: Vec<TaskId> = ids.iter().filter(waits).copied().collect();
        if waiting.is_empty() {
            return false;
        }
        self.state.message = self.waiting_for("pruning confirmation of", &waiting);
        true
    }

    /// Removes what earlier runs left of the open stage's hooks, once per stage. True while that is under way.
    fn clear_left_overs(&mut self) -> bool {
        if std::mem::replace(&mut self.state.cleared, true) {
            return false;
        }
        let again = self.state.attempt > 1;
        let left = |id: &TaskId| {
            let action = &self.state.task(*id).action;
            let exists = again || matches!(action, Action::Hook { left_over: true, .. });
            exists && action.deleted_by(DeletePolicy::BeforeHookCreation) && self.state.progress(*id) == Progress::Pending
        };
        let ids: Vec<TaskId> = self.state.plan.stages[self.state.stage].tasks().map(TaskId::at).filter(left).collect();
        for id in &ids {
            self.send(*id, Progress::Clearing, Command::DeleteHook(*id));
        }
        !ids.is_empty()
    }

    /// True while hooks of the open stage run.
    fn wait_for_hooks(&mut self) -> bool {
        let running = self.running_hooks();
        if !running.is_empty() {
            self.state.message = self.waiting_for("completion of hook", &running);
        }
        !running.is_empty()
    }

    /// True while plain objects of the open stage are not healthy yet.
    fn wait_for_health(&mut self) -> bool {
        let waiting = self.plain_running();
        if waiting.is_empty() {
            return false;
        }
        let going: Vec<TaskId> = waiting.iter().copied().filter(|id| self.state.task(*id).removes()).collect();
        self.state.message = match going.as_slice() {
            [] => self.waiting_for("healthy state of", &waiting),
            going => self.waiting_for("deletion of", going),
        };
        let due = match self.state.health {
            HealthWait::Idle => true,
            HealthWait::Asked => false,
            HealthWait::PollAt(at) => self.now >= at && !self.state.superseded,
        };
        if due {
            self.state.health = HealthWait::Asked;
            let ids = waiting.iter().filter_map(|id| self.state.task(*id).object().cloned()).collect();
            self.commands.push(Command::CheckHealth(ids));
        }
        true
    }

    // ---- how it ends ----

    fn fail(&mut self) -> Flow {
        self.state.mode = Mode::Failing;
        let applied = self.open_tasks().iter().any(|id| {
            self.state.progress(*id) == Progress::Failed
                && !self.state.task(*id).is_hook()
                && self.state.tasks[id.index()].code == Some(ResultCode::SyncFailed)
        });
        let what =
            if applied { "one or more objects failed to apply" } else { "one or more synchronization tasks completed unsuccessfully" };
        self.state.failure = self.with_reasons(what, |phase| phase != Phase::SyncFail);
        Flow::Again
    }

    /// The message, with what the target said about tasks that could not be carried out.
    fn with_reasons(&self, what: &str, of: impl Fn(Phase) -> bool) -> String {
        const SHOWN: usize = 5;
        let failed = |id: &&TaskId| self.state.tasks[id.index()].code == Some(ResultCode::SyncFailed) && of(self.state.task(**id).phase);
        let reasons: Vec<&str> =
            self.state.recorded.iter().filter(failed).map(|id| self.state.tasks[id.index()].message.as_str()).collect();
        match reasons.len() {
            0 => what.to_owned(),
            n if n <= SHOWN => format!("{what}, reason: {}", reasons.join(",")),
            n => format!("{what}, reason: {} and {} more", reasons[..SHOWN].join(","), n - SHOWN),
        }
    }

    fn failing(&mut self) -> Flow {
        if self.wait_for_hooks() {
            return Flow::Wait;
        }
        if self.remove_hooks(DeletePolicy::HookFailed, |phase| phase != Phase::SyncFail) {
            return Flow::Wait;
        }
        self.state.mode = Mode::SyncFail;
        let first = self.state.plan.stages.iter().position(|s| s.phase == Phase::SyncFail);
        self.open_stage(first.unwrap_or(self.state.plan.stages.len()));
        Flow::Again
    }

    fn sync_fail(&mut self) -> Flow {
        if self.state.stage < self.state.plan.stages.len() {
            if let Groups::Wait = self.run_groups() {
                return Flow::Wait;
            }
            if self.wait_for_hooks() {
                return Flow::Wait;
            }
            self.open_stage(self.state.stage + 1);
            return Flow::Again;
        }
        if self.remove_hooks(DeletePolicy::HookFailed, |_| true) {
            return Flow::Wait;
        }
        self.state.message = std::mem::take(&mut self.state.failure);
        let failed = |id: TaskId| self.state.task(id).phase == Phase::SyncFail && self.state.progress(id) == Progress::Failed;
        if self.state.plan.ids().any(failed) {
            let more = self.with_reasons("one or more SyncFail hooks failed", |phase| phase == Phase::SyncFail);
            self.state.message = format!("{}\n{more}", self.state.message);
        }
        self.end(OperationPhase::Failed)
    }

    fn succeeding(&mut self) -> Flow {
        let message = self.state.message.clone();
        if self.remove_hooks(DeletePolicy::HookSucceeded, |_| true) {
            // Kept aside: while hooks are removed, the message says that.
            if self.state.failure.is_empty() {
                self.state.failure = message;
            }
            return Flow::Wait;
        }
        if !self.state.failure.is_empty() {
            self.state.message = std::mem::take(&mut self.state.failure);
        }
        self.end(OperationPhase::Succeeded)
    }

    /// Removes the ended hooks that this policy removes, each once. True while that is under way.
    fn remove_hooks(&mut self, policy: DeletePolicy, of: impl Fn(Phase) -> bool) -> bool {
        let ended = |id: &TaskId| {
            let task = self.state.task(*id);
            let over = matches!(self.state.progress(*id), Progress::Succeeded | Progress::Failed);
            over && task.action.deleted_by(policy) && of(task.phase) && !self.state.removed.contains_key(id)
        };
        let ids: Vec<TaskId> = self.state.plan.ids().filter(ended).collect();
        for id in &ids {
            self.state.removed.insert(*id, false);
            self.commands.push(Command::DeleteHook(*id));
        }
        !ids.is_empty()
    }

    fn terminate(&mut self) -> Flow {
        let hooks: Vec<TaskId> = self.state.plan.ids().filter(|id| self.state.task(*id).is_hook()).collect();
        for id in hooks {
            let state = &self.state.tasks[id.index()];
            let stopped = state.progress == Progress::Failed && state.message == TERMINATED;
            if state.progress == Progress::Running {
                self.record(id, Progress::Failed, Some(ResultCode::Synced), TERMINATED);
            } else if !stopped {
                continue;
            }
            if let Entry::Vacant(entry) = self.state.removed.entry(id) {
                entry.insert(false);
                self.commands.push(Command::DeleteHook(id));
            }
        }
        if self.state.in_flight > 0 || self.state.removed.values().any(|done| !done) {
            return Flow::Wait;
        }
        let failed = self.state.removal_failed;
        self.state.message = if failed { "Operation termination had errors" } else { "Operation terminated" }.into();
        self.end(if failed { OperationPhase::Error } else { OperationPhase::Failed })
    }

    fn retrying(&mut self, at: Timestamp) -> Flow {
        if self.state.superseded {
            self.state.attempt += 1;
            return self.end(OperationPhase::Failed);
        }
        if self.now < at {
            return Flow::Wait;
        }
        self.state.attempt += 1;
        self.state.mode = Mode::Forward;
        self.state.tasks.iter_mut().for_each(|t| *t = TaskState::PENDING);
        self.state.recorded.clear();
        if self.state.plan.writing.target_takes_part {
            self.state.preparation = Prepared::No;
        }
        self.state.removed.clear();
        self.state.removal_failed = false;
        self.state.failure.clear();
        self.open_stage(0);
        Flow::Again
    }

    /// The attempt is over, with the state's message. Another one follows, or the operation is over.
    fn end(&mut self, phase: OperationPhase) -> Flow {
        let state = &mut self.state;
        let failed = phase != OperationPhase::Succeeded;
        let again_at = state.next_attempt_at(self.now).filter(|_| failed);
        if let Some(at) = again_at {
            state.message = format!("{}. Retrying attempt #{} at {at}.", state.message, state.attempt);
            if !state.plan.retry.refresh {
                state.mode = Mode::Retrying(at);
                return Flow::Wait;
            }
        }
        Flow::End(Box::new(Outcome {
            phase,
            message: state.message.clone(),
            results: state.results(),
            retry_count: state.attempt - 1,
            finished_at: self.now,
            superseded: failed && state.superseded && !state.terminating,
            terminated: state.terminating,
            again_at,
            pending_activations: state.pending_activations(),
            notes: std::mem::take(&mut self.state.notes),
        }))
    }

    // ---- small things ----

    fn known(&self, id: TaskId) -> Option<Progress> {
        self.state.tasks.get(id.index()).map(|t| t.progress)
    }

    fn set(&mut self, id: TaskId, progress: Progress) {
        let counts = |p: Progress| usize::from(matches!(p, Progress::Sent | Progress::Clearing));
        let before = std::mem::replace(&mut self.state.tasks[id.index()].progress, progress);
        self.state.in_flight = self.state.in_flight + counts(progress) - counts(before);
    }

    fn send(&mut self, id: TaskId, progress: Progress, command: Command) {
        self.set(id, progress);
        self.commands.push(command);
    }

    fn record(&mut self, id: TaskId, progress: Progress, code: Option<ResultCode>, message: &str) {
        self.set(id, progress);
        let state = &mut self.state.tasks[id.index()];
        if state.code.is_none() {
            self.state.recorded.push(id);
        }
        state.code = code.or(Some(ResultCode::Synced));
        state.message = message.to_owned();
    }

    fn note(&mut self, text: String) {
        if self.state.notes.last() != Some(&text) {
            self.state.notes.push(text);
        }
    }

    /// Tasks of the open stage.
    fn open_tasks(&self) -> Vec<TaskId> {
        self.state.plan.stages.get(self.state.stage).map(|s| s.tasks().map(TaskId::at).collect()).unwrap_or_default()
    }

    fn stage_failed(&self) -> bool {
        self.open_tasks().iter().any(|id| self.state.progress(*id) == Progress::Failed)
    }

    fn running_hooks(&self) -> Vec<TaskId> {
        let mut open = self.open_tasks();
        open.retain(|id| self.state.task(*id).is_hook() && self.state.progress(*id) == Progress::Running);
        open
    }

    fn plain_running(&self) -> Vec<TaskId> {
        let mut open = self.open_tasks();
        open.retain(|id| !self.state.task(*id).is_hook() && self.state.progress(*id) == Progress::Running);
        open
    }

    fn waiting_for(&self, reason: &str, ids: &[TaskId]) -> String {
        let hooks = ids.iter().all(|id| self.state.task(*id).is_hook());
        waiting::message(reason, ids.first().and_then(|id| self.state.task(*id).object()), ids.len(), hooks)
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.state.settings.timeout.map(|wait| self.state.plan.started_at.after(wait))
    }

    /// Asks to be woken for whatever is due first.
    fn wake(&mut self) {
        let poll = if let HealthWait::PollAt(at) = self.state.health { Some(at) } else { None };
        let deadline = self.deadline().filter(|_| !self.state.terminating);
        let due = [self.state.retry_at(), self.state.hold_until, poll, deadline].into_iter().flatten().min();
        self.commands.extend(due.map(Command::WakeAt));
    }
}

/// Why a removal does not happen.
fn skipped(mode: PruneMode) -> Option<&'static str> {
    match mode {
        PruneMode::Delete | PruneMode::Confirm => None,
        PruneMode::NotRequested => Some("ignored (requires pruning)"),
        PruneMode::Forbidden => Some("ignored (no prune)"),
    }
}
