//! The platform layout: `platform.yaml`, and a directory for each agent and web application.

use std::collections::BTreeSet;

use gitops_manifest::{Map, Value};
use gitops_tree::{EntryKind, TreePath};

use super::config;
use super::content::{Content, Layer, SettingsFile, child};
use super::object::Maker;
use super::schema::Schemas;
use crate::error::Problem;
use crate::files::{Files, Found, at};
use crate::nearest::nearest;
use crate::render::{Context, Output};
use crate::source::EnvironmentOptions;

/// The folders that are always looked for, and the kind of what is in them.
const FOLDERS: [(&str, &str); 2] = [("agents", "Agent"), ("webapps", "WebApp")];

/// The key of `platform.yaml` for the engine's own settings, and what it may hold.
const SETTINGS: &str = "gitops";
const SETTINGS_FIELDS: [&str; 2] = ["kinds", "schemas"];

/// What `platform.yaml` says to the engine.
#[derive(Default)]
struct Settings {
    /// The environments, if it declares them.
    declared: Option<Vec<String>>,
    /// Folder and kind, beyond [`FOLDERS`].
    kinds: Vec<(String, String)>,
    schemas: Option<String>,
}

pub(super) fn render(
    files: &mut Files<'_>,
    root: &TreePath,
    options: &EnvironmentOptions,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Problem> {
    let file = SettingsFile::read_stem(files, root, "platform")?.ok_or_else(|| Problem::NoLayout { at: at(root) })?;
    let environment = options.environment.as_str();
    let (settings, layers) = read_platform(&file, environment, output)?;
    if let Some(declared) = &settings.declared
        && !environment.is_empty()
        && !declared.iter().any(|d| d == environment)
    {
        return Err(unknown_environment(&file, environment, declared.clone()));
    }
    let schemas = Schemas::new(super::schemas(files, root, options.schemas.as_deref().or(settings.schemas.as_deref()))?);
    let mut maker = Maker { namespace: context.namespace, schemas };
    maker.make(files, "Platform", "platform", &Content(layers), output);
    let mut named = BTreeSet::new();
    let further = settings.kinds.iter().map(|(folder, kind)| (folder.as_str(), kind.as_str()));
    for (folder, kind) in FOLDERS.into_iter().chain(further) {
        let entries = files.list(&root.child(folder), &mut output.problems)?.unwrap_or_default();
        let is_member = |e: &&Found| e.kind == EntryKind::Directory && !e.path.file_name().starts_with(['_', '.']);
        for entry in entries.iter().filter(is_member) {
            match read_member(files, &entry.path, settings.declared.as_deref(), environment) {
                Ok((layers, names)) => {
                    named.extend(names);
                    maker.make(files, kind, entry.path.file_name(), &Content(layers), output);
                }
                Err(mut problems) => {
                    // Past this limit nothing more can be read: the rest would only repeat it.
                    if let Some(i) = problems.iter().position(|p| matches!(p, Problem::TooLarge { .. })) {
                        return Err(problems.swap_remove(i));
                    }
                    output.problems.extend(problems);
                }
            }
        }
    }
    if settings.declared.is_none() && !environment.is_empty() && !named.contains(environment) {
        if !named.is_empty() {
            return Err(unknown_environment(&file, environment, named.into_iter().collect()));
        }
        output.warnings.push(format!("{}: nothing here depends on an environment, so `{environment}` changes nothing", file.path));
    }
    Ok(())
}

fn unknown_environment(file: &SettingsFile, name: &str, known: Vec<String>) -> Problem {
    let similar = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    Problem::UnknownEnvironment { at: file.locate("/environments"), name: name.to_owned(), known, similar }
}

/// The layers of one agent or web application, and the environments that its `config.yaml` names.
fn read_member(
    files: &mut Files<'_>,
    directory: &TreePath,
    declared: Option<&[String]>,
    environment: &str,
) -> Result<(Vec<Layer>, Vec<String>), Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let manifest = SettingsFile::read_stem(files, directory, "manifest").map_err(one)?;
    let manifest = manifest.ok_or_else(|| vec![Problem::ManifestMissing { at: at(directory) }])?;
    let map = manifest.map().map_err(one)?;
    let mut layers = vec![manifest.layer("", Value::Map(map))];
    let mut named = Vec::new();
    if let Some(file) = SettingsFile::read_stem(files, directory, "config").map_err(one)? {
        let config = config::read(&file, declared, environment)?;
        layers.extend(config.layers);
        named = config.named;
    }
    Ok((layers, named))
}

