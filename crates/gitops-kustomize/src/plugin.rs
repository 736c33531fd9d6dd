//! Files under `transformers`, `generators` and `validators`: kustomize's own transformers and generators with settings of
//! their own. What is not built in would be a program, and is refused.

use std::borrow::Cow;

use gitops_manifest::Value;

use crate::error::ResourceError;
use crate::kustomization::decode::{DecodeError, Fields, Rules, list};
use crate::kustomization::{GeneratorArgs, ReplacementField, field_specs, image_change, patch_options, replacement, replica, selector};
use crate::patch::json6902;
use crate::replacement::Replacement;
use crate::resource::Resource;
use crate::transform::name_affix::Side;
use crate::transform::namespace::Subjects;
use crate::transform::patches;
use crate::transformer::{Action, ValueTarget};

/// What a file of this kind asks for.
#[derive(Debug)]
pub(crate) enum Plugin {
    Transformer(Action),
    ConfigMap(GeneratorArgs),
    Secret(GeneratorArgs),
    /// A resource that is ready.
    Made(Box<Resource>),
    /// A chart's settings.
    Chart(Value),
}

/// Why it cannot be used.
#[derive(Debug)]
pub(crate) enum PluginError {
    /// It is not built in.
    Foreign {
        what: String,
    },
    Decode(DecodeError),
    Resources(ResourceError),
    Text(String),
}

impl From<DecodeError> for PluginError {
    fn from(error: DecodeError) -> PluginError {
        PluginError::Decode(error)
    }
}

const RULES: Rules = Rules::PLUGIN;

/// Reads files for a plugin: their bytes and what to call them.
pub(crate) type Load<'l> = dyn FnMut(&str) -> Result<(Vec<u8>, String), PluginError> + 'l;

/// Reads the settings. `directory` is the name of the kustomization's own one.
///
/// # Errors
/// When the settings are wrong, or it is not built in.
pub(crate) fn read(resource: &Resource, directory: &str, load: &mut Load<'_>) -> Result<Plugin, PluginError> {
    if resource.api_version() != "builtin" {
        return Err(PluginError::Foreign { what: foreign(resource) });
    }
    let value = resource.node.to_value().map_err(|e| PluginError::Text(e.to_string()))?;
    let value = &value;
    let action = match resource.kind() {
        "AnnotationsTransformer" => pairs(value, "annotations")?,
        "LabelTransformer" => pairs(value, "labels")?,
        "ImageTagTransformer" => {
            let f = Fields::read(value, &["imageTag", "fieldSpecs"], RULES)?;
            let change = f.with("imageTag", |v| image_change(v, RULES))?.unwrap_or_default();
            Action::Image { change, specs: Cow::Owned(field_specs(&f, "fieldSpecs", RULES)?) }
        }
        "NamespaceTransformer" => namespace(value)?,
        "PatchJson6902Transformer" => json_patch(value, load)?,
        "PatchStrategicMergeTransformer" => merges(value, load)?,
        "PatchTransformer" => patch(value, load)?,
        "PrefixTransformer" => affix(value, Side::Prefix)?,
        "SuffixTransformer" => affix(value, Side::Suffix)?,
        "PrefixSuffixTransformer" => Action::Several(vec![affix(value, Side::Prefix)?, affix(value, Side::Suffix)?]),
        "ReplacementTransformer" => {
            let f = Fields::read(value, &["replacements"], RULES)?;
            let entries = f.list("replacements", |v| ReplacementField::read(v, RULES))?;
            Action::Replacements(replacements(entries, load)?)
        }
        "ReplicaCountTransformer" => {
            let f = Fields::read(value, &["replica", "fieldSpecs"], RULES)?;
            let replica = f.with("replica", |v| replica(v, RULES))?.unwrap_or_default();
            Action::Replicas { replica, specs: Cow::Owned(field_specs(&f, "fieldSpecs", RULES)?) }
        }
        "ValueAddTransformer" => value_add(value, directory, load)?,
        "HashTransformer" => Action::Hash,
        "ConfigMapGenerator" => return Ok(Plugin::ConfigMap(generator_args(value)?)),
        "SecretGenerator" => return Ok(Plugin::Secret(generator_args(value)?)),
        "IAMPolicyGenerator" => return service_account(value),
        "HelmChartInflationGenerator" => return Ok(Plugin::Chart(value.clone())),
        other => return Err(PluginError::Text(format!("there is no built-in `{other}`"))),
    };
    Ok(Plugin::Transformer(action))
}

