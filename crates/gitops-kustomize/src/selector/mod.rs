//! Which resources a patch, a replacement or a source is meant for.
//!
//! Group, version, kind, name and namespace are regular expressions over the whole text; labels and annotations are
//! selected in the notation of `kubectl --selector`. An empty part selects everything.

mod labels;
mod pattern;

pub use labels::LabelSelectorError;

pub(crate) use labels::LabelSelector;
pub(crate) use pattern::{Pattern, go_regex};

use crate::id::Gvk;
use crate::openapi::Schemas;
use crate::resource::Resource;

/// As written in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    /// API group.
    pub(crate) group: String,
    /// API version.
    pub(crate) version: String,
    /// Kind.
    pub(crate) kind: String,
    /// Name.
    pub(crate) name: String,
    /// Namespace.
    pub(crate) namespace: String,
    /// Over annotations.
    pub(crate) annotation_selector: String,
    /// Over labels.
    pub(crate) label_selector: String,
}

/// Why a selector cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectorError {
    /// A part is no regular expression.
    #[error("{field} `{pattern}`: {error}")]
    Pattern {
        /// Which part.
        field: &'static str,
        /// What stands there.
        pattern: String,
        /// What is wrong with it.
        error: String,
    },
    /// Over labels or annotations.
    #[error("{field}: {error}")]
    Labels {
        /// `labelSelector` or `annotationSelector`.
        field: &'static str,
        /// What is wrong with it.
        error: LabelSelectorError,
    },
}

impl Selector {
    /// Whether no part that names a resource is given; labels and annotations do not count.
    pub(crate) fn names_nothing(&self) -> bool {
        [&self.group, &self.version, &self.kind, &self.name, &self.namespace].iter().all(|part| part.is_empty())
    }
}

/// A selector made ready.
#[derive(Debug)]
pub(crate) struct Matcher {
    group: Pattern,
    version: Pattern,
    kind: Pattern,
    name: Pattern,
    namespace: Pattern,
    labels: Result<LabelSelector, LabelSelectorError>,
    annotations: Result<LabelSelector, LabelSelectorError>,
}

impl Matcher {
    /// Reads the regular expressions. A label selector that cannot be read is an error once it is asked.
    pub(crate) fn new(selector: &Selector) -> Result<Matcher, SelectorError> {
        let pattern = |field: &'static str, text: &str| {
            Pattern::new(text).map_err(|error| SelectorError::Pattern { field, pattern: text.to_owned(), error })
        };
        Ok(Matcher {
            group: pattern("group", &selector.group)?,
            version: pattern("version", &selector.version)?,
            kind: pattern("kind", &selector.kind)?,
            name: pattern("name", &selector.name)?,
            namespace: pattern("namespace", &selector.namespace)?,
            labels: LabelSelector::parse(&selector.label_selector),
            annotations: LabelSelector::parse(&selector.annotation_selector),
        })
    }

    /// Whether a patch with this target is meant for the resource, by its original or its present name and namespace.
    pub(crate) fn selects(&self, resource: &Resource, schemas: &Schemas) -> Result<bool, SelectorError> {
        if !self.gvk(resource.gvk()) {
            return Ok(false);
        }
        let (now, before) = (resource.id(schemas), resource.original_id(schemas));
        if !self.namespace.matches(before.namespace) && !self.namespace.matches(now.namespace) {
            return Ok(false);
        }
        if !self.name.matches(before.name) && !self.name.matches(now.name) {
            return Ok(false);
        }
        self.labels_and_annotations(resource)
    }

    /// Whether labels and annotations are selected.
    pub(crate) fn labels_and_annotations(&self, resource: &Resource) -> Result<bool, SelectorError> {
        let labels = self.labels.as_ref().map_err(|error| SelectorError::Labels { field: "labelSelector", error: error.clone() })?;
        if !labels.matches(|key| last(resource.labels(), key)) {
            return Ok(false);
        }
        let annotations = &self.annotations;
        let annotations =
            annotations.as_ref().map_err(|error| SelectorError::Labels { field: "annotationSelector", error: error.clone() })?;
        Ok(annotations.matches(|key| last(resource.annotations(), key)))
    }

    /// Whether group, version and kind are selected.
    pub(crate) fn gvk(&self, gvk: Gvk<'_>) -> bool {
        self.kind.matches(gvk.kind) && self.group.matches(gvk.group) && self.version.matches(gvk.version)
    }

    /// Whether these are selected, the namespace as it is given.
    pub(crate) fn id(&self, gvk: Gvk<'_>, name: &str, namespace: &str) -> bool {
        self.gvk(gvk) && self.name.matches(name) && self.namespace.matches(namespace)
    }

    /// The one name that is selected, when no other can be.
    pub(crate) fn only_name(&self) -> Option<&str> {
        self.name.only()
    }
}

/// Of equal keys the last wins, as in a map of Go.
fn last<'r>(entries: impl Iterator<Item = (&'r str, &'r str)>, key: &str) -> Option<&'r str> {
    entries.filter(|(k, _)| *k == key).last().map(|(_, value)| value)
}
