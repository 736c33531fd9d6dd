//! The desired objects of one application: which revision each source means, and the render — or the one from before,
//! while nothing that it read has changed.
//!
//! Blocking: it reads object databases. The engine calls it from blocking threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gitops_app::{Application, ApplicationSource};
use gitops_manifest::patch::merge;
use gitops_manifest::{Manifest, json};
use gitops_render::{
    Context, DirectoryOptions, EngineChoice, EnvironmentOptions, HelmOptions, Limits, RenderError, Rendered, Source, SourceOverride,
};
use gitops_source::{Mirrors, RepoUrl, RevisionSpec};
use gitops_tree::{ReadSet, Revision, Tree, TreePath};

use crate::alias::{Alias, read_from};

/// A render and what it depends on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rendering {
    /// Which render this is: two with one id have the same objects, whatever their revisions. Never 0.
    pub(crate) id: u64,
    /// One for each source, in their order. Moves on without a render while the inputs stay the same.
    pub(crate) revisions: Vec<Revision>,
    /// What was rendered for: sources, name and namespace. Another text is another render.
    parameters: Arc<str>,
    reads: Arc<[ReadSet]>,
    /// The objects, or every problem.
    pub(crate) result: Result<Arc<[Manifest]>, Arc<str>>,
    pub(crate) warnings: Arc<[String]>,
    pub(crate) engine: &'static str,
}

/// What [`desired`] did.
pub(crate) enum Desired {
    /// The render from before holds; these are its revisions now.
    Unchanged(Vec<Revision>),
    /// Rendered anew.
    Rendered(Rendering),
}

/// Why the inputs could not be had; the render from before stays of use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DesiredError {
    /// The Application says something that this engine cannot do.
    #[error("{0}")]
    Spec(String),
    /// The repository, its revision or its objects.
    #[error("{0}")]
    Repository(String),
}

/// Where sources are read.
pub(crate) struct Inputs<'a> {
    pub(crate) mirrors: &'a Mirrors,
    pub(crate) aliases: &'a [Alias],
    pub(crate) limits: &'a Limits,
}

impl Inputs<'_> {
    /// The repository that a source is read from.
    pub(crate) fn repository(&self, source: &ApplicationSource) -> Result<RepoUrl, DesiredError> {
        repository(&source.repo_url, self.aliases)
    }

    fn revision(&self, source: &ApplicationSource, fixed: Option<&str>) -> Result<(RepoUrl, Revision), DesiredError> {
        let url = self.repository(source)?;
        let spec = RevisionSpec::parse(fixed.unwrap_or_else(|| source.revision_spec())).map_err(|e| DesiredError::Spec(e.to_string()))?;
        if !self.mirrors.has(&url) {
            self.mirrors.fetch(&url).map_err(|e| DesiredError::Repository(e.to_string()))?;
        }
        let prefix = Some(source.tag_prefix.as_str()).filter(|p| !p.is_empty());
        let revision = self.mirrors.resolve(&url, &spec, prefix).map_err(|e| DesiredError::Repository(e.to_string()))?;
        Ok((url, revision))
    }
}

pub(crate) fn repository(url: &str, aliases: &[Alias]) -> Result<RepoUrl, DesiredError> {
    RepoUrl::parse(&read_from(url, aliases)).map_err(|e| DesiredError::Spec(e.to_string()))
}

