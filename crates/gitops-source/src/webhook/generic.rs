//! Our own form, for servers that are not known here and for scripts: see the fields in [`super`].

use gitops_manifest::Value;

use super::event::{Event, RefUpdate};
use super::request::{Payload, Request, add, commit, text};
use super::verify;
use super::{WebhookError, WebhookSecrets};

pub(super) fn receive(request: &Request<'_, '_>, secrets: &WebhookSecrets) -> Result<Event, WebhookError> {
    verify::hmac(request, &secrets.generic, &["x-gitops-signature"], "sha256=")?;
    if request.header("x-gitops-event") != Some("push") {
        return Ok(Event::Ping);
    }
    let payload = request.payload()?;
    let value = &payload.value;
    let reference = text(value, "ref").unwrap_or_default().to_owned();
    let update = RefUpdate { reference, before: commit(text(value, "before")), after: commit(text(value, "after")) };
    let event = payload.push(addresses(&payload)?, "ref", vec![update], changed(&payload)?)?;
    Ok(event.with_default_branch(text(value, "default_branch")))
}

fn addresses(payload: &Payload) -> Result<Vec<String>, WebhookError> {
    const WRONG: &str = "neither an address nor a list of them";
    let mut found = Vec::new();
    match &payload.value["repository"] {
        Value::String(address) => add(&mut found, Some(address.as_str())),
        Value::List(addresses) => {
            for address in addresses {
                add(&mut found, Some(address.as_str().ok_or_else(|| payload.wrong("repository", WRONG))?));
            }
        }
        _ => return Err(payload.wrong("repository", WRONG)),
    }
    found.retain(|address| !address.is_empty());
    Ok(found)
}

fn changed(payload: &Payload) -> Result<Option<Vec<String>>, WebhookError> {
    let wrong = || payload.wrong("changed", "something else than a list of paths");
    match &payload.value["changed"] {
        Value::Null => Ok(None),
        Value::List(files) => {
            let files = files.iter().map(|file| file.as_str().map(str::to_owned));
            let mut files = files.collect::<Option<Vec<String>>>().ok_or_else(wrong)?;
            files.sort();
            files.dedup();
            Ok(Some(files))
        }
        _ => Err(wrong()),
    }
}
