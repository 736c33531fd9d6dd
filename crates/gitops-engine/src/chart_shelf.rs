//! Charts of repositories and registries, as applications follow them: what each request was resolved to, asked again at the
//! interval of polls, and the archives, from the cache by their digests.
//!
//! What was resolved once stays in use while the server cannot be asked, or hands out something else than it promised: the
//! live state is left alone, and [`Shelf::problem`] says why nothing newer is seen. That holds over a restart too: the cache
//! of charts notes on disk what was resolved. Calls block.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_app::ApplicationSource;
use gitops_helm::{ArchiveTree, Limits};
use gitops_render::{ChartFetcher, ChartRequest, FetchedChart};
use gitops_source::{AllowList, ChartArchive, ChartError, ChartSource, Charts, ChartsConfig};
use gitops_tree::Revision;

use crate::alias::{Alias, read_from};

/// Unpacked charts that are kept in memory: those that are rendered now, by many applications perhaps.
const UNPACKED: usize = 8;

/// What a request means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// As people read it.
    pub(crate) version: String,
    /// Digest of the archive.
    pub(crate) revision: Revision,
}

#[derive(Default)]
struct Known {
    resolved: Option<Resolved>,
    /// Why it could not be asked last.
    problem: Option<String>,
}

pub(crate) struct Shelf {
    /// `None` when the server is configured to fetch none.
    charts: Option<Charts>,
    aliases: Vec<Alias>,
    known: Mutex<HashMap<ChartRequest, Known>>,
    unpacked: Mutex<Vec<Arc<ArchiveTree>>>,
}

/// The chart that a source names; `None` for a source in git. `fixed` replaces its version.
pub(crate) fn request(source: &ApplicationSource, fixed: Option<&str>) -> Option<ChartRequest> {
    if source.is_reference_only() || (source.chart.is_empty() && !source.repo_url.starts_with("oci://")) {
        return None;
    }
    let pass = source.helm.as_ref().and_then(|helm| helm.get("passCredentials")).and_then(serde_json::Value::as_bool);
    Some(ChartRequest {
        repository: source.repo_url.clone(),
        name: source.chart.clone(),
        version: fixed.unwrap_or(&source.target_revision).to_owned(),
        pass_credentials: pass.unwrap_or_default(),
    })
}

impl Shelf {
    /// With what the server may fetch from; where an alias leads is allowed as well.
    pub(crate) fn open(config: Option<ChartsConfig>, aliases: &[Alias]) -> Result<Shelf, ChartError> {
        let charts = config.map(|mut config| {
            if let Some(allow) = &mut config.allow {
                // An alias that leads to a repository of another kind is no place for charts.
                let others = aliases.iter().filter_map(|alias| AllowList::new([alias.read_from.as_str()]).ok());
                others.for_each(|other| allow.extend(other));
            }
            Charts::open(config)
        });
        Ok(Shelf { charts: charts.transpose()?, aliases: aliases.to_vec(), known: Mutex::default(), unpacked: Mutex::default() })
    }

    /// What the request means: what is known, or else what the server says.
    pub(crate) fn resolve(&self, request: &ChartRequest) -> Result<Resolved, String> {
        if let Some(resolved) = self.known(request) {
            return Ok(resolved);
        }
        let looked = self.look(request);
        self.known(request).ok_or_else(|| match looked {
            Err(problem) => problem,
            Ok(_) => format!("{request}: the server told no version"),
        })
    }

    /// What the request meant when it was asked last.
    pub(crate) fn known(&self, request: &ChartRequest) -> Option<Resolved> {
        self.lock().get(request).and_then(|known| known.resolved.clone())
    }

    /// Why the request could not be asked anew, and what is used instead.
    pub(crate) fn problem(&self, request: &ChartRequest) -> Option<String> {
        let known = self.lock();
        let Known { resolved, problem } = known.get(request)?;
        Some(format!("{}; version {} stays in use", problem.as_ref()?, resolved.as_ref()?.version))
    }