/// The desired objects of `app`. `before` is the last render; `fixed` revisions replace what the sources say, one each.
/// With `anew`, a render is made even if nothing changed.
pub(crate) fn desired(
    app: &Application,
    inputs: &Inputs<'_>,
    before: Option<&Rendering>,
    fixed: &[String],
    anew: bool,
) -> Result<Desired, DesiredError> {
    let sources = app.effective_sources();
    let namespace = &app.spec.destination.namespace;
    let parameters = parameters(&app.metadata.name, namespace, &sources);
    let mut revisions = Vec::with_capacity(sources.len());
    let mut urls = Vec::with_capacity(sources.len());
    for (i, source) in sources.iter().enumerate() {
        let (url, revision) = inputs.revision(source, fixed.get(i).map(String::as_str))?;
        revisions.push(revision);
        urls.push(url);
    }
    let before = before.filter(|b| !anew && *b.parameters == *parameters);
    if before.is_some_and(|b| b.revisions == revisions) {
        return Ok(Desired::Unchanged(revisions));
    }
    let mut trees = Vec::with_capacity(sources.len());
    for (url, revision) in urls.iter().zip(&revisions) {
        trees.push(inputs.mirrors.tree(url, revision).map_err(|e| DesiredError::Repository(e.to_string()))?);
    }
    if let Some(before) = before
        && before.holds(&trees)?
    {
        return Ok(Desired::Unchanged(revisions));
    }
    let context = Context { app: &app.metadata.name, namespace, limits: inputs.limits };
    let mut all_reads = Vec::with_capacity(sources.len());
    let mut parts = Vec::with_capacity(sources.len());
    let mut problems = String::new();
    for (source, tree) in sources.iter().zip(&trees) {
        let (reads, result) = render(source, tree, &context)?;
        all_reads.push(reads);
        match result {
            Ok(rendered) => parts.push(rendered),
            Err(e) => {
                problems.push_str(if problems.is_empty() { "" } else { "\n" });
                problems.push_str(&e.to_string());
            }
        }
    }
    let mut all = Rendered::join(parts, namespace);
    place(&mut all.manifests, namespace);
    Ok(Desired::Rendered(Rendering {
        id: RENDERINGS.fetch_add(1, Ordering::Relaxed),
        revisions,
        parameters: parameters.into(),
        reads: all_reads.into(),
        result: if problems.is_empty() { Ok(all.manifests.into()) } else { Err(problems.into()) },
        warnings: all.warnings.into(),
        engine: all.engine,
    }))
}

/// Numbers renders within this process.
static RENDERINGS: AtomicU64 = AtomicU64::new(1);

/// Kinds that have no namespace, whatever an Application's destination says. The Kubernetes target will ask the server.
const CLUSTER_SCOPED: &[&str] = &[
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "StorageClass",
];

/// Objects without a namespace go to the destination's.
fn place(manifests: &mut [Manifest], namespace: &str) {
    for manifest in manifests {
        if manifest.id().namespace.is_empty() && !namespace.is_empty() && !CLUSTER_SCOPED.contains(&manifest.id().kind.as_str()) {
            manifest.set_namespace(namespace);
        }
    }
}

impl Rendering {
    /// The same objects at other revisions.
    pub(crate) fn at(&self, revisions: Vec<Revision>) -> Rendering {
        Rendering { revisions, ..self.clone() }
    }

    fn holds<T: Tree>(&self, trees: &[T]) -> Result<bool, DesiredError> {
        for (reads, tree) in self.reads.iter().zip(trees) {
            if !reads.holds_in(tree).map_err(|e| DesiredError::Repository(e.to_string()))? {
                return Ok(false);
            }
        }
        Ok(self.reads.len() == trees.len())
    }
}

/// All that a render depends on besides the files, as text.
fn parameters(name: &str, namespace: &str, sources: &[ApplicationSource]) -> String {
    let mut text = format!("{name}\0{namespace}");
    for source in sources {
        // Where it is read and at which revision is not among them: the `ReadSet` answers for the content.
        let content =
            ApplicationSource { repo_url: String::new(), target_revision: String::new(), tag_prefix: String::new(), ..source.clone() };
        text.push('\0');
        text.push_str(&serde_json::to_string(&content).unwrap_or_default());
    }
    text
}

/// Renders one source, with the override files beside it. Also returns all that was read, be it for a failure.
fn render(
    source: &ApplicationSource,
    tree: &dyn Tree,
    context: &Context<'_>,
) -> Result<(ReadSet, Result<Rendered, RenderError>), DesiredError> {
    if source.is_reference_only() {
        return Ok((ReadSet::default(), Ok(Rendered::default())));
    }
    let path = TreePath::parse(&source.path).map_err(|e| DesiredError::Spec(e.to_string()))?;
    let (overrides, mut reads) = match gitops_render::source_overrides(tree, &path, context.app, context.limits) {
        Ok(found) => found,
        Err(e) => return Ok((e.reads().clone(), Err(e))),
    };
    let source = overridden(source, &overrides)?;
    let result = gitops_render::render(tree, &Source { path, engine: engine(&source)? }, context);
    reads.merge(match &result {
        Ok(rendered) => rendered.reads.clone(),
        Err(e) => e.reads().clone(),
    });
    Ok((reads, result))
}

