//! The parts that the fields of a kustomization file are made of; transformers in files of their own have them too.

use std::borrow::Cow;

use gitops_manifest::Value;

use super::decode::{DecodeError, Fields, Rules, list};
use crate::field_spec::FieldSpec;
use crate::replacement::{FieldOptions, Replacement, SourceSelector, TargetSelector};
use crate::selector::Selector;

/// An entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patch {
    pub(crate) path: String,
    pub(crate) patch: String,
    pub(crate) target: Option<Selector>,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
}

impl Patch {
    pub(crate) fn read(value: &Value, rules: Rules) -> Result<Patch, DecodeError> {
        let f = Fields::read(value, &["path", "patch", "target", "options"], rules)?;
        let (allow_name_change, allow_kind_change) = f.with("options", |v| patch_options(v, rules))?.unwrap_or_default();
        Ok(Patch {
            path: f.text("path")?,
            patch: f.text("patch")?,
            target: f.with("target", |v| selector(v, rules))?,
            allow_name_change,
            allow_kind_change,
        })
    }
}

/// Whether a patch may change names and kinds.
pub(crate) fn patch_options(value: &Value, rules: Rules) -> Result<(bool, bool), DecodeError> {
    let f = Fields::read(value, &["allowNameChange", "allowKindChange"], rules)?;
    Ok((f.flag("allowNameChange")?, f.flag("allowKindChange")?))
}

/// What resources a patch or replacement is for.
pub(crate) fn selector(value: &Value, rules: Rules) -> Result<Selector, DecodeError> {
    let known = ["group", "version", "kind", "name", "namespace", "annotationSelector", "labelSelector"];
    let f = Fields::read(value, &known, rules)?;
    Ok(Selector {
        group: f.text("group")?,
        version: f.text("version")?,
        kind: f.text("kind")?,
        name: f.text("name")?,
        namespace: f.text("namespace")?,
        annotation_selector: f.text("annotationSelector")?,
        label_selector: f.text("labelSelector")?,
    })
}

/// An entry of `images`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImageChange {
    pub(crate) name: String,
    pub(crate) new_name: String,
    pub(crate) tag_suffix: String,
    pub(crate) new_tag: String,
    pub(crate) digest: String,
}

pub(crate) fn image_change(value: &Value, rules: Rules) -> Result<ImageChange, DecodeError> {
    let f = Fields::read(value, &["name", "newName", "tagSuffix", "newTag", "digest"], rules)?;
    Ok(ImageChange {
        name: f.text("name")?,
        new_name: f.text("newName")?,
        tag_suffix: f.text("tagSuffix")?,
        new_tag: f.text("newTag")?,
        digest: f.text("digest")?,
    })
}

/// An entry of `replicas`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) count: i64,
}

pub(crate) fn replica(value: &Value, rules: Rules) -> Result<Replica, DecodeError> {
    let f = Fields::read(value, &["name", "count"], rules)?;
    Ok(Replica { name: f.text("name")?, count: f.whole("count")?.unwrap_or_default() })
}

/// An entry of `labels`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Label {
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) include_volume_claim_templates: bool,
    pub(crate) fields: Vec<FieldSpec>,
}

impl Label {
    pub(super) fn read(value: &Value, rules: Rules) -> Result<Label, DecodeError> {
        let known = ["pairs", "includeSelectors", "includeTemplates", "includeVolumeClaimTemplates", "fields"];
        let f = Fields::read(value, &known, rules)?;
        Ok(Label {
            pairs: f.text_map("pairs")?.unwrap_or_default(),
            include_selectors: f.flag("includeSelectors")?,
            include_templates: f.flag("includeTemplates")?,
            include_volume_claim_templates: f.flag("includeVolumeClaimTemplates")?,
            fields: field_specs(&f, "fields", rules)?,
        })
    }
}

/// Field specs in the field of this name.
pub(crate) fn field_specs(fields: &Fields<'_>, name: &str, rules: Rules) -> Result<Vec<FieldSpec>, DecodeError> {
    fields.list(name, |value| {
        let f = Fields::read(value, &["group", "version", "kind", "path", "create"], rules)?;
        Ok(FieldSpec {
            group: Cow::Owned(f.text("group")?),
            version: Cow::Owned(f.text("version")?),
            kind: Cow::Owned(f.text("kind")?),
            path: Cow::Owned(f.text("path")?),
            create: f.flag("create")?,
        })
    })
}

/// An entry of `replacements`: one in place, or a file with some.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplacementField {
    pub(crate) path: String,
    pub(crate) replacement: Replacement,
}

impl ReplacementField {
    pub(crate) fn read(value: &Value, rules: Rules) -> Result<ReplacementField, DecodeError> {
        let f = Fields::read(value, &["source", "targets", "sourceValue", "path"], rules)?;
        Ok(ReplacementField { path: f.text("path")?, replacement: replacement_of(&f, rules)? })
    }
}

