//! Environment layouts: settings that are the same everywhere, and what each environment changes.
//!
//! **Platform layout** (there is a `platform.yaml`, or `.yml`, `.json`, in the source's path):
//! ```text
//! platform.yaml                     one object of kind Platform, named `platform`
//! agents/<name>/manifest.json       one Agent each; .yaml and .yml too
//! agents/<name>/config.yaml         optional: what is merged over the manifest, see below
//! webapps/<name>/manifest.json      one WebApp each, config.yaml likewise
//! schemas/<kind>.json               optional: JSON Schemas, e.g. schemas/agent.json; .yaml and .yml too
//! ```
//! Directories that begin with `_` or `.` are no agents and no web applications.
//!
//! Keys of `platform.yaml` that are ours, and not part of the object: `environments`, either the list of all environments
//! or a map from each to what it changes in the platform's own settings; and `gitops`, with `kinds` (further folders:
//! `{models: Model}`) and `schemas` (another directory for them).
//!
//! `config.yaml` comes in three forms: **explicit**, with a map `environments` by environment, all beside it being for
//! every environment; **by name**, where every top-level key is an environment or `default` and holds a map; **plain**,
//! anything else, for every environment. When `platform.yaml` declares environments, one of their names at the top makes
//! it *by name*, and so does a key that is nearly one, which is then reported. When it does not, the form is *by name* if
//! all values are maps and one of the keys is a usual name (`production`, `staging`, `dev`, …) or the chosen environment.
//!
//! **Environments layout** (there is a directory `environments` in the source's path, or the path is that directory or
//! one in it):
//! ```text
//! environments/<environment>/metadata.json   one object of kind Metadata, named `metadata`; any *.json, *.yaml, *.yml
//! environments/_shared/metadata.json         optional: the defaults of all environments
//! schemas/metadata.json                      optional: beside `environments`
//! ```
//! Only the chosen environment's directory, `_shared` and `schemas` are read. A file that is `null` takes the object out
//! of the environment.
//!
//! **Both**: layers are merged as JSON merge patches (RFC 7386: `null` deletes), in the order shared, `default`,
//! environment. The result becomes `spec` of an object of [`GROUP`] — unless it is Kubernetes-shaped (`apiVersion`, `kind`
//! and `metadata`): then it is taken as it is. A key `$gitops` with `annotations` and `labels` sets those of the object,
//! for instance its sync wave. Schemas are enforced on the merged content (without `$gitops`); they may refer to their own
//! parts, never to another file or address. References to secrets (`vault://`, `env://`, `file://`) stay as they are, and
//! must be well-formed. Equal keys, several documents in a file, and two objects with one identity are errors.

mod config;
mod content;
mod folder;
mod object;
mod platform;
mod reference;
mod schema;

use gitops_tree::TreePath;

use crate::error::Problem;
use crate::files::{Files, at};
use crate::render::{Context, Output};
use crate::rendered::keep_last;
use crate::source::{EnvironmentOptions, Layout};

/// API group of the objects that environment layouts define.
pub const GROUP: &str = "platform.gitops-engine.dev";

/// Version of [`GROUP`].
pub const VERSION: &str = "v1alpha1";

/// Where a layout was found.
enum Place {
    /// The directory of `platform.yaml`.
    Platform(TreePath),
    /// The directory of the environments, and the environment that the path itself names.
    Environments(TreePath, Option<String>),
}

pub(crate) fn render(
    files: &mut Files<'_>,
    path: &TreePath,
    options: &EnvironmentOptions,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Problem> {
    match find(files, path, options)? {
        Place::Platform(root) => platform::render(files, &root, options, context, output)?,
        Place::Environments(directory, named) => {
            let environment = if options.environment.is_empty() { named.unwrap_or_default() } else { options.environment.clone() };
            folder::render(files, &directory, &environment, options, context, output)?;
        }
    }
    let (manifests, repeated) = keep_last(std::mem::take(&mut output.manifests), context.namespace);
    output.manifests = manifests;
    output.problems.extend(repeated.into_iter().map(|r| Problem::Repeated { id: Box::new(r.id), first: r.first, second: r.last }));
    Ok(())
}

fn find(files: &Files<'_>, path: &TreePath, options: &EnvironmentOptions) -> Result<Place, Problem> {
    if options.layout != Some(Layout::Environments) {
        for name in ["platform.yaml", "platform.yml", "platform.json"] {
            if files.is_file(&path.child(name))? {
                return Ok(Place::Platform(path.clone()));
            }
        }
    }
    if options.layout != Some(Layout::Platform) {
        let below = path.child("environments");
        if files.is_directory(&below)? {
            return Ok(Place::Environments(below, None));
        }
        if path.file_name() == "environments" {
            return Ok(Place::Environments(path.clone(), None));
        }
        let named = path.file_name();
        if let Some(parent) = path.parent().filter(|p| p.file_name() == "environments")
            && (options.environment.is_empty() || options.environment == named)
        {
            return Ok(Place::Environments(parent, Some(named.to_owned())));
        }
    }
    Err(Problem::NoLayout { at: at(path) })
}

/// The directory of the schemas: the one that was chosen, or `schemas` in `root` if it is there.
fn schemas(files: &Files<'_>, root: &TreePath, chosen: Option<&str>) -> Result<Option<TreePath>, Problem> {
    let Some(chosen) = chosen else {
        let usual = root.child("schemas");
        return Ok(files.is_directory(&usual)?.then_some(usual));
    };
    let directory = root.join(chosen).map_err(|e| Problem::SchemasPath { at: at(root), reason: e.to_string() })?;
    if files.is_directory(&directory)? {
        return Ok(Some(directory));
    }
    Err(Problem::SchemasPath { at: at(root), reason: format!("there is no directory `{directory}`") })
}