fn foreign(resource: &Resource) -> String {
    let runs = |key: &str| resource.annotation(key).unwrap_or_default().to_owned();
    let function = runs("config.kubernetes.io/function") + &runs("config.k8s.io/function");
    let how = if function.contains("exec") {
        "an exec function"
    } else if !function.is_empty() {
        "a function in a container"
    } else {
        "a plug-in"
    };
    format!("{}/{}, {how},", resource.api_version(), resource.kind())
}

fn pairs(value: &Value, name: &'static str) -> Result<Action, PluginError> {
    let f = Fields::read(value, &[name, "fieldSpecs"], RULES)?;
    Ok(Action::Metadata { pairs: f.text_map(name)?.unwrap_or_default(), specs: Cow::Owned(field_specs(&f, "fieldSpecs", RULES)?) })
}

fn namespace(value: &Value) -> Result<Action, PluginError> {
    let f = Fields::read(value, &["metadata", "fieldSpecs", "unsetOnly", "setRoleBindingSubjects"], RULES)?;
    let namespace = f.with("metadata", |v| Fields::read(v, &["namespace"], RULES)?.text("namespace"))?.unwrap_or_default();
    let word = f.text("setRoleBindingSubjects")?;
    let Some((_, subjects)) = Subjects::WORDS.into_iter().find(|(known, _)| *known == word) else {
        let message = format!("`setRoleBindingSubjects` is `{word}`, and should be defaultOnly, allServiceAccounts or none");
        return Err(PluginError::Text(message));
    };
    let specs = Cow::Owned(field_specs(&f, "fieldSpecs", RULES)?);
    Ok(Action::Namespace { namespace, specs, unset_only: f.flag("unsetOnly")?, subjects })
}

fn affix(value: &Value, side: Side) -> Result<Action, PluginError> {
    let name = if side == Side::Prefix { "prefix" } else { "suffix" };
    let f = Fields::read(value, &[name, "fieldSpecs"], RULES)?;
    if !f.is_set("fieldSpecs") {
        return Err(PluginError::Text("`fieldSpecs` is missing".to_owned()));
    }
    Ok(Action::Affix { affix: f.text(name)?, side, specs: Cow::Owned(field_specs(&f, "fieldSpecs", RULES)?) })
}

/// Operations of a JSON patch, of which at least one must be there.
///
/// # Errors
/// When they are none.
pub(crate) fn operations(text: &[u8], file: &str) -> Result<json6902::Patch, PluginError> {
    let patch = json6902::parse(text, file).map_err(|error| PluginError::Text(error.to_string()))?;
    if patch.len() == 0 {
        return Err(PluginError::Text("the patch is empty".to_owned()));
    }
    Ok(patch)
}

fn json_patch(value: &Value, load: &mut Load<'_>) -> Result<Action, PluginError> {
    let f = Fields::read(value, &["target", "path", "jsonOp"], RULES)?;
    let target = f.with("target", |v| selector(v, RULES))?;
    json_action(target, &f.text("path")?, &f.text("jsonOp")?, load)
}

/// A patch of `patchesJson6902`.
///
/// # Errors
/// When its fields do not go together.
pub(crate) fn json_action(
    target: Option<crate::selector::Selector>,
    path: &str,
    inline: &str,
    load: &mut Load<'_>,
) -> Result<Action, PluginError> {
    let Some(target) = target.filter(|t| !t.name.is_empty()) else {
        return Err(PluginError::Text("a JSON patch needs a target with a name".to_owned()));
    };
    let patch = match (path, inline) {
        ("", "") => return Err(PluginError::Text("there is neither a path nor a patch".to_owned())),
        ("", inline) => operations(inline.as_bytes(), "")?,
        (path, "") => {
            let (text, file) = load(path)?;
            operations(&text, &file)?
        }
        _ => return Err(PluginError::Text("path and patch cannot both be given".to_owned())),
    };
    Ok(Action::Json { patch, target })
}

