//! Charts from chart repositories (feature `helm-repo`) and OCI registries (feature `oci`), as archives with a digest.
//!
//! [`Charts::fetch`] finds the version that a [`ChartSource`] means and gives the packed chart: its bytes and their SHA-256
//! as a [`Revision`], which is checked against what the index or manifest promises, and by which the archive is cached.
//! Unpacking is the caller's. Calls block; calls for one source at one time share their work.
//!
//! Where a [`KeyringRule`] fits, the chart's provenance file (`.prov`; in a registry, a layer) must vouch for it (feature
//! `provenance`).
//!
//! Not there: image indexes and artifacts that are no Helm
//! charts; credential stores of other programs; refresh tokens.

mod cache;
mod error;
#[cfg(feature = "helm-repo")]
mod index;
#[cfg(feature = "oci")]
mod oci;
#[cfg(feature = "provenance")]
mod provenance;
#[cfg(not(feature = "provenance"))]
#[path = "provenance/absent.rs"]
mod provenance;
#[cfg(feature = "helm-repo")]
mod repository;
mod resolved;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_tree::Revision;

use crate::join::Join;
use crate::web::{Web, WebAddress};
use crate::{AllowList, Credentials, RepoUrl, Timeouts, WebError};
use cache::ArchiveCache;
pub use error::ChartError;
pub use provenance::Keyring;
use provenance::Vouched;
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
    /// Which charts must be signed, and by whom. The first one that fits counts.
    pub keyrings: Vec<KeyringRule>,
}

/// Charts of some places must be signed by a key of a keyring.
#[derive(Clone, Debug)]
pub struct KeyringRule {
    /// Of which repositories and registries.
    pub places: AllowList,
    /// By whom.
    pub keyring: Keyring,
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
            keyrings: Vec::new(),
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
    /// By what it is named, when that is not where it is read from.
    named: Option<Place>,
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
        Ok(ChartSource { place, named: None, chart: chart.to_owned(), version, pass_credentials: false })
    }

    /// Whether the repository's credentials go to archives on other hosts too (Helm's `passCredentials`). Default no.
    #[must_use]
    pub fn with_pass_credentials(mut self, pass: bool) -> ChartSource {
        self.pass_credentials = pass;
        self
    }
}

impl ChartSource {
    /// Tells that people name it by another address than it is read from: keyrings for either count.
    #[must_use]
    pub fn with_name(mut self, named: &ChartSource) -> ChartSource {
        self.named = Some(named.place.clone());
        self
    }
}

