//! The rules of a project that go beyond types.

use std::collections::BTreeSet;

use super::{AppProject, role};
use crate::error::Problem;
use crate::window;

/// Longest description, in characters.
const DESCRIPTION: usize = 255;

pub(super) fn check(project: &AppProject, problems: &mut Vec<Problem>) {
    let spec = &project.spec;
    let mut broken = |path: String, message: String| problems.push(Problem::Rule { path, message });
    if spec.description.chars().count() > DESCRIPTION {
        broken("spec.description".into(), format!("is longer than {DESCRIPTION} characters"));
    }
    let mut seen = BTreeSet::new();
    for (i, to) in spec.destinations.iter().enumerate() {
        let at = format!("spec.destinations[{i}]");
        for (field, text) in [("server", &to.server), ("name", &to.name), ("namespace", &to.namespace)] {
            if text == "!*" {
                broken(format!("{at}.{field}"), "`!*` refuses everything; name what is refused".into());
            }
        }
        // By name as well as by address: two entries of one namespace may name two clusters.
        if !seen.insert((&to.server, &to.name, &to.namespace)) {
            broken(at, format!("destination '{}/{}' already added; keep one", to.server, to.namespace));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, url) in spec.source_repos.iter().enumerate() {
        if url == "!*" {
            broken(format!("spec.sourceRepos[{i}]"), "`!*` refuses everything; name what is refused".into());
        }
        if !seen.insert(url) {
            broken(format!("spec.sourceRepos[{i}]"), format!("source repository '{url}' already added; keep one"));
        }
    }
    for (i, account) in spec.destination_service_accounts.iter().enumerate() {
        let at = format!("spec.destinationServiceAccounts[{i}]");
        if account.server.starts_with('!') || account.namespace.starts_with('!') {
            broken(at.clone(), "cannot be negated; list what it applies to".into());
        }
        let name = &account.default_service_account;
        if name.trim().is_empty() || name.contains(['!', '*', '[', ']', '{', '}', '\\', '/']) || name.matches(':').count() > 1 {
            broken(format!("{at}.defaultServiceAccount"), "must be `name` or `namespace:name`, without patterns".into());
        }
    }
    role::check(&project.metadata.name, &spec.roles, &mut broken);
    let mut seen = BTreeSet::new();
    for (i, window) in spec.sync_windows.iter().enumerate() {
        let at = format!("spec.syncWindows[{i}]");
        if !seen.insert(window.key()) {
            broken(at.clone(), "another window has the same kind, schedule, duration, zone and selection; keep one".into());
        }
        window::check(window, &at, &mut broken);
    }
}
