//! The seam for embedders: engines of their own, by name.
//!
//! A [`Renderer`] is registered in [`crate::Context::renderers`] and is what `spec.source.plugin.name` means. It gets a tree
//! that notes what is read, so a commit that touches nothing of it asks for no other render. What runs programs
//! (`gitops-plugin`) comes in here as well: this crate runs none.

use std::sync::Arc;

use gitops_manifest::{Manifest, Value};
use gitops_tree::{ReadSet, Recorder, Tree, TreePath};

use crate::error::Problem;
use crate::files::{Files, at};
use crate::limits::Limits;
use crate::render::{Context, Output};
use crate::source::CustomOptions;

/// What a renderer is asked for.
#[derive(Clone, Copy)]
pub struct RendererRequest<'a> {
    /// All files of the source's repository at one commit. What is read of it is noted.
    pub tree: &'a dyn Tree,
    /// The source's directory.
    pub path: &'a TreePath,
    /// Name of the application.
    pub app: &'a str,
    /// Its destination's namespace; may be empty.
    pub namespace: &'a str,
    /// The block of the source as the Application has it: `name`, `env`, `parameters`.
    pub block: &'a Value,
    /// What the build environment and the block give: names and values.
    pub environment: &'a [(String, String)],
    /// How much may be read.
    pub limits: &'a Limits,
}

/// What a renderer gives.
#[derive(Clone, Debug, Default)]
pub struct RendererOutput {
    /// The objects, in their order.
    pub manifests: Vec<Manifest>,
    /// What was read besides what was read through the request's tree: other repositories at their revisions.
    pub reads: ReadSet,
    /// What is doubtful but was accepted. One line each.
    pub warnings: Vec<String>,
}

/// Why a renderer failed. Its text is shown to people as it is: where, what, and what to do, and never a secret.
pub type RendererError = Box<dyn std::error::Error + Send + Sync>;

/// Turns a directory of a tree into objects. The same input must give the same objects.
pub trait Renderer: Send + Sync {
    /// The name that `spec.source.plugin.name` has.
    fn name(&self) -> &str;

    /// Whether a source that names no engine is this one's. The tree notes what is looked at.
    ///
    /// # Errors
    /// When the tree cannot be read.
    fn discovers(&self, tree: &dyn Tree, path: &TreePath) -> Result<bool, RendererError> {
        let _ = (tree, path);
        Ok(false)
    }

    /// Whether the commit itself is among what it renders from (`ARGOCD_APP_REVISION` in the environment): then every
    /// commit asks for another render, whatever it touches.
    fn says_revision(&self) -> bool {
        false
    }

    /// Renders.
    ///
    /// # Errors
    /// For any reason.
    fn render(&self, request: &RendererRequest<'_>) -> Result<RendererOutput, RendererError>;
}

/// Reads objects from a text of YAML documents (or JSON), `file` being its name in errors: lists are their items, and empty
/// documents nothing.
///
/// # Errors
/// When it is no YAML, or a document is no object.
pub fn manifests_from_text(text: &[u8], file: &str, limits: &Limits) -> Result<Vec<Manifest>, RendererError> {
    let path = TreePath::parse(file).map_err(|e| e.to_string())?;
    let mut output = Output::default();
    output.take_text(text, &path, limits)?;
    match output.problems.into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => Ok(output.manifests),
    }
}

/// The renderer whose discovery matches, when a source says nothing.
pub(crate) fn discovered<'c>(tree: &dyn Tree, path: &TreePath, context: &Context<'c>) -> Result<Option<&'c Arc<dyn Renderer>>, Problem> {
    for renderer in context.renderers {
        let failed = |e: RendererError| Problem::Renderer { at: at(path), renderer: renderer.name().to_owned(), reason: e.to_string() };
        if renderer.discovers(tree, path).map_err(failed)? {
            return Ok(Some(renderer));
        }
    }
    Ok(None)
}

pub(crate) fn render(
    files: &Files<'_>,
    path: &TreePath,
    options: &CustomOptions,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Problem> {
    let named = || context.renderers.iter().find(|renderer| renderer.name() == options.name);
    let renderer = if options.name.is_empty() { discovered(files.tree(), path, context)? } else { named() };
    let renderer = renderer.ok_or_else(|| Problem::NoRenderer {
        at: at(path),
        name: options.name.clone(),
        known: context.renderers.iter().map(|renderer| renderer.name().to_owned()).collect(),
    })?;
    let recorder = Recorder::new(files.tree());
    let request = RendererRequest {
        tree: &recorder,
        path,
        app: context.app,
        namespace: context.namespace,
        block: &options.block,
        environment: &options.environment,
        limits: context.limits,
    };
    let failed = |e: RendererError| Problem::Renderer { at: at(path), renderer: renderer.name().to_owned(), reason: e.to_string() };
    let given = renderer.render(&request).map_err(failed)?;
    output.reads.merge(given.reads);
    output.warnings.extend(given.warnings);
    let (kept, repeated) = crate::rendered::keep_last(given.manifests, context.namespace);
    output.manifests = kept;
    output.warnings.extend(repeated.iter().map(crate::rendered::Repeated::warning));
    Ok(())
}