/// Takes what is the engine's out of `platform.yaml`; the rest is the platform's.
fn read_platform(file: &SettingsFile, environment: &str, output: &mut Output) -> Result<(Settings, Vec<Layer>), Problem> {
    let mut map = file.map()?;
    let mut settings = Settings::default();
    let mut layers = Vec::new();
    for key in map.keys().filter(|k| k.as_str() != "environments" && nearest(k, ["environments"]).is_some()) {
        let place = file.locate(&child("", key));
        output.warnings.push(format!("{place}: `{key}` is taken for a setting of the platform; did you mean `environments`?"));
    }
    match map.remove("environments") {
        None | Some(Value::Null) => {}
        Some(Value::List(list)) => settings.declared = Some(names(file, &list)?),
        Some(Value::Map(environments)) => {
            settings.declared = Some(environments.keys().map(ToString::to_string).collect());
            layers.extend(own_layer(file, &environments, environment)?);
        }
        Some(other) => return Err(expected(file, "/environments", "a list of names or a map by name", &other)),
    }
    if let Some(ours) = map.remove(SETTINGS) {
        read_settings(file, &ours, &mut settings, &mut output.problems);
    }
    layers.insert(0, file.layer("", Value::Map(map)));
    Ok((settings, layers))
}

/// What an environment changes in the platform's own settings.
fn own_layer(file: &SettingsFile, environments: &Map, environment: &str) -> Result<Option<Layer>, Problem> {
    let mut layer = None;
    for (name, value) in environments.iter() {
        let place = child("/environments", name);
        match value {
            Value::Null => {}
            Value::Map(_) if name.as_str() == environment => layer = Some(file.layer(&place, value.clone())),
            Value::Map(_) => {}
            other => return Err(expected(file, &place, "a map", other)),
        }
    }
    Ok(layer)
}

fn names(file: &SettingsFile, list: &[Value]) -> Result<Vec<String>, Problem> {
    let name = |(i, v): (usize, &Value)| {
        v.as_str().map(str::to_owned).ok_or_else(|| expected(file, &child("/environments", &i.to_string()), "a name", v))
    };
    list.iter().enumerate().map(name).collect()
}

fn expected(file: &SettingsFile, pointer: &str, expected: &'static str, found: &Value) -> Problem {
    let field = pointer.trim_start_matches('/').replace('/', ".");
    Problem::Expected { at: file.locate(pointer), field, expected, found: found.kind_name() }
}

fn read_settings(file: &SettingsFile, ours: &Value, settings: &mut Settings, problems: &mut Vec<Problem>) {
    let Some(map) = ours.as_map() else {
        problems.push(expected(file, "/gitops", "a map", ours));
        return;
    };
    for (key, value) in map.iter() {
        let place = child("/gitops", key);
        match (key.as_str(), value) {
            ("schemas", Value::String(directory)) => settings.schemas = Some(directory.to_string()),
            ("schemas", other) => problems.push(expected(file, &place, "the path of a directory", other)),
            ("kinds", Value::Map(kinds)) => read_kinds(file, kinds, settings, problems),
            ("kinds", other) => problems.push(expected(file, &place, "a map from folder to kind", other)),
            _ => problems.push(Problem::UnknownField {
                at: file.locate(&place),
                field: format!("{SETTINGS}.{key}"),
                known: SETTINGS_FIELDS.map(str::to_owned).to_vec(),
                similar: nearest(key, SETTINGS_FIELDS).map(str::to_owned),
            }),
        }
    }
}

fn read_kinds(file: &SettingsFile, kinds: &Map, settings: &mut Settings, problems: &mut Vec<Problem>) {
    for (folder, kind) in kinds.iter() {
        let place = child("/gitops/kinds", folder);
        let is_folder = !folder.is_empty() && !folder.contains(['/', '\\', '\0']) && !folder.starts_with('.');
        let taken = FOLDERS.iter().any(|(name, _)| *name == folder.as_str());
        match kind.as_str().filter(|k| k.starts_with(|c: char| c.is_ascii_uppercase()) && k.bytes().all(|b| b.is_ascii_alphanumeric())) {
            Some(kind) if is_folder && !taken => settings.kinds.push((folder.to_string(), kind.to_owned())),
            _ => problems.push(expected(file, &place, "a folder beside platform.yaml and its kind, e.g. `models: Model`", kind)),
        }
    }
}