fn merges(value: &Value, load: &mut Load<'_>) -> Result<Action, PluginError> {
    let f = Fields::read(value, &["paths", "patches"], RULES)?;
    let (paths, inline) = (f.texts("paths")?, f.text("patches")?);
    if paths.is_empty() && inline.is_empty() {
        return Err(PluginError::Text("there are neither paths nor patches".to_owned()));
    }
    let mut all = merge_patches(&paths, load)?;
    if !inline.is_empty() {
        all.extend(resources(inline.as_bytes(), "")?);
    }
    if all.is_empty() {
        return Err(PluginError::Text("the patches are empty".to_owned()));
    }
    Ok(Action::Merges(all))
}

/// The documents of `patchesStrategicMerge`: in place, or in files.
///
/// # Errors
/// When one is neither.
pub(crate) fn merge_patches(entries: &[String], load: &mut Load<'_>) -> Result<Vec<Resource>, PluginError> {
    let mut all = Vec::new();
    for entry in entries {
        match resources(entry.as_bytes(), "") {
            Ok(inline) => all.extend(inline),
            Err(_) => {
                let (text, file) = load(entry)?;
                all.extend(resources(&text, &file)?);
            }
        }
    }
    Ok(all)
}

fn resources(text: &[u8], file: &str) -> Result<Vec<Resource>, PluginError> {
    crate::resource_file::read(text, file).map_err(|error| PluginError::Text(error.to_string()))
}

fn patch(value: &Value, load: &mut Load<'_>) -> Result<Action, PluginError> {
    let f = Fields::read(value, &["path", "patch", "target", "options"], RULES)?;
    let entry = crate::kustomization::Patch {
        path: f.text("path")?,
        patch: f.text("patch")?,
        target: f.with("target", |v| selector(v, RULES))?,
        allow_name_change: f.with("options", |v| patch_options(v, RULES))?.unwrap_or_default().0,
        allow_kind_change: f.with("options", |v| patch_options(v, RULES))?.unwrap_or_default().1,
    };
    patch_action(&entry, load)
}

/// A patch of `patches`.
///
/// # Errors
/// When its fields do not go together, or it is no patch.
pub(crate) fn patch_action(entry: &crate::kustomization::Patch, load: &mut Load<'_>) -> Result<Action, PluginError> {
    let inline = entry.patch.trim();
    let (text, file) = match (entry.path.as_str(), inline) {
        ("", "") => return Err(PluginError::Text("there is neither a path nor a patch".to_owned())),
        ("", inline) => (inline.as_bytes().to_vec(), String::new()),
        (path, "") => load(path)?,
        _ => return Err(PluginError::Text("path and patch cannot both be given".to_owned())),
    };
    let patch = patches::read(&text, &file, entry.allow_name_change, entry.allow_kind_change);
    let patch = patch.map_err(|problem| PluginError::Resources(problem.into()))?;
    Ok(Action::Patch { patch, target: entry.target.clone() })
}

/// Replacements in place, and those of files.
///
/// # Errors
/// When one has a path and more.
pub(crate) fn replacements(entries: Vec<ReplacementField>, load: &mut Load<'_>) -> Result<Vec<Replacement>, PluginError> {
    let mut all = Vec::new();
    for entry in entries {
        if entry.path.is_empty() {
            all.push(entry.replacement);
            continue;
        }
        if entry.replacement.source.is_some() || entry.replacement.targets.as_ref().is_some_and(|t| !t.is_empty()) {
            return Err(PluginError::Text("a replacement has either a path or source and targets".to_owned()));
        }
        let (text, file) = load(&entry.path)?;
        let options =
            gitops_manifest::yaml::ParseOptions { duplicates: gitops_manifest::yaml::DuplicateKeys::LastWins, ..Default::default() };
        let parsed = gitops_manifest::yaml::parse(&text, &file, &options).map_err(|e| PluginError::Text(e.to_string()))?;
        let inside = |error: DecodeError| PluginError::Text(format!("{file}: {}: {}", error.pointer, error.message));
        match parsed.documents.first().map(|document| &document.value) {
            Some(value @ Value::List(_)) => all.extend(list(value, |v| replacement(v, RULES)).map_err(inside)?),
            Some(value @ Value::Map(_)) => all.push(replacement(value, RULES).map_err(inside)?),
            _ => return Err(PluginError::Text(format!("{file}: there is neither a replacement nor a list of some"))),
        }
    }
    Ok(all)
}

