//! What kustomizations name by addresses: files, and bases in other repositories, read through the mirrors from allowed
//! places only, at a commit that the render remembers. A base that moves is noticed like any other commit.

use std::sync::Arc;

use gitops_kustomize::{Fetched, RepositorySpec};
use gitops_source::{AllowList, Mirrors, Remotes, RemotesConfig, RepoUrlError};
use gitops_tree::{Revision, Tree};

use crate::alias::{Alias, read_from};

/// The mirrors, as the renderer asks for remote bases.
pub(crate) struct Remote<'a> {
    pub(crate) mirrors: &'a Mirrors,
    pub(crate) aliases: &'a [Alias],
    pub(crate) remotes: &'a Remotes,
}

/// From the beginnings of allowed addresses. Where an alias leads to is allowed as well.
pub(crate) fn remotes(allowed: &[String], aliases: &[Alias]) -> Result<Remotes, RepoUrlError> {
    let list = AllowList::new(allowed.iter().map(String::as_str).chain(aliases.iter().map(|alias| alias.read_from.as_str())))?;
    Ok(Remotes::new(RemotesConfig::new(list)))
}

/// Whether the remote bases that were read still mean the same commits.
pub(crate) fn hold<'r>(mut remotes: impl Iterator<Item = (&'r str, &'r Revision)>, mirrors: &Mirrors, aliases: &[Alias]) -> bool {
    remotes.all(|(address, revision)| {
        let spec = RepositorySpec::parse(address);
        spec.is_some_and(|spec| Remotes::known(mirrors, &read_from(&spec.clone, aliases), &spec.reference).as_ref() == Some(revision))
    })
}

impl gitops_kustomize::Remotes for Remote<'_> {
    fn fetch(&self, address: &str, spec: Option<&RepositorySpec>) -> Result<Fetched, String> {
        let fetched = match spec.filter(|_| !gitops_kustomize::is_web_file(address)) {
            None => self.remotes.file(address).map(|file| Fetched::File(file.bytes)),
            Some(spec) => {
                let found = self.remotes.repository(self.mirrors, &read_from(&spec.clone, self.aliases), &spec.reference);
                found.map(|repository| Fetched::Repository(Arc::new(repository.tree) as Arc<dyn Tree>))
            }
        };
        fetched.map_err(|e| format!("{e} (`kustomize.remotes` of the server's configuration says what may be read)"))
    }
}