/// A replacement as it stands in a file of its own.
pub(crate) fn replacement(value: &Value, rules: Rules) -> Result<Replacement, DecodeError> {
    replacement_of(&Fields::read(value, &["source", "targets", "sourceValue"], rules)?, rules)
}

fn replacement_of(f: &Fields<'_>, rules: Rules) -> Result<Replacement, DecodeError> {
    Ok(Replacement {
        source: f.with("source", |v| source_selector(v, rules))?,
        source_value: f.optional_text("sourceValue")?,
        targets: f.with("targets", |v| list(v, |v| target_selector(v, rules)))?,
    })
}

fn source_selector(value: &Value, rules: Rules) -> Result<SourceSelector, DecodeError> {
    let f = Fields::read(value, &["group", "version", "kind", "name", "namespace", "fieldPath", "options"], rules)?;
    Ok(SourceSelector {
        group: f.text("group")?,
        version: f.text("version")?,
        kind: f.text("kind")?,
        name: f.text("name")?,
        namespace: f.text("namespace")?,
        field_path: f.text("fieldPath")?,
        options: f.with("options", |v| field_options(v, rules))?,
    })
}

fn target_selector(value: &Value, rules: Rules) -> Result<TargetSelector, DecodeError> {
    let f = Fields::read(value, &["select", "reject", "fieldPaths", "options"], rules)?;
    Ok(TargetSelector {
        select: f.with("select", |v| selector(v, rules))?,
        reject: f.list("reject", |v| selector(v, rules))?,
        field_paths: f.texts("fieldPaths")?,
        options: f.with("options", |v| field_options(v, rules))?,
    })
}

fn field_options(value: &Value, rules: Rules) -> Result<FieldOptions, DecodeError> {
    let f = Fields::read(value, &["delimiter", "index", "encoding", "create"], rules)?;
    // It may be written, and does nothing.
    f.text("encoding")?;
    Ok(FieldOptions { delimiter: f.text("delimiter")?, index: f.whole("index")?.unwrap_or_default(), create: f.flag("create")? })
}

/// `generatorOptions`, and `options` of one generator.
#[derive(Clone, Debug, Default)]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: Option<Vec<(String, String)>>,
    pub(crate) annotations: Option<Vec<(String, String)>>,
    pub(crate) disable_name_suffix_hash: bool,
    pub(crate) immutable: bool,
}

impl GeneratorOptions {
    pub(super) fn read(value: &Value, rules: Rules) -> Result<GeneratorOptions, DecodeError> {
        let f = Fields::read(value, &["labels", "annotations", "disableNameSuffixHash", "immutable"], rules)?;
        Ok(GeneratorOptions {
            labels: f.text_map("labels")?,
            annotations: f.text_map("annotations")?,
            disable_name_suffix_hash: f.flag("disableNameSuffixHash")?,
            immutable: f.flag("immutable")?,
        })
    }

    /// These, and what they do not say as `global` has it.
    pub(crate) fn under(mut self, global: &GeneratorOptions) -> GeneratorOptions {
        fill(&mut self.labels, &global.labels);
        fill(&mut self.annotations, &global.annotations);
        self.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        self.immutable |= global.immutable;
        self
    }
}

fn fill(own: &mut Option<Vec<(String, String)>>, global: &Option<Vec<(String, String)>>) {
    let Some(global) = global else { return };
    let own = own.get_or_insert_default();
    for (key, value) in global {
        if !own.iter().any(|(k, _)| k == key) {
            own.push((key.clone(), value.clone()));
        }
    }
}

/// An entry of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, Default)]
pub(crate) struct GeneratorArgs {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) behavior: String,
    pub(crate) literals: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) envs: Vec<String>,
    pub(crate) options: Option<GeneratorOptions>,
    /// Of a secret; empty is `Opaque`.
    pub(crate) secret_type: String,
}

impl GeneratorArgs {
    /// `more`: further fields that are allowed (and, but for `type` and `metadata`, left alone).
    pub(crate) fn read(value: &Value, more: &[&'static str], rules: Rules) -> Result<GeneratorArgs, DecodeError> {
        let mut known = vec!["namespace", "name", "behavior", "literals", "files", "envs", "env", "options"];
        known.extend(more);
        let f = Fields::read(value, &known, rules)?;
        let mut envs = f.texts("envs")?;
        // The old spelling, which is put behind the new one; only a kustomization file is mended so.
        let old = f.optional_text("env")?.filter(|env| !env.is_empty() && rules == Rules::KUSTOMIZATION);
        envs.extend(old);
        Ok(GeneratorArgs {
            namespace: f.text("namespace")?,
            name: f.text("name")?,
            behavior: f.text("behavior")?,
            literals: f.texts("literals")?,
            files: f.texts("files")?,
            envs,
            options: f.with("options", |v| GeneratorOptions::read(v, rules))?,
            secret_type: f.text("type")?,
        })
    }
}

/// An entry of `vars`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Var {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) object_name: String,
    pub(crate) namespace: String,
    /// `metadata.name` unless something else is written.
    pub(crate) field_path: String,
}

