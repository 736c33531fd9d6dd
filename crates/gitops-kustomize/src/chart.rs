//! Charts of `helmCharts`: what is asked of whoever renders them, and the values that they get.

use std::sync::Arc;

use gitops_manifest::{Map, Value};
use gitops_tree::{Tree, TreePath};

use crate::loader::{Found, LoadError, Loader};
use crate::node::{self, Node};
use crate::openapi::Schemas;
use crate::patch::strategic_merge::{self, Merged};

/// Renders charts for `helmCharts`. A build without one refuses them, as kustomize does without `--enable-helm`.
pub trait Charts: Sync {
    /// The manifests of a chart, as YAML documents.
    ///
    /// # Errors
    /// When it cannot be rendered; the text is what to say.
    fn render(&self, call: &ChartCall<'_>) -> Result<Arc<[u8]>, String>;
}

/// A chart that a kustomization asks for.
pub struct ChartCall<'c> {
    settings: &'c Value,
    loader: &'c Loader<'c>,
}

impl<'c> ChartCall<'c> {
    pub(crate) fn new(settings: &'c Value, loader: &'c Loader<'c>) -> ChartCall<'c> {
        ChartCall { settings, loader }
    }

    /// The fields of an entry of `helmCharts`, with `chartHome` and `configHome` of `helmGlobals`.
    pub fn settings(&self) -> &'c Value {
        self.settings
    }

    /// Where the kustomization is read.
    pub fn tree(&self) -> &'c dyn Tree {
        self.loader.tree
    }

    /// The kustomization's own directory.
    pub fn root(&self) -> &TreePath {
        &self.loader.root
    }

    /// The directory at a path as the kustomization writes it, links followed; it may lie anywhere in the tree.
    ///
    /// # Errors
    /// When the path leads out of the tree, or the tree cannot be read.
    pub fn directory(&self, path: &str) -> Result<Option<TreePath>, String> {
        match self.loader.find(path) {
            Ok(Found::Directory(path)) => Ok(Some(path)),
            Ok(_) => Ok(None),
            Err(error) => Err(said(path, error)),
        }
    }

    /// A file at a path as the kustomization writes it, if it may read it.
    ///
    /// # Errors
    /// When it is not there, or lies outside of what the kustomization may read.
    pub fn load(&self, path: &str) -> Result<Arc<[u8]>, String> {
        self.loader.load(path).map(|loaded| loaded.bytes).map_err(|error| said(path, error))
    }

    /// `valuesInline` and a values file in one: what is inline wins with `valuesMerge: override`, the file with `merge`.
    ///
    /// # Errors
    /// When the file is empty or no YAML, or a map and something else meet.
    pub fn merged_values(&self, file: &[u8], inline_wins: bool) -> Result<Value, String> {
        let inline = Node::from_value(self.settings.get("valuesInline").cloned().unwrap_or_default());
        let documents = node::read_documents(file, "values").map_err(|e| format!("could not parse values file: {e}"))?;
        let file = documents.into_iter().next().ok_or("could not parse values file: it is empty")?.node;
        let (mut under, over) = if inline_wins { (file, inline) } else { (inline, file) };
        let merged = strategic_merge::apply(&mut under, &over, &Schemas::builtin()).map_err(|e| format!("could not merge values: {e}"))?;
        let value = match merged {
            Merged::Kept => under.into_value().map_err(|e| format!("could not merge values: {e}"))?,
            Merged::Deleted => Value::Map(Map::new()),
        };
        if value.as_map().is_some() { Ok(value) } else { Err("could not merge values: they are no map".to_owned()) }
    }
}

fn said(path: &str, error: LoadError) -> String {
    match error {
        LoadError::Path(problem, similar) => {
            let hint = similar.map(|s| format!("; did you mean `{s}`?")).unwrap_or_default();
            format!("`{path}` {problem}{hint}")
        }
        LoadError::Build(error) => error.to_string(),
    }
}
