//! GitOps Promoter: each kind is judged by its `Ready` condition for the current spec, then by what it promotes or checks.

use gitops_manifest::Value;

use crate::live::{Condition, Live};
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing};

/// How a kind is spoken of.
struct Names {
    kind: &'static str,
    /// While there is no status: `Initializing …`.
    initial: &'static str,
    /// As the subject of a sentence: `… is being deleted`.
    subject: &'static str,
    /// Within a sentence: `Waiting for … spec update`.
    object: &'static str,
    /// What has failed when `Ready` is false: `… failed`.
    work: &'static str,
    /// What is said when there is no `Ready` condition.
    unready: &'static str,
}

const NAMES: &[Names] = &[
    Names {
        kind: "ArgoCDCommitStatus",
        initial: "Argo CD commit status",
        subject: "Argo CD commit status",
        object: "Argo CD commit status",
        work: "Argo CD commit status reconciliation",
        unready: "Argo CD commit status is not ready yet",
    },
    Names {
        kind: "ChangeTransferPolicy",
        initial: "change transfer policy",
        subject: "Change transfer policy",
        object: "change transfer policy",
        work: "Change transfer policy reconciliation",
        unready: "Change transfer policy is not ready yet",
    },
    Names {
        kind: "CommitStatus",
        initial: "commit status",
        subject: "Commit status",
        object: "commit status",
        work: "Commit status reconciliation",
        unready: "Commit status is not ready yet",
    },
    Names {
        kind: "PromotionStrategy",
        initial: "promotion strategy",
        subject: "Promotion strategy",
        object: "promotion strategy",
        work: "Promotion strategy reconciliation",
        unready: "Promotion strategy is not ready yet",
    },
    Names {
        kind: "PullRequest",
        initial: "pull request",
        subject: "Pull request",
        object: "pull request",
        work: "Pull request reconciliation",
        unready: "Pull request is not ready yet",
    },
    Names {
        kind: "GitCommitStatus",
        initial: "git commit validation",
        subject: "GitCommitStatus",
        object: "GitCommitStatus",
        work: "Git commit validation",
        unready: "GitCommitStatus Ready condition is missing",
    },
    Names {
        kind: "TimedCommitStatus",
        initial: "timed commit gate",
        subject: "TimedCommitStatus",
        object: "TimedCommitStatus",
        work: "Timed commit gate",
        unready: "TimedCommitStatus Ready condition is missing",
    },
    Names {
        kind: "WebRequestCommitStatus",
        initial: "web request commit validation",
        subject: "WebRequestCommitStatus",
        object: "WebRequestCommitStatus",
        work: "Web request commit validation",
        unready: "WebRequestCommitStatus Ready condition is missing",
    },
    Names {
        kind: "ScmProvider",
        initial: "SCM provider",
        subject: "ScmProvider",
        object: "ScmProvider",
        work: "SCM provider validation",
        unready: "ScmProvider Ready condition is missing",
    },
    Names {
        kind: "ClusterScmProvider",
        initial: "cluster SCM provider",
        subject: "ClusterScmProvider",
        object: "ClusterScmProvider",
        work: "Cluster SCM provider validation",
        unready: "ClusterScmProvider Ready condition is missing",
    },
    Names {
        kind: "GitRepository",
        initial: "git repository",
        subject: "GitRepository",
        object: "GitRepository",
        work: "Git repository validation",
        unready: "GitRepository Ready condition is missing",
    },
];

/// Finalizers, what they wait for, and what their removal by hand would leave behind.
const FINALIZERS: &[(&str, &str, &str)] = &[
    (
        "pullrequest.promoter.argoproj.io/finalizer",
        "Waiting for SCM closure or reconciliation of the pull request.",
        "the real PR can stay open after the CR is gone.",
    ),
    (
        "changetransferpolicy.promoter.argoproj.io/pullrequest-finalizer",
        "Waiting for the ChangeTransferPolicy to observe PR identity and state.",
        "promotion status or history can be wrong or racy.",
    ),
    (
        "changetransferpolicy.promoter.argoproj.io/finalizer",
        "Waiting to clear related PullRequest finalizers and finish cleanup before this policy is removed.",
        "The 'changetransferpolicy.promoter.argoproj.io/pullrequest-finalizer' finalizer may not be cleaned up from PullRequests owned by this ChangeTransferPolicy.",
    ),
    (
        "scmprovider.promoter.argoproj.io/finalizer",
        "Waiting until no GitRepository in this namespace still references this provider.",
        "GitRepository objects can reference a provider that no longer exists.",
    ),
    (
        "clusterscmprovider.promoter.argoproj.io/finalizer",
        "Waiting until no GitRepository still references this provider.",
        "GitRepository objects can reference a provider that no longer exists.",
    ),
    (
        "gitrepository.promoter.argoproj.io/finalizer",
        "Waiting until no PullRequest still references this repository.",
        "PullRequest objects can reference a repository that no longer exists.",
    ),
];

