//! What changes: the applications a set wants against those there are. `applicationset.md` §4.
//!
//! Guards, which Argo CD has none of: a set that comes to nothing deletes nothing, unless it says that this may be
//! ([`ALLOW_EMPTY`]) or is made of pull requests alone, which end; and no more than [`DELETION_LIMIT`] go at once, where that
//! is set. What is created or changed goes on meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use gitops_app::{API_VERSION, Application, ApplicationSet, ApplicationsSync, SET_KIND};
use serde_json::{Value as Json, json};

use crate::expand::{ApplicationProblem, Expansion};
use crate::preserve;

/// Annotation of a set: `"true"` when it may delete all its applications at once.
pub const ALLOW_EMPTY: &str = "gitops.dev/allow-empty";
/// Annotation of a set: how many applications it may delete at once, as a number or a percentage, e.g. `5` or `20%`.
pub const DELETION_LIMIT: &str = "gitops.dev/deletion-limit";

/// How many applications a set may delete at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionLimit {
    /// So many.
    Count(usize),
    /// So many of a hundred, rounded down, but at least one unless it is zero.
    Percent(usize),
}

impl DeletionLimit {
    /// Reads `5` or `20%`.
    pub fn parse(text: &str) -> Option<DeletionLimit> {
        match text.trim().strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|p| *p <= 100).map(DeletionLimit::Percent),
            None => text.trim().parse().ok().map(DeletionLimit::Count),
        }
    }

    fn of(self, live: usize) -> usize {
        match self {
            DeletionLimit::Count(n) => n,
            DeletionLimit::Percent(0) => 0,
            DeletionLimit::Percent(p) => (live * p / 100).max(1),
        }
    }
}

/// Why deletions are held back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Guard {
    /// The set comes to no application at all.
    #[error(
        "ApplicationSet {set} generates no application, which would delete all {live}: they are kept. If this is meant, annotate it with \
         {ALLOW_EMPTY}: \"true\""
    )]
    Empty {
        /// The set.
        set: String,
        /// How many there are.
        live: usize,
    },
    /// More would go than may.
    #[error(
        "ApplicationSet {set} would delete {deletions} of {live} applications, more than {limit}: they are kept. If this is meant, annotate \
         it with {DELETION_LIMIT}: \"{deletions}\""
    )]
    TooMany {
        /// The set.
        set: String,
        /// How many would go.
        deletions: usize,
        /// How many there are.
        live: usize,
        /// How many may.
        limit: usize,
    },
    /// The limit does not read.
    #[error(
        "ApplicationSet {set}: annotation {DELETION_LIMIT}: `{text}` is no limit, so nothing is deleted: write a number or a percentage, e.g. `5` or `20%`"
    )]
    Limit {
        /// The set.
        set: String,
        /// What is written.
        text: String,
    },
}

/// What is to be done, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Applications that are not there yet, with the set as their owner.
    pub create: Vec<Application>,
    /// Applications that are there, as they are to be.
    pub update: Vec<Application>,
    /// Names of applications that are to go.
    pub delete: Vec<String>,
    /// Names of applications that would go, but are held back by `guard`.
    pub held: Vec<String>,
    /// Why.
    pub guard: Option<Guard>,
    /// Applications that cannot be made or changed: another set owns the name, for instance.
    pub problems: Vec<ApplicationProblem>,
}

/// Compares what a set wants with the applications there are in its namespace. `policy` is what the engine allows after the
/// set's own policy was looked at; `default_limit` counts where the set has none of its own.
pub fn changes(
    set: &ApplicationSet,
    expansion: &Expansion,
    live: &[Application],
    policy: ApplicationsSync,
    default_limit: Option<DeletionLimit>,
) -> Changes {
    let by_name: BTreeMap<&str, &Application> = live.iter().map(|a| (a.metadata.name.as_str(), a)).collect();
    let mut out = Changes { problems: expansion.problems.clone(), ..Changes::default() };
    for desired in &expansion.applications {
        let name = desired.metadata.name.clone();
        let desired = with_owner(set, desired);
        match by_name.get(name.as_str()) {
            None => out.create.push(desired),
            Some(there) => match owner(there) {
                Some(other) if !is_owner(set, other) => {
                    let kind = other["kind"].as_str().unwrap_or("");
                    let other = other["name"].as_str().unwrap_or("");
                    let reason = format!("application {name} is owned by {kind} {other}: give the applications of one of them other names");
                    out.problems.push(ApplicationProblem { name, reason });
                }
                _ if policy.updates() => match preserve::updated(set, there, &desired) {
                    Ok(next) if next == **there => {}
                    Ok(next) => out.update.push(next),
                    Err(reason) => out.problems.push(ApplicationProblem { name, reason }),
                },
                _ => {}
            },
        }
    }
    if policy.deletes() {
        deletions(set, expansion, live, default_limit, &mut out);
    }
    out.create.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    out.update.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    out
}

