//! Health by convention: what controllers that follow the Kubernetes API conventions (and most that do not quite) write into
//! a status, read without knowing the kind.
//!
//! In this order, the first that says something decides:
//!
//! 1. paused or suspended by the spec, a condition or a reason;
//! 2. a status that is older than the spec (`observedGeneration`);
//! 3. conditions that are bad when true (`Stalled`, `Degraded`, `…Failed`), then such that say work goes on (`Reconciling`);
//! 4. the condition that says how the object is as a whole (`Ready`, else `Available`, `Healthy`, `Synced` …);
//! 5. a word for the state (`phase`, `state`, `health` …);
//! 6. replicas that are wanted and ready;
//! 7. the other conditions: all true, or not yet.
//!
//! An object that shows none of these has no health: a custom resource without a status may never get one, and must not hold
//! a sync up. The words are data: [`WORDS`], [`BAD_WHEN_TRUE`], [`BUSY_WHEN_TRUE`], [`WHOLE`].

use gitops_manifest::Value;

use crate::live::{Condition, Live, conditions, text};
use crate::status::HealthStatus::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};
use crate::status::{Health, HealthStatus};

/// Groups that Kubernetes itself serves: their kinds are complete in `builtin`, and the others there have no health.
const OWN_GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "metrics.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Kinds whose health is for their users to define: an application in another one counts only by a rule of theirs.
const LEFT_TO_USERS: &[(&str, &str)] = &[("argoproj.io", "Application"), ("argoproj.io", "AppProject")];

/// Condition types that tell of a failure when they are true, whole or as the end of the type.
const BAD_WHEN_TRUE: &[&str] = &[
    "Stalled",
    "Degraded",
    "Failed",
    "Failing",
    "Failure",
    "Error",
    "Errors",
    "ErrorOccurred",
    "Invalid",
    "InvalidSpec",
    "NotReady",
    "Orphan",
    "PartiallyReady",
    "Terminal",
    "Unhealthy",
    "Unavailable",
    "Conflicted",
    "Fallback",
    "NoMatchingInstances",
];

/// Condition types that tell of work going on when they are true.
const BUSY_WHEN_TRUE: &[&str] = &[
    "Reconciling",
    "Progressing",
    "RolloutProgressing",
    "Issuing",
    "Updating",
    "Upgrading",
    "RollingUpdate",
    "Provisioning",
    "Creating",
    "Deleting",
    "Terminating",
    "InProgress",
    "In-progress",
    "Pending",
    "Initializing",
    "Installing",
    "Scaling",
    "Running",
    "Waiting",
];

/// Condition types that stand for the whole object, best first. The end of a type counts too (`app-ready`, `RemoteSynced`).
const WHOLE: &[&str] = &["Ready", "Available", "Healthy", "Succeeded", "Complete", "Completed", "Compliant", "Established", "Promoted"];

/// Condition types that are good when true, but of a step only: beside another one that is false they do not count.
const STEPS: &[&str] = &[
    "Programmed",
    "Accepted",
    "Synced",
    "ResourceSynced",
    "Synchronized",
    "Reconciled",
    "Admitted",
    "Valid",
    "Applied",
    "Deployed",
    "Installed",
    "Active",
    "Bound",
    "Discoverable",
    "Configured",
];