pub(super) fn health(live: &Live<'_>) -> Option<Health> {
    let names = NAMES.iter().find(|n| n.kind == live.kind())?;
    if live.has("metadata.deletionTimestamp") {
        return Some(Health::new(Progressing, deleting(live, names)));
    }
    if !live.has("status") {
        return Some(Health::new(Progressing, format!("Initializing {}", names.initial)));
    }
    let Some(ready) = live.condition("Ready") else {
        return Some(Health::new(Progressing, names.unready));
    };
    let latest = live.maybe_int("metadata.generation");
    if matches!((ready.observed(), latest), (Some(seen), Some(latest)) if seen != latest) {
        return Some(Health::new(Progressing, format!("Waiting for {} spec update to be observed", names.object)));
    }
    if ready.status() == "False" {
        return Some(Health::new(Degraded, failed(names, &ready)));
    }
    if ready.status() != "True" {
        return Some(Health::new(Progressing, unknown(names, &ready)));
    }
    Some(match live.kind() {
        "ArgoCDCommitStatus" => match live.list("status.applicationsSelected").len() {
            0 => Health::new(Degraded, "Argo CD commit status has no applications configured"),
            n => Health::new(Healthy, format!("Argo CD commit status is healthy and is tracking {n} applications")),
        },
        "CommitStatus" => {
            let sha = short(Some(live.str("status.sha")).filter(|s| !s.is_empty()).unwrap_or(live.str("spec.sha")));
            let phase = Some(live.str("status.phase")).filter(|s| !s.is_empty()).unwrap_or(live.str("spec.phase"));
            Health::new(Healthy, format!("Commit status for commit {sha} reports {phase}"))
        }
        "PullRequest" => match (live.str("status.state"), live.at("status.id").map(crate::live::text)) {
            (state, Some(id)) if !state.is_empty() && !id.is_empty() => Health::new(Healthy, format!("Pull request is {state} as PR {id}")),
            _ => Health::new(Healthy, "Pull request is healthy"),
        },
        "GitCommitStatus" => gate(live, "Git commit validation", "Git commit validation", "passed"),
        "TimedCommitStatus" => gate(live, "Timed commit gate", "Timed commit gate", "satisfied"),
        "WebRequestCommitStatus" => gate(live, "Web request commit validation", "Web request validation", "passed"),
        "ChangeTransferPolicy" => change_transfer(live),
        "PromotionStrategy" => strategy(live),
        "ScmProvider" => Health::new(Healthy, "SCM provider is ready"),
        "ClusterScmProvider" => Health::new(Healthy, "Cluster SCM provider is ready"),
        _ => Health::new(Healthy, "Git repository is ready"),
    })
}

fn deleting(live: &Live<'_>, names: &Names) -> String {
    let mut text = format!("{} is being deleted", names.subject);
    let mut known = false;
    for finalizer in live.list("metadata.finalizers").iter().filter_map(Value::as_str) {
        if let Some((name, waiting, risk)) = FINALIZERS.iter().find(|(name, ..)| *name == finalizer) {
            let stop = if known { " " } else { ". " };
            text = format!("{text}{stop}{name}: {waiting} Risk if removed manually: {risk}");
            known = true;
        }
    }
    text
}

fn failed(names: &Names, ready: &Condition<'_>) -> String {
    let message = if ready.message().is_empty() { "Unknown error" } else { ready.message() };
    if ready.reason() == "ReconciliationError" {
        return format!("{} failed: {message}", names.work);
    }
    let checks = names.work.ends_with("validation") || names.work.ends_with("gate");
    format!("{} {} ({}): {message}", names.work, if checks { "not ready" } else { "failed" }, ready.reason())
}

fn unknown(names: &Names, ready: &Condition<'_>) -> String {
    let what = match names.work {
        "SCM provider validation" => "SCM provider readiness unknown".to_owned(),
        "Cluster SCM provider validation" => "Cluster SCM provider readiness unknown".to_owned(),
        work => format!("{work} status unknown"),
    };
    format!("{what} ({}): {}", ready.reason(), ready.message())
}

/// Checks that stand before a promotion, by branch.
fn gate(live: &Live<'_>, work: &str, name: &str, passed: &str) -> Health {
    let environments = live.list("status.environments");
    if environments.is_empty() {
        return Health::new(Healthy, format!("{work} reconciled"));
    }
    let branches = |phase: &str| {
        let of_phase = environments.iter().filter(|e| e.str_at(&["phase"]) == Some(phase));
        of_phase.map(|e| e.str_at(&["branch"]).unwrap_or("")).collect::<Vec<_>>().join(", ")
    };
    let (failed, pending) = (branches("failure"), branches("pending"));
    if !failed.is_empty() {
        return Health::new(Degraded, format!("{name} failed for branch(es): {failed}"));
    }
    if !pending.is_empty() {
        return Health::new(Progressing, format!("{name} pending for branch(es): {pending}"));
    }
    Health::new(Healthy, format!("{name} {passed} for {} environment(s)", environments.len()))
}

