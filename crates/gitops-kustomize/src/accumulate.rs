//! One kustomization: gathers its resources and those of its bases, generates, and runs its transformers, in the
//! order that kustomize has for them.

use std::borrow::Cow;
use std::sync::Arc;

use gitops_manifest::yaml::{self, DuplicateKeys, ParseOptions};
use gitops_manifest::{Location, Value};
use gitops_tree::TreePath;

use crate::build::Shared;
use crate::chart::ChartCall;
use crate::error::{BuildError, PathProblem, ResourceError};
use crate::field_spec::{Config, FieldSpec, merge_specs};
use crate::generator::{self, Kind};
use crate::kustomization::decode::DecodeError;
use crate::kustomization::{FILE_NAMES, GeneratorArgs, Kustomization, Label};
use crate::loader::{Fetched, Found, LoadError, Loaded, Loader, is_ambiguous};
use crate::origin::{self, Origin, Source};
use crate::overrides::Overrides;
use crate::plugin::{self, Plugin, PluginError};
use crate::repository::{RepositorySpec, is_web_address};
use crate::res_map::{ORIGIN, ResMap};
use crate::resource::Resource;
use crate::resource_file;
use crate::transform::name_affix::Side;
use crate::transform::namespace::Subjects;
use crate::transformer::{Action, Transformer};
use crate::variables::Vars;

/// How deep bases may lie in each other.
const DEEPEST: usize = 100;

/// How many kustomizations a build may read, those that it reads again counted again.
const MOST_KUSTOMIZATIONS: usize = 20_000;

/// What was gathered so far.
#[derive(Debug)]
pub(crate) struct Accumulator {
    pub(crate) map: ResMap,
    pub(crate) config: Config,
    pub(crate) vars: Vars,
}

impl Default for Accumulator {
    fn default() -> Accumulator {
        Accumulator { map: ResMap::default(), config: Config::empty(), vars: Vars::default() }
    }
}

impl Accumulator {
    fn merge(&mut self, other: Accumulator, shared: &Shared<'_>) -> Result<(), ResourceError> {
        self.map.append_all(other.map.into_resources(), &shared.schemas)?;
        self.config.merge(&other.config)?;
        self.vars.merge(other.vars)
    }
}

/// A kustomization and where it is.
pub(crate) struct Target<'l> {
    loader: Loader<'l>,
    pub(crate) kustomization: Kustomization,
    file_name: &'static str,
    file: String,
    text: Arc<[u8]>,
    /// Where it comes from, when the build tells.
    pub(crate) origin: Option<Origin>,
    /// Whether the build tells anything about resources: the root's say.
    chart_namespace: String,
}

impl<'l> Target<'l> {
    /// Reads the kustomization file of the loader's directory.
    ///
    /// # Errors
    /// When there is none, or more than one, or it is not one.
    pub(crate) fn load(loader: Loader<'l>, shared: &mut Shared<'_>) -> Result<Target<'l>, BuildError> {
        shared.kustomizations += 1;
        if shared.kustomizations > MOST_KUSTOMIZATIONS || loader.depth() > DEEPEST {
            let what = format!("more than {MOST_KUSTOMIZATIONS} kustomizations, or bases deeper than {DEEPEST} levels");
            return Err(BuildError::Limit { at: Box::new(Location::file(loader.root.as_str())), what });
        }
        let mut found: Vec<(&'static str, Loaded)> = Vec::new();
        for name in FILE_NAMES {
            let loaded = match loader.find(name) {
                Ok(Found::File(path)) => loader.read(&path),
                Ok(Found::Directory(_) | Found::Nothing) => continue,
                Err(error) => Err(error),
            };
            match loaded {
                Ok(loaded) => found.push((name, loaded)),
                Err(LoadError::Build(error)) => return Err(error),
                Err(LoadError::Path(..)) => {}
            }
        }
        if found.len() > 1 {
            return Err(BuildError::SeveralKustomizations { directory: loader.root, found: found.iter().map(|(name, _)| *name).collect() });
        }
        let Some((file_name, loaded)) = found.pop() else { return Err(BuildError::NoKustomization { directory: loader.root }) };
        let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
        let parsed = yaml::parse(&loaded.bytes, &loaded.name, &options)?;
        let null = Value::Null;
        let value = parsed.documents.first().map_or(&null, |document| &document.value);
        let kustomization = Kustomization::read(value).map_err(|error| decode_error(&loaded, error))?;
        for old in Kustomization::old_fields(value) {
            shared.warnings.push(format!("{}: `{}` is deprecated: use `{}`", loaded.name, old.0, old.1));
        }
        Ok(Target { loader, kustomization, file_name, file: loaded.name, text: loaded.bytes, origin: None, chart_namespace: String::new() })
    }

