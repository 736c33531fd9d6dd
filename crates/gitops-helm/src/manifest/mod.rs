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

/// The output of a template.
#[derive(Clone, Copy)]
pub(crate) struct Printed<'t> {
    pub(crate) path: &'t str,
    pub(crate) text: &'t str,
    /// Whether nothing had to be replaced by U+FFFD.
    pub(crate) is_utf8: bool,
}

/// Sorts the outputs of templates: by path, then by place in the output, then by kind.
pub(crate) fn sort(mut outputs: Vec<Printed<'_>>) -> Result<Sorted, ManifestError> {
    outputs.sort_by_key(|output| output.path);
    let is_partial = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
    outputs.retain(|output| !is_partial(output.path) && !split::trim(output.text).is_empty());
    let documents = outputs.iter().flat_map(|output| split(output.text).into_iter().map(move |text| (output, text)));
    let documents: Vec<(&Printed<'_>, &str)> = documents.collect();
    let heads = parallel::map(&documents, |(output, document)| match output.is_utf8 || !document.contains(char::REPLACEMENT_CHARACTER) {
        true => Head::read(document),
        false => Err("error converting YAML to JSON: yaml: invalid leading UTF-8 octet".to_owned()),
    });
    let mut sorted = Sorted::default();
    for ((Printed { path, .. }, document), head) in documents.into_iter().zip(heads) {
        let head = head.map_err(|reason| ManifestError { path: (*path).to_owned(), reason })?;
        if !head.is_hook() {
            sorted.manifests.push(Document { path: (*path).to_owned(), kind: head.kind, text: document.to_owned() });
        } else if let Some(events) = head.events() {
            sorted.hooks.push(Hook {
                path: (*path).to_owned(),
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
