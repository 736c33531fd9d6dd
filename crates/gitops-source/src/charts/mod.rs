//! Charts from chart repositories (feature `helm-repo`) and OCI registries (feature `oci`), as archives with a digest.
//!
//! [`Charts::fetch`] finds the version that a [`ChartSource`] means and gives the packed chart: its bytes and their SHA-256
//! as a [`Revision`], which is checked against what the index or manifest promises, and by which the archive is cached.
//! Unpacking is the caller's. Calls block; calls for one source at one time share their work.
//!
//! Not there: provenance files (`.prov`) are neither fetched nor verified; image indexes and artifacts that are no Helm
//! charts; credential stores of other programs; refresh tokens.

mod cache;
mod error;
#[cfg(feature = "helm-repo")]
mod index;
#[cfg(feature = "oci")]
mod oci;
#[cfg(feature = "helm-repo")]
mod repository;
mod resolved;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_tree::Revision;

use crate::join::Join;
use crate::web::{Web, WebAddress};
use crate::{AllowList, Credentials, Timeouts, WebError};
use cache::ArchiveCache;
pub use error::ChartError;
use resolved::{Record, Records};

/// How charts are fetched and kept.
#[derive(Clone, Debug)]
pub struct ChartsConfig {
    /// The directory of fetched archives. Several processes may share it.
    pub dir: PathBuf,
    /// Credentials by prefix of the repository's or registry's address.
    pub credentials: Credentials,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Most bytes of archives that are kept. Default 1 GiB.
    pub cache_limit: u64,
    /// Bytes of the largest archive that is accepted. Default 64 MiB.
    pub archive_limit: u64,
    /// Bytes of the largest `index.yaml` that is accepted. Default 64 MiB.
    pub index_limit: u64,
    /// Registries (`host` or `host:port`) that are asked over http. Those of this machine (`localhost`, `127.0.0.1`, `[::1]`)
    /// are too, unless there are credentials for them under `https://`.
    pub plain_http: Vec<String>,
    /// Which repositories and registries may be asked; all of them when `None`. What an allowed one refers to on other hosts
    /// is followed over https, and over http only when it is in the list too.
    pub allow: Option<AllowList>,
}

impl ChartsConfig {
    /// The defaults, with archives in `dir` and no credentials.
    pub fn new(dir: impl Into<PathBuf>) -> ChartsConfig {
        ChartsConfig {
            dir: dir.into(),
            credentials: Credentials::default(),
            timeouts: Timeouts::default(),
            cache_limit: 1 << 30,
            archive_limit: 64 << 20,
            index_limit: 64 << 20,
            plain_http: Vec::new(),
            allow: None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    Repository(WebAddress),
    /// `host[:port]/path[:tag][@digest]`
    Registry(String),
}

/// A chart, as a person names it: where, which, and which version or range.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ChartSource {
    place: Place,
    chart: String,
    version: String,
    pass_credentials: bool,
}

impl ChartSource {
    /// Takes an address (`https://…` of a chart repository, `oci://…` of a registry, or a registry's without a protocol, as
    /// Argo CD writes it), the chart's name and a version, a semver range, or nothing for the highest release.
    ///
    /// In a registry the chart lies at the address with its name behind it; with an empty name, at the address itself, which
    /// may then end in `:tag` or `@sha256:…`.
    ///
    /// # Errors
    /// When the address is malformed or of another protocol, or the name is missing.
    pub fn new(repository: &str, chart: &str, version: &str) -> Result<ChartSource, ChartError> {
        let (repository, version) = (repository.trim(), version.trim().to_owned());
        let failed = |reason: String| ChartError::Address { chart: chart.to_owned(), reason };
        let is_web = ["http://", "https://"].iter().any(|p| repository.get(..p.len()).is_some_and(|head| head.eq_ignore_ascii_case(p)));
        let place = if is_web {
            if chart.is_empty() {
                return Err(failed("the chart's name is missing".to_owned()));
            }
            Place::Repository(WebAddress::parse(repository).map_err(|e| failed(e.to_string()))?)
        } else {
            let path = repository.strip_prefix("oci://").unwrap_or(repository).trim_end_matches('/');
            if path.contains("://") || path.is_empty() || path.starts_with(['/', '.']) {
                return Err(failed("write https://…, or oci://… for a registry".to_owned()));
            }
            let separator = if chart.is_empty() { "" } else { "/" };
            let reference = format!("{path}{separator}{}", chart.trim_matches('/'));
            check_reference(&reference).map_err(failed)?;
            Place::Registry(reference)
        };
        Ok(ChartSource { place, chart: chart.to_owned(), version, pass_credentials: false })
    }

    /// Whether the repository's credentials go to archives on other hosts too (Helm's `passCredentials`). Default no.
    #[must_use]
    pub fn with_pass_credentials(mut self, pass: bool) -> ChartSource {
        self.pass_credentials = pass;
        self
    }
}

fn check_reference(reference: &str) -> Result<(), String> {
    let host = reference.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Err("a login in a registry's address: put it into the credentials".to_owned());
    }
    if host.len() == reference.len() {
        return Err("a registry's address needs a path".to_owned());
    }
    WebAddress::parse(&format!("https://{host}")).map(drop).map_err(|e| e.to_string())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Repository(address) => write!(f, "{address}"),
            Place::Registry(reference) => write!(f, "oci://{reference}"),
        }
    }
}

impl fmt::Display for ChartSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Repository(address) => write!(f, "chart {} of {address}", self.chart)?,
            Place::Registry(_) => write!(f, "chart {}", self.place)?,
        }
        if self.version.is_empty() { Ok(()) } else { write!(f, " ({})", self.version) }
    }
}

