//! Charts of a kustomization's `helmCharts`, rendered by `gitops-helm` as `kustomize build --enable-helm` has helm do it.
//!
//! Charts lie in the tree, in `chartHome`/NAME (`chartHome`/NAME-VERSION/NAME where a repository and a version are given, as
//! kustomize keeps what it pulled). What is not there and has a `repo` is asked of a [`ChartFetcher`]; without one, the error
//! says how to put it there.

use std::sync::{Arc, Mutex, PoisonError};

use gitops_helm::{ArchiveTree, Capabilities, Chart, KubeVersion, Limits, RenderOptions, Values};
use gitops_kustomize::{ChartCall, Charts};
use gitops_manifest::Value;
use gitops_template::{Execution, Functions, Options, TemplateSet, sprig};
use gitops_tree::{Revision, Tree, TreePath};

use crate::chart_cache::ChartCache;
use crate::chart_request::{ChartFetcher, ChartRequest};

/// Renders the charts of kustomizations.
pub struct HelmCharts<'f> {
    kube_version: String,
    api_versions: Vec<String>,
    now: i128,
    fetcher: Option<&'f dyn ChartFetcher>,
    parsed: Option<&'f ChartCache>,
    warnings: Mutex<Vec<String>>,
    fetched: Mutex<Vec<(String, Revision)>>,
}

impl<'f> HelmCharts<'f> {
    /// With what charts get that say nothing themselves: `--helm-kube-version` (empty for Helm's own) and
    /// `--helm-api-versions`. `now`: nanoseconds since 1970, for templates that ask.
    pub fn new(kube_version: impl Into<String>, api_versions: Vec<String>, now: i128) -> HelmCharts<'f> {
        let kube_version = kube_version.into();
        HelmCharts { kube_version, api_versions, now, fetcher: None, parsed: None, warnings: Mutex::default(), fetched: Mutex::default() }
    }

    /// Fetches the charts that are not in the tree by `fetcher`, and keeps what was parsed in `parsed`.
    #[must_use]
    pub fn with_fetcher(mut self, fetcher: Option<&'f dyn ChartFetcher>, parsed: Option<&'f ChartCache>) -> HelmCharts<'f> {
        (self.fetcher, self.parsed) = (fetcher, parsed);
        self
    }

    /// What was fetched: each request as [`ChartRequest::address`] writes it, and the digest of what came.
    pub fn take_fetched(&self) -> Vec<(String, Revision)> {
        std::mem::take(&mut *self.fetched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is doubtful in the charts that were rendered, one line each.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn options(&self, entry: &Entry<'_>) -> Result<RenderOptions, String> {
        let namespace = entry.text("namespace");
        let mut options = RenderOptions::new(entry.release()?, if namespace.is_empty() { "default" } else { namespace });
        let mut capabilities = Capabilities::default();
        let kube_version = Some(entry.text("kubeVersion")).filter(|v| !v.is_empty()).unwrap_or(&self.kube_version);
        if !kube_version.is_empty() {
            capabilities.kube_version = KubeVersion::parse(kube_version).map_err(|e| e.to_string())?;
        }
        if entry.settings.get("apiVersions").is_some() {
            capabilities.api_versions.extend(entry.texts("apiVersions").map(str::to_owned));
        } else {
            capabilities.api_versions.extend(self.api_versions.iter().cloned());
        }
        options.capabilities = Arc::new(capabilities);
        options.include_crds = entry.is("includeCRDs");
        options.no_hooks = entry.is("skipHooks");
        options.skip_tests = entry.is("skipTests");
        options.now = self.now;
        Ok(options)
    }
}

/// A chart, and the values file that it has of its own.
struct Found {
    /// Where it lies, for messages.
    place: String,
    chart: Chart,
    /// The chart's own values, where the kustomization cannot read them.
    values: Option<Arc<[u8]>>,
}

impl HelmCharts<'_> {
    /// The chart in the tree, or the one that is fetched for the kustomization.
    fn find(&self, entry: &Entry<'_>, call: &ChartCall<'_>, limits: &Limits) -> Result<Found, String> {
        let path = format!("{}/{}", entry.home(), entry.text("name"));
        if let Some(directory) = call.directory(&path)? {
            let place = directory.to_string();
            let chart = Chart::load(call.tree(), &directory, limits).map_err(|e| format!("{place}: {e}"))?;
            return Ok(Found { place, chart, values: None });
        }
        let Some(fetcher) = self.fetcher.filter(|_| !entry.text("repo").is_empty()) else { return Err(entry.missing(&path, call)) };
        let request = ChartRequest {
            repository: entry.text("repo").to_owned(),
            name: entry.text("name").to_owned(),
            version: entry.text("version").to_owned(),
            pass_credentials: false,
        };
        let fetched = fetcher.fetch(&request)?;
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).push((request.address(), fetched.revision.clone()));
        let place = format!("chart {} {} of {}", request.name, fetched.version, request.repository);
        let failed = |e: &dyn std::fmt::Display| format!("{place}: {e}");
        let chart = match self.parsed {
            Some(parsed) => parsed.packaged(&fetched.archive, &fetched.revision, limits),
            None => Chart::from_archive(&fetched.archive, limits),
        };
        let files = ArchiveTree::unpack(&fetched.archive, fetched.revision, limits).map_err(|e| failed(&e))?;
        let values = files.read(&TreePath::root().child("values.yaml")).map_err(|e| failed(&e))?;
        Ok(Found { chart: chart.map_err(|e| failed(&e))?, values: Some(values.unwrap_or_default()), place })
    }
}

