//! Why a question was not answered.

use std::time::Duration;

/// Why a question was not answered. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// What was asked for is not there, or not for this login.
    #[error("{url} is not there, or not for this login (status 404)")]
    NotFound {
        /// What was asked.
        url: String,
    },
    /// Refused for good.
    #[error("{url} refused with status {status}{message}: check the token and its rights")]
    Refused {
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// What the server says: empty, or in brackets behind a space.
        message: String,
    },
    /// Too many requests.
    #[error("{url}: the rate limit is used up{}; it is tried again then", after(.retry_after))]
    Limited {
        /// What was asked.
        url: String,
        /// When to try again, if the server says so.
        retry_after: Option<Duration>,
    },
    /// No answer, or a failure of the server's own.
    #[error("{url}: {reason}; it is tried again")]
    Unavailable {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// An answer that is none.
    #[error("{url}: the answer cannot be used: {reason}")]
    Answer {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// What was configured is wrong.
    #[error("{0}")]
    Setting(String),
}

fn after(wait: &Option<Duration>) -> String {
    wait.map(|w| format!(" for another {} s", w.as_secs())).unwrap_or_default()
}

impl AskError {
    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            AskError::Limited { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
