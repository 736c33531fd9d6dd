//! What kustomizations name by addresses: read through the mirrors, from allowed places only, at a commit that the render
//! remembers. A base that moves is noticed like any other commit.

use std::sync::Arc;

use gitops_kustomize::{Fetched, Remotes, RepositorySpec};
use gitops_source::{Mirrors, RepoUrl, ResolveError, RevisionSpec};
use gitops_tree::{Revision, Tree};

use crate::alias::{Alias, begins_with};
use crate::rendering::repository;

/// The mirrors, as the renderer asks for remote bases.
pub(crate) struct Remote<'a> {
    pub(crate) mirrors: &'a Mirrors,
    pub(crate) aliases: &'a [Alias],
    /// Beginnings of the addresses that may be read.
    pub(crate) allowed: &'a [String],
}

/// Where the address of a remote base is read, and what of it.
pub(crate) fn place(spec: &RepositorySpec, aliases: &[Alias]) -> Result<(RepoUrl, RevisionSpec), String> {
    let url = repository(&spec.clone, aliases).map_err(|e| e.to_string())?;
    let reference = if spec.reference.is_empty() { "HEAD" } else { &spec.reference };
    Ok((url, RevisionSpec::parse(reference).map_err(|e| e.to_string())?))
}

/// Whether the remote bases that were read still mean the same commits.
pub(crate) fn hold<'r>(remotes: impl Iterator<Item = (&'r str, &'r Revision)>, mirrors: &Mirrors, aliases: &[Alias]) -> bool {
    let mut remotes = remotes;
    remotes.all(|(address, revision)| {
        let spec = RepositorySpec::parse(address).and_then(|spec| place(&spec, aliases).ok());
        spec.is_some_and(|(url, spec)| mirrors.resolve(&url, &spec, None).is_ok_and(|now| now == *revision))
    })
}

impl Remotes for Remote<'_> {
    fn fetch(&self, address: &str, spec: Option<&RepositorySpec>) -> Result<Fetched, String> {
        // As it is cloned: `github.com/org/repo` is one of the https addresses.
        let cloned = spec.map_or(address, |spec| &spec.clone);
        if !self.allowed.iter().any(|prefix| begins_with(cloned, prefix)) {
            return Err("this server does not read it: `kustomize.remotes` of its configuration says what it reads".to_owned());
        }
        let Some(spec) = spec.filter(|_| !is_file(address)) else {
            return Err(
                "files are read from the repository only: commit it, or name it as a base (`https://host/org/repo//path?ref=…`)".into()
            );
        };
        let (url, revision) = place(spec, self.aliases)?;
        if !self.mirrors.has(&url) {
            self.mirrors.fetch(&url).map_err(|e| e.to_string())?;
        }
        let resolved = match self.mirrors.resolve(&url, &revision, None) {
            Err(ResolveError::Unresolved { .. }) => {
                // It may be younger than the last fetch.
                self.mirrors.fetch(&url).map_err(|e| e.to_string())?;
                self.mirrors.resolve(&url, &revision, None)
            }
            other => other,
        };
        let tree = resolved.and_then(|revision| self.mirrors.tree(&url, &revision)).map_err(|e| e.to_string())?;
        Ok(Fetched::Repository(Arc::new(tree) as Arc<dyn Tree>))
    }
}

/// Whether an address is one of a file on a web server, and not of a directory in a repository.
fn is_file(address: &str) -> bool {
    let web = address.starts_with("https://") || address.starts_with("http://");
    web && !address.contains('?') && [".yaml", ".yml", ".json"].iter().any(|end| address.ends_with(end))
}