    /// Changes the kustomization as an Application wants it.
    ///
    /// # Errors
    /// When that contradicts what is there.
    pub(crate) fn override_by(&mut self, overrides: &Overrides) -> Result<(), BuildError> {
        let loader = &self.loader;
        let exists = |path: &str| matches!(loader.find(path), Ok(Found::Directory(_)));
        Ok(overrides.apply(&mut self.kustomization, exists)?)
    }

    /// Takes the `openapi` field over.
    ///
    /// # Errors
    /// When its document cannot be read, or is none.
    pub(crate) fn choose_schema(&self, shared: &mut Shared<'_>, root: bool) -> Result<(), BuildError> {
        let get = |name: &str| self.kustomization.openapi.iter().flatten().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let document = match get("path") {
            Some(path) => {
                let loaded = self.load_file("openapi.path", path)?;
                let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
                let mut parsed = yaml::parse(&loaded.bytes, &loaded.name, &options)?;
                Some(if parsed.documents.is_empty() { Value::Null } else { parsed.documents.remove(0).value })
            }
            None => None,
        };
        shared.schemas.choose(get("version"), document, root).map_err(|error| self.resources_error("openapi", error.into()))
    }

    /// Gathers, generates and transforms, on top of what `accumulated` holds.
    ///
    /// # Errors
    /// On the first thing that is wrong.
    pub(crate) fn accumulate(&mut self, accumulated: Accumulator, shared: &mut Shared<'_>) -> Result<Accumulator, BuildError> {
        let mut acc = accumulated;
        self.add_resources(&mut acc, "resources", &self.kustomization.resources, shared)?;
        self.add_configurations(&mut acc)?;
        self.generate(&mut acc, shared)?;
        for i in 0..self.kustomization.components.len() {
            acc = self.add_component(acc, i, shared)?;
        }
        for transformer in self.transformers(&acc.config)? {
            self.transform(&mut acc.map, &transformer, shared)?;
        }
        for transformer in self.external("transformers", &self.kustomization.transformers, shared)? {
            self.transform(&mut acc.map, &transformer, shared)?;
        }
        self.validate(&acc.map, shared)?;
        let vars = acc.vars.define(&self.kustomization.vars, &mut acc.map, &shared.schemas);
        vars.map_err(|error| self.resources_error("vars", error))?;
        Ok(acc)
    }

    fn add_resources(&self, acc: &mut Accumulator, field: &str, paths: &[String], shared: &mut Shared<'_>) -> Result<(), BuildError> {
        for (i, path) in paths.iter().enumerate() {
            let field = format!("{field}[{i}]");
            match self.locate(&field, path)? {
                Located::File(loaded) => {
                    let mut resources = resource_file::read(&loaded.bytes, &loaded.name)?;
                    if let Some(origin) = &self.origin {
                        self.add_origin(&mut resources, &origin.append(path));
                    }
                    acc.map.append_all(resources, &shared.schemas).map_err(|error| self.resources_error(&field, error))?;
                }
                Located::Directory(root) => {
                    let loader = self.loader.at(root);
                    let base = self.base(loader, path, false, Accumulator::default(), shared).map_err(|e| self.inside(&field, path, e))?;
                    acc.merge(base, shared).map_err(|error| self.resources_error(&field, error))?;
                }
                Located::Repository(tree, spec) => {
                    let base = self.remote(&field, &*tree, &spec, false, Accumulator::default(), shared)?;
                    acc.merge(base, shared).map_err(|error| self.resources_error(&field, error))?;
                }
            }
        }
        Ok(())
    }

