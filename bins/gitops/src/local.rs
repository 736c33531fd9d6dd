//! `gitops render` and `gitops diff`: the engines over a directory or a revision, with no server.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use gitops_kustomize::{Built, Charts, LoadRestrictor, Remotes, Reorder, Seams};
use gitops_manifest::{Manifest, ObjectId, Value, yaml};
use gitops_render::{Context, Decryption, DirectoryOptions, EngineChoice, EnvironmentOptions, Limits, Source};
use gitops_sops::Keys;
use gitops_tree::{DiskTree, Revision, Tree, TreePath};

use crate::EXIT_FOUND;
use crate::chart::{self, ChartArguments};
use crate::output::{coloured_diff, print};
use crate::remote::{self, Remote};

/// How a directory is read.
#[derive(clap::Args)]
pub(crate) struct Engine {
    /// Environment of an environment layout.
    #[arg(long)]
    environment: Option<String>,
    /// Read sub-directories of a plain directory too.
    #[arg(long)]
    recurse: bool,
    /// Namespace of objects that name none.
    #[arg(long, short, default_value = "")]
    namespace: String,
}

/// `gitops render`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gitops render examples/guestbook
  gitops render --environment production examples/honua/environments
  gitops render examples/shop/apps/web/overlays/prod
  gitops render charts/web --release-name web --namespace shop -f production.yaml --set image.tag=1.2
  gitops render oci://registry.example.org/charts/web --version ^1.2 --release-name web
  gitops render web --repo https://charts.example.org --version 1.2.0
  gitops render HEAD~1:examples/guestbook")]
pub(crate) struct RenderArguments {
    /// A directory or a packaged chart, REVISION:PATH of the repository around the working directory, or a chart that is
    /// fetched: oci://REGISTRY/PATH, or its name with --repo.
    place: String,
    #[command(flatten)]
    engine: Engine,
    /// Which files a kustomization may read: those in its directory and below, or all.
    #[arg(long, value_enum, value_name = "RESTRICTOR", default_value = "LoadRestrictionsRootOnly")]
    load_restrictor: Restrictor,
    /// Order of what a kustomization gives, where its `sortOptions` say none.
    #[arg(long, value_enum, default_value = "legacy")]
    reorder: Order,
    /// Label what a kustomization gives with `app.kubernetes.io/managed-by`.
    #[arg(long)]
    enable_managedby_label: bool,
    /// Read a kustomization's remote bases and files from copies in this directory, HOST/PATH@REF each, and fetch nothing.
    #[arg(long, value_name = "DIRECTORY")]
    fetched: Option<PathBuf>,
    /// Render the charts of a kustomization's `helmCharts`. Nothing is run; what is not in its `chartHome` is fetched.
    #[arg(long)]
    enable_helm: bool,
    #[command(flatten)]
    chart: ChartArguments,
}

/// `--load-restrictor`, in kustomize's words.
#[derive(Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "PascalCase")]
enum Restrictor {
    LoadRestrictionsRootOnly,
    LoadRestrictionsNone,
}

/// `--reorder`, in kustomize's words.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Order {
    Legacy,
    None,
}

/// `gitops diff`.
#[derive(clap::Args)]
#[command(after_help = "Example: gitops diff HEAD~1:examples/guestbook examples/guestbook

Exit code 1 when something differs. Values of Secrets are masked.")]
pub(crate) struct DiffArguments {
    /// A directory, or REVISION:PATH: what is.
    from: String,
    /// A directory, or REVISION:PATH: what shall be.
    to: String,
    #[command(flatten)]
    engine: Engine,
}

