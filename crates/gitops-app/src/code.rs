//! The closed sets of names that the contract uses: sync status, phases, result codes, hook types.
//!
//! Each reads and prints the name Argo CD writes. `application.md` §4 and §5, `sync.md` §1 and §5.1.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One closed set: the enum, its names, and reading them back, from one list.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// Their names on the wire, in the same order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($variant)),+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant)),+ }
            }

            /// Reads the name on the wire.
            pub fn parse(text: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|c| c.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

codes! {
    /// Whether live and desired agree.
    SyncCode {
        /// They agree.
        Synced,
        /// They differ.
        OutOfSync,
        /// It could not be found out.
        Unknown,
    }
}

codes! {
    /// Where an operation stands.
    OperationPhase {
        /// In progress, or waiting for a retry.
        Running,
        /// Asked to stop.
        Terminating,
        /// Done.
        Succeeded,
        /// An object or hook failed.
        Failed,
        /// The engine could not do it: spec, target, project, internal error.
        Error,
    }
}

impl OperationPhase {
    /// Whether nothing more happens.
    pub fn is_final(self) -> bool {
        matches!(self, OperationPhase::Succeeded | OperationPhase::Failed | OperationPhase::Error)
    }
}

codes! {
    /// What became of one object in a sync.
    ResultCode {
        /// Applied.
        Synced,
        /// Apply, prune or validation failed.
        SyncFailed,
        /// Deleted.
        Pruned,
        /// Would have to be deleted, but was not.
        PruneSkipped,
    }
}

codes! {
    /// When in a sync an object is applied; `Skip` is a hook that is never applied.
    HookType {
        /// Before the sync.
        PreSync,
        /// With the ordinary objects.
        Sync,
        /// After the sync.
        PostSync,
        /// Never.
        Skip,
        /// After a failed sync.
        SyncFail,
        /// Before the Application is deleted.
        PreDelete,
        /// After the Application was deleted.
        PostDelete,
    }
}

codes! {
    /// What renders a source.
    SourceType {
        /// A Helm chart.
        Helm,
        /// A kustomization.
        Kustomize,
        /// Plain files.
        Directory,
        /// A config-management plugin.
        Plugin,
    }
}

/// The kind of a condition of an Application. Names that we do not know are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum ConditionType {
    /// The Application could not be deleted.
    DeletionError,
    /// The spec breaks a rule.
    InvalidSpecError,
    /// Desired and live could not be compared.
    ComparisonError,
    /// Auto-sync refuses to go on.
    SyncError,
    /// Something else went wrong.
    UnknownError,
    /// An object belongs to another application too.
    SharedResourceWarning,
    /// An object is rendered more than once.
    RepeatedResourceWarning,
    /// An object is of an excluded kind.
    ExcludedResourceWarning,
    /// The namespace holds objects that nobody manages.
    OrphanedResourceWarning,
    /// Any other name.
    Other(String),
}

impl ConditionType {
    /// Those with a name of their own.
    pub const KNOWN: [ConditionType; 9] = [
        ConditionType::DeletionError,
        ConditionType::InvalidSpecError,
        ConditionType::ComparisonError,
        ConditionType::SyncError,
        ConditionType::UnknownError,
        ConditionType::SharedResourceWarning,
        ConditionType::RepeatedResourceWarning,
        ConditionType::ExcludedResourceWarning,
        ConditionType::OrphanedResourceWarning,
    ];

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            ConditionType::DeletionError => "DeletionError",
            ConditionType::InvalidSpecError => "InvalidSpecError",
            ConditionType::ComparisonError => "ComparisonError",
            ConditionType::SyncError => "SyncError",
            ConditionType::UnknownError => "UnknownError",
            ConditionType::SharedResourceWarning => "SharedResourceWarning",
            ConditionType::RepeatedResourceWarning => "RepeatedResourceWarning",
            ConditionType::ExcludedResourceWarning => "ExcludedResourceWarning",
            ConditionType::OrphanedResourceWarning => "OrphanedResourceWarning",
            ConditionType::Other(name) => name,
        }
    }

    /// Whether it is an error and not a warning: Argo CD goes by the end of the name.
    pub fn is_error(&self) -> bool {
        self.as_str().ends_with("Error")
    }
}

impl From<String> for ConditionType {
    fn from(name: String) -> ConditionType {
        ConditionType::KNOWN.into_iter().find(|c| c.as_str() == name).unwrap_or(ConditionType::Other(name))
    }
}

impl From<ConditionType> for String {
    fn from(kind: ConditionType) -> String {
        match kind {
            ConditionType::Other(name) => name,
            known => known.as_str().to_owned(),
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for p in OperationPhase::ALL {
            assert_eq!(OperationPhase::parse(p.as_str()), Some(*p));
        }
        assert_eq!(ConditionType::from("SyncError".to_owned()), ConditionType::SyncError);
        assert_eq!(ConditionType::from("NewError".to_owned()).as_str(), "NewError");
        assert!(ConditionType::Other("NewError".into()).is_error());
        assert!(!ConditionType::SharedResourceWarning.is_error());
    }
}