/// The source as the override files have it. What names the source stays: files cannot say where they are.
fn overridden(source: &ApplicationSource, overrides: &[SourceOverride]) -> Result<ApplicationSource, DesiredError> {
    let mut patched = source.clone();
    for SourceOverride { path, patch } in overrides {
        let wrong = |e: &dyn std::fmt::Display| DesiredError::Spec(format!("{path}: not a change of an Application's source: {e}"));
        let text = serde_json::to_vec(&patched).map_err(|e| wrong(&e))?;
        let mut value = json::parse(&text, path.as_str()).map_err(|e| wrong(&e))?;
        merge::apply(&mut value, patch);
        let read: ApplicationSource = serde_json::from_str(&json::print(&value)).map_err(|e| wrong(&e))?;
        patched = ApplicationSource {
            repo_url: source.repo_url.clone(),
            path: source.path.clone(),
            chart: source.chart.clone(),
            target_revision: source.target_revision.clone(),
            ..read
        };
    }
    Ok(patched)
}

/// The tool block as the renderer's choice.
fn engine(source: &ApplicationSource) -> Result<EngineChoice, DesiredError> {
    let unsupported = |name: &str| Ok(EngineChoice::Unsupported { name: name.to_owned() });
    if !source.chart.is_empty() {
        return unsupported("helm");
    }
    match source.tool_blocks().first() {
        None => Ok(EngineChoice::Detect),
        Some(&"directory") => {
            let block = source.directory.clone().unwrap_or_default();
            let text = |t: String| Some(t).filter(|t| !t.is_empty());
            Ok(EngineChoice::Directory(DirectoryOptions {
                recurse: block.recurse,
                include: text(block.include),
                exclude: text(block.exclude),
                disable_extension_filter: block.disable_extension_filter,
            }))
        }
        Some(&"helm") => {
            let block = source.helm.as_ref().map(ToString::to_string).unwrap_or_default();
            HelmOptions::from_json(&block).map(EngineChoice::Helm).map_err(|e| DesiredError::Spec(e.to_string()))
        }
        Some(&"plugin") => {
            let plugin = source.plugin.clone().unwrap_or_default();
            if plugin.name != "environment" {
                return unsupported(&format!("plugin `{}`", plugin.name));
            }
            let parameters = plugin.parameters.iter().map(|p| (p.name.as_str(), p.string.as_deref().unwrap_or_default()));
            EnvironmentOptions::from_parameters(parameters).map(EngineChoice::Environment).map_err(|e| DesiredError::Spec(e.to_string()))
        }
        Some(other) => unsupported(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_tree::MemoryTree;

    fn config_map(name: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
    }

    fn rendered(tree: &MemoryTree) -> Result<(ReadSet, Result<Rendered, RenderError>), DesiredError> {
        let source =
            ApplicationSource { repo_url: "https://git.example/web.git".into(), path: "app".into(), ..ApplicationSource::default() };
        render(&source, tree, &Context { app: "web", namespace: "web", limits: &Limits::default() })
    }

    fn names(tree: &MemoryTree) -> Vec<String> {
        let (_, result) = rendered(tree).expect("inputs");
        result.expect("a render").manifests.iter().map(|m| m.id().name.clone()).collect()
    }

    #[test]
    fn override_files_change_how_a_source_is_read() {
        let plain = MemoryTree::new().with("app/a.yaml", config_map("a")).with("app/below/b.yaml", config_map("b"));
        assert_eq!(names(&plain), ["a"]);
        let general = plain.clone().with("app/.argocd-source.yaml", "directory: {recurse: true}\npath: elsewhere\n");
        assert_eq!(names(&general), ["a", "b"], "what names the source stays");
        let own = general.clone().with("app/.argocd-source-web.yaml", "directory: {exclude: 'a*'}\n");
        assert_eq!(names(&own), ["b"], "the application's own file comes second");
        let (reads, _) = rendered(&plain).expect("inputs");
        assert!(!reads.holds_in(&general).expect("readable"), "an override file that appears asks for another render");
        let (reads, _) = rendered(&general).expect("inputs");
        assert!(reads.holds_in(&general).expect("readable"));
        assert!(!reads.holds_in(&general.with("app/.argocd-source.yaml", "{}")).expect("readable"));
    }

    #[test]
    fn a_wrong_override_names_its_file() {
        let tree = MemoryTree::new().with("app/a.yaml", config_map("a")).with("app/.argocd-source.yaml", "directory: 5\n");
        let error = rendered(&tree).expect_err("no source").to_string();
        assert!(error.starts_with("app/.argocd-source.yaml: "), "{error}");
        let (reads, result) = rendered(&tree.clone().with("app/.argocd-source.yaml", "- a\n")).expect("inputs");
        assert!(result.expect_err("no map").to_string().starts_with("app/.argocd-source.yaml"));
        assert!(!reads.holds_in(&tree).expect("readable"));
    }
}