    fn add_origin(&self, resources: &mut [Resource], origin: &Origin) {
        let text = origin.text();
        for resource in resources {
            origin::set(resource, ORIGIN, text.clone());
        }
    }

    fn add_component(&self, acc: Accumulator, i: usize, shared: &mut Shared<'_>) -> Result<Accumulator, BuildError> {
        let path = &self.kustomization.components[i];
        let field = format!("components[{i}]");
        let mut acc = match self.locate(&field, path)? {
            Located::Directory(root) => {
                let loader = self.loader.at(root);
                self.base(loader, path, true, acc, shared).map_err(|e| self.inside(&field, path, e))?
            }
            Located::Repository(tree, spec) => self.remote(&field, &*tree, &spec, true, acc, shared)?,
            Located::File(_) => return Err(self.path_error(&field, path, PathProblem::File.into())),
        };
        acc.map.check_unique(&shared.schemas).map_err(|error| self.resources_error(&field, error))?;
        Ok(acc)
    }

    /// What a path in a list of resources means.
    fn locate(&self, field: &str, path: &str) -> Result<Located, BuildError> {
        let error = |error| self.path_error(field, path, error);
        if path.is_empty() {
            return Err(error(PathProblem::Empty.into()));
        }
        let spec = RepositorySpec::parse(path);
        if spec.is_some() || is_web_address(path) {
            // A local file or directory of such a name is preferred, as a file is tried first.
            if !is_web_address(path)
                && let Ok(Found::File(file)) = self.loader.find(path)
            {
                return Ok(Located::File(self.loader.read(&file).map_err(error)?));
            }
            return match (self.loader.fetch(path).map_err(error)?, spec) {
                (Fetched::File(bytes), _) => Ok(Located::File(Loaded { name: path.to_owned(), bytes })),
                (Fetched::Repository(tree), Some(spec)) => Ok(Located::Repository(tree, spec)),
                (Fetched::Repository(_), None) => Err(error(PathProblem::Directory.into())),
            };
        }
        match self.loader.find(path).map_err(error)? {
            Found::File(file) => Ok(Located::File(self.loader.read(&file).map_err(error)?)),
            Found::Directory(_) if path.starts_with('/') => Err(error(PathProblem::Absolute.into())),
            Found::Directory(_) if is_ambiguous(path) => Err(error(PathProblem::Ambiguous.into())),
            Found::Directory(root) => {
                self.loader.check_base(&root).map_err(error)?;
                Ok(Located::Directory(root))
            }
            Found::Nothing => Err(error(LoadError::Path(PathProblem::NotFound, self.loader.similar(path)))),
        }
    }

    fn remote(
        &self,
        field: &str,
        tree: &dyn gitops_tree::Tree,
        spec: &RepositorySpec,
        component: bool,
        acc: Accumulator,
        shared: &mut Shared<'_>,
    ) -> Result<Accumulator, BuildError> {
        let problem = |problem: PathProblem| self.path_error(field, &spec.raw, problem.into());
        let root = TreePath::parse(&spec.path).map_err(|_| problem(PathProblem::Leaves))?;
        let loader = self.loader.in_repository(tree, root, &spec.raw);
        self.base(loader, &spec.raw, component, acc, shared).map_err(|e| self.inside(field, &spec.raw, e))
    }

