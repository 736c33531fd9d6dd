//! What templates printed, cut into documents, told apart into manifests and hooks, and sorted.

mod head;
mod order;
mod split;

pub use head::{DeletePolicy, HookEvent};
pub(crate) use split::split;

use crate::parallel;
use head::Head;

/// A document that a template printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Path of the template, chart name first.
    pub path: String,
    /// `kind`; empty when it has none.
    pub kind: String,
    /// The text, as it was printed.
    pub text: String,
}

/// A document that Helm runs as a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Path of the template, chart name first.
    pub path: String,
    /// `metadata.name`
    pub name: String,
    /// `kind`
    pub kind: String,
    /// When it runs.
    pub events: Vec<HookEvent>,
    /// Lower runs first.
    pub weight: i64,
    /// When it is deleted, as written: Helm does not check these.
    pub delete_policies: Vec<DeletePolicy>,
    /// The text, as it was printed.
    pub text: String,
}

/// A document of a template's output is none that Kubernetes could take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("YAML parse error on {path}: {reason}")]
pub struct ManifestError {
    /// Path of the template, chart name first.
    pub path: String,
    /// Where in the document and why.
    pub reason: String,
}

/// Manifests and hooks.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) manifests: Vec<Document>,
    pub(crate) hooks: Vec<Hook>,
}

/// Sorts the outputs of templates: by path, then by place in the output, then by kind.
pub(crate) fn sort(mut outputs: Vec<(&str, &str)>) -> Result<Sorted, ManifestError> {
    outputs.sort_by_key(|(path, _)| *path);
    let is_partial = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
    outputs.retain(|(path, output)| !is_partial(path) && !split::trim(output).is_empty());
    let documents: Vec<(&str, &str)> = outputs.iter().flat_map(|(path, output)| split(output).into_iter().map(|d| (*path, d))).collect();
    let heads = parallel::map(&documents, |(_, document)| Head::read(document));
    let mut sorted = Sorted::default();
    for ((path, document), head) in documents.into_iter().zip(heads) {
        let head = head.map_err(|reason| ManifestError { path: path.to_owned(), reason })?;
        if !head.is_hook() {
            sorted.manifests.push(Document { path: path.to_owned(), kind: head.kind, text: document.to_owned() });
        } else if let Some(events) = head.events() {
            sorted.hooks.push(Hook {
                path: path.to_owned(),
                events,
                weight: head.weight(),
                delete_policies: head.delete_policies(),
                name: head.name,
                kind: head.kind,
                text: document.to_owned(),
            });
        }
    }
    sorted.manifests.sort_by(|a, b| order::compare(&a.kind, &b.kind));
    sorted.hooks.sort_by(|a, b| order::compare(&a.kind, &b.kind));
    Ok(sorted)
}
