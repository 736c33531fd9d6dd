//! Kustomizations, built by `gitops-kustomize`.

use std::sync::{Mutex, PoisonError};

use gitops_kustomize::{Charts, Fetched, Options, Overrides, Remotes, RepositorySpec, Seams};
use gitops_manifest::{Manifest, Value};
use gitops_tree::{Revision, Tree, TreePath};

use crate::charts::HelmCharts;
use crate::error::Problem;
use crate::files::at;
use crate::render::{Context, Output};
use crate::source::KustomizeOptions;

/// Builds the kustomization at `path`.
pub(crate) fn render(
    tree: &dyn Tree,
    path: &TreePath,
    options: &KustomizeOptions,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Problem> {
    let mut build = Options::default();
    build.load_restrictor = options.load_restrictor.unwrap_or(context.load_restrictor);
    if let Some(block) = &options.block {
        build.overrides = Some(Overrides::read(block, &options.environment).map_err(|e| Problem::Kustomize(Box::new(e.into())))?);
    }
    let noted = context.remotes.map(|remotes| Noted { remotes, seen: Mutex::default() });
    let mut seams = Seams::default();
    seams.remotes = noted.as_ref().map(|noted| noted as &dyn Remotes);
    let charts = charts(options).with_fetcher(context.fetcher, context.parsed);
    seams.charts = context.charts.then_some(&charts as &dyn Charts);
    let built = gitops_kustomize::build(tree, path, &build, &seams);
    // A failure depends on them as well.
    output.remotes.extend(noted.map(|noted| noted.seen.into_inner().unwrap_or_else(PoisonError::into_inner)).unwrap_or_default());
    output.remotes.extend(charts.take_fetched());
    let built = built.map_err(|e| Problem::Kustomize(Box::new(e)))?;
    output.warnings.extend(built.warnings);
    output.warnings.extend(charts.take_warnings());
    // An object comes out of many files: the kustomization is what a reader of an error can look at.
    let place = at(path);
    for value in built.resources {
        match Manifest::from_value(value, place.clone()) {
            Ok(manifest) => output.manifests.push(manifest),
            Err(error) => output.problems.push(error.into()),
        }
    }
    Ok(())
}

/// Charts as the Application's block says what the cluster has.
fn charts<'f>(options: &KustomizeOptions) -> HelmCharts<'f> {
    let block = options.block.as_ref();
    let versions = block.and_then(|b| b.get("apiVersions")).and_then(Value::as_list).unwrap_or_default();
    let kube_version = block.and_then(|b| b.str_at(&["kubeVersion"])).unwrap_or_default();
    HelmCharts::new(kube_version, versions.iter().filter_map(Value::as_str).map(str::to_owned).collect(), 0)
}

/// Notes which repositories were read at which commits.
struct Noted<'a> {
    remotes: &'a dyn Remotes,
    seen: Mutex<Vec<(String, Revision)>>,
}

impl Remotes for Noted<'_> {
    fn fetch(&self, address: &str, spec: Option<&RepositorySpec>) -> Result<Fetched, String> {
        let fetched = self.remotes.fetch(address, spec)?;
        if let Fetched::Repository(tree) = &fetched
            && let Some(revision) = tree.revision()
        {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push((address.to_owned(), revision.clone()));
        }
        Ok(fetched)
    }
}