    fn base(
        &self,
        loader: Loader<'_>,
        path: &str,
        component: bool,
        acc: Accumulator,
        shared: &mut Shared<'_>,
    ) -> Result<Accumulator, BuildError> {
        let mut target = Target::load(loader, shared)?;
        target.kustomization.build_metadata.clone_from(&self.kustomization.build_metadata);
        target.origin = self.origin.as_ref().map(|origin| origin.append(path));
        let own = &self.kustomization.namespace;
        target.chart_namespace.clone_from(if own.is_empty() { &self.chart_namespace } else { own });
        target.choose_schema(shared, false)?;
        if component != target.kustomization.is_component {
            let message = match component {
                true => "a component is wanted here: its kind is Component",
                false => "this is a component: name it under `components`",
            };
            return Err(target.field_error(DecodeError::new(message).inside("kind")));
        }
        target.accumulate(acc, shared)
    }

    fn add_configurations(&self, acc: &mut Accumulator) -> Result<(), BuildError> {
        let conflict = |field: &'static str| move |error: crate::field_spec::ConfigError| (field, ResourceError::from(error));
        let mut config = Config::builtin();
        let mut more = Config::empty();
        for (i, path) in self.kustomization.configurations.iter().enumerate() {
            let (loaded, value) = self.load_value(&format!("configurations[{i}]"), path, DuplicateKeys::Refuse)?;
            let one = Config::read(&value).map_err(|error| decode_error(&loaded, error))?;
            more.merge(&one).map_err(conflict("configurations")).map_err(|(field, e)| self.resources_error(field, e))?;
        }
        config.merge(&more).map_err(conflict("configurations")).map_err(|(field, e)| self.resources_error(field, e))?;
        acc.config.merge(&config).map_err(conflict("configurations")).map_err(|(field, e)| self.resources_error(field, e))?;
        for (i, path) in self.kustomization.crds.iter().enumerate() {
            let (_, value) = self.load_value(&format!("crds[{i}]"), path, DuplicateKeys::LastWins)?;
            let merged = crate::crd::config(&value).and_then(|crds| acc.config.merge(&crds));
            merged.map_err(conflict("crds")).map_err(|(field, e)| self.resources_error(field, e))?;
        }
        Ok(())
    }

    fn generate(&self, acc: &mut Accumulator, shared: &mut Shared<'_>) -> Result<(), BuildError> {
        let source = |kind: &str| self.origin.as_ref().map(|origin| Source::builtin(origin, self.file_name, kind));
        let k = &self.kustomization;
        for (kind, name, all) in [(Kind::ConfigMap, "ConfigMapGenerator", &k.config_maps), (Kind::Secret, "SecretGenerator", &k.secrets)] {
            let source = source(name);
            for (i, args) in all.iter().enumerate() {
                let field = format!("{}[{i}]", kind.field());
                let mut args = args.clone();
                if let Some(global) = &k.generator_options {
                    args.options = Some(args.options.unwrap_or_default().under(global));
                }
                let mut resource = self.generated(kind, &args, &field)?;
                origin::add_generator(&mut resource, source.as_ref());
                acc.map.absorb(resource, &shared.schemas).map_err(|error| self.resources_error(&field, error))?;
            }
        }
        let source = source("HelmChartInflationGenerator");
        for (i, chart) in k.helm_charts.iter().enumerate() {
            let field = format!("helmCharts[{i}]");
            self.add_chart(acc, &field, self.chart_settings(&chart.fields), source.as_ref(), shared)?;
        }
        for (resource, plugin) in self.plugins("generators", &k.generators, shared)? {
            let source = Source::of_resource(&resource).filter(|_| self.origin.is_some());
            let mut made = match plugin {
                Plugin::ConfigMap(args) => self.generated(Kind::ConfigMap, &args, "generators")?,
                Plugin::Secret(args) => self.generated(Kind::Secret, &args, "generators")?,
                Plugin::Made(resource) => *resource,
                Plugin::Chart(settings) => {
                    self.add_chart(acc, "generators", settings, source.as_ref(), shared)?;
                    continue;
                }
                Plugin::Transformer(_) => {
                    let what = format!("`{}` is no generator", resource.kind());
                    return Err(self.field_error(DecodeError::new(what).inside("generators")));
                }
            };
            origin::add_generator(&mut made, source.as_ref());
            acc.map.absorb(made, &shared.schemas).map_err(|error| self.resources_error("generators", error))?;
        }
        Ok(())
    }

