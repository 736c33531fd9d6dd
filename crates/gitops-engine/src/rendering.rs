//! The desired objects of one application: which revision each source means, and the render — or the one from before,
//! while nothing that it read has changed.
//!
//! Blocking: it reads object databases. The engine calls it from blocking threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gitops_app::{Application, ApplicationSource};
use gitops_apply::Target;
use gitops_kustomize::LoadRestrictor;
use gitops_manifest::patch::merge;
use gitops_manifest::{Manifest, json};
use gitops_render::{
    ChartRequest, Context, CustomOptions, DirectoryOptions, EngineChoice, EnvironmentOptions, HelmOptions, KustomizeOptions, Reference,
    RenderError, Rendered, Source, SourceOverride,
};
use gitops_tree::{ReadSet, Recorder, Revision, Tree, TreePath};

use crate::build_environment;
use crate::remote;
use crate::sources::{At, Inputs, Located, Origin, Watched};

/// A render and what it depends on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rendering {
    /// Which render this is: two with one id have the same objects, whatever their revisions. Never 0.
    pub(crate) id: u64,
    /// One for each source, in their order. Moves on without a render while the inputs stay the same.
    pub(crate) revisions: Vec<At>,
    /// The charts among the sources: which, at which version and digest.
    charts: Arc<[String]>,
    /// What was rendered for: sources, name and namespace. Another text is another render.
    parameters: Arc<str>,
    reads: Arc<[ReadSet]>,
    /// What is rendered says its own revision: it changes with every commit, whatever the commit touches.
    says_revision: bool,
    /// The objects, or every problem.
    pub(crate) result: Result<Arc<[Manifest]>, Arc<str>>,
    pub(crate) warnings: Arc<[String]>,
    pub(crate) engine: &'static str,
}

/// What [`desired`] did.
pub(crate) enum Desired {
    /// The render from before holds; these are its revisions now.
    Unchanged(Vec<At>),
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

/// The annotation of an Application by which its kustomization may read more, or less, than the server's setting says.
const LOAD_RESTRICTOR: &str = "gitops-engine.dev/kustomize-load-restrictor";

fn load_restrictor(app: &Application) -> Result<Option<LoadRestrictor>, DesiredError> {
    match app.metadata.annotations.get(LOAD_RESTRICTOR).map(String::as_str) {
        None => Ok(None),
        Some("LoadRestrictionsRootOnly") => Ok(Some(LoadRestrictor::RootOnly)),
        Some("LoadRestrictionsNone") => Ok(Some(LoadRestrictor::None)),
        Some(other) => Err(DesiredError::Spec(format!(
            "annotation {LOAD_RESTRICTOR}: `{other}` is neither LoadRestrictionsRootOnly nor LoadRestrictionsNone"
        ))),
    }
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
    let parameters = parameters(app, &sources);
    let mut located = Vec::with_capacity(sources.len());
    for (i, source) in sources.iter().enumerate() {
        located.push(inputs.locate(source, fixed.get(i).map(String::as_str))?);
    }
    let before = before.filter(|b| !anew && *b.parameters == *parameters);
    if before.is_some_and(|b| b.is_at(&located) && b.remotes_hold(inputs)) {
        return Ok(Desired::Unchanged(revisions(&located)));
    }
    let place = Place { app, sources: &sources, parameters, located };
    let trees = place.trees(inputs)?;
    let outcome = place.read(&trees, before, inputs);
    let damaged: Vec<_> = trees.iter().enumerate().filter_map(|(i, tree)| Some((i, tree.damage()?))).collect();
    if damaged.is_empty() {
        return outcome;
    }
    for (i, path) in damaged {
        let Located { origin: Origin::Repository(url), at } = &place.located[i] else { continue };
        let mended = inputs.mirrors.mend(url, &at.revision, &path);
        for warning in mended.map_err(|e| DesiredError::Repository(e.to_string()))?.warnings {
            tracing::warn!("{warning}");
        }
    }
    place.read(&place.trees(inputs)?, before, inputs)
}

fn revisions(located: &[Located]) -> Vec<At> {
    located.iter().map(|l| l.at.clone()).collect()
}

/// What is to be rendered, and at which revisions.
struct Place<'a> {
    app: &'a Application,
    sources: &'a [ApplicationSource],
    parameters: String,
    located: Vec<Located>,
}

