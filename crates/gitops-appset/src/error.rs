//! Why a set cannot be expanded. What there is stays as it is then.

use crate::world::WorldError;

/// Why a set cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// What lies outside did not answer.
    #[error("{at}: {source}; existing applications stay as they are")]
    World {
        /// Which generator, e.g. `spec.generators[0].git`.
        at: String,
        /// Why.
        source: WorldError,
    },
    /// A template does not render.
    #[error("{at}: template `{template}` cannot be rendered: {reason}")]
    Template {
        /// Where it stands, or what it makes.
        at: String,
        /// Its text, shortened.
        template: String,
        /// Why.
        reason: String,
    },
    /// A generator says what cannot be.
    #[error("{at}: {reason}")]
    Rule {
        /// Which.
        at: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// More parameter sets than are allowed.
    #[error("{at}: makes more than {limit} parameter sets; narrow the generators or raise the limit")]
    TooMany {
        /// Which generator.
        at: String,
        /// The limit.
        limit: usize,
    },
}

impl ExpandError {
    pub(crate) fn rule(at: &str, reason: impl Into<String>) -> ExpandError {
        ExpandError::Rule { at: at.to_owned(), reason: reason.into() }
    }

    pub(crate) fn world(at: &str) -> impl Fn(WorldError) -> ExpandError {
        let at = at.to_owned();
        move |source| ExpandError::World { at: at.clone(), source }
    }
}
