//! What an operation says while it waits.
//!
//! Form: `waiting for <reason> <group>/<kind>/<name>`, then ` and N more resources` (or `hooks`, when only hooks are waited
//! for). Rule: Argo CD's messages, which scripts match.

use gitops_manifest::ObjectId;

/// The message for these tasks, the first of which is named. `hooks`: all of them are hooks.
pub(crate) fn message(reason: &str, first: Option<&ObjectId>, count: usize, hooks: bool) -> String {
    let Some(first) = first else { return "one or more tasks are running".into() };
    let mut text = format!("waiting for {reason} {}/{}/{}", first.group, first.kind, first.name);
    if count > 1 {
        text.push_str(&format!(" and {} more {}", count - 1, if hooks { "hooks" } else { "resources" }));
    }
    text
}
