//! The rules of the spec that go beyond types. `application.md` §1; a broken one is Argo CD's `InvalidSpecError`.

use std::collections::BTreeSet;

use crate::duration::GoDuration;
use crate::error::Problem;
use crate::source::ApplicationSource;
use crate::spec::{ApplicationSpec, Destination};
use crate::window;

pub(crate) fn check(spec: &ApplicationSpec, problems: &mut Vec<Problem>) {
    let mut broken = |path: &str, message: &str| problems.push(Problem::Rule { path: path.to_owned(), message: message.to_owned() });
    check_destination(&spec.destination, &mut broken);
    check_retry(spec, &mut broken);
    for (i, check) in spec.health.iter().enumerate() {
        if check.kind.is_empty() || check.check.trim().is_empty() {
            broken(&format!("spec.health[{i}]"), "needs `kind` and a script in `check`");
        }
    }
    for (i, window) in spec.sync_windows().iter().enumerate() {
        window::check(window, &format!("spec.syncPolicy.syncWindows[{i}]"), &mut |path, message| broken(&path, &message));
    }
    if let Some(hydrator) = &spec.source_hydrator {
        let path = hydrator["syncSource"]["path"].as_str().unwrap_or("");
        // Argo CD's pattern is `^.{2,}|[^./]$`: anything but the repository's root.
        if path.chars().count() < 2 && matches!(path, "" | "." | "/") {
            broken("spec.sourceHydrator.syncSource.path", "the root of a repository cannot be hydrated to; name a directory");
        }
        return;
    }
    if !spec.sources.is_empty() {
        let mut seen = BTreeSet::new();
        for (i, source) in spec.sources.iter().enumerate() {
            let at = format!("spec.sources[{i}]");
            check_source(source, &at, true, &mut broken);
            if !source.reference.is_empty() && !seen.insert(&source.reference) {
                broken(&format!("{at}.ref"), "another source has the same ref; give each its own");
            }
        }
    } else if let Some(source) = &spec.source {
        check_source(source, "spec.source", false, &mut broken);
    } else {
        broken("spec", "says no source; set `source` or `sources`");
    }
}

fn check_destination(destination: &Destination, broken: &mut impl FnMut(&str, &str)) {
    match (destination.server.is_empty(), destination.name.is_empty()) {
        (false, false) => broken("spec.destination", "has both `server` and `name`; keep one"),
        (true, true) => broken("spec.destination", "has neither `server` nor `name`; set one"),
        _ => {}
    }
}

fn check_source(source: &ApplicationSource, at: &str, several: bool, broken: &mut impl FnMut(&str, &str)) {
    if source.repo_url.is_empty() {
        broken(&format!("{at}.repoURL"), "is empty; name the repository");
    }
    if source.path.is_empty() && source.chart.is_empty() && (!several || source.reference.is_empty()) {
        let wanted = if several { "`path`, `chart` or `ref`" } else { "`path` or `chart`" };
        broken(at, &format!("needs {wanted}"));
    }
    if !source.chart.is_empty() && source.target_revision.is_empty() {
        broken(&format!("{at}.targetRevision"), "is empty; a chart needs a version or a constraint");
    }
    if !source.chart.is_empty() && !source.reference.is_empty() {
        broken(&format!("{at}.ref"), "a source with a chart cannot be referred to; take `ref` or `chart` away");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !source.reference.chars().all(plain) {
        broken(&format!("{at}.ref"), "may hold only letters, digits, `_` and `-`");
    }
    if leaves(&source.path) {
        broken(&format!("{at}.path"), "must be relative and stay inside the repository");
    }
    let tools = source.tool_blocks();
    if tools.len() > 1 {
        broken(at, &format!("has several tool blocks ({}); keep at most one", tools.join(", ")));
    }
}

/// Whether a path is absolute or climbs out of its root.
fn leaves(path: &str) -> bool {
    let mut depth = 0_usize;
    if path.starts_with('/') {
        return true;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(up) => depth = up,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

fn check_retry(spec: &ApplicationSpec, broken: &mut impl FnMut(&str, &str)) {
    let backoff = spec.sync_policy.as_ref().and_then(|p| p.retry.as_ref()).and_then(|r| r.backoff.as_ref());
    let Some(backoff) = backoff else { return };
    for (field, text) in [("duration", &backoff.duration), ("maxDuration", &backoff.max_duration)] {
        if let (false, Err(e)) = (text.is_empty(), GoDuration::parse(text)) {
            broken(&format!("spec.syncPolicy.retry.backoff.{field}"), &e.to_string());
        }
    }
}