fn value_add(value: &Value, directory: &str, load: &mut Load<'_>) -> Result<Action, PluginError> {
    let f = Fields::read(value, &["value", "targets", "targetFilePath"], RULES)?;
    let text = f.text("value")?.trim().to_owned();
    let mut targets = f.list("targets", value_target)?;
    let path = f.text("targetFilePath")?;
    if !path.is_empty() {
        let (text, file) = load(&path)?;
        let parsed = gitops_manifest::yaml::parse(&text, &file, &Default::default()).map_err(|e| PluginError::Text(e.to_string()))?;
        let null = Value::Null;
        let value = parsed.documents.first().map_or(&null, |document| &document.value);
        targets.extend(Fields::read(value, &["targets"], RULES)?.list("targets", value_target)?);
    }
    if targets.is_empty() {
        return Err(PluginError::Text("there is no target".to_owned()));
    }
    if targets.iter().any(|target| target.path.is_empty()) {
        return Err(PluginError::Text("a target has no `fieldPath`".to_owned()));
    }
    Ok(Action::Value { value: if text.is_empty() { directory.to_owned() } else { text }, targets })
}

fn value_target(value: &Value) -> Result<ValueTarget, DecodeError> {
    let f = Fields::read(value, &["selector", "fieldPath", "filePathPosition"], RULES)?;
    let position = f.whole("filePathPosition")?.unwrap_or_default();
    let position = usize::try_from(position).map_err(|_| DecodeError::new("a position cannot be negative").inside("filePathPosition"))?;
    Ok(ValueTarget { selector: f.with("selector", |v| selector(v, RULES))?, path: f.text("fieldPath")?, position })
}

fn generator_args(value: &Value) -> Result<GeneratorArgs, PluginError> {
    let mut args = GeneratorArgs::read(value, &["type", "metadata"], RULES)?;
    let f = Fields::read(value, &["metadata"], RULES)?;
    let metadata = f.with("metadata", |v| {
        let f = Fields::read(v, &["name", "namespace"], RULES)?;
        Ok((f.text("name")?, f.text("namespace")?))
    })?;
    let (name, namespace) = metadata.unwrap_or_default();
    if args.name.is_empty() {
        args.name = name;
    }
    if args.namespace.is_empty() {
        args.namespace = namespace;
    }
    Ok(args)
}

/// A service account of a cluster that stands for one of a cloud.
fn service_account(value: &Value) -> Result<Plugin, PluginError> {
    let f = Fields::read(value, &["cloud", "kubernetesService", "serviceAccount"], RULES)?;
    let cloud = f.text("cloud")?;
    if cloud != "gke" {
        return Err(PluginError::Text(format!("`cloud` is `{cloud}`, and only gke is known")));
    }
    let two = |name: &str, keys: [&'static str; 2]| {
        let read = |v| {
            let f = Fields::read(v, &keys, RULES)?;
            Ok((f.text(keys[0])?, f.text(keys[1])?))
        };
        Ok::<_, DecodeError>(f.with(name, read)?.unwrap_or_default())
    };
    let (name, namespace) = two("kubernetesService", ["name", "namespace"])?;
    let (account, project) = two("serviceAccount", ["name", "projectId"])?;
    let mut text = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  annotations:\n    iam.gke.io/gcp-service-account: {account}@{project}.iam.gserviceaccount.com\n  name: {name}\n"
    );
    if !namespace.is_empty() {
        text.push_str(&format!("  namespace: {namespace}\n"));
    }
    match resources(text.as_bytes(), "")?.pop() {
        Some(resource) => Ok(Plugin::Made(Box::new(resource))),
        None => Err(PluginError::Text("the service account is empty".to_owned())),
    }
}
