//! Carries out what [`crate::step()`] chooses, and reports what came of it. It chooses nothing.
//!
//! Guarantees: a state is in the journal before the effects that follow from it, and when the journal cannot keep it,
//! nothing more is done. At most `parallel` commands run at the same time (hooks, which take long, do not count). Needs no
//! runtime: time comes from [`Clock`], and dropping the future at any point is as safe as a crash.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::control::Control;
use crate::outcome::Outcome;
use crate::state::SyncState;
use crate::step::{Command, Event, Observed, Step, step};
use crate::target::{Removal, Target, TargetError};
use crate::task::TaskId;
use gitops_manifest::Timestamp;

/// Where states are kept.
pub trait Journal: Send + Sync {
    /// Keeps the state durably, or fails.
    ///
    /// # Errors
    /// When it cannot be kept: disk full, database locked.
    fn save(&self, state: &SyncState) -> Result<(), JournalError>;
}

/// Why a state could not be kept. Always worth another try later: nothing was done that the journal does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalError {
    /// What, why and what to do.
    pub message: String,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the operation's state could not be kept, so nothing more was done: {}", self.message)
    }
}

impl std::error::Error for JournalError {}

/// Time, for the driver.
pub trait Clock: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Completes at this time or soon after.
    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// Why [`drive`] came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Driven {
    /// The operation is over. What it did since the last state in the journal is in the outcome and in the last state:
    /// keep them.
    Done(Outcome, Box<SyncState>),
    /// A shutdown was asked for: the state in the journal continues later.
    Stopped,
    /// The journal failed: the state in the journal continues later.
    JournalFailed(JournalError),
}

/// Between states whose commands can simply be repeated, the journal is written at most this often.
const SAVE_INTERVAL: Duration = Duration::from_millis(50);

type Work<'a> = Pin<Box<dyn Future<Output = Event> + Send + 'a>>;

/// Carries an operation to its end. `parallel`: how many commands may run at the same time (16 is a good number).
/// A state that comes from the journal goes on where it was.
pub async fn drive(
    target: &dyn Target,
    journal: &dyn Journal,
    clock: &dyn Clock,
    state: SyncState,
    control: &mut Control,
    parallel: usize,
) -> Driven {
    let mut saved_at = None;
    let mut pool = Pool::default();
    let mut seen = vec![Event::Restarted];
    let mut state = state;
    loop {
        let now = clock.now();
        let ended_hook = seen.iter().any(|e| matches!(e, Event::HookEnded(..)));
        let (next, commands) = match step(state, &Observed { events: std::mem::take(&mut seen) }, now) {
            Step::Done { outcome, last } => return Driven::Done(outcome, last),
            Step::Continue { next, commands } => (next, commands),
        };
        let recent = saved_at.is_some_and(|at: Timestamp| now.since(at) < SAVE_INTERVAL);
        if ended_hook || !recent || !commands.iter().all(can_wait) || commands.is_empty() {
            if let Err(error) = journal.save(&next) {
                return Driven::JournalFailed(error);
            }
            saved_at = Some(clock.now());
        }
        let mut wake = None;
        let plan = next.shared_plan();
        for command in commands {
            match command {
                Command::WakeAt(at) => wake = Some(clock.sleep_until(at)),
                Command::RunHook(task, run) => {
                    let plan = plan.clone();
                    pool.hooks.push((
                        task,
                        Box::pin(async move {
                            let result = match plan.manifest(task) {
                                Some(manifest) => target.run_hook(&plan.app, manifest, &run, plan.write_options(manifest)).await,
                                None => Err(no_manifest()),
                            };
                            Event::HookEnded(task, run.attempt, result)
                        }),
                    ));
                }
                Command::DeleteHook(task) => {
                    // Dropping its future ends the run.
                    pool.hooks.retain(|(running, _)| *running != task);
                    pool.waiting.push_back(work(target, plan.clone(), Command::DeleteHook(task)));
                }
                other => pool.waiting.push_back(work(target, plan.clone(), other)),
            }
        }
        state = next;
        loop {
            let outcome = poll_fn(|context| pool.poll(context, control, wake.as_mut(), parallel.max(1))).await;
            match outcome {
                Some(events) => seen.extend(events),
                None => {
                    // Shut down, and nothing runs any more: what came in is recorded, what would follow is not begun.
                    return match step(state, &Observed { events: seen }, clock.now()) {
                        Step::Done { outcome, last } => Driven::Done(outcome, last),
                        Step::Continue { next, .. } => journal.save(&next).map_or_else(Driven::JournalFailed, |()| Driven::Stopped),
                    };
                }
            }
            if !pool.stopping && !seen.is_empty() {
                break;
            }
        }
    }
}