/// What the last word of a phase, a state or a reason says. Compared without regard to case.
const WORDS: &[(HealthStatus, &[&str])] = &[
    (
        Degraded,
        &[
            "fail",
            "failed",
            "failing",
            "failure",
            "error",
            "err",
            "errored",
            "degraded",
            "unhealthy",
            "invalid",
            "red",
            "noncompliant",
            "rejected",
            "lost",
            "crashed",
            "broken",
            "stalled",
            "unavailable",
            "conflict",
            "conflicting",
            "denied",
            "forbidden",
            "aborted",
            "timeout",
            "timedout",
            "exceeded",
            "warning",
            "warn",
            "unreachable",
            "unschedulable",
            "unsupported",
            "mismatch",
            "terminal",
            "missing",
            "nonexistent",
            "canceled",
            "cancelled",
            "disabled",
            "expired",
            "reached",
            "allowed",
            "blocked",
            "torn",
            "misconfigured",
        ],
    ),
    (Missing, &["notfound"]),
    (
        Suspended,
        &[
            "paused",
            "suspended",
            "suspend",
            "stopped",
            "hibernated",
            "hibernating",
            "halted",
            "ignored",
            "idle",
            "reconcilepaused",
            "nomatchingnode",
        ],
    ),
    (
        Progressing,
        &[
            "pending",
            "progressing",
            "progress",
            "inprogress",
            "creating",
            "provisioning",
            "initializing",
            "initialising",
            "updating",
            "upgrading",
            "installing",
            "deploying",
            "reconciling",
            "scheduling",
            "scheduled",
            "starting",
            "waiting",
            "deleting",
            "terminating",
            "restarting",
            "scaling",
            "queued",
            "submitted",
            "processing",
            "importing",
            "migrating",
            "yellow",
            "expanding",
            "changes",
            "uninitialized",
            "new",
            "promoting",
            "finalising",
            "finalizing",
            "rerun",
            "stopping",
            "preparing",
            "configuring",
            "applying",
            "validating",
            "building",
            "cloning",
            "transferrunning",
            "unknownstate",
            "notreconciled",
            "reconciled_not",
            "booting",
        ],
    ),
    (
        Healthy,
        &[
            "ready",
            "running",
            "healthy",
            "active",
            "available",
            "success",
            "successful",
            "succeeded",
            "succeed",
            "complete",
            "completed",
            "bound",
            "deployed",
            "created",
            "exists",
            "green",
            "ok",
            "synced",
            "applied",
            "enabled",
            "compliant",
            "provisioned",
            "initialized",
            "operational",
            "valid",
            "accepted",
            "installed",
            "established",
            "online",
            "up",
            "normal",
            "connected",
            "current",
            "uptodate",
            "fetched",
            "published",
            "attached",
            "registered",
            "done",
            "clean",
            "open",
            "insync",
            "stable",
            "finished",
            "scaled",
            "passed",
        ],
    ),
    (Unknown, &["unknown"]),
];

/// Status fields that hold a word for the state, best first.
const STATES: &[&str] = &[
    "phase",
    "state",
    "status",
    "health",
    "currentState",
    "overallStatus",
    "currentStatus",
    "updateStatus",
    "compliant",
    "applicationState.state",
    "lifecycleState",
    "clusterStatus",
    "certificateStatus",
    "lastOperationStatus",
    "lastOperation.state",
    "deploymentStatus",
    "jobStatus",
    "currentPhase",
    "stage",
    "healthStatus",
    "syncStatus",
    "ansibleJobResult.status",
    "ceph.health",
    "connectorState",
];

/// Spec fields that pause a controller when they are true.
const PAUSES: &[&str] = &["spec.paused", "spec.pause", "spec.suspend", "spec.suspended", "spec.updateStrategy.paused"];

/// Pairs of what is wanted and what is there.
const REPLICAS: &[(&str, &str)] = &[
    ("spec.replicas", "status.readyReplicas"),
    ("status.replicas", "status.readyReplicas"),
    ("status.size", "status.ready"),
    ("status.expectedNodes", "status.availableNodes"),
    ("status.expectedMachines", "status.currentHealthy"),
];

pub(crate) fn health(live: &Live<'_>) -> Option<Health> {
    if OWN_GROUPS.contains(&live.group()) || LEFT_TO_USERS.contains(&(live.group(), live.kind())) {
        return None;
    }
    deleting(live)
        .or_else(|| paused(live))
        .or_else(|| outdated(live))
        .or_else(|| failed_state(live))
        .or_else(|| bad_or_busy(live))
        .or_else(|| whole(live))
        .or_else(|| open_step(live))
        .or_else(|| ready_flag(live))
        .or_else(|| state(live))
        .or_else(|| replicas(live))
        .or_else(|| parts(live))
}

fn deleting(live: &Live<'_>) -> Option<Health> {
    live.has("metadata.deletionTimestamp").then(|| Health::new(Progressing, format!("{} is being deleted", live.kind())))
}

fn paused(live: &Live<'_>) -> Option<Health> {
    if PAUSES.iter().any(|path| live.is_true(path)) {
        return Some(Health::new(Suspended, format!("{} is paused", live.kind())));
    }
    let stopped = live.conditions().find(|c| {
        let by_type =
            matches!(c.kind(), "Paused" | "Suspended" | "Stopped" | "Disrupting" | "Hibernated" | "Ignored") && c.status() == "True";
        by_type || (c.status() != "True" && meaning(c.reason()) == Some(Suspended))
    })?;
    Some(Health::new(Suspended, said(&stopped)))
}

