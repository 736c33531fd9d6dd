//! Why a manifest is not an Application, AppProject or ApplicationSet that can be worked on.

use std::fmt;

use gitops_manifest::Location;

/// Why a manifest was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplicationError {
    /// It is something else.
    #[error("{at}: expected kind {wanted} of argoproj.io/v1alpha1, found {found}")]
    OtherKind {
        /// Where it stands.
        at: Location,
        /// The kind that was to be read.
        wanted: &'static str,
        /// Its apiVersion and kind.
        found: String,
    },
    /// It is of that kind, and wrong. Every problem is listed.
    #[error("{at}: {kind} `{name}` is not valid: {}", join(.problems))]
    InvalidSpec {
        /// Where it stands.
        at: Location,
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What is wrong, in the order of the document, rules of the spec last.
        problems: Vec<Problem>,
    },
}

impl ApplicationError {
    /// The single problems; empty when it is of another kind.
    pub fn problems(&self) -> &[Problem] {
        match self {
            ApplicationError::OtherKind { .. } => &[],
            ApplicationError::InvalidSpec { problems, .. } => problems,
        }
    }
}

fn join(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}

/// One thing that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A field that the contract does not have.
    UnknownField {
        /// Where, e.g. `spec.sources[0].repoUrl`.
        path: String,
        /// The field that was probably meant.
        similar: Option<&'static str>,
    },
    /// A value of the wrong type.
    WrongType {
        /// Where.
        path: String,
        /// What the contract wants.
        expected: String,
        /// What stands there.
        found: &'static str,
    },
    /// A required field that is not there.
    Missing {
        /// Where.
        path: String,
    },
    /// A rule about several fields, or about what a text says.
    Rule {
        /// Where.
        path: String,
        /// What is wrong and what to do.
        message: String,
    },
}

impl Problem {
    /// Which field it is about.
    pub fn path(&self) -> &str {
        match self {
            Problem::UnknownField { path, .. }
            | Problem::WrongType { path, .. }
            | Problem::Missing { path }
            | Problem::Rule { path, .. } => path,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::UnknownField { path, similar: Some(similar) } => write!(f, "{path}: unknown field, did you mean `{similar}`?"),
            Problem::UnknownField { path, similar: None } => write!(f, "{path}: unknown field"),
            Problem::WrongType { path, expected, found } => {
                let article = if expected.starts_with("one of") { "" } else { "a " };
                write!(f, "{path}: expected {article}{expected}, found a {found}")
            }
            Problem::Missing { path } => write!(f, "{path}: missing, but required"),
            Problem::Rule { path, message } => write!(f, "{path}: {message}"),
        }
    }
}
