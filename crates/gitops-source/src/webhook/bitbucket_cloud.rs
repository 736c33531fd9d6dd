//! Bitbucket Cloud: `X-Event-Key: repo:push`, which names no files and may hold several references.

use gitops_manifest::Value;

use super::event::{Event, RefUpdate};
use super::request::{Payload, Request, add, commit, text};
use super::verify;
use super::{WebhookError, WebhookSecrets};

pub(super) fn receive(request: &Request<'_, '_>, secrets: &WebhookSecrets) -> Result<Event, WebhookError> {
    verify::token(request, &secrets.bitbucket_uuid, "x-hook-uuid")?;
    if request.header("x-event-key") != Some("repo:push") {
        return Ok(Event::Ping);
    }
    let payload = request.payload()?;
    let value = &payload.value;
    let mut addresses = payload.addresses(&["repository.links.html.href"]);
    for link in value.at(&["repository", "links", "clone"]).and_then(Value::as_list).unwrap_or_default() {
        add(&mut addresses, text(link, "href"));
    }
    let changes = value.at(&["push", "changes"]).and_then(Value::as_list).unwrap_or_default();
    let updates = changes.iter().map(|change| update(&payload, change)).collect::<Result<Vec<_>, _>>()?;
    let event = payload.push(addresses, "push.changes", updates, None)?;
    Ok(event.with_default_branch(text(value, "repository.mainbranch.name")))
}

/// `old` is null for a new reference, `new` for a deleted one.
fn update(payload: &Payload, change: &Value) -> Result<RefUpdate, WebhookError> {
    let side = |key| change.get(key).filter(|side| !side.is_null());
    let named = side("new").or(side("old")).ok_or_else(|| payload.wrong("push.changes", "neither `new` nor `old`"))?;
    let name = text(named, "name").ok_or_else(|| payload.wrong("push.changes.new.name", "no name"))?;
    let kind = if text(named, "type").is_some_and(|kind| kind.contains("tag")) { "tags" } else { "heads" };
    let target = |key| commit(side(key).and_then(|side| text(side, "target.hash")));
    Ok(RefUpdate { reference: format!("refs/{kind}/{name}"), before: target("old"), after: target("new") })
}
