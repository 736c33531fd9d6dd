//! Gitea, Forgejo and Gogs: `push`, and `create` and `delete` of a branch or tag.
//!
//! The servers list only the newest commits of a push (5 unless configured) and say in `total_commits` how many there were;
//! where that is missing (Gogs), no list is trusted to be whole.

use gitops_manifest::Value;

use super::event::{Event, RefUpdate};
use super::request::{Payload, Request, commit, text};
use super::verify;
use super::{WebhookError, WebhookSecrets};

/// The header that names the event, by server: each also sends those of its ancestors.
pub(super) const EVENT: [&str; 3] = ["x-forgejo-event", "x-gitea-event", "x-gogs-event"];

pub(super) fn receive(request: &Request<'_, '_>, secrets: &WebhookSecrets) -> Result<Event, WebhookError> {
    let signatures = ["x-gitea-signature", "x-forgejo-signature", "x-gogs-signature"];
    verify::hmac(request, &secrets.gitea, &signatures, "")?;
    let kind = EVENT.iter().find_map(|name| request.header(name)).unwrap_or_default();
    if !matches!(kind, "push" | "create" | "delete") {
        return Ok(Event::Ping);
    }
    let payload = request.payload()?;
    let value = &payload.value;
    let addresses = payload.addresses(&["repository.clone_url", "repository.ssh_url", "repository.html_url"]);
    let (update, changed) = match kind {
        "push" => {
            let reference = text(value, "ref").unwrap_or_default().to_owned();
            let update = RefUpdate { reference, before: commit(text(value, "before")), after: commit(text(value, "after")) };
            (update, payload.changed(value.get("total_commits").and_then(Value::as_i64)))
        }
        "create" => (RefUpdate { reference: full(&payload)?, before: None, after: commit(text(value, "sha")) }, None),
        _ => (RefUpdate { reference: full(&payload)?, before: None, after: None }, None),
    };
    let event = payload.push(addresses, "ref", vec![update], changed)?;
    Ok(event.with_default_branch(text(value, "repository.default_branch")))
}

/// The full name of what was created or deleted, which the payload gives in two parts.
fn full(payload: &Payload) -> Result<String, WebhookError> {
    let name = text(&payload.value, "ref").ok_or_else(|| payload.wrong("ref", "no name"))?;
    match text(&payload.value, "ref_type") {
        _ if name.starts_with("refs/") => Ok(name.to_owned()),
        Some("branch") => Ok(format!("refs/heads/{name}")),
        Some("tag") => Ok(format!("refs/tags/{name}")),
        _ => Err(payload.wrong("ref_type", "neither `branch` nor `tag`")),
    }
}
