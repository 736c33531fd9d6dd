//! Why the engine refuses a request.

use gitops_state::StoreError;

/// Why a request was refused, or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No such application.
    #[error("application '{name}' not found")]
    NotFound {
        /// The name asked for.
        name: String,
    },
    /// It is there, and was to be created.
    #[error("application '{name}' exists already: change it with upsert")]
    Exists {
        /// Its name.
        name: String,
    },
    /// No such project or set.
    #[error("{kind} '{name}' not found")]
    ObjectNotFound {
        /// `project` or `applicationset`.
        kind: &'static str,
        /// The name asked for.
        name: String,
    },
    /// A project or set is there, and was to be created.
    #[error("{kind} '{name}' exists already: change it with upsert")]
    ObjectExists {
        /// `project` or `applicationset`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Not permitted now: a window or a stop.
    #[error("{0}")]
    Denied(String),
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The request is right, but not now.
    #[error("{0}")]
    Precondition(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The target, or a broken assumption.
    #[error("{0}")]
    Internal(String),
}

/// Runs blocking work on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| EngineError::Internal(format!("a blocking step ended early: {e}")))
}
