//! Azure DevOps: the service hook `git.push`, which names no files and may hold several references.
//!
//! The payload gives only the address over https; those over ssh, which are on another host, follow from it.

use gitops_manifest::Value;

use super::event::{Event, RefUpdate};
use super::request::{Request, add, commit, text};
use super::verify;
use super::{WebhookError, WebhookSecrets};

pub(super) fn receive(request: &Request<'_, '_>, secrets: &WebhookSecrets) -> Result<Event, WebhookError> {
    verify::basic(request, &secrets.azure_user, &secrets.azure_password)?;
    let payload = request.payload()?;
    let value = &payload.value;
    if text(value, "eventType") != Some("git.push") {
        return Ok(Event::Ping);
    }
    let mut addresses = payload.addresses(&["resource.repository.remoteUrl", "resource.repository.sshUrl"]);
    let over_ssh = addresses.first().and_then(|https| over_ssh(https));
    add(&mut addresses, over_ssh.as_deref());
    let updates = value.at(&["resource", "refUpdates"]).and_then(Value::as_list).unwrap_or_default();
    let update = |update| RefUpdate {
        reference: text(update, "name").unwrap_or_default().to_owned(),
        before: commit(text(update, "oldObjectId")),
        after: commit(text(update, "newObjectId")),
    };
    let event = payload.push(addresses, "resource.refUpdates", updates.iter().map(update).collect(), None)?;
    Ok(event.with_default_branch(text(value, "resource.repository.defaultBranch")))
}

/// `https://dev.azure.com/ORG/PROJECT/_git/REPO` is also `git@ssh.dev.azure.com:v3/ORG/PROJECT/REPO`. A repository that is
/// named like its project may leave the project out.
fn over_ssh(https: &str) -> Option<String> {
    let (authority, path) = https.strip_prefix("https://")?.split_once('/')?;
    let host = authority.rsplit('@').next()?;
    if host != "dev.azure.com" {
        return None;
    }
    let (project, repository) = path.split_once("/_git/")?;
    let project = if project.contains('/') { project.to_owned() } else { format!("{project}/{repository}") };
    Some(format!("git@ssh.dev.azure.com:v3/{project}/{repository}"))
}
