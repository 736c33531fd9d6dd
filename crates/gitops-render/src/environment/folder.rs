//! The environments layout: one directory per environment, one file per object.

use std::collections::BTreeMap;

use gitops_manifest::Value;
use gitops_tree::{EntryKind, TreePath};

use super::content::{Content, Layer, SettingsFile};
use super::object::Maker;
use super::schema::Schemas;
use crate::detect::is_data;
use crate::error::Problem;
use crate::files::{Files, at};
use crate::nearest::nearest;
use crate::render::{Context, Output};
use crate::source::EnvironmentOptions;

/// The defaults of all environments. No environment begins with `_`, so it can be none of them.
const SHARED: &str = "_shared";

pub(super) fn render(
    files: &mut Files<'_>,
    directory: &TreePath,
    environment: &str,
    options: &EnvironmentOptions,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Problem> {
    if environment.is_empty() {
        return Err(Problem::NoEnvironment { at: at(directory), known: names(files, directory)? });
    }
    let is_name = !environment.contains(['/', '\\', '\0']) && !environment.starts_with(['_', '.']);
    if !is_name || !files.is_directory(&directory.child(environment))? {
        let known = names(files, directory)?;
        let similar = nearest(environment, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(Problem::UnknownEnvironment { at: at(directory), name: environment.to_owned(), known, similar });
    }
    let root = directory.parent().unwrap_or_default();
    let schemas = Schemas::new(super::schemas(files, &root, options.schemas.as_deref())?);
    let mut layers: BTreeMap<String, Vec<Layer>> = BTreeMap::new();
    for part in [SHARED, environment] {
        collect(files, &directory.child(part), &mut layers, output)?;
    }
    let mut maker = Maker { namespace: context.namespace, schemas };
    for (stem, layers) in layers {
        maker.make(files, &kind_of(&stem), &stem, &Content(layers), output);
    }
    Ok(())
}

/// The environments that there are. Only asked for when an error needs them: a listing would make every new environment
/// a reason to render the others again.
fn names(files: &mut Files<'_>, directory: &TreePath) -> Result<Vec<String>, Problem> {
    let entries = files.list(directory, &mut Vec::new())?.unwrap_or_default();
    let names = entries.into_iter().filter(|e| e.kind == EntryKind::Directory).map(|e| e.path.file_name().to_owned());
    Ok(names.filter(|name| !name.starts_with(['_', '.'])).collect())
}

/// Adds each file of `directory` as a layer of the object that it is named after.
fn collect(
    files: &mut Files<'_>,
    directory: &TreePath,
    layers: &mut BTreeMap<String, Vec<Layer>>,
    output: &mut Output,
) -> Result<(), Problem> {
    let entries = files.list(directory, &mut output.problems)?.unwrap_or_default();
    let mut seen: BTreeMap<String, TreePath> = BTreeMap::new();
    for entry in entries {
        let name = entry.path.file_name();
        if name.starts_with('.') {
            continue;
        }
        if entry.kind != EntryKind::File {
            output.warnings.push(format!("{}: not read: an environment is the files directly in its directory", entry.path));
            continue;
        }
        if !is_data(name) {
            continue;
        }
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
        if let Some(first) = seen.insert(stem.clone(), entry.path.clone()) {
            output.problems.push(Problem::TwoFiles { at: at(&entry.path), first: at(&first) });
            continue;
        }
        match SettingsFile::read(files, &entry.path) {
            Err(problem @ Problem::TooLarge { .. }) => return Err(problem),
            Err(problem) => output.problems.push(problem),
            Ok(None) => {}
            Ok(Some(file)) => {
                let empty = Value::Map(gitops_manifest::Map::new());
                let value = file.value.clone().unwrap_or(empty);
                layers.entry(stem).or_default().push(file.layer("", value));
            }
        }
    }
    Ok(())
}

/// `metadata` is a Metadata, `data-sources` and `dataSources` a DataSources.
pub(super) fn kind_of(stem: &str) -> String {
    stem.split(['-', '_', '.', ' '])
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_after_files() {
        let kinds = ["metadata", "data-sources", "dataSources", "wms_layers"].map(kind_of);
        assert_eq!(kinds, ["Metadata", "DataSources", "DataSources", "WmsLayers"]);
    }
}