    fn generated(&self, kind: Kind, args: &GeneratorArgs, field: &str) -> Result<Resource, BuildError> {
        let error = |message: String| self.named_error(field, message);
        let mut pairs = Vec::new();
        for (i, path) in args.envs.iter().enumerate() {
            let loaded = self.load_file(&format!("{field}.envs[{i}]"), path)?;
            pairs.extend(generator::env_file(&loaded.bytes).map_err(|message| error(format!("{path}: {message}")))?);
        }
        for source in &args.literals {
            pairs.push(generator::literal(source).map_err(error)?);
        }
        for (i, source) in args.files.iter().enumerate() {
            let (key, path) = generator::file_source(source).map_err(error)?;
            let loaded = self.load_file(&format!("{field}.files[{i}]"), path)?;
            pairs.push((key.to_owned(), loaded.bytes.to_vec()));
        }
        generator::generate(kind, args, pairs).map_err(error)
    }

    /// The settings of a chart with those that the kustomization has for all.
    fn chart_settings(&self, fields: &Value) -> Value {
        let mut settings = fields.clone();
        let Some(map) = settings.as_map_mut() else { return settings };
        if let Some((chart_home, config_home)) = &self.kustomization.helm_globals {
            for (name, value) in [("chartHome", chart_home), ("configHome", config_home)] {
                if !value.is_empty() {
                    map.insert(name, value.as_str());
                }
            }
        }
        let own = &self.kustomization.namespace;
        let namespace = if own.is_empty() { &self.chart_namespace } else { own };
        if map.get("namespace").and_then(Value::as_str).is_none_or(str::is_empty) && !namespace.is_empty() {
            map.insert("namespace", namespace.as_str());
        }
        settings
    }

    fn add_chart(
        &self,
        acc: &mut Accumulator,
        field: &str,
        settings: Value,
        source: Option<&Source>,
        shared: &mut Shared<'_>,
    ) -> Result<(), BuildError> {
        let at = self.at(field);
        let Some(charts) = shared.seams.charts else {
            return Err(BuildError::Chart { at, reason: "must specify --enable-helm".to_owned() });
        };
        let rendered = charts.render(&ChartCall::new(&settings, &self.loader)).map_err(|reason| BuildError::Chart { at, reason })?;
        for mut resource in resource_file::read(&rendered, field)? {
            resource.memory.from_chart = true;
            origin::add_generator(&mut resource, source);
            acc.map.absorb(resource, &shared.schemas).map_err(|error| self.resources_error(field, error))?;
        }
        Ok(())
    }