impl Place<'_> {
    fn trees(&self, inputs: &Inputs<'_>) -> Result<Vec<Watched<Arc<dyn Tree>>>, DesiredError> {
        self.located.iter().map(|located| inputs.tree(located)).collect()
    }

    /// The render from before while it holds, or a new one.
    fn read<T: Tree>(&self, trees: &[T], before: Option<&Rendering>, inputs: &Inputs<'_>) -> Result<Desired, DesiredError> {
        if let Some(before) = before
            && before.holds(trees)?
            && before.remotes_hold(inputs)
        {
            return Ok(Desired::Unchanged(revisions(&self.located)));
        }
        let namespace = &self.app.spec.destination.namespace;
        let remote = inputs.remote();
        let load_restrictor = load_restrictor(self.app)?.unwrap_or(inputs.load_restrictor);
        // What one source reads of another is among the reads of that other one.
        let referenced: Vec<_> = self.sources.iter().zip(trees).map(|(s, tree)| (s.reference.as_str(), Recorder::new(tree))).collect();
        let references = referenced.iter().filter(|(name, _)| !name.is_empty()).map(|(name, tree)| Reference { name, tree });
        let references: Vec<_> = references.collect();
        let context = Context {
            remotes: Some(&remote),
            load_restrictor,
            references: &references,
            fetcher: Some(inputs.shelf),
            parsed: Some(inputs.parsed),
            renderers: inputs.renderers,
            decryption: Some(inputs.decryption),
            ..Context::new(&self.app.metadata.name, namespace, inputs.limits)
        };
        let mut all_reads = Vec::with_capacity(trees.len());
        let mut parts = Vec::with_capacity(trees.len());
        let mut problems = String::new();
        let mut says_revision = false;
        for ((source, tree), located) in self.sources.iter().zip(trees).zip(&self.located) {
            let subject = Subject { source, project: &self.app.spec.project, revision: &located.at.to_string() };
            let Part { reads, says_revision: says, result } = render(&subject, tree, &context)?;
            all_reads.push(reads);
            says_revision |= says;
            match result {
                Ok(rendered) => parts.push(rendered),
                Err(e) => {
                    problems.push_str(if problems.is_empty() { "" } else { "\n" });
                    problems.push_str(&e.to_string());
                }
            }
        }
        for (reads, (_, recorder)) in all_reads.iter_mut().zip(referenced) {
            reads.merge(recorder.into_read_set());
        }
        let mut all = Rendered::join(parts, namespace);
        place(&mut all.manifests, namespace, inputs.target.as_deref());
        Ok(Desired::Rendered(Rendering {
            id: RENDERINGS.fetch_add(1, Ordering::Relaxed),
            revisions: revisions(&self.located),
            charts: self.located.iter().filter_map(chart_text).collect(),
            parameters: self.parameters.as_str().into(),
            reads: all_reads.into(),
            says_revision,
            result: if problems.is_empty() { Ok(all.manifests.into()) } else { Err(problems.into()) },
            warnings: all.warnings.into(),
            engine: all.engine,
        }))
    }
}

/// Which chart a source is, at which version and digest.
fn chart_text(located: &Located) -> Option<String> {
    let Origin::Chart(request) = &located.origin else { return None };
    let exact = ChartRequest { version: located.at.to_string(), ..request.clone() };
    Some(format!("{exact} at {}", located.at.revision))
}

/// Whether a source puts the revision into what is rendered.
fn says_revision(source: &ApplicationSource) -> bool {
    let blocks = [&source.kustomize, &source.helm];
    blocks.into_iter().flatten().any(|block| block.to_string().contains("ARGOCD_APP_REVISION"))
}

/// The plug-in that is built in.
const ENVIRONMENT: &str = "environment";

/// Numbers renders within this process.
static RENDERINGS: AtomicU64 = AtomicU64::new(1);

/// Kinds that have no namespace, whatever an Application's destination says: for targets that do not know.
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

