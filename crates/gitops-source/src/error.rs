//! Why something could not be fetched or resolved. No text here holds a secret: addresses come from
//! [`RepoUrl`](crate::RepoUrl)'s `Display`, and what a server says has known secrets masked.

use std::path::PathBuf;
use std::time::Duration;

use gitops_git::GitError;

/// Which wait was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// For the connection.
    Connect,
    /// For the first byte of an answer.
    FirstByte,
    /// For more of an answer that had begun.
    Stalled,
    /// For the end of the whole fetch.
    Total,
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Wait::Connect => "no connection",
            Wait::FirstByte => "no answer",
            Wait::Stalled => "no more data",
            Wait::Total => "not finished",
        })
    }
}

/// Why a repository could not be fetched. Cloneable, so that all who waited for one fetch get its outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server cannot be reached, or went away.
    #[error("{url}: cannot be reached: {reason}")]
    Unreachable {
        /// Whose.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server took too long.
    #[error("{url}: {wait} after {} s", limit.as_secs_f32())]
    TimedOut {
        /// Whose.
        url: String,
        /// What was waited for.
        wait: Wait,
        /// How long.
        limit: Duration,
    },
    /// The server wants other credentials, or none were given.
    #[error("{url}: access denied ({detail}): check the credentials for this repository")]
    Denied {
        /// Whose.
        url: String,
        /// What the server said.
        detail: String,
    },
    /// There is no such repository (or it is hidden from these credentials).
    #[error("{url}: repository not found, or not visible with these credentials")]
    NotFound {
        /// Whose.
        url: String,
    },
    /// A redirect that is not followed.
    #[error("{url}: redirect to {to} not followed: {reason}")]
    Redirect {
        /// Whose.
        url: String,
        /// Where to, without secrets.
        to: String,
        /// Why not.
        reason: &'static str,
    },
    /// The server does not speak git, or not correctly.
    #[error("{url}: not the git protocol as expected: {reason}")]
    Protocol {
        /// Whose.
        url: String,
        /// What was wrong.
        reason: String,
    },
    /// The server refused, in its own words.
    #[error("{url}: the server says: {message}")]
    Server {
        /// Whose.
        url: String,
        /// Its words, secrets masked.
        message: String,
    },
    /// More data than the limit.
    #[error("{url}: more than the limit of {limit} bytes")]
    TooLarge {
        /// Whose.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The credentials for this repository cannot be used.
    #[error("{url}: credentials: {reason}")]
    Credentials {
        /// Whose.
        url: String,
        /// Why, without the secret.
        reason: String,
    },
    /// The mirror's own files cannot be written or read.
    #[error("mirror {}: {reason}", path.display())]
    Storage {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A local repository, mirror or source, is missing or damaged.
    #[error("{url}: {error}")]
    Repository {
        /// Whose.
        url: String,
        /// What is wrong.
        error: GitError,
    },
}

/// Why a revision could not be resolved, or its files not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nothing was fetched from there yet.
    #[error("{url}: not fetched yet")]
    NotFetched {
        /// Whose.
        url: String,
    },
    /// The repository is empty.
    #[error("repository has no commits")]
    NoCommits,
    /// No ref, tag or commit fits.
    #[error("unable to resolve '{spec}' to a commit SHA{}", similar.as_ref().map(|s| format!(": did you mean `{s}`?")).unwrap_or_default())]
    Unresolved {
        /// What was asked for.
        spec: String,
        /// A name that looks like it.
        similar: Option<String>,
    },
    /// With a tag prefix only versions and constraints make sense.
    #[error("'{spec}' is neither a version nor a semver constraint, which a tag prefix needs")]
    NotAVersion {
        /// What was asked for.
        spec: String,
    },
    /// The mirror cannot be read.
    #[error("{url}: {error}")]
    Repository {
        /// Whose.
        url: String,
        /// Why.
        error: GitError,
    },
}
