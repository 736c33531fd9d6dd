//! Kustomizations, built by `gitops-kustomize`.

use gitops_kustomize::{Options, Overrides, Seams};
use gitops_manifest::Manifest;
use gitops_tree::{Tree, TreePath};

use crate::error::Problem;
use crate::files::at;
use crate::render::Output;
use crate::source::KustomizeOptions;

/// Builds the kustomization at `path`.
pub(crate) fn render(tree: &dyn Tree, path: &TreePath, options: &KustomizeOptions, output: &mut Output) -> Result<(), Problem> {
    let mut build = Options::default();
    build.load_restrictor = options.load_restrictor;
    if let Some(block) = &options.block {
        build.overrides = Some(Overrides::read(block, &options.environment).map_err(|e| Problem::Kustomize(Box::new(e.into())))?);
    }
    let built = gitops_kustomize::build(tree, path, &build, &Seams::default()).map_err(|e| Problem::Kustomize(Box::new(e)))?;
    output.warnings.extend(built.warnings);
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