/// Objects without a namespace go to the destination's; those of kinds that have none lose theirs. Which kinds those are, a
/// definition among the objects says, else the target.
fn place(manifests: &mut [Manifest], namespace: &str, target: Option<&dyn Target>) {
    let defined: Vec<(String, String, bool)> = manifests.iter().filter_map(definition).collect();
    for manifest in manifests {
        let id = manifest.id();
        let here = defined.iter().find(|(group, kind, _)| *group == id.group && *kind == id.kind).map(|(_, _, namespaced)| *namespaced);
        match here.or_else(|| target.and_then(|t| t.namespaced(&id.group, &id.kind))) {
            Some(false) if !id.namespace.is_empty() => manifest.clear_namespace(),
            Some(false) => {}
            None if CLUSTER_SCOPED.contains(&id.kind.as_str()) => {}
            Some(true) | None if id.namespace.is_empty() && !namespace.is_empty() => manifest.set_namespace(namespace),
            Some(true) | None => {}
        }
    }
}

/// Group and kind that a CustomResourceDefinition defines, and whether they have namespaces.
fn definition(manifest: &Manifest) -> Option<(String, String, bool)> {
    let body = (manifest.id().kind == "CustomResourceDefinition").then(|| manifest.body())?;
    let text = |path: &[&str]| body.str_at(path).map(str::to_owned);
    Some((text(&["spec", "group"])?, text(&["spec", "names", "kind"])?, text(&["spec", "scope"])? == "Namespaced"))
}

impl Rendering {
    /// The same objects at other revisions.
    pub(crate) fn at(&self, revisions: Vec<At>) -> Rendering {
        Rendering { revisions, ..self.clone() }
    }

    /// Whether it was rendered for this declaration.
    pub(crate) fn is_for(&self, app: &Application) -> bool {
        *self.parameters == *parameters(app, &app.effective_sources())
    }

    /// Whether the sources are where they were when it was rendered.
    fn is_at(&self, located: &[Located]) -> bool {
        self.revisions.iter().eq(located.iter().map(|l| &l.at))
    }

    /// Addresses of remote bases and of charts that were read besides the sources, and at which commits and digests.
    pub(crate) fn remotes(&self) -> impl Iterator<Item = (&str, &Revision)> {
        self.reads.iter().flat_map(ReadSet::remotes)
    }

    /// The charts and remote bases as text, each with its digest or commit.
    pub(crate) fn bases(&self) -> Vec<String> {
        let remotes = self.remotes().map(|(address, revision)| format!("{address} at {revision}"));
        self.charts.iter().cloned().chain(remotes).collect()
    }

    /// Whether the remote bases and charts still mean the commits and digests that were read.
    pub(crate) fn remotes_hold(&self, inputs: &Inputs<'_>) -> bool {
        remote::hold(self.remotes(), inputs)
    }

    /// Whether the trees, one for each source, would render the same.
    pub(crate) fn holds<T: Tree>(&self, trees: &[T]) -> Result<bool, DesiredError> {
        if self.says_revision {
            return Ok(false);
        }
        for (reads, tree) in self.reads.iter().zip(trees) {
            if !reads.holds_in(tree).map_err(|e| DesiredError::Repository(e.to_string()))? {
                return Ok(false);
            }
        }
        Ok(self.reads.len() == trees.len())
    }
}

/// All that a render depends on besides the files, as text.
fn parameters(app: &Application, sources: &[ApplicationSource]) -> String {
    let restrictor = app.metadata.annotations.get(LOAD_RESTRICTOR).map_or("", String::as_str);
    let mut text = format!("{}\0{}\0{}\0{restrictor}", app.metadata.name, app.spec.destination.namespace, app.spec.project);
    for source in sources {
        // Where it is read and at which revision is not among them: the `ReadSet` answers for the content.
        let content =
            ApplicationSource { repo_url: String::new(), target_revision: String::new(), tag_prefix: String::new(), ..source.clone() };
        text.push('\0');
        text.push_str(&serde_json::to_string(&content).unwrap_or_default());
    }
    text
}

/// What one source gives.
#[derive(Debug)]
struct Part {
    /// All that was read, be it for a failure.
    reads: ReadSet,
    says_revision: bool,
    result: Result<Rendered, RenderError>,
}

