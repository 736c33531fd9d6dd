//! Why an event is not taken. All of these answer with status 400; none holds a secret or a signature.

use gitops_manifest::yaml::ParseError;

use super::Provider;

/// Why an event is not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The body is over the limit.
    #[error("the web hook's body of {size} bytes is over the limit of {limit}: raise the limit, or push less at once")]
    TooLarge {
        /// Bytes that came.
        size: usize,
        /// Bytes that may come.
        limit: usize,
    },
    /// No header tells who sent it.
    #[error(
        "no header tells which server sent this web hook: expected one of x-vss-activityid, x-forgejo-event, x-gitea-event, \
         x-gogs-event, x-github-event, x-gitlab-event, x-hook-uuid, x-event-key, x-gitops-event"
    )]
    UnknownProvider,
    /// A secret is configured here, and the event came without proof that its sender knows it.
    #[error("the {provider} web hook has no valid `{header}` header: set the secret of this server in the hook's settings")]
    MissingSignature {
        /// Who seems to have sent it.
        provider: Provider,
        /// Where the proof was looked for.
        header: &'static str,
    },
    /// The proof is wrong.
    #[error("the {provider} web hook's `{header}` header does not match: the hook's secret is not the one configured here")]
    BadSignature {
        /// Who seems to have sent it.
        provider: Provider,
        /// Where the proof was.
        header: &'static str,
    },
    /// The body is form-encoded.
    #[error("the {provider} web hook's body is form-encoded: set the hook's content type to `application/json`")]
    FormEncoded {
        /// Who sent it.
        provider: Provider,
    },
    /// The body is not JSON.
    #[error("the {provider} web hook's body is not JSON: {error}")]
    Malformed {
        /// Who sent it.
        provider: Provider,
        /// Where, and what.
        error: ParseError,
    },
    /// The body is JSON, but not of the event it is said to be.
    #[error("the {provider} web hook's body has {problem} at `{field}`")]
    Field {
        /// Who sent it.
        provider: Provider,
        /// Path of the field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}