pub(crate) fn render(arguments: &RenderArguments) -> anyhow::Result<u8> {
    if let Some(request) = chart::to_fetch(&arguments.place, &arguments.chart) {
        print(&chart::render_fetched(&request, &arguments.engine.namespace, &arguments.chart)?);
        return Ok(0);
    }
    let mut place = open(&arguments.place)?;
    if arguments.chart.decrypt {
        place.0 = Box::new(Decryption::in_the_clear(keys()?).view(place.0));
    }
    if let Some(built) = kustomization(arguments, &place)? {
        // A reader that has gone away (`| head`) ends the program quietly.
        let mut out = std::io::stdout().lock();
        let _ = built.write_yaml(|text| out.write_all(text.as_bytes())).and_then(|()| out.flush());
        // The process ends here: giving back the memory of large builds one piece at a time would be a tenth of their time.
        std::mem::forget(built);
        return Ok(0);
    }
    if arguments.engine.environment.is_none() && !arguments.engine.recurse {
        let (tree, path, _) = &place;
        if chart::is_chart(&**tree, path) {
            print(&chart::render(&**tree, path, &arguments.engine.namespace, &arguments.chart)?);
            return Ok(0);
        }
    }
    let manifests = objects(&place, &arguments.engine)?;
    for (i, manifest) in manifests.iter().enumerate() {
        print(&format!("{}{}", if i > 0 { "---\n" } else { "" }, yaml::print(manifest.body())));
    }
    Ok(0)
}

/// What `kustomize build` makes of the place, if it is a kustomization and nobody chose another way to read it.
fn kustomization(arguments: &RenderArguments, (tree, path, location): &Place) -> anyhow::Result<Option<Built>> {
    if arguments.engine.environment.is_some() || arguments.engine.recurse {
        return Ok(None);
    }
    let is_there = |name: &str| tree.entry(&path.child(name)).is_ok_and(|entry| entry.is_some());
    if !gitops_kustomize::FILE_NAMES.iter().any(|name| is_there(name)) {
        return Ok(None);
    }
    let mut options = gitops_kustomize::Options::default();
    options.load_restrictor = match arguments.load_restrictor {
        Restrictor::LoadRestrictionsRootOnly => LoadRestrictor::RootOnly,
        Restrictor::LoadRestrictionsNone => LoadRestrictor::None,
    };
    options.reorder = match arguments.reorder {
        Order::Legacy => Reorder::Legacy,
        Order::None => Reorder::None,
    };
    options.managed_by_label = arguments.enable_managedby_label;
    let mut seams = Seams::default();
    seams.tree_location = location.as_deref();
    let fetching = Remote::default();
    let copies = arguments.fetched.as_deref().map(remote::copies);
    let remotes: &dyn Remotes = match &copies {
        Some(copies) => copies,
        None => &fetching,
    };
    seams.remotes = Some(remotes);
    let fetcher = chart::fetcher(&arguments.chart);
    let charts = chart::of_kustomizations(&arguments.chart, Some(&fetcher).filter(|_| copies.is_none()));
    seams.charts = arguments.enable_helm.then_some(&charts as &dyn Charts);
    let built = gitops_kustomize::build(&**tree, path, &options, &seams).map_err(|error| match error.hint() {
        Some(hint) => anyhow::anyhow!("{error}\n{hint}"),
        None => anyhow::anyhow!("{error}"),
    })?;
    for warning in built.warnings.iter().chain(&charts.take_warnings()) {
        eprintln!("warning: {warning}");
    }
    Ok(Some(built))
}

pub(crate) fn diff(arguments: &DiffArguments) -> anyhow::Result<u8> {
    let keyed = |manifests: Vec<Manifest>| -> BTreeMap<ObjectId, Value> {
        manifests.into_iter().map(|m| (m.id().clone(), m.into_body())).collect()
    };
    let from = keyed(objects(&open(&arguments.from)?, &arguments.engine)?);
    let mut to = keyed(objects(&open(&arguments.to)?, &arguments.engine)?);
    let mut found = false;
    let mut show = |id: &ObjectId, a: &Value, b: &Value| {
        if a != b {
            found = true;
            let masked = gitops_diff::Masker::new().mask(b, a);
            print(&coloured_diff(&masked.unified((&format!("a/{id}"), &format!("b/{id}")), 3)));
        }
    };
    for (id, before) in &from {
        show(id, before, &to.remove(id).unwrap_or_default());
    }
    for (id, after) in &to {
        show(id, &Value::Null, after);
    }
    Ok(if found { EXIT_FOUND } else { 0 })
}

