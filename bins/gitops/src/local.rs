//! `gitops render` and `gitops diff`: the engines over a directory or a revision, with no server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use gitops_manifest::{Manifest, ObjectId, Value, yaml};
use gitops_render::{Context, DirectoryOptions, EngineChoice, EnvironmentOptions, Limits, Source};
use gitops_tree::{DiskTree, Revision, Tree, TreePath};

use crate::EXIT_FOUND;
use crate::chart::{self, ChartArguments};
use crate::output::{coloured_diff, print};

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
  gitops render charts/web --release-name web --namespace shop -f production.yaml --set image.tag=1.2
  gitops render HEAD~1:examples/guestbook")]
pub(crate) struct RenderArguments {
    /// A directory or a packaged chart, or REVISION:PATH of the repository around the working directory.
    place: String,
    #[command(flatten)]
    engine: Engine,
    #[command(flatten)]
    chart: ChartArguments,
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
    if arguments.engine.environment.is_none() && !arguments.engine.recurse {
        let (tree, path) = open(&arguments.place)?;
        if chart::is_chart(&*tree, &path) {
            print(&chart::render(&*tree, &path, &arguments.engine.namespace, &arguments.chart)?);
            return Ok(0);
        }
    }
    let manifests = objects(&arguments.place, &arguments.engine)?;
    for (i, manifest) in manifests.iter().enumerate() {
        print(&format!("{}{}", if i > 0 { "---\n" } else { "" }, yaml::print(manifest.body())));
    }
    Ok(0)
}

pub(crate) fn diff(arguments: &DiffArguments) -> anyhow::Result<u8> {
    let keyed = |manifests: Vec<Manifest>| -> BTreeMap<ObjectId, Value> {
        manifests.into_iter().map(|m| (m.id().clone(), m.into_body())).collect()
    };
    let from = keyed(objects(&arguments.from, &arguments.engine)?);
    let mut to = keyed(objects(&arguments.to, &arguments.engine)?);
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

fn objects(place: &str, engine: &Engine) -> anyhow::Result<Vec<Manifest>> {
    let (tree, path) = open(place)?;
    let choice = match &engine.environment {
        Some(environment) => {
            EngineChoice::Environment(EnvironmentOptions { environment: environment.clone(), ..EnvironmentOptions::default() })
        }
        None if engine.recurse => EngineChoice::Directory(DirectoryOptions { recurse: true, ..DirectoryOptions::default() }),
        None => EngineChoice::Detect,
    };
    let limits = Limits::default();
    let context = Context { app: path.file_name(), namespace: &engine.namespace, limits: &limits };
    let rendered = gitops_render::render(&*tree, &Source { path: path.clone(), engine: choice }, &context)?;
    for warning in &rendered.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(rendered.manifests)
}

/// `REVISION:PATH` where no such file exists, else a directory: seen from the top of its repository, so that an
/// environment layout finds what it shares.
fn open(place: &str) -> anyhow::Result<(Box<dyn Tree>, TreePath)> {
    if !Path::new(place).exists()
        && let Some((revision, path)) = place.split_once(':')
    {
        let top = top_of(Path::new(".")).context("REVISION:PATH works inside a git repository only")?;
        let tree = gitops_git::Repository::open(&top, gitops_git::Settings::default())?.tree(&commit(&top, revision)?)?;
        return Ok((Box::new(tree), TreePath::parse(path)?));
    }
    let directory = std::fs::canonicalize(place).with_context(|| format!("{place}: cannot be read"))?;
    let around = if directory.is_file() { directory.parent().unwrap_or(Path::new("/")) } else { &directory };
    let top = top_of(around).unwrap_or_else(|| around.to_owned());
    let inside = directory.strip_prefix(&top).unwrap_or(Path::new("")).to_str().context("the path is not UTF-8")?;
    let path = TreePath::parse(inside)?;
    Ok((Box::new(DiskTree::open(&top)?), path))
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