impl Charts for HelmCharts<'_> {
    fn render(&self, call: &ChartCall<'_>) -> Result<Arc<[u8]>, String> {
        let entry = Entry { settings: call.settings() };
        if entry.text("name").is_empty() {
            return Err("chart name cannot be empty".to_owned());
        }
        let merge = entry.merge()?;
        let limits = Limits::default();
        let additional = entry.texts("additionalValuesFiles").map(|file| {
            let text = call.load(file).map_err(|e| format!("could not load additionalValuesFile: {e}"))?;
            Values::from_yaml(&text, file, limits.max_values_bytes).map_err(|e| e.to_string())
        });
        let additional = additional.collect::<Result<Vec<_>, String>>()?;
        let Found { place, chart, values } = self.find(&entry, call, &limits)?;
        let mut values = entry.values(call, merge, values.as_ref(), limits.max_values_bytes)?;
        additional.iter().for_each(|over| values.merge(over));
        let rendered = chart.render(&values, &self.options(&entry)?).map_err(|e| format!("{place}: {e}"))?;
        let warnings = chart.warnings().iter().chain(&rendered.warnings).map(|w| format!("{place}: {w}"));
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings);
        Ok(rendered.to_text().into_bytes().into())
    }
}

/// `valuesMerge`: how `valuesInline` and the values file go together.
#[derive(Clone, Copy)]
enum Merge {
    InlineWins,
    FileWins,
    /// The file is not read.
    InlineAlone,
}

/// An entry of `helmCharts`.
struct Entry<'e> {
    settings: &'e Value,
}

impl<'e> Entry<'e> {
    fn text(&self, key: &str) -> &'e str {
        self.settings.str_at(&[key]).unwrap_or_default()
    }

    fn is(&self, key: &str) -> bool {
        self.settings.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    fn texts(&self, key: &str) -> impl Iterator<Item = &'e str> {
        self.settings.get(key).and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_str)
    }

    fn merge(&self) -> Result<Merge, String> {
        match self.text("valuesMerge") {
            "" | "override" => Ok(Merge::InlineWins),
            "merge" => Ok(Merge::FileWins),
            "replace" => Ok(Merge::InlineAlone),
            _ => Err("valuesMerge must be one of [merge override replace]".to_owned()),
        }
    }

    /// The directory that the chart's own one is in.
    fn home(&self) -> String {
        let home = Some(self.text("chartHome")).filter(|home| !home.is_empty()).unwrap_or("charts");
        let (name, version) = (self.text("name"), self.text("version"));
        if version.is_empty() || self.text("repo").is_empty() { home.to_owned() } else { format!("{home}/{name}-{version}") }
    }

    /// What to say of a chart that is not there.
    fn missing(&self, path: &str, call: &ChartCall<'_>) -> String {
        let (name, repo, version) = (self.text("name"), self.text("repo"), self.text("version"));
        if repo.is_empty() {
            return format!("no repo specified for pull, no chart found at '{path}'");
        }
        let what = match repo.strip_prefix("oci://") {
            Some(_) => format!("{}/{name}", repo.trim_end_matches('/')),
            None => format!("--repo {repo} {name}"),
        };
        let version = if version.is_empty() { String::new() } else { format!(" --version {version}") };
        let root = if call.root().is_root() { ".".to_owned() } else { call.root().to_string() };
        format!(
            "no chart found at '{path}', and charts are not fetched here: run `helm pull --untar --untardir {} {what}{version}` in {root} and commit what it wrote",
            self.home()
        )
    }

    /// `fetched`: the values of a chart that is not in the tree.
    fn values(&self, call: &ChartCall<'_>, merge: Merge, fetched: Option<&Arc<[u8]>>, max_bytes: usize) -> Result<Values, String> {
        let own = format!("{}/{}/values.yaml", self.home(), self.text("name"));
        let named = Some(self.text("valuesFile")).filter(|f| !f.is_empty());
        let file = named.unwrap_or(&own);
        let load = || match fetched.filter(|_| named.is_none()) {
            Some(values) => Ok(values.clone()),
            None => call.load(file),
        };
        let has_inline = self.settings.get("valuesInline").and_then(Value::as_map).is_some_and(|map| !map.is_empty());
        if !has_inline {
            return Values::from_yaml(&load()?, file, max_bytes).map_err(|e| e.to_string());
        }
        let value = match merge {
            Merge::InlineAlone => self.settings.get("valuesInline").cloned().unwrap_or_default(),
            Merge::InlineWins => call.merged_values(&load()?, true)?,
            Merge::FileWins => call.merged_values(&load()?, false)?,
        };
        Ok(Values::from_value(&value))
    }

    /// The name of the release: `releaseName`, what `nameTemplate` gives, or helm's own.
    fn release(&self) -> Result<String, String> {
        let (name, template) = (self.text("releaseName"), self.text("nameTemplate"));
        match (name, template) {
            ("", "") => Ok("release-name".to_owned()),
            ("", template) => executed(template),
            (name, "") => Ok(name.to_owned()),
            _ => Err("cannot set --name-template and also specify a name".to_owned()),
        }
    }
}

fn executed(template: &str) -> Result<String, String> {
    const NAME: &str = "name-template";
    let mut set = TemplateSet::new(Functions::builtin().with(sprig::FUNCTIONS), Options { name: NAME.to_owned(), ..Options::default() });
    set.parse(NAME, template).map_err(|e| e.to_string())?;
    let output = set.execute(NAME, gitops_template::Value::Nil, &mut Execution::default()).map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}
