//! Push events of git servers: who sent one, whether to believe it, and what it says.
//!
//! [`receive`] takes a request's headers and body and gives an [`Event`]; it does no I/O. Providers are told apart in this
//! order, which matters because some send the headers of others too:
//!
//! | Provider | Known by | Proof |
//! | --- | --- | --- |
//! | Azure DevOps | `X-Vss-Activityid` | basic authentication |
//! | Gitea, Forgejo, Gogs | `X-Forgejo-Event`, `X-Gitea-Event`, `X-Gogs-Event` | `X-Gitea-Signature` and the like: HMAC |
//! | GitHub | `X-GitHub-Event` | `X-Hub-Signature-256: sha256=` HMAC |
//! | GitLab | `X-Gitlab-Event` | `X-Gitlab-Token`: the secret itself |
//! | Bitbucket Cloud | `X-Hook-UUID` | the UUID itself |
//! | Bitbucket Server | `X-Event-Key` | `X-Hub-Signature: sha256=` HMAC |
//! | generic | `X-GitOps-Event` | `X-GitOps-Signature: sha256=` HMAC |
//!
//! Every HMAC is of the body, with SHA-256, in hex. Without a secret for a provider its events are not verified. The proof is
//! checked before the body is read, in constant time.
//!
//! The generic form is `X-GitOps-Event: push` (or `ping`) with a JSON object: `repository` (an address or a list of them),
//! `ref` (full: `refs/heads/main`), and, if known, `before`, `after` (commits; absent, null or zeros for none), `changed` (a
//! list of all paths) and `default_branch`.
//!
//! ```
//! use gitops_source::webhook::{self, Event, WebhookSecrets};
//! let header = |name: &str| (name == "x-gitops-event").then_some("push");
//! let body = br#"{"repository": "https://git.example.org/org/repo", "ref": "refs/heads/main"}"#;
//! let event = webhook::receive(&header, body, &WebhookSecrets::default(), 1 << 20)?;
//! let Event::Push(push) = event else { panic!("it was a push") };
//! assert!(push.to_default_branch() && !push.is_tag() && push.changed.is_none());
//! # Ok::<(), webhook::WebhookError>(())
//! ```

mod azure;
mod bitbucket_cloud;
mod bitbucket_server;
mod error;
mod event;
mod generic;
mod gitea;
mod github;
mod gitlab;
mod request;
mod secrets;
mod verify;

pub use error::WebhookError;
pub use event::{Event, Provider, Push, RefUpdate};
pub use secrets::WebhookSecrets;

use request::Request;

/// Reads an event. `header` gives the value of a header whose name is asked for in lower case; `limit` is the most bytes that
/// the body may have.
///
/// # Errors
/// When it is too large, of an unknown sender, not proven to come from who knows the secret, or not what it says it is.
pub fn receive<'h>(
    header: &dyn Fn(&str) -> Option<&'h str>,
    body: &[u8],
    secrets: &WebhookSecrets,
    limit: usize,
) -> Result<Event, WebhookError> {
    if body.len() > limit {
        return Err(WebhookError::TooLarge { size: body.len(), limit });
    }
    let provider = provider(header).ok_or(WebhookError::UnknownProvider)?;
    let request = Request { provider, headers: header, body };
    match provider {
        Provider::AzureDevOps => azure::receive(&request, secrets),
        Provider::Gitea => gitea::receive(&request, secrets),
        Provider::GitHub => github::receive(&request, secrets),
        Provider::GitLab => gitlab::receive(&request, secrets),
        Provider::BitbucketCloud => bitbucket_cloud::receive(&request, secrets),
        Provider::BitbucketServer => bitbucket_server::receive(&request, secrets),
        Provider::Generic => generic::receive(&request, secrets),
    }
}

fn provider<'h>(header: &dyn Fn(&str) -> Option<&'h str>) -> Option<Provider> {
    let has = |name: &str| header(name).is_some();
    let by_header = [
        (has("x-vss-activityid"), Provider::AzureDevOps),
        (gitea::EVENT.iter().any(|name| has(name)), Provider::Gitea),
        (has("x-github-event"), Provider::GitHub),
        (has("x-gitlab-event"), Provider::GitLab),
        (has("x-hook-uuid"), Provider::BitbucketCloud),
        (has("x-event-key"), Provider::BitbucketServer),
        (has("x-gitops-event"), Provider::Generic),
    ];
    by_header.iter().find(|(found, _)| *found).map(|(_, provider)| *provider)
}
