//! Where the sources of an application are read, and at which revision: repositories through the mirrors, charts through
//! the shelf.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_app::ApplicationSource;
use gitops_apply::Target;
use gitops_kustomize::LoadRestrictor;
use gitops_render::{ChartCache, ChartRequest, Decryption, Limits, Renderer};
use gitops_source::{Mirrors, Remotes, RepoUrl, RevisionSpec};
use gitops_tree::{Entry, Revision, Tree, TreeError, TreePath};

use crate::alias::{Alias, read_from};
use crate::chart_shelf::{self, Resolved, Shelf};
use crate::remote::Remote;
use crate::rendering::DesiredError;

/// Where sources are read.
pub(crate) struct Inputs<'a> {
    pub(crate) mirrors: &'a Mirrors,
    pub(crate) aliases: &'a [Alias],
    pub(crate) limits: &'a Limits,
    /// Who fetches what kustomizations name by addresses.
    pub(crate) remotes: &'a Remotes,
    /// What kustomizations may read, unless the Application says otherwise.
    pub(crate) load_restrictor: LoadRestrictor,
    /// With what encrypted files are decrypted.
    pub(crate) decryption: &'a Decryption,
    /// Charts of repositories and registries.
    pub(crate) shelf: &'a Shelf,
    /// Charts that were parsed before.
    pub(crate) parsed: &'a ChartCache,
    /// Engines of the embedding program.
    pub(crate) renderers: &'a [Arc<dyn Renderer>],
    /// Where the objects go: it knows which kinds have namespaces.
    pub(crate) target: Option<Arc<dyn Target>>,
}

/// At what a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    /// A commit, or the digest of a chart's archive.
    pub(crate) revision: Revision,
    /// The chart's version.
    pub(crate) version: Option<String>,
}

impl At {
    pub(crate) fn commit(revision: Revision) -> At {
        At { revision, version: None }
    }
}

/// What people read, and what an operation is for: the version of a chart, else the commit.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.version.as_deref().unwrap_or(self.revision.as_str()))
    }
}

/// Where a source comes from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    Repository(RepoUrl),
    Chart(ChartRequest),
}

/// A source, found: where it is and at what it is read.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) origin: Origin,
    pub(crate) at: At,
}

impl<'a> Inputs<'a> {
    /// The repository that a source is read from.
    fn repository(&self, source: &ApplicationSource) -> Result<RepoUrl, DesiredError> {
        repository(&source.repo_url, self.aliases)
    }

    /// Finds a source; `fixed` replaces the revision that it says.
    pub(crate) fn locate(&self, source: &ApplicationSource, fixed: Option<&str>) -> Result<Located, DesiredError> {
        if let Some(request) = chart_shelf::request(source, fixed) {
            let Resolved { version, revision } = self.shelf.resolve(&request).map_err(DesiredError::Repository)?;
            return Ok(Located { origin: Origin::Chart(request), at: At { revision, version: Some(version) } });
        }
        let url = self.repository(source)?;
        let spec = RevisionSpec::parse(fixed.unwrap_or_else(|| source.revision_spec())).map_err(|e| DesiredError::Spec(e.to_string()))?;
        if !self.mirrors.has(&url) {
            self.mirrors.fetch(&url).map_err(|e| DesiredError::Repository(e.to_string()))?;
        }
        let prefix = Some(source.tag_prefix.as_str()).filter(|p| !p.is_empty());
        let revision = self.mirrors.resolve(&url, &spec, prefix).map_err(|e| DesiredError::Repository(e.to_string()))?;
        Ok(Located { origin: Origin::Repository(url), at: At::commit(revision) })
    }

    /// Its files.
    pub(crate) fn tree(&self, located: &Located) -> Result<Watched<Arc<dyn Tree>>, DesiredError> {
        let tree: Arc<dyn Tree> = match (&located.origin, &located.at) {
            (Origin::Repository(url), at) => {
                Arc::new(self.mirrors.tree(url, &at.revision).map_err(|e| DesiredError::Repository(e.to_string()))?)
            }
            (Origin::Chart(request), At { revision, version }) => {
                let resolved = Resolved { version: version.clone().unwrap_or_default(), revision: revision.clone() };
                self.shelf.tree(request, &resolved).map_err(DesiredError::Repository)?
            }
        };
        Ok(Watched::new(tree))
    }

    /// As the renderer asks for remote bases.
    pub(crate) fn remote(&self) -> Remote<'a> {
        Remote { mirrors: self.mirrors, aliases: self.aliases, remotes: self.remotes }
    }
}

pub(crate) fn repository(url: &str, aliases: &[Alias]) -> Result<RepoUrl, DesiredError> {
    RepoUrl::parse(&read_from(url, aliases)).map_err(|e| DesiredError::Spec(e.to_string()))
}

/// A tree that remembers where it was found to be damaged.
pub(crate) struct Watched<T> {
    tree: T,
    damaged: Mutex<Option<TreePath>>,
}

impl<T: Tree> Watched<T> {
    fn new(tree: T) -> Watched<T> {
        Watched { tree, damaged: Mutex::default() }
    }

    /// The first file that was found damaged.
    pub(crate) fn damage(&self) -> Option<TreePath> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn seen<R>(&self, result: Result<R, TreeError>) -> Result<R, TreeError> {
        result.inspect_err(|e| {
            if let TreeError::Damaged { path, .. } = e {
                *self.damaged.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.clone());
            }
        })
    }
}

impl<T: Tree> Tree for Watched<T> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.seen(self.tree.entry(path))
    }
    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        self.seen(self.tree.read(path))
    }
    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        self.seen(self.tree.list(path))
    }
    fn revision(&self) -> Option<&Revision> {
        self.tree.revision()
    }
}