    /// The transformers that the fields set, in kustomize's order.
    fn transformers(&self, config: &Config) -> Result<Vec<Transformer>, BuildError> {
        let k = &self.kustomization;
        let mut all = Vec::new();
        let mut add = |field: String, kind: &str, action: Action| {
            let source = self.origin.as_ref().map(|origin| Source::builtin(origin, self.file_name, kind));
            all.push(Transformer { action, field, source });
        };
        let mut load = |path: &str| self.load_bytes(path);
        if !k.patches_strategic_merge.is_empty() {
            let field = "patchesStrategicMerge";
            let patches = plugin::merge_patches(&k.patches_strategic_merge, &mut load).map_err(|e| self.plugin_error(field, e))?;
            if patches.is_empty() {
                return Err(self.named_error(field, "the patches are empty".to_owned()));
            }
            add(field.to_owned(), "PatchStrategicMergeTransformer", Action::Merges(patches));
        }
        for (i, patch) in k.patches.iter().enumerate() {
            let field = format!("patches[{i}]");
            let action = plugin::patch_action(patch, &mut load).map_err(|e| self.plugin_error(&field, e))?;
            add(field, "PatchTransformer", action);
        }
        if !k.namespace.is_empty() {
            let specs = config.namespace.clone();
            let action = Action::Namespace { namespace: k.namespace.clone(), specs, unset_only: false, subjects: Subjects::Default };
            add("namespace".to_owned(), "NamespaceTransformer", action);
        }
        if !k.name_prefix.is_empty() {
            let action = Action::Affix { affix: k.name_prefix.clone(), side: Side::Prefix, specs: config.name_prefix.clone() };
            add("namePrefix".to_owned(), "PrefixTransformer", action);
        }
        if !k.name_suffix.is_empty() {
            let action = Action::Affix { affix: k.name_suffix.clone(), side: Side::Suffix, specs: config.name_suffix.clone() };
            add("nameSuffix".to_owned(), "SuffixTransformer", action);
        }
        if !(k.labels.is_empty() && k.common_labels.is_empty()) {
            for (i, label) in k.labels.iter().enumerate() {
                let field = format!("labels[{i}]");
                let specs = label_specs(label, config).map_err(|e| self.resources_error(&field, e.into()))?;
                add(field, "LabelTransformer", Action::Metadata { pairs: label.pairs.clone(), specs });
            }
            let action = Action::Metadata { pairs: k.common_labels.clone(), specs: config.common_labels.clone() };
            add("commonLabels".to_owned(), "LabelTransformer", action);
        }
        if !k.common_annotations.is_empty() {
            let action = Action::Metadata { pairs: k.common_annotations.clone(), specs: config.common_annotations.clone() };
            add("commonAnnotations".to_owned(), "AnnotationsTransformer", action);
        }
        for (i, patch) in k.patches_json6902.iter().enumerate() {
            let field = format!("patchesJson6902[{i}]");
            let action = plugin::json_action(patch.target.clone(), &patch.path, &patch.patch, &mut load);
            let action = action.map_err(|e| self.plugin_error(&field, e))?;
            add(field, "PatchJson6902Transformer", action);
        }
        for (i, replica) in k.replicas.iter().enumerate() {
            let action = Action::Replicas { replica: replica.clone(), specs: config.replicas.clone() };
            add(format!("replicas[{i}]"), "ReplicaCountTransformer", action);
        }
        for (i, image) in k.images.iter().enumerate() {
            add(format!("images[{i}]"), "ImageTagTransformer", Action::Image { change: image.clone(), specs: config.images.clone() });
        }
        if !k.replacements.is_empty() {
            let all = plugin::replacements(k.replacements.clone(), &mut load).map_err(|e| self.plugin_error("replacements", e))?;
            add("replacements".to_owned(), "ReplacementTransformer", Action::Replacements(all));
        }
        Ok(all)
    }

    fn transform(&self, map: &mut ResMap, transformer: &Transformer, shared: &Shared<'_>) -> Result<(), BuildError> {
        let run = transformer.action.run(map, &shared.schemas);
        run.map_err(|error| self.resources_error(&transformer.field, error))?;
        origin::add_transformer(map, transformer.source.as_ref());
        map.drop_gone();
        Ok(())
    }

