//! RollingSync: which applications of a set may sync now. `applicationset.md` §5.
//!
//! In: the steps, what is known of each application, what was decided last time, the time. Out: what to sync and what to
//! write to `status.applicationStatus`. Times are seconds since 1970, and an argument.

use std::collections::BTreeMap;
use std::fmt;

use gitops_app::{OperationPhase, RolloutStep, SyncCode};
use gitops_health::HealthStatus;
use serde_json::Value as Json;

/// Where one application stands in a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressStatus {
    /// Has changes, and its turn has not come.
    Waiting,
    /// Was told to sync.
    Pending,
    /// Syncs, or becomes healthy.
    Progressing,
    /// Done.
    Healthy,
}

impl ProgressStatus {
    /// Reads the name on the wire.
    pub fn parse(text: &str) -> Option<ProgressStatus> {
        use ProgressStatus::{Healthy, Pending, Progressing, Waiting};
        [Waiting, Pending, Progressing, Healthy].into_iter().find(|s| s.to_string() == text)
    }
}

impl fmt::Display for ProgressStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ProgressStatus::Waiting => "Waiting",
            ProgressStatus::Pending => "Pending",
            ProgressStatus::Progressing => "Progressing",
            ProgressStatus::Healthy => "Healthy",
        })
    }
}

/// What is written down of one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Its name.
    pub application: String,
    /// Where it stands.
    pub status: ProgressStatus,
    /// Its step, from 1; none is in no step, and is never synced by the set. `-1` on the wire.
    pub step: Option<usize>,
    /// The revisions it is to have.
    pub target_revisions: Vec<String>,
    /// Why it stands there.
    pub message: String,
    /// Since when.
    pub since: i64,
}

/// What is known of one application.
#[derive(Clone, Debug)]
pub struct RolloutApplication<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// Whether it agrees with its source.
    pub sync: SyncCode,
    /// How it is.
    pub health: HealthStatus,
    /// The revisions it is to have.
    pub revisions: Vec<String>,
    /// Phase of its last operation, and when that began.
    pub operation: Option<(OperationPhase, i64)>,
    /// When it was last compared.
    pub reconciled_at: Option<i64>,
    /// Whether its live spec is another than the set's.
    pub spec_differs: bool,
    /// Whether it shows InvalidSpecError or UnknownError.
    pub broken: bool,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Of each application, in the order given.
    pub progress: Vec<Progress>,
    /// Names of applications whose sync is to be started.
    pub sync: Vec<String>,
    /// The first step that is not done, from 1; none when the rollout has completed.
    pub step: Option<usize>,
    /// What it waits for, for a person; empty when it waits for nothing.
    pub waiting: String,
    /// What is wrong with the steps.
    pub problems: Vec<String>,
}

/// Decides.
pub fn rollout(steps: &[RolloutStep], applications: &[RolloutApplication<'_>], last: &[Progress], now: i64) -> Rollout {
    let mut out = Rollout::default();
    if steps.is_empty() {
        out.problems.push("No steps defined for rollout".to_owned());
        return out;
    }
    for application in applications {
        let step = step_of(steps, application, &mut out.problems);
        out.progress.push(advance(application, last.iter().find(|p| p.application == application.name), step, now));
    }
    for (i, step) in steps.iter().enumerate() {
        let number = i + 1;
        let members: Vec<usize> = (0..out.progress.len()).filter(|&a| out.progress[a].step == Some(number)).collect();
        open(&mut out, step, number, &members, now);
        let open: Vec<&Progress> = members.iter().map(|&a| &out.progress[a]).filter(|p| p.status != ProgressStatus::Healthy).collect();
        if let Some(first) = open.first() {
            out.step = Some(number);
            out.waiting = format!("step {number} of {} waits for {} because it is {}", steps.len(), first.application, first.status);
            if open.len() > 1 {
                out.waiting += &format!(", and for {} more", open.len() - 1);
            }
            break;
        }
    }
    out
}

/// Starts what may start in a step that is open.
fn open(out: &mut Rollout, step: &RolloutStep, number: usize, members: &[usize], now: i64) {
    let most = match max_update(step, members.len()) {
        Ok(most) => most,
        Err(text) => {
            out.problems.push(format!("step {number}: maxUpdate `{text}` is neither a number nor a percentage; all are updated at once"));
            members.len()
        }
    };
    let busy = |p: &Progress| matches!(p.status, ProgressStatus::Pending | ProgressStatus::Progressing);
    let mut under_way = members.iter().filter(|&&a| busy(&out.progress[a])).count();
    for &a in members {
        let progress = &mut out.progress[a];
        if progress.status == ProgressStatus::Waiting && under_way < most {
            progress.status = ProgressStatus::Pending;
            progress.since = now;
            progress.message =
                "Application moved to Pending status, watching for the Application resource to start Progressing.".to_owned();
            out.sync.push(progress.application.clone());
            under_way += 1;
        }
    }
}

fn max_update(step: &RolloutStep, members: usize) -> Result<usize, String> {
    match &step.max_update {
        None | Some(Json::Null) => Ok(members),
        Some(Json::Number(n)) => Ok(n.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0)),
        Some(other) => {
            let text = other.as_str().unwrap_or("");
            let percent = text.strip_suffix('%').and_then(|p| p.parse::<usize>().ok()).ok_or_else(|| text.to_owned())?;
            Ok(if percent == 0 { 0 } else { (members.saturating_mul(percent) / 100).max(1) })
        }
    }
}

