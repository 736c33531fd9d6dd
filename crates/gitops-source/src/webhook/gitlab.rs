//! GitLab: project, group and system hooks, `object_kind: push` and `tag_push`.
//!
//! The server lists at most 20 commits of a push and says in `total_commits_count` how many there were.

use gitops_manifest::Value;

use super::event::{Event, RefUpdate};
use super::request::{Request, commit, text};
use super::verify;
use super::{WebhookError, WebhookSecrets};

pub(super) fn receive(request: &Request<'_, '_>, secrets: &WebhookSecrets) -> Result<Event, WebhookError> {
    verify::token(request, &secrets.gitlab, "x-gitlab-token")?;
    let kind = request.header("x-gitlab-event").unwrap_or_default();
    if !matches!(kind, "Push Hook" | "Tag Push Hook" | "System Hook") {
        return Ok(Event::Ping);
    }
    let payload = request.payload()?;
    let value = &payload.value;
    // A system hook tells of everything on the server.
    if !matches!(text(value, "object_kind").or(text(value, "event_name")), Some("push" | "tag_push")) {
        return Ok(Event::Ping);
    }
    let addresses = payload.addresses(&[
        "project.git_http_url",
        "project.git_ssh_url",
        "project.web_url",
        "project.http_url",
        "project.ssh_url",
        "repository.git_http_url",
        "repository.git_ssh_url",
        "repository.homepage",
        "repository.url",
    ]);
    let reference = text(value, "ref").unwrap_or_default().to_owned();
    let update = RefUpdate { reference, before: commit(text(value, "before")), after: commit(text(value, "after")) };
    let changed = payload.changed(value.get("total_commits_count").and_then(Value::as_i64));
    let event = payload.push(addresses, "ref", vec![update], changed)?;
    Ok(event.with_default_branch(text(value, "project.default_branch")))
}