/// Whether the journal may be written later: repeating such a command after a crash changes nothing.
fn can_wait(command: &Command) -> bool {
    matches!(command, Command::Prepare | Command::Apply(_) | Command::Prune(_) | Command::ReleaseHook(_) | Command::CheckHealth(_))
}

fn no_manifest() -> TargetError {
    TargetError::permanent("the plan holds no manifest for this task")
}

fn work<'a>(target: &'a dyn Target, plan: std::sync::Arc<crate::plan::Plan>, command: Command) -> Work<'a> {
    Box::pin(async move {
        let app = plan.app.as_str();
        let object = |task: TaskId| plan.task(task).and_then(|t| t.object());
        match command {
            Command::Prepare => Event::Prepared(target.prepare(app, plan.preparation()).await),
            Command::Apply(task) => Event::Finished(
                task,
                match plan.manifest(task) {
                    Some(manifest) => target.apply(app, manifest, plan.write_options(manifest)).await,
                    None => Err(no_manifest()),
                },
            ),
            Command::Prune(task) => match object(task) {
                Some(id) => match target.prune(app, id, plan.propagation()).await {
                    Ok(Removal::Gone) => Event::Finished(task, Ok(())),
                    Ok(Removal::Terminating { message }) => Event::Removing(task, message),
                    Err(error) => Event::Finished(task, Err(error)),
                },
                None => Event::Finished(task, Err(no_manifest())),
            },
            Command::Activate(task, run) => Event::Finished(task, target.activate(app, &run.hook, &run).await),
            Command::DeleteHook(task) => Event::HookDeleted(
                task,
                match object(task) {
                    Some(id) => target.delete_hook(app, id).await,
                    None => Err(no_manifest()),
                },
            ),
            Command::ReleaseHook(task) => Event::HookReleased(
                task,
                match object(task) {
                    Some(id) => target.release_hook(app, id).await,
                    None => Ok(()),
                },
            ),
            Command::CheckHealth(ids) => match target.health(app, &ids).await {
                Ok(seen) => Event::Health(seen),
                Err(error) => Event::HealthUnknown(error),
            },
            Command::RunHook(..) | Command::WakeAt(_) => Event::Tick,
        }
    })
}

/// What is under way.
#[derive(Default)]
struct Pool<'a> {
    waiting: VecDeque<Work<'a>>,
    running: Vec<Work<'a>>,
    hooks: Vec<(TaskId, Work<'a>)>,
    /// Results of commands, handed over together when the last of them has ended: one step, one write.
    results: Vec<Event>,
    stopping: bool,
}

impl Pool<'_> {
    /// Ready with events when there is something to step with; with `None` when a shutdown is complete.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        control: &mut Control,
        wake: Option<&mut Pin<Box<dyn Future<Output = ()> + Send + '_>>>,
        parallel: usize,
    ) -> Poll<Option<Vec<Event>>> {
        let mut events = Vec::new();
        let signals = control.take(context);
        if signals.shutdown && !self.stopping {
            self.stopping = true;
            // Not begun, so lost as in a crash: they are sent again by whoever continues.
            self.waiting.clear();
        }
        let signalled =
            [(signals.terminate, Event::TerminateRequested), (signals.supersede, Event::Superseded), (signals.look, Event::Tick)];
        events.extend(signalled.into_iter().filter(|(is, _)| *is).map(|(_, event)| event));
        events.extend(signals.approved.map(Event::DeletionApproved));
        self.poll_hooks(context, &mut events);
        self.poll_running(context, parallel);
        if self.running.is_empty() && self.waiting.is_empty() {
            events.append(&mut self.results);
        }
        let woken = wake.is_some_and(|w| w.as_mut().poll(context).is_ready());
        if woken && !self.stopping {
            events.push(Event::Tick);
        }
        if !events.is_empty() {
            return Poll::Ready(Some(events));
        }
        let idle = self.running.is_empty() && self.hooks.is_empty();
        if self.stopping && idle { Poll::Ready(None) } else { Poll::Pending }
    }

    fn poll_hooks(&mut self, context: &mut Context<'_>, events: &mut Vec<Event>) {
        self.hooks.retain_mut(|(_, hook)| match hook.as_mut().poll(context) {
            Poll::Ready(event) => {
                events.push(event);
                false
            }
            Poll::Pending => true,
        });
    }

    fn poll_running(&mut self, context: &mut Context<'_>, parallel: usize) {
        loop {
            let results = &mut self.results;
            self.running.retain_mut(|work| match work.as_mut().poll(context) {
                Poll::Ready(event) => {
                    results.push(event);
                    false
                }
                Poll::Pending => true,
            });
            let free = parallel.saturating_sub(self.running.len()).min(self.waiting.len());
            if free == 0 {
                return;
            }
            self.running.extend(self.waiting.drain(..free));
        }
    }
}