/// One side of a promotion: its commit and the checks of it.
struct Side<'a> {
    sha: &'a str,
    /// The commit the hydrator has noted, which may be newer than the one it had to write anything for.
    note: &'a str,
    checks: &'a [Value],
}

impl<'a> Side<'a> {
    fn of(environment: Option<&'a Value>, side: &str) -> Side<'a> {
        let value = environment.and_then(|e| e.get(side)).unwrap_or(&Value::Null);
        Side {
            sha: value.str_at(&["dry", "sha"]).unwrap_or(""),
            note: value.str_at(&["note", "drySha"]).unwrap_or(""),
            checks: value.get("commitStatuses").and_then(Value::as_list).unwrap_or(&[]),
        }
    }

    fn hydrated(&self) -> &'a str {
        if self.note.is_empty() { self.sha } else { self.note }
    }

    fn keys(&self, phase: &str) -> Vec<&'a str> {
        let of_phase = self.checks.iter().filter(|c| c.str_at(&["phase"]) == Some(phase));
        of_phase.map(|c| c.str_at(&["key"]).unwrap_or("")).collect()
    }

    /// `1 pending, 0 successful, 1 failed. Pending commit statuses: a. Failed commit statuses: b. `
    fn summary(&self) -> String {
        let (pending, succeeded, failed) = (self.keys("pending"), self.keys("success"), self.keys("failure"));
        let mut text = format!("{} pending, {} successful, {} failed. ", pending.len(), succeeded.len(), failed.len());
        for (name, keys) in [("Pending", pending), ("Failed", failed)] {
            if !keys.is_empty() {
                text = format!("{text}{name} commit statuses: {}. ", keys.join(", "));
            }
        }
        text
    }

    fn is_clean(&self) -> bool {
        self.keys("pending").is_empty() && self.keys("failure").is_empty()
    }
}

fn change_transfer(live: &Live<'_>) -> Health {
    let (active, proposed) = (Side::of(live.at("status"), "active"), Side::of(live.at("status"), "proposed"));
    if active.sha.is_empty() {
        return Health::new(Progressing, "The active commit DRY SHA is missing or empty.");
    }
    if proposed.sha.is_empty() {
        return Health::new(Progressing, "The proposed commit DRY SHA is missing or empty.");
    }
    if active.sha != proposed.sha {
        let (from, to) = (short(active.sha), short(proposed.sha));
        return Health::new(Progressing, format!("Promotion in progress from '{from}' to '{to}': {}", proposed.summary()));
    }
    if !active.is_clean() {
        let text = "Environment is up-to-date, but there are non-successful active commit statuses: ";
        return Health::new(Healthy, format!("{text}{}", active.summary()));
    }
    Health::new(Healthy, format!("Environment is up-to-date on commit {}.", short(active.sha)))
}

fn strategy(live: &Live<'_>) -> Health {
    let environments = live.list("status.environments");
    let Some(first) = environments.first() else {
        return Health::new(Degraded, "Promotion strategy has no environments configured");
    };
    let branch = |e: &Value| e.str_at(&["branch"]).unwrap_or("").to_owned();
    for environment in environments {
        for side in ["active", "proposed"] {
            if Side::of(Some(environment), side).sha.is_empty() {
                let text = format!("The {side} commit DRY SHA is missing or empty in environment '{}'.", branch(environment));
                return Health::new(Progressing, text);
            }
        }
    }
    let hydrated = Side::of(Some(first), "proposed").hydrated();
    if environments.iter().any(|e| Side::of(Some(e), "proposed").hydrated() != hydrated) {
        let text =
            "Not all environments have the same proposed commit SHA. This likely means the hydrator has not run for all environments yet.";
        return Health::new(Progressing, text);
    }
    let processed = format!("Hydrator has processed dry commit '{}'.", short(hydrated));
    for environment in environments {
        let (active, proposed) = (Side::of(Some(environment), "active"), Side::of(Some(environment), "proposed"));
        if active.sha != proposed.sha {
            let (from, to) = (short(active.sha), short(proposed.sha));
            let name = branch(environment);
            let text =
                format!("Promotion in progress for environment '{name}' from '{from}' to '{to}': {}{processed} ", proposed.summary());
            return Health::new(Progressing, text);
        }
    }
    let unclean = environments.iter().filter_map(|e| {
        let active = Side::of(Some(e), "active");
        let counts = || format!("{} ({} failed, {} pending)", branch(e), active.keys("failure").len(), active.keys("pending").len());
        (!active.is_clean()).then(counts)
    });
    let unclean = unclean.collect::<Vec<_>>().join(", ");
    if !unclean.is_empty() {
        let text = "Environments are up-to-date, but some environments have non-successful commit statuses: ";
        return Health::new(Healthy, format!("{text}{unclean}."));
    }
    let sha = short(Side::of(Some(first), "proposed").sha);
    Health::new(Healthy, format!("All environments are up-to-date on commit '{sha}'. {processed}"))
}

fn short(sha: &str) -> &str {
    sha.char_indices().nth(7).map_or(sha, |(end, _)| &sha[..end])
}