impl Place {
    /// As lists of allowed places know it. A registry is known by https, and by http where it is asked so; tag and digest
    /// are no part of the place.
    fn urls(&self) -> Vec<RepoUrl> {
        match self {
            Place::Repository(address) => vec![address.place()],
            Place::Registry(reference) => {
                let path = reference.split('@').next().unwrap_or_default();
                let tag = path.rfind(':').filter(|at| !path[*at..].contains('/'));
                let path = &path[..tag.unwrap_or(path.len())];
                let known = ["https", "http"].iter().map(|scheme| WebAddress::parse(&format!("{scheme}://{path}")));
                known.flatten().map(|address| address.place()).collect()
            }
        }
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

/// How many verified archives are remembered.
const VERIFIED: usize = 4096;

type Outcome = Result<ChartArchive, ChartError>;

/// Fetches charts and keeps them.
pub struct Charts {
    config: ChartsConfig,
    web: Web,
    cache: ArchiveCache,
    records: Records,
    /// What was verified by this process.
    verified: Mutex<HashSet<String>>,
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
            verified: Mutex::default(),
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
    /// server cannot be asked. Nothing, when the source may not be asked any more, or was not verified as it must be now.
    pub fn last(&self, source: &ChartSource) -> Option<(String, Revision)> {
        self.check_allowed(source).ok()?;
        let is_verified = |record: &Record| self.keyring(source).is_none_or(|keyring| keyring.digest() == record.verified);
        let record = self.records.read(source).filter(is_verified)?;
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

    /// Whether the place itself is allowed.
    fn check_allowed(&self, source: &ChartSource) -> Result<(), ChartError> {
        let Some(allow) = &self.config.allow else { return Ok(()) };
        if source.place.urls().iter().any(|url| allow.allows(url)) {
            Ok(())
        } else {
            Err(WebError::NotAllowed { url: source.place.to_string() }.into())
        }
    }

    /// Who must have signed the chart, if anybody.
    fn keyring(&self, source: &ChartSource) -> Option<&Keyring> {
        let urls: Vec<RepoUrl> = [Some(&source.place), source.named.as_ref()].into_iter().flatten().flat_map(Place::urls).collect();
        let fits = |rule: &&KeyringRule| urls.iter().any(|url| rule.places.allows(url));
        self.config.keyrings.iter().find(fits).map(|rule| &rule.keyring)
    }

    /// Checks an archive against its provenance file, which `read` gives unless this process has seen it already; nothing,
    /// when there is none.
    fn verify(
        &self,
        keyring: &Keyring,
        archive: &ChartArchive,
        file: Option<&str>,
        read: impl FnOnce() -> Result<Option<Vec<u8>>, ChartError>,
    ) -> Result<(), ChartError> {
        let ChartArchive { name, version, revision, .. } = archive;
        let key = format!("{}\n{revision}\n{name}\n{version}\n{}", keyring.digest(), file.unwrap_or_default());
        let verified = || self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified().contains(&key) {
            return Ok(());
        }
        let missing = || "there is no provenance file beside it: publish what `helm package --sign` writes".to_owned();
        let vouched = Vouched { asked: Some((name, version)), file, digest: revision };
        let checked = read()?.ok_or_else(missing).and_then(|provenance| keyring.verify(&provenance, &vouched));
        checked.map_err(|reason| {
            let (chart, version) = (name.clone(), version.clone());
            ChartError::Provenance { chart, version, keyring: keyring.name().to_owned(), reason }
        })?;
        let mut verified = verified();
        if verified.len() >= VERIFIED {
            verified.clear();
        }
        verified.insert(key);
        Ok(())
    }

    fn fetch_now(&self, source: &ChartSource) -> Outcome {
        self.check_allowed(source)?;
        let keyring = self.keyring(source);
        let archive = match &source.place {
            Place::Repository(address) => self.fetch_from_repository(address, source),
            Place::Registry(reference) => self.fetch_from_registry(reference, &source.chart, &source.version, keyring),
        }?;
        let (version, revision) = (archive.version.clone(), archive.revision.clone());
        self.records.write(source, &Record { version, revision, verified: keyring.map_or("", Keyring::digest).to_owned() });
        Ok(archive)
    }

    #[cfg(feature = "helm-repo")]
    fn fetch_from_repository(&self, address: &WebAddress, source: &ChartSource) -> Outcome {
        use repository::Located;
        match repository::locate(self, address, &source.chart, &source.version, source.pass_credentials)? {
            Located::Web { archive, home, version, digest } => {
                let found = repository::fetch(self, &archive, &home, &source.chart, version, digest.as_deref())?;
                if let Some(keyring) = self.keyring(source) {
                    let read = || repository::provenance(self, &archive, &home);
                    self.verify(keyring, &found, archive.file_name().as_deref(), read)?;
                }
                Ok(found)
            }
            // Such an address has a tag of its own, as a rule.
            Located::Registry { reference, version } => {
                let reference = reference.trim_start_matches("oci://");
                let wrong = |reason| ChartError::Index { url: address.to_string(), reason };
                check_reference(reference).map_err(wrong)?;
                let has_tag = reference.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
                self.fetch_from_registry(reference, &source.chart, if has_tag { "" } else { &version }, self.keyring(source))
            }
        }
    }

    #[cfg(not(feature = "helm-repo"))]
    fn fetch_from_repository(&self, address: &WebAddress, _: &ChartSource) -> Outcome {
        Err(ChartError::NotBuilt { url: address.to_string(), feature: "helm-repo" })
    }

    #[cfg(feature = "oci")]
    fn fetch_from_registry(&self, reference: &str, chart: &str, version: &str, keyring: Option<&Keyring>) -> Outcome {
        oci::fetch(self, reference, chart, version, keyring)
    }

    #[cfg(not(feature = "oci"))]
    fn fetch_from_registry(&self, reference: &str, _: &str, _: &str, _: Option<&Keyring>) -> Outcome {
        Err(ChartError::NotBuilt { url: format!("oci://{reference}"), feature: "oci" })
    }
}