impl fmt::Debug for ChartSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChartSource({self})")
    }
}

/// A packed chart (`.tgz`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartArchive {
    /// The chart's name, as it was asked for.
    pub name: String,
    /// Its version, as the index or tag has it; empty when it was asked for by digest.
    pub version: String,
    /// Where it came from, without secrets.
    pub url: String,
    /// SHA-256 of `bytes`.
    pub revision: Revision,
    /// The archive.
    pub bytes: Arc<[u8]>,
}

type Outcome = Result<ChartArchive, ChartError>;

/// Fetches charts and keeps them.
pub struct Charts {
    config: ChartsConfig,
    web: Web,
    cache: ArchiveCache,
    records: Records,
    running: Mutex<HashMap<ChartSource, Arc<Join<Outcome>>>>,
    #[cfg(feature = "helm-repo")]
    memory: repository::Memory,
}

impl Charts {
    /// Opens the directory of archives, and makes it if need be.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn open(config: ChartsConfig) -> Result<Charts, ChartError> {
        Ok(Charts {
            cache: ArchiveCache::open(&config.dir, config.cache_limit)?,
            records: Records::open(&config.dir),
            web: Web::new(config.credentials.clone(), config.timeouts),
            config,
            running: Mutex::default(),
            #[cfg(feature = "helm-repo")]
            memory: repository::Memory::new(),
        })
    }

    /// Finds the version that the source means now, and gives its archive: from the cache, where its digest is known before.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, no version fits, or what came has another digest than was promised.
    pub fn fetch(&self, source: &ChartSource) -> Result<ChartArchive, ChartError> {
        let lock = || self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let join = lock().entry(source.clone()).or_insert_with(|| Arc::new(Join::new())).clone();
        let outcome = join.run(|| self.fetch_now(source), Result::is_err);
        let mut running = lock();
        // The map's and ours: nobody else waits.
        if Arc::strong_count(&join) == 2 {
            running.remove(source);
        }
        outcome
    }

    /// Version and digest of what the source meant when it was fetched last, by this process or one before it: for when its
    /// server cannot be asked. Nothing, when the source may not be asked any more.
    pub fn last(&self, source: &ChartSource) -> Option<(String, Revision)> {
        self.check_allowed(source).ok()?;
        let record = self.records.read(source)?;
        Some((record.version, record.revision))
    }

    /// The archive of that digest, if it is still kept.
    pub fn cached(&self, revision: &Revision) -> Option<Arc<[u8]>> {
        self.cache.get(revision)
    }

    /// Whether something may be asked that an allowed place refers to.
    fn may(&self, to: &WebAddress) -> bool {
        to.is_secure() || self.config.allow.as_ref().is_none_or(|allow| allow.allows(&to.place()))
    }

    /// Whether the place itself is allowed. A registry is known by https, and by http where it is asked so.
    fn check_allowed(&self, source: &ChartSource) -> Result<(), ChartError> {
        let Some(allow) = &self.config.allow else { return Ok(()) };
        let is_allowed = match &source.place {
            Place::Repository(address) => allow.allows(&address.place()),
            Place::Registry(reference) => ["https", "http"].iter().any(|scheme| {
                let path = reference.split('@').next().unwrap_or_default();
                WebAddress::parse(&format!("{scheme}://{path}")).is_ok_and(|address| allow.allows(&address.place()))
            }),
        };
        if is_allowed { Ok(()) } else { Err(WebError::NotAllowed { url: source.place.to_string() }.into()) }
    }

    fn fetch_now(&self, source: &ChartSource) -> Outcome {
        self.check_allowed(source)?;
        let archive = match &source.place {
            Place::Repository(address) => self.fetch_from_repository(address, source),
            Place::Registry(reference) => self.fetch_from_registry(reference, &source.chart, &source.version),
        }?;
        let (version, revision) = (archive.version.clone(), archive.revision.clone());
        self.records.write(source, &Record { version, revision, verified: String::new() });
        Ok(archive)
    }

    #[cfg(feature = "helm-repo")]
    fn fetch_from_repository(&self, address: &WebAddress, source: &ChartSource) -> Outcome {
        use repository::Located;
        match repository::locate(self, address, &source.chart, &source.version, source.pass_credentials)? {
            Located::Web { archive, home, version, digest } => {
                repository::fetch(self, &archive, &home, &source.chart, version, digest.as_deref())
            }
            // Such an address has a tag of its own, as a rule.
            Located::Registry { reference, version } => {
                let reference = reference.trim_start_matches("oci://");
                let wrong = |reason| ChartError::Index { url: address.to_string(), reason };
                check_reference(reference).map_err(wrong)?;
                let has_tag = reference.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
                self.fetch_from_registry(reference, &source.chart, if has_tag { "" } else { &version })
            }
        }
    }

    #[cfg(not(feature = "helm-repo"))]
    fn fetch_from_repository(&self, address: &WebAddress, _: &ChartSource) -> Outcome {
        Err(ChartError::NotBuilt { url: address.to_string(), feature: "helm-repo" })
    }

    #[cfg(feature = "oci")]
    fn fetch_from_registry(&self, reference: &str, chart: &str, version: &str) -> Outcome {
        oci::fetch(self, reference, chart, version)
    }

    #[cfg(not(feature = "oci"))]
    fn fetch_from_registry(&self, reference: &str, _: &str, _: &str) -> Outcome {
        Err(ChartError::NotBuilt { url: format!("oci://{reference}"), feature: "oci" })
    }
}
