//! The one entry: choose the engine, run it, collect what it read.

use std::sync::Arc;

use gitops_kustomize::{LoadRestrictor, Remotes};
use gitops_manifest::yaml::{Document, DuplicateKeys};
use gitops_manifest::{Manifest, Value};
use gitops_seal::Secrets;
use gitops_tree::{EntryKind, ReadSet, Recorder, Revision, Tree, TreePath};

use crate::chart_cache::ChartCache;
use crate::chart_request::ChartFetcher;
use crate::decryption::{Decrypting, Decryption};
use crate::detect::{self, Detected};
use crate::document::parse_yaml;
use crate::error::{Problem, RenderError};
use crate::files::{Files, at};
use crate::limits::Limits;
use crate::rendered::Rendered;
use crate::renderer::{self, Renderer};
use crate::source::{CustomOptions, DirectoryOptions, EngineChoice, Source};
use crate::{directory, environment, helm, kustomize};

/// For whom is rendered.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Name of the application.
    pub app: &'a str,
    /// Its destination's namespace; may be empty.
    pub namespace: &'a str,
    /// How much may be read.
    pub limits: &'a Limits,
    /// Who fetches what a kustomization names by its address; without, such a base is an error.
    pub remotes: Option<&'a dyn Remotes>,
    /// What kustomizations may read, unless their source says otherwise.
    pub load_restrictor: LoadRestrictor,
    /// Whether `helmCharts` of kustomizations are rendered (kustomize's `--enable-helm`). On by default: no program is run
    /// and nothing is fetched for it.
    pub charts: bool,
    /// The other sources of the application that a chart may read values from, by the names that they have there. What is
    /// read of them is not among [`Rendered::reads`]: whoever gives the trees records it.
    pub references: &'a [Reference<'a>],
    /// Who fetches charts that are not in the tree: dependencies that are not in `charts/`, and charts of kustomizations.
    /// Without, such a chart is an error that names the command which puts it there.
    pub fetcher: Option<&'a dyn ChartFetcher>,
    /// Parsed charts of other renders.
    pub parsed: Option<&'a ChartCache>,
    /// Further engines, which `spec.source.plugin.name` names.
    pub renderers: &'a [Arc<dyn Renderer>],
    /// With what encrypted files are decrypted. Without it they are taken as they are, ciphertexts and all.
    pub decryption: Option<&'a Decryption>,
}

/// Another source of the same application: `spec.sources[].ref`.
#[derive(Clone, Copy)]
pub struct Reference<'a> {
    /// What `$NAME/` stands for, without the `$`.
    pub name: &'a str,
    /// Its files, all of the repository.
    pub tree: &'a dyn Tree,
}

impl<'a> Context<'a> {
    /// For an application of this name and namespace, with nothing from other places.
    pub fn new(app: &'a str, namespace: &'a str, limits: &'a Limits) -> Context<'a> {
        Context {
            app,
            namespace,
            limits,
            remotes: None,
            load_restrictor: LoadRestrictor::default(),
            charts: true,
            references: &[],
            fetcher: None,
            parsed: None,
            renderers: &[],
            decryption: None,
        }
    }
}

/// What an engine gives. With problems, the manifests are of no use but to find more problems.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) warnings: Vec<String>,
    pub(crate) problems: Vec<Problem>,
    /// Remote bases and fetched charts, by address.
    pub(crate) remotes: Vec<(String, Revision)>,
    /// Read at an earlier time, for what was kept from it.
    pub(crate) reads: ReadSet,
}

impl Output {
    /// Adds the objects of a text that must hold nothing else: lists are their items, `null` documents nothing.
    pub(crate) fn take_text(&mut self, text: &[u8], file: &TreePath, limits: &Limits) -> Result<(), Problem> {
        let parsed = parse_yaml(text, file, DuplicateKeys::LastWins, limits)?;
        self.warnings.extend(parsed.warnings);
        for Document { mut value, at } in parsed.documents.into_iter().filter(|d| !d.value.is_null()) {
            let is_list = value.str_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
            let items = value.as_map_mut().filter(|_| is_list).and_then(|m| m.get_mut("items")).and_then(Value::as_list_mut);
            let items = items.map(std::mem::take);
            for object in items.unwrap_or_else(|| vec![value]) {
                match Manifest::from_value(object, at.clone()) {
                    Ok(manifest) => self.manifests.push(manifest),
                    Err(error) => self.problems.push(error.into()),
                }
            }
        }
        Ok(())
    }
}