fn outdated(live: &Live<'_>) -> Option<Health> {
    let latest = live.maybe_int("metadata.generation");
    let by_condition = || {
        let whole = whole_condition(live)?;
        let (latest, seen) = (latest?, whole.observed()?);
        (seen < latest).then_some(())
    };
    let stale = live.is_stale() || by_condition().is_some();
    stale.then(|| Health::new(Progressing, "Waiting for the latest spec to be observed"))
}

/// A phase that says failed, whatever the conditions of its steps still say.
fn failed_state(live: &Live<'_>) -> Option<Health> {
    let failed = ["status.phase", "status.state", "status.stageStatus"].iter().any(|p| meaning(live.str(p)) == Some(Degraded));
    if !failed || is_whole(live) {
        return None;
    }
    let said = live.conditions().find(|c| c.status() == "False" && by_words(c) == Some(Degraded)).map(|c| said(&c));
    said.map(|text| Health::new(Degraded, text)).or_else(|| state(live))
}

fn bad_or_busy(live: &Live<'_>) -> Option<Health> {
    let truths = || live.conditions().filter(|c| c.status() == "True");
    if let Some(bad) = truths().find(|c| ends_with_any(c.kind(), BAD_WHEN_TRUE) && !(c.kind() == "PartiallyReady" && is_whole(live))) {
        let status = if meaning(bad.reason()) == Some(Progressing) { Progressing } else { Degraded };
        return Some(Health::new(status, said(&bad)));
    }
    // `Progressing=True` stays on Deployment-like objects that are done; then the reason says so, or something is available.
    let busy = truths().find(|c| {
        let kept = c.kind() == "Progressing" && (meaning(c.reason()) == Some(Healthy) || meaning(c.reason()).is_none() && is_whole(live));
        ends_with_any(c.kind(), BUSY_WHEN_TRUE) && !kept
    })?;
    // Work on a failure that is being retried is still a failure.
    let retried = words(busy.reason()).iter().any(|w| w == "retry" || w == "retrying");
    let failed = whole_condition(live).filter(|c| c.status() == "False" && (retried || meaning(c.reason()) == Some(Degraded)));
    if let Some(failed) = failed {
        return Some(Health::new(Degraded, said(&failed)));
    }
    (!(is_whole(live) && matches!(busy.kind(), "Running" | "Scaling"))).then(|| Health::new(Progressing, said(&busy)))
}

fn is_whole(live: &Live<'_>) -> bool {
    whole_condition(live).is_some_and(|c| c.status() == "True")
}

fn whole<'a>(live: &Live<'a>) -> Option<Health> {
    let condition = whole_condition(live)?;
    let status = match condition.status() {
        "True" => match meaning(condition.reason()) {
            Some(Degraded) => Degraded,
            // Beside a good `Ready`, another condition may still say that the latest change did not go through.
            _ => match live.conditions().find(|c| c.status() == "False" && c.kind() != condition.kind() && by_words(c) == Some(Degraded)) {
                Some(failed) => return Some(Health::new(Degraded, said(&failed))),
                None => match live.str("status.phase") {
                    "" => Healthy,
                    phase => meaning(phase).filter(|m| matches!(m, Degraded | Progressing | Suspended)).unwrap_or(Healthy),
                },
            },
        },
        "False" => match live.conditions().find(|c| c.status() == "False" && by_words(c) == Some(Degraded)) {
            Some(failed) => return Some(Health::new(Degraded, said(&failed))),
            None => by_words(&condition).unwrap_or_else(|| false_without_words(live, &condition)),
        },
        "Unknown" | "" => match meaning(condition.reason()) {
            Some(Degraded) => Degraded,
            _ => Progressing,
        },
        other => meaning(other).unwrap_or(Degraded),
    };
    Some(Health::new(status, said(&condition)))
}

/// A false condition whose reason says nothing: the phase may; and who gives neither reason nor message only is not there yet.
fn false_without_words(live: &Live<'_>, condition: &Condition<'_>) -> HealthStatus {
    let mute = condition.reason().is_empty() && condition.message().is_empty();
    let phase = ["status.phase", "status.state"].iter().find_map(|path| meaning(live.str(path)));
    phase.filter(|p| matches!(p, Progressing | Suspended | Degraded)).unwrap_or(if mute { Progressing } else { Degraded })
}

