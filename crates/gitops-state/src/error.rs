//! What can be wrong with the database itself, whatever was asked of it.
//!
//! Each operation has an error of its own for what it can refuse ([`crate::BeginError`], [`crate::PutError`], …); all of
//! them hold a [`StoreError`] for the rest. No text holds stored content.

use rusqlite::ffi::ErrorCode;

/// The database's own message, kept out of the public types.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A fault of the database, not of the request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No space is left where the database lies. Nothing was written; the same call may go well later.
    #[error("{doing}: the disk that holds the state database is full; nothing was written: free some space, it is tried again")]
    DiskFull {
        /// What was being done.
        doing: &'static str,
    },
    /// The file or its directory cannot be written.
    #[error("{doing}: the state database cannot be written; check the mount and the permissions of its directory")]
    NotWritable {
        /// What was being done.
        doing: &'static str,
        /// The database's message.
        #[source]
        cause: Cause,
    },
    /// Another connection held the database longer than the time-out of 5 seconds.
    #[error("{doing}: the state database was busy for 5 s; it is tried again")]
    Busy {
        /// What was being done.
        doing: &'static str,
    },
    /// The file is damaged. The next start sets it aside and restores the newest good back-up.
    #[error(
        "{doing}: the state database is damaged ({what}); restart the server: it sets the file aside and restores the newest good back-up"
    )]
    Damaged {
        /// What was being done.
        doing: &'static str,
        /// Where the damage showed.
        what: String,
    },
    /// Anything else that the database said.
    #[error("{doing}: state database")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The database's message.
        #[source]
        cause: Cause,
    },
}

impl StoreError {
    /// Whether the same call may go well later without anybody changing the request.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::DiskFull { .. } | StoreError::NotWritable { .. } | StoreError::Busy { .. })
    }

    pub(crate) fn classify(doing: &'static str, error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull { doing },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure) => {
                StoreError::NotWritable { doing, cause: error.into() }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { doing },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged { doing, what: error.to_string() },
            _ => StoreError::Database { doing, cause: error.into() },
        }
    }
}

/// Whether `error` says that the file's content is wrong, as opposed to the disk, the permissions or the request.
pub(crate) fn says_damaged(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