fn deletions(set: &ApplicationSet, expansion: &Expansion, live: &[Application], default: Option<DeletionLimit>, out: &mut Changes) {
    let wanted = expansion.applications.iter().map(|a| &a.metadata.name);
    // What is wrong is kept as it is: a mistake in a template deletes nothing.
    let wanted: BTreeSet<&String> = wanted.chain(expansion.problems.iter().map(|p| &p.name)).collect();
    let ours: Vec<&Application> = live.iter().filter(|a| owner(a).is_some_and(|o| is_owner(set, o))).collect();
    let going = ours.iter().filter(|a| !wanted.contains(&a.metadata.name) && a.metadata.deletion_timestamp.is_none());
    let mut going: Vec<String> = going.map(|a| a.metadata.name.clone()).collect();
    going.sort();
    let guard = guard(set, expansion, ours.len(), going.len(), default);
    if guard.is_some() {
        out.held = going;
        out.guard = guard;
    } else {
        out.delete = going;
    }
}

fn guard(set: &ApplicationSet, expansion: &Expansion, live: usize, deletions: usize, default: Option<DeletionLimit>) -> Option<Guard> {
    if deletions == 0 {
        return None;
    }
    let name = set.metadata.name.clone();
    let annotation = |key: &str| set.metadata.annotations.get(key).map(String::as_str);
    let nothing = expansion.applications.is_empty() && expansion.problems.is_empty();
    if nothing && annotation(ALLOW_EMPTY) != Some("true") && !is_of_pull_requests(set) {
        return Some(Guard::Empty { set: name, live });
    }
    let limit = match annotation(DELETION_LIMIT) {
        None => default,
        Some(text) => match DeletionLimit::parse(text) {
            Some(limit) => Some(limit),
            None => return Some(Guard::Limit { set: name, text: text.to_owned() }),
        },
    };
    let limit = limit?.of(live);
    (deletions > limit).then_some(Guard::TooMany { set: name, deletions, live, limit })
}

/// Whether what it makes comes from pull requests: those end, so that nothing being left is an ordinary day.
fn is_of_pull_requests(set: &ApplicationSet) -> bool {
    fn has(block: &Json) -> bool {
        let nested = |kind: &str| block[kind]["generators"].as_array().is_some_and(|g| g.iter().any(has));
        block.get("pullRequest").is_some() || nested("matrix") || nested("merge")
    }
    set.spec.generators.iter().all(has)
}

fn owner(application: &Application) -> Option<&Json> {
    let owners = application.metadata.other.get("ownerReferences")?.as_array()?;
    owners.iter().find(|o| o["controller"].as_bool() == Some(true))
}

fn uid(set: &ApplicationSet) -> &str {
    set.metadata.other.get("uid").and_then(Json::as_str).unwrap_or("")
}

fn is_owner(set: &ApplicationSet, owner: &Json) -> bool {
    let theirs = owner["uid"].as_str().unwrap_or("");
    let same_uid = theirs.is_empty() || uid(set).is_empty() || theirs == uid(set);
    owner["kind"].as_str() == Some(SET_KIND) && owner["name"].as_str() == Some(&set.metadata.name) && same_uid
}

fn with_owner(set: &ApplicationSet, application: &Application) -> Application {
    let mut application = application.clone();
    let owner = json!({
        "apiVersion": API_VERSION, "kind": SET_KIND, "name": set.metadata.name, "uid": uid(set),
        "controller": true, "blockOwnerDeletion": true,
    });
    application.metadata.other.insert("ownerReferences".to_owned(), json!([owner]));
    application
}
