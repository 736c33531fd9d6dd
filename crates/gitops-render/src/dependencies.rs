//! Dependencies of a chart that are not in its `charts/`: what `helm dependency build` would put there.
//!
//! A chart is looked at first: only what is missing is asked for. Versions are those of `Chart.lock`, which must have been
//! made for the dependencies of Chart.yaml; without a lock, the ranges of Chart.yaml are resolved. A `file://` dependency is
//! read from its directory in the same tree. What was fetched is noted, by request and digest.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_helm::{Chart, Dependency, Limits, LoadError};
use gitops_manifest::yaml::DuplicateKeys;
use gitops_tree::{ReadSet, Revision, Tree, TreePath};

use crate::chart_cache::ChartCache;
use crate::chart_request::{ChartFetcher, ChartRequest};
use crate::document::parse_yaml;
use crate::files::{self, Files};
use crate::limits::Limits as ReadLimits;
use crate::lock::Lock;
use crate::overlay::{Layer, Overlay};

/// How charts are loaded.
#[derive(Clone, Copy)]
pub(crate) struct Loading<'a> {
    pub(crate) cache: Option<&'a ChartCache>,
    pub(crate) fetcher: Option<&'a dyn ChartFetcher>,
    /// Whether credentials go to archives on other hosts too.
    pub(crate) pass_credentials: bool,
    pub(crate) limits: &'a Limits,
    pub(crate) read_limits: &'a ReadLimits,
}

/// A chart, and what was read for it.
pub(crate) struct Loaded {
    pub(crate) chart: Chart,
    /// Read of the tree, now or at an earlier time.
    pub(crate) reads: ReadSet,
}

impl Loading<'_> {
    /// The chart at `path`, with its dependencies; and what was fetched, be it for a failure: requests and digests.
    pub(crate) fn chart(&self, tree: &dyn Tree, path: &TreePath) -> (Vec<(String, Revision)>, Result<Loaded, String>) {
        let mut fetched = Vec::new();
        let loaded = self.chart_with(tree, path, &mut fetched);
        (fetched, loaded)
    }

    fn chart_with(&self, tree: &dyn Tree, path: &TreePath, fetched: &mut Vec<(String, Revision)>) -> Result<Loaded, String> {
        let text = |e: LoadError| e.to_string();
        let (chart, reads) = self.load(tree, &Layer::default(), path).map_err(text)?;
        let missing = chart.missing_dependencies();
        let Some(fetcher) = self.fetcher.filter(|_| missing.iter().any(|d| !d.repository.is_empty())) else {
            return Ok(Loaded { chart, reads });
        };
        let lock = self.lock(tree, path, &chart)?;
        let mut files = BTreeMap::new();
        for dependency in missing.into_iter().filter(|d| !d.repository.is_empty()) {
            self.add(tree, path, dependency, lock.as_ref(), fetcher, &mut files, fetched)?;
        }
        let (chart, more) = self.load(tree, &Layer::new(files), path).map_err(text)?;
        let mut reads = reads;
        reads.merge(more);
        Ok(Loaded { chart, reads })
    }

    fn load(&self, tree: &dyn Tree, layer: &Layer, path: &TreePath) -> Result<(Chart, ReadSet), LoadError> {
        match self.cache {
            Some(cache) => cache.in_tree(tree, layer, path, self.limits),
            None => Chart::load(&Overlay { base: tree, layer }, path, self.limits).map(|chart| (chart, ReadSet::default())),
        }
    }

    /// The lock beside Chart.yaml, if there is one.
    fn lock(&self, tree: &dyn Tree, path: &TreePath, chart: &Chart) -> Result<Option<Lock>, String> {
        let is_v1 = chart.metadata().api_version == "v1";
        let names: &[&str] = if is_v1 { &["requirements.lock", "Chart.lock"] } else { &["Chart.lock"] };
        for name in names {
            let file = path.child(name);
            let bytes = Files::new(tree, self.read_limits).read_at(&file).map_err(|e| e.to_string())?;
            let Some(bytes) = bytes else { continue };
            let parsed = parse_yaml(&bytes, &file, DuplicateKeys::LastWins, self.read_limits).map_err(|e| e.to_string())?;
            let lock = parsed.documents.first().map(|document| Lock::read(&document.value)).unwrap_or_default();
            if !lock.is_for(chart.metadata().dependencies.as_deref().unwrap_or_default(), is_v1) {
                return Err(format!(
                    "{name} was made for other dependencies than those of the chart now: run `helm dependency update` and commit {name}"
                ));
            }
            return Ok(Some(lock));
        }
        Ok(None)
    }

    /// Puts one dependency among the files that go into `charts/`.
    #[expect(clippy::too_many_arguments, reason = "one step of `chart_with`, cut out for its length")]
    fn add(
        &self,
        tree: &dyn Tree,
        path: &TreePath,
        wanted: &Dependency,
        lock: Option<&Lock>,
        fetcher: &dyn ChartFetcher,
        into: &mut BTreeMap<TreePath, Arc<[u8]>>,
        fetched: &mut Vec<(String, Revision)>,
    ) -> Result<(), String> {
        let name = &wanted.name;
        let failed = |reason: &dyn std::fmt::Display| format!("dependency `{name}`: {reason}");
        let locked =
            lock.map(|lock| lock.of(name).ok_or_else(|| failed(&"is not in the lock: run `helm dependency update`"))).transpose()?;
        let (version, repository) = locked.map_or((&wanted.version, &wanted.repository), |l| (&l.version, &l.repository));
        let charts = path.child("charts");
        if let Some(directory) = repository.strip_prefix("file://") {
            let from = path.join(directory).map_err(|e| failed(&e))?;
            let to = charts.join(name).map_err(|e| failed(&e))?;
            let below = files::below(&mut Files::new(tree, self.read_limits), &from).map_err(|e| failed(&e))?;
            for (path, bytes) in below {
                into.insert(to.join(path.as_str()).map_err(|e| failed(&e))?, bytes);
            }
            return Ok(());
        }
        if repository.starts_with('@') || repository.starts_with("alias:") {
            return Err(failed(&format!(
                "`{repository}` is a name that one installation of helm knows a repository by: write the repository's address"
            )));
        }
        let request = ChartRequest {
            repository: repository.clone(),
            name: name.clone(),
            version: version.clone(),
            pass_credentials: self.pass_credentials,
        };
        let chart = fetcher.fetch(&request).map_err(|e| failed(&e))?;
        fetched.push((request.address(), chart.revision));
        // The name is of the chart's making, and no path.
        into.insert(charts.child(&format!("{}.tgz", name.replace('/', "-"))), chart.archive);
        Ok(())
    }
}
