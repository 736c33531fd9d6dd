//! What a kustomization on disk names by addresses: fetched anew each time, as kustomize does, into a directory that goes
//! with the process.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use gitops_kustomize::{Fetched, FetchedCopies, RepositorySpec};
use gitops_source::{AllowList, Mirrors, MirrorsConfig, Remotes, RemotesConfig};
use gitops_tree::{DiskTree, Tree};
use tempfile::TempDir;

/// Fetches whatever is named: the kustomization is the user's own. Nothing is made ready before the first address is met,
/// because most kustomizations name none.
#[derive(Default)]
pub(crate) struct Remote(OnceLock<Result<Fetching, String>>);

struct Fetching {
    remotes: Remotes,
    mirrors: Mirrors,
    /// Where the mirrors lie; it goes with the process.
    _dir: TempDir,
}

impl Fetching {
    fn new() -> Result<Fetching, String> {
        let allowed = AllowList::new(["*", "file://"]).map_err(|e| e.to_string())?;
        let dir = tempfile::tempdir().map_err(|e| format!("a temporary directory cannot be made: {e}"))?;
        let mirrors = Mirrors::open(MirrorsConfig::new(dir.path())).map_err(|e| e.to_string())?;
        Ok(Fetching { remotes: Remotes::new(RemotesConfig::new(allowed)), mirrors, _dir: dir })
    }
}

/// Copies in a directory, which are read and never fetched.
pub(crate) fn copies(directory: &Path) -> impl gitops_kustomize::Remotes {
    FetchedCopies::new(move |name: &str| {
        let place = directory.join(name);
        if place.is_dir() {
            return Some(Fetched::Repository(Arc::new(DiskTree::open(place).ok()?)));
        }
        std::fs::read(place).ok().map(|bytes| Fetched::File(bytes.into()))
    })
}

impl gitops_kustomize::Remotes for Remote {
    fn fetch(&self, address: &str, spec: Option<&RepositorySpec>) -> Result<Fetched, String> {
        eprintln!("fetching {address}");
        let Fetching { remotes, mirrors, .. } = self.0.get_or_init(Fetching::new).as_ref().map_err(Clone::clone)?;
        match spec.filter(|_| !gitops_kustomize::is_web_file(address)) {
            None => remotes.file(address).map(|file| Fetched::File(file.bytes)).map_err(|e| e.to_string()),
            Some(spec) => {
                let found = remotes.repository(mirrors, &spec.clone, &spec.reference).map_err(|e| e.to_string())?;
                Ok(Fetched::Repository(Arc::new(found.tree) as Arc<dyn Tree>))
            }
        }
    }
}