/// Renders one source.
///
/// [`EngineChoice::Detect`] looks at the directory, first match wins: a [`Renderer`] that finds it to be its own; `kustomization.yaml`, `kustomization.yml` or
/// `Kustomization` (Kustomize); a name ending in `Chart.yaml` (Helm); `platform.yaml` beside `agents/` or `webapps/`
/// (environment, platform layout); a directory
/// `environments/` beside no manifest, or a directory inside one called `environments` whose files are no Kubernetes
/// objects (environment, environments layout); anything else is a `directory`.
///
/// # Errors
/// With every problem that was found. There is no partial result.
pub fn render(tree: &dyn Tree, source: &Source, context: &Context<'_>) -> Result<Rendered, RenderError> {
    let recorder = Recorder::new(tree);
    let mut output = Output::default();
    let engine = match decrypting(&recorder, source, context, &mut output) {
        Ok(engine) => engine,
        Err(problem) => {
            output.problems.push(problem);
            ""
        }
    };
    let mut reads = recorder.into_read_set();
    reads.merge(std::mem::take(&mut output.reads));
    std::mem::take(&mut output.remotes).into_iter().for_each(|(address, revision)| reads.note_remote(address, revision));
    if output.problems.is_empty() {
        Ok(Rendered { manifests: output.manifests, reads, warnings: output.warnings, engine })
    } else {
        Err(RenderError::new(output.problems, reads))
    }
}

/// [`run`], with encrypted files decrypted on the way in and their texts hidden on the way out.
fn decrypting(tree: &dyn Tree, source: &Source, context: &Context<'_>, output: &mut Output) -> Result<&'static str, Problem> {
    let Some(decryption) = context.decryption else { return run(&mut Files::new(tree, context.limits), source, context, output) };
    // A renderer of the embedding program may write the files down for a program: it gets them as they are in git.
    let is_foreign = match &source.engine {
        EngineChoice::Custom(_) => true,
        EngineChoice::Detect => renderer::discovered(tree, &source.path, context)?.is_some(),
        _ => false,
    };
    if is_foreign {
        let engine = run(&mut Files::new(tree, context.limits), source, context, output)?;
        decryption.hide(&Secrets::default(), output);
        return Ok(engine);
    }
    let secrets = Arc::default();
    let view = decryption.view(tree).noting_in(&secrets);
    let others: Vec<_> = context.references.iter().map(|r| (r.name, decryption.view(r.tree).noting_in(&secrets))).collect();
    let references: Vec<_> = others.iter().map(|(name, tree)| Reference { name, tree }).collect();
    // A parsed chart of another render would not say what was decrypted for it.
    let parsed = context.parsed.filter(|_| !decryption.can_decrypt());
    let context = Context { references: &references, parsed, ..*context };
    let outcome = run(&mut Files::new(&view, context.limits), source, &context, output);
    let engine = outcome.unwrap_or_else(|problem| {
        output.problems.push(problem);
        ""
    });
    decryption.hide(&Decrypting::<&dyn Tree>::noted(&secrets), output);
    Ok(engine)
}

fn run(files: &mut Files<'_>, source: &Source, context: &Context<'_>, output: &mut Output) -> Result<&'static str, Problem> {
    let path = &source.path;
    match files.kind(path)? {
        Some(EntryKind::Directory) => {}
        Some(EntryKind::File | EntryKind::Symlink) => return Err(Problem::Path { at: at(path), found: "a file, not a directory" }),
        Some(EntryKind::Submodule) => {
            return Err(Problem::Path { at: at(path), found: "a submodule: its files are in another repository" });
        }
        None => return Err(Problem::Path { at: at(path), found: "not there" }),
    }
    match &source.engine {
        EngineChoice::Unsupported { name } => Err(Problem::EngineMissing { at: at(path), engine: name.clone() }),
        EngineChoice::Directory(options) => directory::render(files, path, options, context, output).map(|()| "directory"),
        EngineChoice::Environment(options) => environment::render(files, path, options, context, output).map(|()| "environment"),
        EngineChoice::Kustomize(options) => kustomize::render(files.tree(), path, options, context, output).map(|()| "kustomize"),
        EngineChoice::Helm(options) => helm::render(files.tree(), path, options, context, output).map(|()| "helm"),
        EngineChoice::Custom(options) => renderer::render(files, path, options, context, output).map(|()| "plugin"),
        EngineChoice::Detect if renderer::discovered(files.tree(), path, context)?.is_some() => {
            renderer::render(files, path, &CustomOptions::default(), context, output).map(|()| "plugin")
        }
        EngineChoice::Detect => match detect::detect(&mut files.afresh(), path)? {
            Detected::Kustomize => kustomize::render(files.tree(), path, &Default::default(), context, output).map(|()| "kustomize"),
            Detected::Helm => helm::render(files.tree(), path, &Default::default(), context, output).map(|()| "helm"),
            Detected::Directory => directory::render(files, path, &DirectoryOptions::default(), context, output).map(|()| "directory"),
            Detected::Environment => environment::render(files, path, &Default::default(), context, output).map(|()| "environment"),
        },
    }
}
