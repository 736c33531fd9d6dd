//! Why a local repository could not be read.

use std::path::PathBuf;

use gitops_tree::{TreeError, TreePath};

/// Why a local repository could not be read. Cloneable, so that one outcome can be told to all who waited for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no readable repository.
    #[error("{}: no readable git repository: {reason}", path.display())]
    Open {
        /// Where it was looked for.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// An object is not in the database.
    #[error("object {id} is not in the repository: fetch it, or check the revision")]
    Missing {
        /// Its id.
        id: String,
    },
    /// An object is there but cannot be read.
    #[error("object {id} is corrupt: {reason}")]
    Corrupt {
        /// Its id.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// An object is of another kind than what it is used as.
    #[error("object {id} is a {kind}, where a {wanted} is needed")]
    Kind {
        /// Its id.
        id: String,
        /// What it is.
        kind: String,
        /// What it would have to be.
        wanted: &'static str,
    },
    /// An object is larger than the limit.
    #[error("object {id} has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Its id.
        id: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Directories or tags are nested too deep, or in a circle.
    #[error("{what} are nested more than {limit} deep")]
    TooDeep {
        /// What is.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Several objects begin with the same digits.
    #[error("several objects begin with {prefix}: write more digits")]
    Ambiguous {
        /// The digits.
        prefix: String,
    },
}

impl GitError {
    /// Whether the database itself is damaged, so that reading again cannot help and cloning again can.
    pub fn is_damage(&self) -> bool {
        matches!(self, GitError::Open { .. } | GitError::Missing { .. } | GitError::Corrupt { .. })
    }

    /// The same, as the error of a look at `path` in a tree.
    pub(crate) fn at(self, path: &TreePath) -> TreeError {
        match self {
            GitError::TooLarge { size, limit, .. } => TreeError::TooLarge { path: path.clone(), size, limit },
            damage if damage.is_damage() => TreeError::Damaged { path: path.clone(), reason: damage.to_string() },
            other => TreeError::Read { path: path.clone(), reason: other.to_string() },
        }
    }
}
