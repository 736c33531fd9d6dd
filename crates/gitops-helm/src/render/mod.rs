//! Rendering: the chart that is parsed once, and what one rendering takes and gives.

mod compile;
mod encode;
mod files;
mod functions;
mod objects;
mod output;
mod pretty;
mod record;
mod toml;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use gitops_template::{Ambient, Execution, Map, Str, Value};
use gitops_tree::{Tree, TreePath};

use crate::capabilities::Capabilities;
use crate::chart::{ChartData, LoadError, Metadata, load};
use crate::error::RenderError;
use crate::instance::{Id, Instances, is_in_range};
use crate::limits::Limits;
use crate::manifest::{self, Printed};
use crate::schema;
use crate::values::coalesce::Sharing;
use crate::values::{Converter, Table, Values};

use compile::{Compiled, Kept};
use functions::State;

pub use compile::release_name;

pub use output::Rendered;

/// A chart, loaded and ready to be rendered many times. Cheap to clone; clones share what is parsed.
#[derive(Clone)]
pub struct Chart {
    data: Arc<ChartData>,
    limits: Limits,
    warnings: Arc<Vec<String>>,
    kept: Arc<Mutex<Kept>>,
}

impl fmt::Debug for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chart({} {})", self.data.metadata.name, self.data.metadata.version)
    }
}

/// Answers `lookup` from a live cluster.
pub trait Lookup: Send + Sync {
    /// The object, or the list when `name` is empty; `None` when there is none. An error fails the template.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<gitops_manifest::Value>, String>;
}

