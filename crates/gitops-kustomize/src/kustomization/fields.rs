//! The file as a whole.

use gitops_manifest::Value;

use super::decode::{DecodeError, Fields, Rules};
use super::parts::{
    GeneratorArgs, GeneratorOptions, HelmChart, ImageChange, Label, Patch, ReplacementField, Replica, SortOptions, Var, image_change,
    replica,
};

const VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

const KNOWN: [&str; 34] = [
    "kind",
    "apiVersion",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
];

/// A kustomization, its old spellings turned into the new ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kustomization {
    pub(crate) is_component: bool,
    pub(crate) openapi: Option<Vec<(String, String)>>,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) namespace: String,
    pub(crate) common_labels: Vec<(String, String)>,
    pub(crate) labels: Vec<Label>,
    pub(crate) common_annotations: Vec<(String, String)>,
    pub(crate) patches_strategic_merge: Vec<String>,
    pub(crate) patches_json6902: Vec<Patch>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) images: Vec<ImageChange>,
    pub(crate) replacements: Vec<ReplacementField>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) vars: Vec<Var>,
    pub(crate) sort_options: Option<SortOptions>,
    pub(crate) resources: Vec<String>,
    pub(crate) components: Vec<String>,
    pub(crate) crds: Vec<String>,
    pub(crate) config_maps: Vec<GeneratorArgs>,
    pub(crate) secrets: Vec<GeneratorArgs>,
    pub(crate) helm_globals: Option<(String, String)>,
    pub(crate) helm_charts: Vec<HelmChart>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    pub(crate) configurations: Vec<String>,
    pub(crate) generators: Vec<String>,
    pub(crate) transformers: Vec<String>,
    pub(crate) validators: Vec<String>,
    pub(crate) build_metadata: Vec<String>,
}

impl Kustomization {
    /// Reads the file's one value.
    ///
    /// # Errors
    /// On what the reference refuses: unknown fields, wrong types, a wrong kind or version, nothing in it at all.
    pub(crate) fn read(value: &Value) -> Result<Kustomization, DecodeError> {
        let rules = Rules::KUSTOMIZATION;
        let f = Fields::read(value, &KNOWN, rules)?;
        let mut k = Kustomization {
            openapi: f.text_map("openapi")?,
            name_prefix: f.text("namePrefix")?,
            name_suffix: f.text("nameSuffix")?,
            namespace: f.text("namespace")?,
            common_labels: f.text_map("commonLabels")?.unwrap_or_default(),
            labels: f.list("labels", |v| Label::read(v, rules))?,
            common_annotations: f.text_map("commonAnnotations")?.unwrap_or_default(),
            patches_strategic_merge: f.texts("patchesStrategicMerge")?,
            patches_json6902: f.list("patchesJson6902", |v| Patch::read(v, rules))?,
            patches: f.list("patches", |v| Patch::read(v, rules))?,
            images: f.list("images", |v| image_change(v, rules))?,
            replacements: f.list("replacements", |v| ReplacementField::read(v, rules))?,
            replicas: f.list("replicas", |v| replica(v, rules))?,
            vars: f.list("vars", |v| Var::read(v, rules))?,
            sort_options: f.with("sortOptions", |v| SortOptions::read(v, rules))?,
            resources: f.texts("resources")?,
            components: f.texts("components")?,
            crds: f.texts("crds")?,
            config_maps: f.list("configMapGenerator", |v| GeneratorArgs::read(v, &[], rules))?,
            secrets: f.list("secretGenerator", |v| GeneratorArgs::read(v, &["type"], rules))?,
            generator_options: f.with("generatorOptions", |v| GeneratorOptions::read(v, rules))?,
            configurations: f.texts("configurations")?,
            generators: f.texts("generators")?,
            transformers: f.texts("transformers")?,
            validators: f.texts("validators")?,
            build_metadata: f.texts("buildMetadata")?,
            ..Kustomization::default()
        };
        k.resources.extend(f.texts("bases")?);
        k.images.extend(f.list("imageTags", |v| image_change(v, rules))?);
        k.read_charts(&f, rules)?;
        k.check_metadata(&f, rules)?;
        k.check_kind(&f, value)?;
        Ok(k)
    }

    fn read_charts(&mut self, f: &Fields<'_>, rules: Rules) -> Result<(), DecodeError> {
        let globals = |v| {
            let f = Fields::read(v, &["chartHome", "configHome"], rules)?;
            Ok((f.text("chartHome")?, f.text("configHome")?))
        };
        self.helm_globals = f.with("helmGlobals", globals)?;
        self.helm_charts = f.list("helmCharts", |v| HelmChart::read(v, rules))?;
        let (mut chart_home, mut config_home) = (String::new(), String::new());
        for (chart, charts, config) in f.list("helmChartInflationGenerator", |v| HelmChart::read_old(v, rules))? {
            self.helm_charts.push(chart);
            chart_home = if charts.is_empty() { chart_home } else { charts };
            config_home = if config.is_empty() { config_home } else { config };
        }
        if self.helm_globals.is_none() && !(chart_home.is_empty() && config_home.is_empty()) {
            self.helm_globals = Some((chart_home, config_home));
        }
        Ok(())
    }

    fn check_metadata(&self, f: &Fields<'_>, rules: Rules) -> Result<(), DecodeError> {
        let metadata = |v| {
            let f = Fields::read(v, &["name", "namespace", "labels", "annotations"], rules)?;
            f.text("name")?;
            f.text("namespace")?;
            f.text_map("labels")?;
            f.text_map("annotations")?;
            Ok(())
        };
        f.with("metadata", metadata)?;
        Ok(())
    }

    fn check_kind(&mut self, f: &Fields<'_>, value: &Value) -> Result<(), DecodeError> {
        let (kind, version) = (f.text("kind")?, f.text("apiVersion")?);
        self.is_component = kind == "Component";
        if is_empty(value) {
            return Err(DecodeError::new("the kustomization is empty: give it a field, such as `resources`"));
        }
        if !matches!(kind.as_str(), "" | "Kustomization" | "Component") {
            return Err(DecodeError::new(format!("the kind is `{kind}`, and should be Kustomization or Component")).inside("kind"));
        }
        let wanted = if self.is_component { COMPONENT_VERSION } else { VERSION };
        if !version.is_empty() && version != wanted {
            return Err(DecodeError::new(format!("the version is `{version}`, and should be {wanted}")).inside("apiVersion"));
        }
        Ok(())
    }

    /// The fields in a file that are out of date, and what takes their place.
    pub(crate) fn old_fields(value: &Value) -> Vec<(&'static str, &'static str)> {
        let old = [
            ("bases", "resources"),
            ("commonLabels", "labels"),
            ("imageTags", "images"),
            ("patchesJson6902", "patches"),
            ("patchesStrategicMerge", "patches"),
            ("vars", "replacements"),
        ];
        old.into_iter().filter(|(name, _)| value.get(name).is_some_and(|v| !v.is_null())).collect()
    }

    /// Whether the build is to tell this about resources.
    pub(crate) fn tells(&self, option: &str) -> bool {
        self.build_metadata.iter().any(|o| o == option)
    }
}

/// Whether nothing but kind and version is said. An empty list says something, an empty text does not.
fn is_empty(value: &Value) -> bool {
    let Some(map) = value.as_map() else { return true };
    map.iter().all(|(key, value)| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || matches!(key.as_str(), "kind" | "apiVersion"),
        // These are added to other lists, and what is added of nothing is nothing.
        Value::List(list) => list.is_empty() && matches!(key.as_str(), "bases" | "imageTags" | "helmChartInflationGenerator"),
        _ => false,
    })
}
