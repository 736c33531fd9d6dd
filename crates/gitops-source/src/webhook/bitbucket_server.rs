//! Bitbucket Server and Data Center: `X-Event-Key: repo:refs_changed`, which names no files and may hold several
//! references.

use gitops_manifest::Value;

use super::event::{Event, RefUpdate};
use super::request::{Request, add, commit, text};
use super::verify;
use super::{WebhookError, WebhookSecrets};

const SIGNATURE: &str = "x-hub-signature";

pub(super) fn receive(request: &Request<'_, '_>, secrets: &WebhookSecrets) -> Result<Event, WebhookError> {
    let kind = request.header("x-event-key");
    // The connection test is sent unsigned, and has no effect.
    if kind == Some("diagnostics:ping") && request.header(SIGNATURE).is_none() {
        return Ok(Event::Ping);
    }
    verify::hmac(request, &secrets.bitbucket_server, &[SIGNATURE], "sha256=")?;
    if kind != Some("repo:refs_changed") {
        return Ok(Event::Ping);
    }
    let payload = request.payload()?;
    let links = |key| payload.value.at(&["repository", "links", key]).and_then(Value::as_list).unwrap_or_default();
    let mut addresses = Vec::new();
    for link in links("clone").iter().chain(links("self")) {
        add(&mut addresses, text(link, "href"));
    }
    let changes = payload.value.get("changes").and_then(Value::as_list).unwrap_or_default();
    let update = |change| RefUpdate {
        reference: text(change, "ref.id").or(text(change, "refId")).unwrap_or_default().to_owned(),
        before: commit(text(change, "fromHash")),
        after: commit(text(change, "toHash")),
    };
    payload.push(addresses, "changes", changes.iter().map(update).collect(), None)
}