fn objects((tree, path, _): &Place, engine: &Engine) -> anyhow::Result<Vec<Manifest>> {
    let choice = match &engine.environment {
        Some(environment) => {
            EngineChoice::Environment(EnvironmentOptions { environment: environment.clone(), ..EnvironmentOptions::default() })
        }
        None if engine.recurse => EngineChoice::Directory(DirectoryOptions { recurse: true, ..DirectoryOptions::default() }),
        None => EngineChoice::Detect,
    };
    let limits = Limits::default();
    let context = Context::new(path.file_name(), &engine.namespace, &limits);
    let rendered = gitops_render::render(&**tree, &Source { path: path.clone(), engine: choice }, &context)?;
    for warning in &rendered.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(rendered.manifests)
}

/// What `sops` itself decrypts with, as far as age goes.
pub(crate) fn keys() -> anyhow::Result<Keys> {
    let (text, from) = match (std::env::var_os("SOPS_AGE_KEY_FILE"), std::env::var("SOPS_AGE_KEY")) {
        (Some(file), _) => {
            let file = PathBuf::from(file);
            (std::fs::read_to_string(&file).with_context(|| format!("SOPS_AGE_KEY_FILE: {}", file.display()))?, file.display().to_string())
        }
        (None, Ok(text)) => (text, "SOPS_AGE_KEY".to_owned()),
        (None, Err(_)) => bail!("--decrypt: set SOPS_AGE_KEY_FILE (or SOPS_AGE_KEY) to the age identity that decrypts the files"),
    };
    Ok(Keys::new().with_identity_file(&text, &from)?)
}

/// A tree, a path in it, and where the tree is on disk.
type Place = (Box<dyn Tree>, TreePath, Option<String>);

/// `REVISION:PATH` where no such file exists, else a directory: seen from the top of its repository, so that an
/// environment layout finds what it shares, and a kustomization its bases; these may lie anywhere where there is no
/// repository. Also says where the tree is on disk.
fn open(place: &str) -> anyhow::Result<Place> {
    if !Path::new(place).exists()
        && let Some((revision, path)) = place.split_once(':')
    {
        let top = top_of(Path::new(".")).context("REVISION:PATH works inside a git repository only")?;
        let tree = gitops_git::Repository::open(&top, gitops_git::Settings::default())?.tree(&commit(&top, revision)?)?;
        return Ok((Box::new(tree), TreePath::parse(path)?, None));
    }
    let directory = std::fs::canonicalize(place).with_context(|| format!("{place}: cannot be read"))?;
    let around = if directory.is_file() { directory.parent().unwrap_or(Path::new("/")) } else { &directory };
    let is_kustomization = || gitops_kustomize::FILE_NAMES.iter().any(|name| directory.join(name).exists());
    let top = match top_of(around) {
        Some(top) => top,
        None if is_kustomization() => PathBuf::from("/"),
        None => around.to_owned(),
    };
    let inside = directory.strip_prefix(&top).unwrap_or(Path::new("")).to_str().context("the path is not UTF-8")?;
    let path = TreePath::parse(inside)?;
    Ok((Box::new(DiskTree::open(&top)?), path, top.to_str().map(str::to_owned)))
}

fn top_of(directory: &Path) -> Option<PathBuf> {
    let directory = std::fs::canonicalize(directory).ok()?;
    directory.ancestors().find(|d| d.join(".git").exists()).map(Path::to_owned)
}

/// The commit that a person's `HEAD~1` means. git knows all its spellings; this is the command line, not the renderer.
fn commit(top: &Path, revision: &str) -> anyhow::Result<Revision> {
    let out = Command::new("git")
        .arg("-C")
        .arg(top)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{revision}^{{commit}}"))
        .output()?;
    if !out.status.success() {
        bail!("`{revision}` is no commit of {}", top.display());
    }
    Ok(Revision::parse(String::from_utf8_lossy(&out.stdout).trim())?)
}