    /// Asks the server. Says whether the request means something else than before.
    pub(crate) fn look(&self, request: &ChartRequest) -> Result<bool, String> {
        let fetched = self.fetch_now(request);
        let before = fetched.is_err().then(|| self.before(request)).flatten();
        let mut known = self.lock();
        match fetched {
            Ok(archive) => {
                let resolved = Some(resolved(request, &archive.version, archive.revision));
                let known = known.entry(request.clone()).or_default();
                let is_news = known.resolved != resolved || known.problem.is_some();
                *known = Known { resolved, problem: None };
                Ok(is_news)
            }
            Err(problem) => {
                if let Some(before) = before {
                    known.entry(request.clone()).or_default().resolved.get_or_insert(before);
                }
                if let Some(known) = known.get_mut(request) {
                    known.problem = Some(problem.clone());
                }
                Err(problem)
            }
        }
    }

    /// What the request meant to the process before this one.
    fn before(&self, request: &ChartRequest) -> Option<Resolved> {
        let (version, revision) = self.charts.as_ref()?.last(&self.source(request).ok()?)?;
        Some(resolved(request, &version, revision))
    }

    fn fetch_now(&self, request: &ChartRequest) -> Result<ChartArchive, String> {
        let refused = "this server fetches no charts: no directory for them is configured";
        let charts = self.charts.as_ref().ok_or_else(|| format!("{request}: {refused}"))?;
        let fetched = self.source(request).and_then(|source| charts.fetch(&source));
        fetched.map_err(|error| match error {
            ChartError::Web(gitops_source::WebError::NotAllowed { .. }) => {
                format!("{request}: {error} (`helm.repositories` of the server's configuration)")
            }
            // Its address says which file, not which chart.
            error => format!("{request}: {error}"),
        })
    }

    fn source(&self, request: &ChartRequest) -> Result<ChartSource, ChartError> {
        let repository = read_from(&request.repository, &self.aliases);
        let source = if request.version.starts_with("sha256:") {
            let separator = if request.name.is_empty() { "" } else { "/" };
            let address = format!("{}{separator}{}@{}", repository.trim_end_matches('/'), request.name, request.version);
            ChartSource::new(&address, "", "")
        } else {
            ChartSource::new(&repository, &request.name, &request.version)
        };
        let mut source = source?;
        if repository != request.repository
            && let Ok(named) = ChartSource::new(&request.repository, &request.name, "")
        {
            source = source.with_name(&named);
        }
        Ok(source.with_pass_credentials(request.pass_credentials))
    }

    /// The archive that the request was resolved to: from the cache, or fetched again.
    fn archive(&self, request: &ChartRequest, wanted: &Resolved) -> Result<Arc<[u8]>, String> {
        if let Some(bytes) = self.charts.as_ref().and_then(|charts| charts.cached(&wanted.revision)) {
            return Ok(bytes);
        }
        let exact = ChartRequest { version: wanted.version.clone(), ..request.clone() };
        let found = self.fetch_now(&exact)?;
        if found.revision == wanted.revision {
            return Ok(found.bytes);
        }
        let (expected, found) = (&wanted.revision, &found.revision);
        Err(format!("{exact}: digest mismatch: {expected} was read before, found {found}: the version was published anew"))
    }

    /// The files of the chart that the request was resolved to.
    pub(crate) fn tree(&self, request: &ChartRequest, wanted: &Resolved) -> Result<Arc<ArchiveTree>, String> {
        let unpacked = || self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |tree: &Arc<ArchiveTree>| gitops_tree::Tree::revision(&**tree) == Some(&wanted.revision);
        if let Some(tree) = unpacked().iter().find(|tree| is_it(tree)) {
            return Ok(tree.clone());
        }
        let archive = self.archive(request, wanted)?;
        let tree = ArchiveTree::unpack(&archive, wanted.revision.clone(), &Limits::default()).map_err(|e| format!("{request}: {e}"))?;
        let tree = Arc::new(tree);
        let mut unpacked = unpacked();
        if unpacked.len() >= UNPACKED {
            unpacked.remove(0);
        }
        unpacked.push(tree.clone());
        Ok(tree)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ChartRequest, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn resolved(request: &ChartRequest, found: &str, revision: Revision) -> Resolved {
    // Who asks by digest gets no version.
    let version = if found.is_empty() { &request.version } else { found };
    let version = if version.is_empty() { revision.to_string() } else { version.to_owned() };
    Resolved { version, revision }
}

impl ChartFetcher for Shelf {
    fn fetch(&self, request: &ChartRequest) -> Result<FetchedChart, String> {
        let resolved = self.resolve(request)?;
        let archive = self.archive(request, &resolved)?;
        Ok(FetchedChart { version: resolved.version, revision: resolved.revision, archive })
    }
}