/// The condition that stands for the whole object.
fn whole_condition<'a>(live: &Live<'a>) -> Option<Condition<'a>> {
    let exact = WHOLE.iter().find_map(|name| live.condition(name));
    exact.or_else(|| {
        // A part's condition (`InfrastructureReady`) says nothing about the whole; when there is one only, it is the whole.
        let mut ending = live.conditions().filter(|c| ends_with_any(c.kind(), WHOLE) || ends_with_any(c.kind(), STEPS));
        let first = ending.next()?;
        let others = ending.count();
        (others == 0 && live.conditions().count() == 1).then_some(first)
    })
}

/// What a false condition means: some reasons say that it only takes time.
fn by_reason(condition: &Condition<'_>) -> HealthStatus {
    by_words(condition).unwrap_or(if condition.field("severity").as_deref() == Some("Info") { Progressing } else { Degraded })
}

fn by_words(condition: &Condition<'_>) -> Option<HealthStatus> {
    if condition.field("severity").as_deref() == Some("Info") {
        return Some(Progressing);
    }
    let start = condition.message().get(..5).unwrap_or("");
    let outcome = !condition.message().contains(' ') && meaning(condition.message()) == Some(Degraded);
    if start.eq_ignore_ascii_case("error") || outcome {
        return Some(Degraded);
    }
    let reason = meaning(condition.reason()).filter(|m| matches!(m, Degraded | Progressing | Suspended));
    reason.or_else(|| {
        let message = condition.message().to_ascii_lowercase();
        let waiting = ["waiting ", "in progress", "not yet", "initializing", "creating ", "provisioning", "pending", "is still"];
        waiting.iter().any(|w| message.contains(w)).then_some(Progressing)
    })
}

/// A step that is not done, where no condition stands for the whole: a phase beside it (`Running`, `Deployed`) says less.
fn open_step(live: &Live<'_>) -> Option<Health> {
    let step = |c: &Condition<'_>| ends_with_any(c.kind(), WHOLE) || ends_with_any(c.kind(), STEPS);
    let failed = live.conditions().find(|c| c.status() == "False" && step(c))?;
    // What waits for its turn says nothing while the others go on.
    let waiting = live.has("status.phase") || live.has("status.state");
    let status = by_reason(&failed);
    (!waiting || status == Degraded || !failed.reason().is_empty()).then(|| Health::new(status, said(&failed)))
}

/// `status.ready`, `status.readyToUse`, `status.pass`, `status.error` without conditions.
fn ready_flag(live: &Live<'_>) -> Option<Health> {
    for path in ["status.error.message", "status.errorMessage", "status.failureMessage", "status.error", "status.errMsg"] {
        let message = live.str(path);
        if !message.is_empty() {
            return Some(Health::new(Degraded, message));
        }
    }
    let ready = ["status.ready", "status.readyToUse", "status.available"].iter().find_map(|path| live.at(path)?.as_bool())?;
    Some(if ready { Health::new(Healthy, "Ready") } else { Health::new(Progressing, "Not ready yet") })
}

fn state(live: &Live<'_>) -> Option<Health> {
    let words = STATES.iter().filter_map(|path| {
        let word = live.at(&format!("status.{path}")).map(text).filter(|t| !t.is_empty())?;
        let status = match meaning(&word).unwrap_or(Progressing) {
            // What runs once and still runs is not done.
            Healthy if word.eq_ignore_ascii_case("running") && runs_once(live.kind()) => Progressing,
            status => status,
        };
        Some((status, word))
    });
    let words: Vec<_> = words.collect();
    // Of several words (`phase: Ready`, `health: yellow`) the worst counts.
    let (status, word) = words.into_iter().max_by_key(|(status, _)| *status)?;
    let said = ["status.message", "status.reason", "status.description"].iter().map(|p| live.str(p)).find(|t| !t.is_empty());
    Some(Health::new(status, said.map_or_else(|| word.clone().into_owned(), str::to_owned)))
}

/// Kinds that are done at an end, by the last word of their name.
fn runs_once(kind: &str) -> bool {
    const ENDS: &[&str] =
        &["run", "job", "task", "backup", "restore", "snapshot", "migration", "workflow", "import", "export", "evaluation"];
    words(kind).last().is_some_and(|last| ENDS.contains(&last.as_str()))
}

fn replicas(live: &Live<'_>) -> Option<Health> {
    let (wanted, ready) = REPLICAS.iter().find_map(|(wanted, ready)| Some((live.maybe_int(wanted)?, live.maybe_int(ready)?)))?;
    let status = if ready >= wanted { Healthy } else { Progressing };
    Some(Health::new(status, format!("{ready} of {wanted} replicas are ready")))
}