    /// The resources that `transformers`, `generators` or `validators` are set by, and what they come to.
    fn plugins(&self, field: &'static str, entries: &[String], shared: &mut Shared<'_>) -> Result<Vec<(Resource, Plugin)>, BuildError> {
        let mut acc = Accumulator::default();
        let mut paths = Vec::new();
        for entry in entries {
            match resource_file::read(entry.as_bytes(), "") {
                Ok(mut resources) => {
                    if let Some(origin) = &self.origin {
                        self.add_origin(&mut resources, &origin.append(self.file_name));
                    }
                    acc.map.append_all(resources, &shared.schemas).map_err(|error| self.resources_error(field, error))?;
                }
                Err(_) => paths.push(entry.clone()),
            }
        }
        self.add_resources(&mut acc, field, &paths, shared)?;
        let directory = self.loader.root.file_name().to_owned();
        let mut plugins = Vec::new();
        for resource in acc.map.into_resources() {
            let plugin = plugin::read(&resource, &directory, &mut |path| self.load_bytes(path)).map_err(|e| self.plugin_error(field, e))?;
            plugins.push((resource, plugin));
        }
        Ok(plugins)
    }

    fn external(&self, field: &'static str, entries: &[String], shared: &mut Shared<'_>) -> Result<Vec<Transformer>, BuildError> {
        let mut all = Vec::new();
        for (resource, plugin) in self.plugins(field, entries, shared)? {
            let Plugin::Transformer(action) = plugin else {
                let what = format!("`{}` is no transformer", resource.kind());
                return Err(self.field_error(DecodeError::new(what).inside(field)));
            };
            let source = Source::of_resource(&resource).filter(|_| self.origin.is_some());
            all.push(Transformer { action, field: field.to_owned(), source });
        }
        Ok(all)
    }

    /// Runs validators on a copy: they only look, except for a label that says that they did.
    fn validate(&self, map: &ResMap, shared: &mut Shared<'_>) -> Result<(), BuildError> {
        for validator in self.external("validators", &self.kustomization.validators, shared)? {
            let mut copy = ResMap::default();
            copy.resources_mut().extend(map.resources().iter().cloned());
            let run = validator.action.run(&mut copy, &shared.schemas);
            run.map_err(|error| self.resources_error("validators", error))?;
            let unchanged = |(a, b): (&Resource, &Resource)| a.node == b.node;
            let same = copy.resources().len() == map.resources().len();
            if let Some(changed) = map.resources().iter().zip(copy.resources()).find(|pair| !same || !unchanged(*pair)) {
                let id = changed.0.id(&shared.schemas).to_string();
                return Err(self.resources_error("validators", ResourceError::Changed { id }));
            }
        }
        Ok(())
    }

    fn load_file(&self, field: &str, path: &str) -> Result<Loaded, BuildError> {
        self.loader.load(path).map_err(|error| self.path_error(field, path, error))
    }

    fn load_bytes(&self, path: &str) -> Result<(Vec<u8>, String), PluginError> {
        match self.loader.load(path) {
            Ok(loaded) => Ok((loaded.bytes.to_vec(), loaded.name)),
            Err(LoadError::Path(problem, similar)) => {
                let hint = similar.map(|s| format!("; did you mean `{s}`?")).unwrap_or_default();
                Err(PluginError::Text(format!("`{path}` {problem}{hint}")))
            }
            Err(LoadError::Build(error)) => Err(PluginError::Text(error.to_string())),
        }
    }

    fn load_value(&self, field: &str, path: &str, duplicates: DuplicateKeys) -> Result<(Loaded, Value), BuildError> {
        let loaded = self.load_file(field, path)?;
        let options = ParseOptions { duplicates, ..ParseOptions::default() };
        let mut parsed = yaml::parse(&loaded.bytes, &loaded.name, &options)?;
        let value = if parsed.documents.is_empty() { Value::Null } else { parsed.documents.remove(0).value };
        Ok((loaded, value))
    }

    /// Where a field stands, as `patches[0].target`.
    fn at(&self, field: &str) -> Box<Location> {
        let pointer: String = field.split(['.', '[', ']']).filter(|s| !s.is_empty()).fold(String::new(), |p, step| p + "/" + step);
        Box::new(locate(&self.text, &self.file, &pointer))
    }