impl Var {
    pub(super) fn read(value: &Value, rules: Rules) -> Result<Var, DecodeError> {
        let f = Fields::read(value, &["name", "objref", "fieldref"], rules)?;
        let mut var = f.with("objref", |v| object_reference(v, rules))?.unwrap_or_default();
        var.name = f.text("name")?;
        let path = f.with("fieldref", |v| Fields::read(v, &["fieldPath"], rules)?.text("fieldPath"))?;
        var.field_path = path.filter(|p| !p.is_empty()).unwrap_or_else(|| "metadata.name".to_owned());
        Ok(var)
    }
}

fn object_reference(value: &Value, rules: Rules) -> Result<Var, DecodeError> {
    let f = Fields::read(value, &["apiVersion", "group", "version", "kind", "name", "namespace"], rules)?;
    let mut var = Var {
        group: f.text("group")?,
        version: f.text("version")?,
        kind: f.text("kind")?,
        object_name: f.text("name")?,
        namespace: f.text("namespace")?,
        ..Var::default()
    };
    let api_version = f.text("apiVersion")?;
    let parts: Vec<&str> = api_version.split('/').collect();
    match parts.as_slice() {
        [""] => {}
        [group, version] => (var.group, var.version) = ((*group).to_owned(), (*version).to_owned()),
        [version] => var.version = (*version).to_owned(),
        _ => {}
    }
    Ok(var)
}

/// `sortOptions`.
#[derive(Clone, Debug, Default)]
pub(crate) struct SortOptions {
    pub(crate) order: String,
    /// First and last kinds.
    pub(crate) legacy: Option<(Vec<String>, Vec<String>)>,
}

impl SortOptions {
    pub(super) fn read(value: &Value, rules: Rules) -> Result<SortOptions, DecodeError> {
        let f = Fields::read(value, &["order", "legacySortOptions"], rules)?;
        let legacy = |v| {
            let f = Fields::read(v, &["orderFirst", "orderLast"], rules)?;
            Ok((f.texts("orderFirst")?, f.texts("orderLast")?))
        };
        Ok(SortOptions { order: f.text("order")?, legacy: f.with("legacySortOptions", legacy)? })
    }
}

/// An entry of `helmCharts`, or of the old `helmChartInflationGenerator`.
#[derive(Clone, Debug, Default)]
pub(crate) struct HelmChart {
    /// The fields as they are written in `helmCharts`.
    pub(crate) fields: Value,
}

const CHART: [&str; 17] = [
    "name",
    "version",
    "repo",
    "releaseName",
    "namespace",
    "additionalValuesFiles",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "includeCRDs",
    "skipHooks",
    "apiVersions",
    "kubeVersion",
    "nameTemplate",
    "skipTests",
    "debug",
    "devel",
];

const OLD_CHART: [&str; 13] = [
    "chartName",
    "chartVersion",
    "chartRepoUrl",
    "chartHome",
    "chartRepoName",
    "helmBin",
    "helmHome",
    "values",
    "valuesLocal",
    "valuesMerge",
    "releaseName",
    "releaseNamespace",
    "extraArgs",
];

impl HelmChart {
    pub(super) fn read(value: &Value, rules: Rules) -> Result<HelmChart, DecodeError> {
        let f = Fields::read(value, &CHART, rules)?;
        for name in ["name", "version", "repo", "releaseName", "namespace", "valuesFile", "valuesMerge", "kubeVersion", "nameTemplate"] {
            f.text(name)?;
        }
        for name in ["additionalValuesFiles", "apiVersions"] {
            f.texts(name)?;
        }
        for name in ["includeCRDs", "skipHooks", "skipTests", "debug", "devel"] {
            f.flag(name)?;
        }
        let fields = CHART.iter().filter_map(|name| f.get(name).map(|value| (*name, value.clone())));
        Ok(HelmChart { fields: Value::Map(fields.collect()) })
    }

    /// The old form, and the chart and configuration homes that it names.
    pub(super) fn read_old(value: &Value, rules: Rules) -> Result<(HelmChart, String, String), DecodeError> {
        let f = Fields::read(value, &OLD_CHART, rules)?;
        let renamed = [
            ("chartName", "name"),
            ("chartVersion", "version"),
            ("chartRepoUrl", "repo"),
            ("values", "valuesFile"),
            ("valuesLocal", "valuesInline"),
            ("valuesMerge", "valuesMerge"),
            ("releaseName", "releaseName"),
        ];
        let fields = renamed.iter().filter_map(|(old, new)| f.get(old).map(|value| (*new, value.clone())));
        Ok((HelmChart { fields: Value::Map(fields.collect()) }, f.text("chartHome")?, f.text("helmHome")?))
    }
}