/// Conditions of which none stands for the whole, and those of parents, ancestors, listeners and ingresses.
fn parts(live: &Live<'_>) -> Option<Health> {
    let status = live.at("status")?;
    let nested =
        ["parents", "ancestors", "listeners", "ingress"].iter().flat_map(|list| status.get(list).and_then(Value::as_list).unwrap_or(&[]));
    let generation = live.maybe_int("metadata.generation");
    let every: Vec<Condition<'_>> = nested.flat_map(conditions).collect();
    let total = every.len();
    let nested: Vec<Condition<'_>> =
        every.into_iter().filter(|c| generation.is_none_or(|g| c.observed().is_none_or(|seen| seen >= g))).collect();
    if nested.is_empty() && total > 0 {
        return Some(Health::new(Progressing, "Waiting for the latest spec to be observed"));
    }
    let all: Vec<Condition<'_>> = live.conditions().chain(nested).collect();
    let all: Vec<Condition<'_>> = all.into_iter().filter(|c| !is_good_when_false(c)).collect();
    if let Some(bad) = all.iter().find(|c| c.status() == "False" && by_words(c).is_none_or(|s| s == Degraded) && c.kind() != "Programmed") {
        return Some(Health::new(by_reason(bad), said(bad)));
    }
    if let Some(open) = all.iter().find(|c| c.status() != "True") {
        return Some(Health::new(Progressing, said(open)));
    }
    all.first().map(|first| Health::new(Healthy, said(first)))
}

fn is_good_when_false(condition: &Condition<'_>) -> bool {
    condition.status() != "True" && (ends_with_any(condition.kind(), BAD_WHEN_TRUE) || ends_with_any(condition.kind(), BUSY_WHEN_TRUE))
}

fn said(condition: &Condition<'_>) -> String {
    let text = [condition.message(), condition.reason()].into_iter().find(|t| !t.is_empty());
    text.map_or_else(|| format!("{} is {}", condition.kind(), condition.status()), str::to_owned)
}

fn ends_with_any(kind: &str, names: &[&str]) -> bool {
    names.iter().any(|name| {
        let rest = kind.len().checked_sub(name.len()).filter(|at| kind.is_char_boundary(*at)).map(|at| kind.split_at(at));
        match rest {
            Some(("", end)) => end == *name,
            // The end must begin a word: `NotReady` is no `Ready`, `platform.example/app-ready` is.
            Some((start, end)) if end.eq_ignore_ascii_case(name) => {
                let begins = end.starts_with(char::is_uppercase) || start.ends_with(['-', '/', '.', '_']);
                begins && !start.ends_with("Not") && !start.ends_with("No") && !start.ends_with("Un")
            }
            _ => false,
        }
    })
}

/// What a phase, a state or a reason says: by the whole of it, by its last word, then by any word that tells of a failure.
fn meaning(text: &str) -> Option<HealthStatus> {
    let squeezed: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let listed = |word: &str| WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(status, _)| *status);
    if let Some(status) = listed(&squeezed) {
        return Some(status);
    }
    if squeezed == "notready" {
        // Says no more than the condition itself.
        return None;
    }
    let words = words(text);
    if words.iter().any(|w| w == "not" || w == "no" || w == "non") {
        if words.last().is_some_and(|w| matches!(w.as_str(), "ready" | "complete" | "completed" | "available" | "synced" | "yet")) {
            return Some(Progressing);
        }
        return words.iter().filter_map(|w| listed(w)).find(|s| *s != Healthy);
    }
    if words.iter().any(|w| matches!(w.as_str(), "failed" | "error" | "failure" | "invalid")) {
        return Some(Degraded);
    }
    // `WaitingForPods…`: what is being done comes first; else the outcome comes last.
    if words.first().is_some_and(|w| w.ends_with("ing") && listed(w) == Some(Progressing)) {
        return Some(Progressing);
    }
    let ends = [words.last(), words.first()];
    ends.into_iter().flatten().find_map(|w| listed(w))
}

/// The words of `CamelCase`, `snake_case`, `kebab-case` or a sentence, in lower case.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut open, mut was_lower) = (false, false);
    for c in text.chars() {
        if !c.is_alphanumeric() {
            open = false;
            continue;
        }
        if !open || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        (open, was_lower) = (true, c.is_lowercase() || c.is_numeric());
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words
}