    fn path_error(&self, field: &str, path: &str, error: LoadError) -> BuildError {
        match error {
            LoadError::Build(error) => error,
            LoadError::Path(problem, similar) => {
                BuildError::Path { at: self.at(field), field: field.to_owned(), path: path.to_owned(), problem, similar }
            }
        }
    }

    fn named_error(&self, field: &str, message: String) -> BuildError {
        BuildError::Field { at: self.at(field), field: field.to_owned(), message, similar: None }
    }

    fn field_error(&self, error: DecodeError) -> BuildError {
        decode_error_in(&self.file, &self.text, error)
    }

    fn plugin_error(&self, field: &str, error: PluginError) -> BuildError {
        match error {
            PluginError::Foreign { what } => {
                let instead = "only kustomize's own transformers and generators are; use those, or patches and components";
                BuildError::Refused { at: self.at(field), field: field.to_owned(), what, instead }
            }
            PluginError::Decode(error) => {
                self.named_error(field, format!("{}: {}", error.pointer.trim_start_matches('/').replace('/', "."), error.message))
            }
            PluginError::Resources(error) => self.resources_error(field, error),
            PluginError::Text(message) => self.named_error(field, message),
        }
    }

    /// An error among the resources, with the field at work.
    pub(crate) fn resources_error(&self, field: &str, error: ResourceError) -> BuildError {
        BuildError::Resources { at: self.at(field), field: field.to_owned(), error: Box::new(error) }
    }

    fn inside(&self, field: &str, path: &str, error: BuildError) -> BuildError {
        BuildError::Inside { at: self.at(field), field: field.to_owned(), path: path.to_owned(), error: Box::new(error) }
    }
}

enum Located {
    File(Loaded),
    Directory(TreePath),
    Repository(Arc<dyn gitops_tree::Tree>, RepositorySpec),
}

/// Where the labels of one entry go.
fn label_specs(label: &Label, config: &Config) -> Result<Cow<'static, [FieldSpec]>, crate::field_spec::ConfigError> {
    let mut specs: Cow<'static, [FieldSpec]> = Cow::Owned(label.fields.clone());
    merge_specs(&mut specs, &config.labels, "labels")?;
    if label.include_selectors {
        merge_specs(&mut specs, &config.common_labels, "commonLabels")?;
        return Ok(specs);
    }
    if label.include_templates {
        merge_specs(&mut specs, &config.template_labels, "templateLabels")?;
    }
    if label.include_volume_claim_templates {
        merge_specs(&mut specs, &config.volume_claim_template_labels, "volumeClaimTemplateLabels")?;
    }
    merge_specs(&mut specs, &[FieldSpec::any("metadata/labels", true)], "labels")?;
    Ok(specs)
}

fn locate(text: &[u8], file: &str, pointer: &str) -> Location {
    let mut pointer = pointer;
    loop {
        if let Some((line, column)) = yaml::locate(text, 0, pointer) {
            return Location { file: file.to_owned(), line, column };
        }
        match pointer.rfind('/') {
            Some(cut) => pointer = &pointer[..cut],
            None => return Location::file(file),
        }
    }
}

fn decode_error(loaded: &Loaded, error: DecodeError) -> BuildError {
    decode_error_in(&loaded.name, &loaded.bytes, error)
}

fn decode_error_in(file: &str, text: &[u8], error: DecodeError) -> BuildError {
    let mut field = String::new();
    for step in error.pointer.split('/').skip(1) {
        if step.bytes().all(|b| b.is_ascii_digit()) {
            field.push_str(&format!("[{step}]"));
        } else {
            field.push_str(if field.is_empty() { "" } else { "." });
            field.push_str(&step.replace("~1", "/").replace("~0", "~"));
        }
    }
    let at = Box::new(locate(text, file, &error.pointer));
    let field = if field.is_empty() { "kustomization".to_owned() } else { field };
    BuildError::Field { at, field, message: error.message, similar: error.similar }
}