/// For whom and how a chart is rendered: the flags of `helm template`.
#[derive(Clone)]
#[non_exhaustive]
pub struct RenderOptions {
    /// Name of the release.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// `--is-upgrade`
    pub is_upgrade: bool,
    /// `--kube-version` and `--api-versions` (which are added to the defaults).
    pub capabilities: Arc<Capabilities>,
    /// `--include-crds`
    pub include_crds: bool,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--skip-tests`
    pub skip_tests: bool,
    /// `--skip-schema-validation`
    pub skip_schema_validation: bool,
    /// What `lookup` asks; it finds nothing when this is `None`.
    pub lookup: Option<Arc<dyn Lookup>>,
    /// Nanoseconds since 1970, which `now` tells.
    pub now: i128,
    /// What random functions draw from; all zeros to draw from the system.
    pub seed: [u8; 32],
}

impl RenderOptions {
    /// A first installation, with Helm's defaults.
    pub fn new(release: impl Into<String>, namespace: impl Into<String>) -> RenderOptions {
        RenderOptions {
            release: release.into(),
            namespace: namespace.into(),
            is_upgrade: false,
            capabilities: Arc::default(),
            include_crds: false,
            no_hooks: false,
            skip_tests: false,
            skip_schema_validation: false,
            lookup: None,
            now: 0,
            seed: [0; 32],
        }
    }
}

impl Chart {
    /// Loads the chart at `path`: a directory, or an archive.
    ///
    /// # Errors
    /// When it is no chart, or more than the limits allow.
    pub fn load(tree: &dyn Tree, path: &TreePath, limits: &Limits) -> Result<Chart, LoadError> {
        let mut warnings = Vec::new();
        let data = load::from_tree(tree, path, limits, &mut warnings)?;
        Ok(Chart::new(data, limits, warnings))
    }

    /// Loads a chart from the bytes of an archive.
    ///
    /// # Errors
    /// As [`Chart::load`].
    pub fn from_archive(bytes: &[u8], limits: &Limits) -> Result<Chart, LoadError> {
        let mut warnings = Vec::new();
        let data = load::from_archive(bytes, limits, &mut warnings)?;
        Ok(Chart::new(data, limits, warnings))
    }

    fn new(data: ChartData, limits: &Limits, warnings: Vec<String>) -> Chart {
        Chart { data: Arc::new(data), limits: limits.clone(), warnings: Arc::new(warnings), kept: Arc::default() }
    }

    /// What Chart.yaml says.
    pub fn metadata(&self) -> &Metadata {
        &self.data.metadata
    }

    /// The dependencies that Chart.yaml lists and `charts/` does not have, which must be there before the chart renders.
    pub fn missing_dependencies(&self) -> Vec<&crate::Dependency> {
        let is_there = |name: &str| self.data.children.iter().any(|child| child.metadata.name == name);
        self.data.metadata.dependencies.iter().flatten().filter(|d| !is_there(&d.name)).collect()
    }

    /// Bytes of the chart's files, those of its sub-charts included.
    pub fn bytes(&self) -> u64 {
        self.data.bytes()
    }

    /// What is doubtful about the chart itself.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Renders the chart with `values` over its own.
    ///
    /// # Errors
    /// With the first thing that Helm would stop at.
    pub fn render(&self, values: &Values, options: &RenderOptions) -> Result<Rendered, RenderError> {
        if !matches!(self.data.metadata.kind.as_str(), "" | "application") {
            return Err(RenderError::NotInstallable { kind: self.data.metadata.kind.clone() });
        }
        let mut instances = Instances::new(&self.data, &values.0)?;
        if !is_release_name(&options.release) {
            return Err(RenderError::ReleaseName { name: options.release.clone() });
        }
        let (values, sharing) = instances.coalesce(&values.0)?;
        if !options.skip_schema_validation {
            schema::check(&instances, Instances::ROOT, &values).map_err(RenderError::Schema)?;
        }
        let (range, version) = (&self.data.metadata.kube_version, &options.capabilities.kube_version.version);
        if !range.is_empty() && !is_in_range(range, version) {
            return Err(RenderError::Incompatible { range: range.clone(), version: version.clone() });
        }
        let compiled = compile::compiled(&self.kept, &instances)?;
        let mut execution = self.execution(options);
        let templates = execute(&instances, &compiled, &values, &sharing, options, &mut execution)?;
        self.output(&instances, templates, options, execution.ambient)
            .map(|rendered| Rendered { warnings: instances.take_warnings(), ..rendered })
    }

    fn execution(&self, options: &RenderOptions) -> Execution {
        let mut execution = Execution::default();
        execution.limits.steps = self.limits.max_steps;
        execution.limits.bytes = self.limits.max_output_bytes as u64;
        execution.ambient = Ambient { now: options.now, seed: options.seed, ..Ambient::default() };
        execution.host = Some(Box::new(State::new(options.lookup.clone())));
        execution
    }

    fn output(
        &self,
        instances: &Instances,
        outputs: Vec<Output>,
        options: &RenderOptions,
        ambient: Ambient,
    ) -> Result<Rendered, RenderError> {
        let notes_path = format!("{}/templates/NOTES.txt", self.data.metadata.name);
        let notes = outputs.iter().find(|output| output.path == notes_path).map(|output| output.text.clone()).unwrap_or_default();
        let printed = outputs.iter().filter(|output| !output.path.ends_with("NOTES.txt"));
        let mut sorted = manifest::sort(printed.map(|o| Printed { path: &o.path, text: &o.text, is_utf8: o.is_utf8 }).collect())?;
        if options.no_hooks {
            sorted.hooks.clear();
        } else if options.skip_tests {
            sorted.hooks.retain(|hook| !hook.events.contains(&manifest::HookEvent::Test));
        }
        let crds = if options.include_crds { output::crds(instances) } else { Vec::new() };
        Ok(Rendered {
            templates: outputs.into_iter().map(|output| (output.path, output.text)).collect(),
            crds,
            manifests: sorted.manifests,
            hooks: sorted.hooks,
            notes,
            warnings: Vec::new(),
            drift: ambient.drift,
        })
    }
}

/// A DNS name of at most 53 characters.
fn is_release_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
        letter(*first) && letter(*last) && bytes.iter().all(|b| letter(*b) || *b == b'-')
    };
    name.len() <= 53 && name.split('.').all(part)
}

/// What a template printed.
struct Output {
    path: String,
    text: String,
    /// Whether neither template nor output had anything replaced by U+FFFD.
    is_utf8: bool,
}

/// Runs all templates that are no partials. The outputs are in the order of running.
fn execute(
    instances: &Instances,
    compiled: &Compiled,
    values: &Table,
    sharing: &[Sharing],
    options: &RenderOptions,
    execution: &mut Execution,
) -> Result<Vec<Output>, RenderError> {
    let mut converter = Converter::default();
    crate::values::coalesce::shared_tables(values, sharing, &mut |table| converter.share(table));
    let values = converter.table(values);
    let dots = objects::dots(instances, &values, options);
    let mut outputs = Vec::with_capacity(compiled.templates.len());
    for template in compiled.templates.iter().filter(|t| !t.partial) {
        let Some(dot) = dots.get(&template.owner) else { continue };
        dot.insert(Str::from_static("Template"), objects::template(&template.path, &template.base));
        let output = compiled.set.execute(&template.path, Value::Map(dot.clone()), execution);
        let output = output.map_err(|e| RenderError::Template(compile::execution_error(&e)))?;
        let (text, is_utf8) = without_no_value(output);
        outputs.push(Output { path: template.path.clone(), text, is_utf8: is_utf8 && template.is_utf8 });
    }
    Ok(outputs)
}

/// Helm takes each `<no value>` out, whoever wrote it.
fn without_no_value(output: Vec<u8>) -> (String, bool) {
    let (text, is_utf8) = match String::from_utf8(output) {
        Ok(text) => (text, true),
        Err(e) => (Str::from(e.into_bytes()).text().into_owned(), false),
    };
    (if text.contains(NO_VALUE) { text.replace(NO_VALUE, "") } else { text }, is_utf8)
}

const NO_VALUE: &str = "<no value>";

/// The dot of each chart's templates.
type Dots = HashMap<Id, Map>;
