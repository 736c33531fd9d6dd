//! What a kustomization on disk names by addresses: fetched anew each time, as kustomize does, into a directory that goes
//! with the process.

use std::sync::{Arc, OnceLock};

use gitops_kustomize::{Fetched, RepositorySpec};
use gitops_source::{AllowList, Mirrors, MirrorsConfig, Remotes, RemotesConfig};
use gitops_tree::Tree;
use tempfile::TempDir;

/// Fetches whatever is named: the kustomization is the user's own.
pub(crate) struct Remote {
    remotes: Remotes,
    /// Made when the first address is met.
    mirrors: OnceLock<Result<(TempDir, Mirrors), String>>,
}

impl Remote {
    pub(crate) fn new() -> anyhow::Result<Remote> {
        let remotes = Remotes::new(RemotesConfig::new(AllowList::new(["*", "file://"])?));
        Ok(Remote { remotes, mirrors: OnceLock::new() })
    }

    fn mirrors(&self) -> Result<&Mirrors, String> {
        let made = self.mirrors.get_or_init(|| {
            let dir = tempfile::tempdir().map_err(|e| format!("a temporary directory cannot be made: {e}"))?;
            let mirrors = Mirrors::open(MirrorsConfig::new(dir.path())).map_err(|e| e.to_string())?;
            Ok((dir, mirrors))
        });
        made.as_ref().map(|(_, mirrors)| mirrors).map_err(Clone::clone)
    }
}

impl gitops_kustomize::Remotes for Remote {
    fn fetch(&self, address: &str, spec: Option<&RepositorySpec>) -> Result<Fetched, String> {
        eprintln!("fetching {address}");
        match spec.filter(|_| !gitops_kustomize::is_web_file(address)) {
            None => self.remotes.file(address).map(|file| Fetched::File(file.bytes)).map_err(|e| e.to_string()),
            Some(spec) => {
                let found = self.remotes.repository(self.mirrors()?, &spec.clone, &spec.reference).map_err(|e| e.to_string())?;
                Ok(Fetched::Repository(Arc::new(found.tree) as Arc<dyn Tree>))
            }
        }
    }
}
