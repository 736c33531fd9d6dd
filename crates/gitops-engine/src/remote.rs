//! What kustomizations name by addresses: files, and bases in other repositories, read through the mirrors from allowed
//! places only, at a commit that the render remembers. A base that moves is noticed like any other commit.

use std::sync::Arc;

use gitops_kustomize::{Fetched, RepositorySpec};
use gitops_render::ChartRequest;
use gitops_source::{AllowList, Mirrors, Remotes, RemotesConfig, RepoUrlError};
use gitops_tree::{Revision, Tree};

use crate::alias::{Alias, read_from};
use crate::sources::Inputs;

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

/// Whether the remote bases and charts that were read still mean the same commits and digests.
pub(crate) fn hold<'r>(mut remotes: impl Iterator<Item = (&'r str, &'r Revision)>, inputs: &Inputs<'_>) -> bool {
    remotes.all(|(address, revision)| {
        if let Some(chart) = ChartRequest::parse(address) {
            return inputs.shelf.known(&chart).is_some_and(|known| known.revision == *revision);
        }
        let known = |spec: RepositorySpec| Remotes::known(inputs.mirrors, &read_from(&spec.clone, inputs.aliases), &spec.reference);
        RepositorySpec::parse(address).and_then(known).as_ref() == Some(revision)
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
