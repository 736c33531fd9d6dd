//! Chart repositories over http and https: `index.yaml`, and archives beside it or elsewhere.
//!
//! The credentials of the repository go to its own origin, index and archives alike. To an archive on another origin they
//! go only when the source says so (Helm's `passCredentials`), and then not from https to http; without that, such an
//! archive is asked for with what its own prefix has. An index is read again only when its `ETag` has changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_tree::Revision;

use super::index::Index;
use super::{ChartArchive, ChartError, Charts, cache};
use crate::web::{Ask, Home, WebAddress};

/// How many indexes, and how many digests of archives whose index tells none, are remembered.
const REMEMBERED: usize = 128;

/// What is known by the `ETag` of an address.
struct Known<T>(Mutex<HashMap<String, (String, T)>>);

impl<T: Clone> Known<T> {
    fn get(&self, address: &str) -> Option<(String, T)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    fn set(&self, address: String, etag: Option<String>, value: T) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        match etag {
            Some(etag) => drop(known.insert(address, (etag, value))),
            None => drop(known.remove(&address)),
        }
    }
}

/// What is remembered of repositories.
pub(crate) struct Memory {
    indexes: Known<Arc<Index>>,
    archives: Known<Revision>,
}

impl Memory {
    pub(crate) fn new() -> Memory {
        Memory { indexes: Known(Mutex::default()), archives: Known(Mutex::default()) }
    }
}

/// A place for an archive, as an index tells it.
pub(crate) enum Located {
    Web { archive: WebAddress, home: Box<Home>, version: String, digest: Option<String> },
    Registry { reference: String, version: String },
}

/// Finds the version that fits, in the repository's index.
pub(crate) fn locate(
    charts: &Charts,
    repository: &WebAddress,
    chart: &str,
    version: &str,
    pass_credentials: bool,
) -> Result<Located, ChartError> {
    let mut home = charts.web.home(repository).map_err(crate::WebError::from)?;
    let index = index(charts, repository, &home)?;
    let entry = index.choose(&repository.to_string(), chart, version)?;
    let wrong = |reason: String| ChartError::Index { url: repository.to_string(), reason };
    let url = entry.url.as_ref().filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| wrong(format!("chart `{chart}` {} has no address in `urls`", entry.version)))?;
    if url.starts_with("oci://") {
        return Ok(Located::Registry { reference: url.clone(), version: entry.version.clone() });
    }
    let archive = repository.as_directory().resolve(url);
    let archive = archive.map_err(|e| wrong(format!("chart `{chart}` {}: its address cannot be used: {e}", entry.version)))?;
    // A relative address inherits what signs the repository's own.
    let archive = if url.contains("://") { archive } else { archive.with_query_of(repository) };
    if pass_credentials && (archive.is_secure() || !repository.is_secure()) {
        home.origins.push(archive.origin());
    }
    Ok(Located::Web { archive, home: Box::new(home), version: entry.version.clone(), digest: entry.digest.clone() })
}

fn index(charts: &Charts, repository: &WebAddress, home: &Home) -> Result<Arc<Index>, ChartError> {
    let failed = |e: crate::RepoUrlError| ChartError::Index { url: repository.to_string(), reason: e.to_string() };
    let address = repository.as_directory().resolve("index.yaml").map_err(failed)?.with_query_of(repository);
    // Of one address, who has other credentials may see other charts.
    let key = format!("{}\n{}", address.target(), home.header.as_deref().unwrap_or_default());
    let known = charts.memory.indexes.get(&key);
    let ask = Ask {
        to: &address,
        accept: "*/*",
        limit: charts.config.index_limit,
        home,
        known: known.as_ref().map(|(etag, _)| etag.as_str()),
        may: &|to| charts.may(to) || home.origins.first() == Some(&to.origin()),
    };
    match (charts.web.get(&ask)?, known) {
        (None, Some((_, index))) => Ok(index),
        (None, None) => Err(ChartError::Index { url: address.to_string(), reason: "the server sent nothing".to_owned() }),
        (Some(found), _) => {
            let index = Arc::new(Index::parse(&found.body, &address.to_string(), charts.config.index_limit)?);
            charts.memory.indexes.set(key, found.etag, index.clone());
            Ok(index)
        }
    }
}

/// The provenance file beside an archive, if there is one.
pub(crate) fn provenance(charts: &Charts, archive: &WebAddress, home: &Home) -> Result<Option<Vec<u8>>, ChartError> {
    let to = archive.clone().with_ending(".prov");
    let may = |to: &WebAddress| charts.may(to) || home.origins.first() == Some(&to.origin());
    let ask = Ask { to: &to, accept: "*/*", limit: super::provenance::LARGEST, home, known: None, may: &may };
    match charts.web.get(&ask) {
        Ok(found) => Ok(found.map(|found| found.body)),
        Err(crate::WebError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Fetches an archive, unless the cache has it.
pub(crate) fn fetch(
    charts: &Charts,
    archive: &WebAddress,
    home: &Home,
    chart: &str,
    version: String,
    promised: Option<&str>,
) -> Result<ChartArchive, ChartError> {
    let made = |revision, bytes| {
        let url = archive.to_string();
        ChartArchive { name: chart.to_owned(), version: version.clone(), url, revision, bytes }
    };
    let promised = promised.and_then(|digits| Revision::parse(&format!("sha256:{digits}")).ok());
    if let Some(revision) = &promised
        && let Some(bytes) = charts.cache.get(revision)
    {
        return Ok(made(revision.clone(), bytes));
    }
    let key = format!("{}\n{}", archive.target(), home.header.as_deref().unwrap_or_default());
    let known = charts.memory.archives.get(&key).filter(|_| promised.is_none());
    let known = known.and_then(|(etag, revision)| Some((etag, charts.cache.get(&revision)?, revision)));
    let ask = Ask {
        to: archive,
        accept: "*/*",
        limit: charts.config.archive_limit,
        home,
        known: known.as_ref().map(|(etag, ..)| etag.as_str()),
        may: &|to| charts.may(to) || home.origins.first() == Some(&to.origin()),
    };
    let found = match (charts.web.get(&ask)?, known) {
        (None, Some((_, bytes, revision))) => return Ok(made(revision, bytes)),
        (None, None) => return Err(ChartError::Index { url: archive.to_string(), reason: "the server sent nothing".to_owned() }),
        (Some(found), _) => found,
    };
    let revision = cache::digest(&found.body);
    if let Some(promised) = promised.filter(|promised| *promised != revision) {
        let (expected, found) = (promised.to_string(), revision.to_string());
        return Err(ChartError::Digest { url: archive.to_string(), expected, found });
    }
    charts.cache.put(&revision, &found.body)?;
    charts.memory.archives.set(key, found.etag, revision.clone());
    Ok(made(revision, found.body.into()))
}
