//! GitHub: `X-GitHub-Event: push`.
//!
//! The server's limits, from its documentation: at most 2048 commits are listed, and 3000 files of each.

use super::event::{Event, RefUpdate};
use super::request::{Payload, Request, commit, text};
use super::verify;
use super::{WebhookError, WebhookSecrets};

/// Most commits that are listed; a list this long may have been cut.
const COMMITS: usize = 2048;

pub(super) fn receive(request: &Request<'_, '_>, secrets: &WebhookSecrets) -> Result<Event, WebhookError> {
    verify::hmac(request, &secrets.github, &["x-hub-signature-256"], "sha256=")?;
    if request.header("x-github-event") != Some("push") {
        // `create` and `delete` tell again what a `push` has told.
        return Ok(Event::Ping);
    }
    let payload = request.payload()?;
    let value = &payload.value;
    let addresses = payload.addresses(&["repository.clone_url", "repository.ssh_url", "repository.html_url", "repository.git_url"]);
    let reference = text(value, "ref").unwrap_or_default().to_owned();
    let update = RefUpdate { reference, before: commit(text(value, "before")), after: commit(text(value, "after")) };
    let event = payload.push(addresses, "ref", vec![update], changed(&payload))?;
    Ok(event.with_default_branch(text(value, "repository.default_branch").or(text(value, "repository.master_branch"))))
}

fn changed(payload: &Payload) -> Option<Vec<String>> {
    let commits = payload.value.get("commits")?.as_list()?.len();
    let forced = payload.value.get("forced").and_then(gitops_manifest::Value::as_bool).unwrap_or(false);
    if forced || commits >= COMMITS { None } else { payload.changed(i64::try_from(commits).ok()) }
}