/// Whose source is rendered, and which one.
struct Subject<'a> {
    source: &'a ApplicationSource,
    project: &'a str,
    /// As people read it.
    revision: &'a str,
}

/// Renders one source, with the override files beside it.
fn render(subject: &Subject<'_>, tree: &dyn Tree, context: &Context<'_>) -> Result<Part, DesiredError> {
    let source = subject.source;
    let failed = |e: RenderError| Part { reads: e.reads().clone(), says_revision: false, result: Err(e) };
    if source.is_reference_only() {
        return Ok(Part { reads: ReadSet::default(), says_revision: false, result: Ok(Rendered::default()) });
    }
    let path = TreePath::parse(&source.path).map_err(|e| DesiredError::Spec(e.to_string()))?;
    let (overrides, mut reads) = match gitops_render::source_overrides(tree, &path, context.app, context.limits) {
        Ok(found) => found,
        Err(e) => return Ok(failed(e)),
    };
    let source = overridden(source, &overrides)?;
    let environment = || build_environment::of(&source, context.app, context.namespace, subject.project, subject.revision);
    let choice = engine(&source, environment)?;
    let is_custom = matches!(choice, EngineChoice::Custom(_));
    let result = gitops_render::render(tree, &Source { path, engine: choice }, context);
    reads.merge(match &result {
        Ok(rendered) => rendered.reads.clone(),
        Err(e) => e.reads().clone(),
    });
    let is_custom = is_custom || result.as_ref().is_ok_and(|rendered| rendered.engine == "plugin");
    let says = says_revision(&source) || (is_custom && context.renderers.iter().any(|renderer| renderer.says_revision()));
    Ok(Part { reads, says_revision: says, result })
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
fn engine(source: &ApplicationSource, environment: impl FnOnce() -> Vec<(String, String)>) -> Result<EngineChoice, DesiredError> {
    match source.tool_blocks().first() {
        None if !source.chart.is_empty() => Ok(EngineChoice::Helm(HelmOptions { block: None, environment: environment() })),
        None => Ok(EngineChoice::Detect),
        Some(&"kustomize") => {
            let text = source.kustomize.as_ref().map(ToString::to_string).unwrap_or_default();
            let block = json::parse(text.as_bytes(), "spec.source.kustomize").map_err(|e| DesiredError::Spec(e.to_string()))?;
            let options = KustomizeOptions { block: Some(block), environment: environment(), ..KustomizeOptions::default() };
            Ok(EngineChoice::Kustomize(options))
        }
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
            let block = json::parse(block.as_bytes(), "spec.source.helm").map_err(|e| DesiredError::Spec(e.to_string()))?;
            Ok(EngineChoice::Helm(HelmOptions { block: Some(block), environment: environment() }))
        }
        Some(&"plugin") => {
            let plugin = source.plugin.clone().unwrap_or_default();
            if plugin.name != ENVIRONMENT {
                let block = serde_json::to_vec(&plugin).unwrap_or_default();
                let block = json::parse(&block, "spec.source.plugin").map_err(|e| DesiredError::Spec(e.to_string()))?;
                let environment = build_environment::of_plugin(environment(), &plugin);
                return Ok(EngineChoice::Custom(CustomOptions { name: plugin.name, block, environment }));
            }
            let parameters = plugin.parameters.iter().map(|p| (p.name.as_str(), p.string.as_deref().unwrap_or_default()));
            EnvironmentOptions::from_parameters(parameters).map(EngineChoice::Environment).map_err(|e| DesiredError::Spec(e.to_string()))
        }
        Some(other) => Ok(EngineChoice::Unsupported { name: (*other).to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_render::Limits;
    use gitops_tree::MemoryTree;

    fn subject(source: &ApplicationSource) -> Subject<'_> {
        Subject { source, project: "default", revision: "0123456789012345678901234567890123456789" }
    }

    fn config_map(name: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
    }

    fn rendered(tree: &MemoryTree) -> Result<Part, DesiredError> {
        let source =
            ApplicationSource { repo_url: "https://git.example/web.git".into(), path: "app".into(), ..ApplicationSource::default() };
        render(&subject(&source), tree, &Context::new("web", "web", &Limits::default()))
    }

    fn names(tree: &MemoryTree) -> Vec<String> {
        let part = rendered(tree).expect("inputs");
        part.result.expect("a render").manifests.iter().map(|m| m.id().name.clone()).collect()
    }

    #[test]
    fn override_files_change_how_a_source_is_read() {
        let plain = MemoryTree::new().with("app/a.yaml", config_map("a")).with("app/below/b.yaml", config_map("b"));
        assert_eq!(names(&plain), ["a"]);
        let general = plain.clone().with("app/.argocd-source.yaml", "directory: {recurse: true}\npath: elsewhere\n");
        assert_eq!(names(&general), ["a", "b"], "what names the source stays");
        let own = general.clone().with("app/.argocd-source-web.yaml", "directory: {exclude: 'a*'}\n");
        assert_eq!(names(&own), ["b"], "the application's own file comes second");
        let Part { reads, .. } = rendered(&plain).expect("inputs");
        assert!(!reads.holds_in(&general).expect("readable"), "an override file that appears asks for another render");
        let Part { reads, .. } = rendered(&general).expect("inputs");
        assert!(reads.holds_in(&general).expect("readable"));
        assert!(!reads.holds_in(&general.with("app/.argocd-source.yaml", "{}")).expect("readable"));
    }

    #[test]
    fn a_kustomization_takes_what_the_application_says_on_top() {
        let block =
            serde_json::json!({"namePrefix": "x-", "commonAnnotations": {"by": "$ARGOCD_APP_NAME"}, "commonAnnotationsEnvsubst": true});
        let source = ApplicationSource { path: "app".into(), kustomize: Some(block), ..ApplicationSource::default() };
        let tree = MemoryTree::new().with("app/kustomization.yaml", "resources: [a.yaml]\n").with("app/a.yaml", config_map("a"));
        let limits = Limits::default();
        let context = Context::new("web", "web", &limits);
        let rendered = render(&subject(&source), &tree, &context).expect("inputs").result.expect("a render");
        assert_eq!(rendered.engine, "kustomize");
        assert_eq!(rendered.manifests[0].body().str_at(&["metadata", "name"]), Some("x-a"));
        assert_eq!(rendered.manifests[0].body().str_at(&["metadata", "annotations", "by"]), Some("web"));
    }

    fn chart() -> MemoryTree {
        let template =
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {by: {{ .Values.by | quote }}, at: {{ .Values.at | quote }}}\n";
        MemoryTree::new().with("app/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n").with("app/templates/a.yaml", template)
    }

    #[test]
    fn a_chart_takes_parameters_with_the_build_environment() {
        let block = serde_json::json!({"parameters": [{"name": "by", "value": "$ARGOCD_APP_NAME"}]});
        let source = ApplicationSource { path: "app".into(), helm: Some(block), ..ApplicationSource::default() };
        let limits = Limits::default();
        let context = Context::new("web", "web", &limits);
        let part = render(&subject(&source), &chart(), &context).expect("inputs");
        assert!(!part.says_revision);
        let rendered = part.result.expect("a render");
        assert_eq!((rendered.engine, rendered.manifests[0].body().str_at(&["data", "by"])), ("helm", Some("web")));
        let file = "helm: {parameters: [{name: at, value: '${ARGOCD_APP_REVISION_SHORT}'}]}\n";
        let part = render(&subject(&source), &chart().with("app/.argocd-source.yaml", file), &context).expect("inputs");
        assert!(part.says_revision, "an override file counts as well");
    }

    #[test]
    fn a_wrong_override_names_its_file() {
        let tree = MemoryTree::new().with("app/a.yaml", config_map("a")).with("app/.argocd-source.yaml", "directory: 5\n");
        let error = rendered(&tree).expect_err("no source").to_string();
        assert!(error.starts_with("app/.argocd-source.yaml: "), "{error}");
        let Part { reads, result, .. } = rendered(&tree.clone().with("app/.argocd-source.yaml", "- a\n")).expect("inputs");
        assert!(result.expect_err("no map").to_string().starts_with("app/.argocd-source.yaml"));
        assert!(!reads.holds_in(&tree).expect("readable"));
    }
}