/// The first step that selects an application. A label that is missing is in no list.
fn step_of(steps: &[RolloutStep], application: &RolloutApplication<'_>, problems: &mut Vec<String>) -> Option<usize> {
    let selects = |step: &RolloutStep| {
        step.match_expressions.iter().all(|e| {
            let listed = application.labels.get(&e.key).is_some_and(|v| e.values.contains(v));
            match e.operator.as_str() {
                "In" => listed,
                "NotIn" => !listed,
                _ => false,
            }
        })
    };
    let matching: Vec<usize> = steps.iter().enumerate().filter(|(_, s)| selects(s)).map(|(i, _)| i + 1).collect();
    if matching.len() > 1 {
        problems.push(format!("application {} is in steps {matching:?}; it counts in the first", application.name));
    }
    matching.first().copied()
}

fn advance(application: &RolloutApplication<'_>, last: Option<&Progress>, step: Option<usize>, now: i64) -> Progress {
    use ProgressStatus::{Healthy, Pending, Progressing, Waiting};
    let become_ = |status, message: &str| Progress {
        application: application.name.to_owned(),
        status,
        step,
        target_revisions: application.revisions.clone(),
        message: message.to_owned(),
        since: now,
    };
    let Some(last) = last else {
        let progress = become_(Waiting, "No Application status found, defaulting status to Waiting.");
        return settle(application, progress, now);
    };
    let mut progress = Progress { step, ..last.clone() };
    if last.target_revisions != application.revisions || application.spec_differs {
        // A sync that was started for the old revisions is over as far as the rollout goes.
        if last.status != Waiting || last.target_revisions != application.revisions {
            progress = become_(Waiting, "Application has pending changes, setting status to Waiting.");
        }
        if application.spec_differs {
            return progress;
        }
    }
    let started = application.operation.is_some_and(|(_, began)| began >= progress.since)
        && application.reconciled_at.is_some_and(|at| at >= progress.since);
    if progress.status == Pending && (started || application.broken) {
        progress = become_(Progressing, "Application resource became Progressing, updating status from Pending to Progressing.");
    }
    let done = application.sync == SyncCode::Synced && application.health == HealthStatus::Healthy;
    if progress.status == Progressing && done {
        return become_(Healthy, "Application resource became Healthy, updating status from Progressing to Healthy.");
    }
    settle(application, progress, now)
}

/// A waiting application that is synced already needs no sync.
fn settle(application: &RolloutApplication<'_>, progress: Progress, now: i64) -> Progress {
    if progress.status != ProgressStatus::Waiting || application.sync != SyncCode::Synced || application.spec_differs {
        return progress;
    }
    let (status, message) = match application.health {
        HealthStatus::Healthy => {
            (ProgressStatus::Healthy, "Application resource is already Healthy, updating status from Waiting to Healthy.")
        }
        _ => (ProgressStatus::Progressing, "Application resource is already Synced, updating status from Waiting to Progressing."),
    };
    Progress { status, message: message.to_owned(), since: now, ..progress }
}

/// In which order the applications of a set are deleted: the last step first, those in no step before all.
pub fn deletion_waves(steps: &[RolloutStep], applications: &[(&str, &BTreeMap<String, String>)]) -> Vec<Vec<String>> {
    let mut waves: BTreeMap<Option<usize>, Vec<String>> = BTreeMap::new();
    for (name, labels) in applications {
        let application = RolloutApplication {
            name,
            labels,
            sync: SyncCode::Unknown,
            health: HealthStatus::Unknown,
            revisions: Vec::new(),
            operation: None,
            reconciled_at: None,
            spec_differs: false,
            broken: false,
        };
        waves.entry(step_of(steps, &application, &mut Vec::new())).or_default().push((*name).to_owned());
    }
    let unordered = waves.remove(&None);
    unordered.into_iter().chain(waves.into_values().rev()).collect()
}
