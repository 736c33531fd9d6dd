//! Finds and reads what a kustomization names: in its own directory and below, unless that is lifted; bases anywhere in
//! the tree. Symbolic links are followed, and it is the place that they lead to that counts.

use std::sync::Arc;

use gitops_tree::{EntryKind, Tree, TreePath};

use crate::build::Seams;
use crate::copies::FETCHED_FLAG;
use crate::error::{BuildError, PathProblem};
use crate::kustomization::decode::nearest;
use crate::repository::{RepositorySpec, is_web_address};

/// How many symbolic links may lead to a file.
const MOST_LINKS: usize = 40;

/// What remote things are fetched as; see [`Remotes`].
pub enum Fetched {
    /// A file.
    File(Arc<[u8]>),
    /// A repository at the commit that was asked for.
    Repository(Arc<dyn Tree>),
}

/// Fetches what kustomizations name by addresses. A build without one refuses them.
pub trait Remotes: Sync {
    /// What is at `address`; `spec` is the same address as one of a git repository, where it is one.
    ///
    /// # Errors
    /// When it cannot or may not be fetched; the text is what to say.
    fn fetch(&self, address: &str, spec: Option<&RepositorySpec>) -> Result<Fetched, String>;
}

/// One kustomization's view of its tree.
pub(crate) struct Loader<'l> {
    pub(crate) tree: &'l dyn Tree,
    /// Its directory.
    pub(crate) root: TreePath,
    /// Who asked for it.
    referrer: Option<&'l Loader<'l>>,
    /// The address of the repository, where it was fetched for this loader.
    address: Option<String>,
    restricted: bool,
    seams: &'l Seams<'l>,
}

/// What stands at a path, links followed.
pub(crate) enum Found {
    File(TreePath),
    Directory(TreePath),
    Nothing,
}

/// Why something could not be loaded.
pub(crate) enum LoadError {
    Path(PathProblem, Option<String>),
    Build(BuildError),
}

impl From<PathProblem> for LoadError {
    fn from(problem: PathProblem) -> LoadError {
        LoadError::Path(problem, None)
    }
}

impl From<gitops_tree::TreeError> for LoadError {
    fn from(error: gitops_tree::TreeError) -> LoadError {
        LoadError::Build(error.into())
    }
}

/// A file that was loaded.
pub(crate) struct Loaded {
    /// What it is called in messages.
    pub(crate) name: String,
    pub(crate) bytes: Arc<[u8]>,
}

impl<'l> Loader<'l> {
    /// For the kustomization that is built.
    pub(crate) fn new(tree: &'l dyn Tree, root: TreePath, restricted: bool, seams: &'l Seams<'l>) -> Loader<'l> {
        Loader { tree, root, referrer: None, address: None, restricted, seams }
    }

    /// Follows the links in the path of its own directory, so that files are in or below it.
    pub(crate) fn resolve_root(&mut self) -> Result<(), BuildError> {
        match self.find("") {
            Ok(Found::Directory(root)) => {
                self.root = root;
                Ok(())
            }
            Err(LoadError::Build(error)) => Err(error),
            _ => Err(BuildError::NoKustomization { directory: self.root.clone() }),
        }
    }

    /// For a base in a directory of the same tree.
    pub(crate) fn at<'s>(&'s self, root: TreePath) -> Loader<'s> {
        Loader { tree: self.tree, root, referrer: Some(self), address: None, restricted: self.restricted, seams: self.seams }
    }

    /// For a base in a fetched repository.
    pub(crate) fn in_repository<'s>(&'s self, tree: &'s dyn Tree, root: TreePath, address: &str) -> Loader<'s> {
        Loader { tree, root, referrer: Some(self), address: Some(address.to_owned()), restricted: true, seams: self.seams }
    }

    /// How many kustomizations lead to this one.
    pub(crate) fn depth(&self) -> usize {
        std::iter::successors(self.referrer, |loader| loader.referrer).count()
    }

    /// The path `text` as written in this kustomization, as one of the tree.
    fn join(&self, text: &str) -> Result<TreePath, PathProblem> {
        if let Some(absolute) = text.strip_prefix('/') {
            let below = self.seams.tree_location.and_then(|at| {
                let at = at.trim_matches('/');
                if at.is_empty() { Some(absolute) } else { absolute.strip_prefix(at)?.strip_prefix('/') }
            });
            return below.and_then(|path| TreePath::parse(path).ok()).ok_or(PathProblem::Absolute);
        }
        self.root.join(text).map_err(|_| PathProblem::Leaves)
    }

    /// What a path leads to.
    pub(crate) fn find(&self, text: &str) -> Result<Found, LoadError> {
        self.follow(self.join(text)?)
    }

    fn follow(&self, path: TreePath) -> Result<Found, LoadError> {
        match self.tree.entry(&path)?.map(|entry| entry.kind) {
            Some(EntryKind::File) => return Ok(Found::File(path)),
            Some(EntryKind::Directory | EntryKind::Submodule) => return Ok(Found::Directory(path)),
            Some(EntryKind::Symlink) => {}
            // Nothing in a directory that is there is nothing: only a link on the way could lead elsewhere.
            None => {
                let parent = path.parent().map(|parent| self.tree.entry(&parent)).transpose()?.flatten();
                if parent.is_some_and(|parent| parent.kind == EntryKind::Directory) {
                    return Ok(Found::Nothing);
                }
            }
        }
        let mut links = 0;
        let mut rest = reversed(&path);
        let mut at = TreePath::root();
        while let Some(part) = rest.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    at = at.parent().ok_or(PathProblem::Leaves)?;
                    continue;
                }
                _ => {}
            }
            let next = at.child(&part);
            let Some(entry) = self.tree.entry(&next)? else { return Ok(Found::Nothing) };
            match entry.kind {
                EntryKind::Symlink => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(PathProblem::LinkLoop.into());
                    }
                    let target = self.tree.read(&next)?.unwrap_or_default();
                    let target = String::from_utf8_lossy(&target).into_owned();
                    if target.starts_with('/') {
                        let absolute = self.join(&target).map_err(|_| PathProblem::Leaves)?;
                        rest.extend(reversed(&absolute));
                        at = TreePath::root();
                    } else {
                        rest.extend(target.split('/').rev().map(str::to_owned));
                    }
                }
                EntryKind::File if rest.is_empty() => return Ok(Found::File(next)),
                EntryKind::File => return Ok(Found::Nothing),
                EntryKind::Directory | EntryKind::Submodule => at = next,
            }
        }
        Ok(Found::Directory(at))
    }

    /// Reads a file, local or remote.
    pub(crate) fn load(&self, text: &str) -> Result<Loaded, LoadError> {
        if is_web_address(text) {
            return match self.fetch(text)? {
                Fetched::File(bytes) => Ok(Loaded { name: text.to_owned(), bytes }),
                Fetched::Repository(_) => Err(PathProblem::Directory.into()),
            };
        }
        match self.find(text)? {
            Found::File(path) => self.read(&path),
            Found::Directory(_) => Err(PathProblem::Directory.into()),
            Found::Nothing => Err(LoadError::Path(PathProblem::NotFound, self.similar(text))),
        }
    }

    /// Reads a file that was found.
    pub(crate) fn read(&self, path: &TreePath) -> Result<Loaded, LoadError> {
        if self.restricted && !is_below(path, &self.root) {
            return Err(PathProblem::Restricted { root: display(&self.root) }.into());
        }
        match self.tree.read(path)? {
            Some(bytes) => Ok(Loaded { name: path.to_string(), bytes }),
            None => Err(PathProblem::NotFound.into()),
        }
    }

    /// Fetches an address.
    pub(crate) fn fetch(&self, address: &str) -> Result<Fetched, LoadError> {
        let Some(remotes) = self.seams.remotes else {
            let reason =
                format!(", and nothing is fetched here: `gitops render {FETCHED_FLAG} DIRECTORY` reads a copy that was fetched before");
            return Err(PathProblem::Remote(reason).into());
        };
        let spec = RepositorySpec::parse(address);
        if let Some(spec) = &spec {
            self.check_address(spec)?;
        }
        remotes.fetch(address, spec.as_ref()).map_err(|reason| PathProblem::Remote(format!(", and was not fetched: {reason}")).into())
    }

    fn check_address(&self, spec: &RepositorySpec) -> Result<(), LoadError> {
        let mut loaders = std::iter::successors(Some(self), |loader| loader.referrer);
        match loaders.find(|l| l.address.as_deref().is_some_and(|address| address.starts_with(&spec.raw))) {
            Some(_) => Err(PathProblem::Circle { root: spec.raw.clone() }.into()),
            None => Ok(()),
        }
    }

    /// Whether a directory may be a base of this one.
    pub(crate) fn check_base(&self, root: &TreePath) -> Result<(), LoadError> {
        let mut loaders = std::iter::successors(Some(self), |loader| loader.referrer);
        let same_tree = |l: &Loader<'_>| std::ptr::addr_eq(l.tree, self.tree);
        match loaders.find(|l| same_tree(l) && is_below(&l.root, root)) {
            Some(_) => Err(PathProblem::Circle { root: display(root) }.into()),
            None => Ok(()),
        }
    }

    /// The name of a neighbour that was probably meant.
    pub(crate) fn similar(&self, text: &str) -> Option<String> {
        let (directory, name) = text.rsplit_once('/').map_or(("", text), |(directory, name)| (directory, name));
        let Ok(Found::Directory(path)) = self.find(directory) else { return None };
        let entries = self.tree.list(&path).ok()??;
        let near = nearest(name, entries.iter().map(|entry| entry.name.as_str()))?;
        Some(if directory.is_empty() { near.to_owned() } else { format!("{directory}/{near}") })
    }
}

/// The parts of a path, the last one first.
fn reversed(path: &TreePath) -> Vec<String> {
    let mut parts: Vec<String> = path.parts().map(str::to_owned).collect();
    parts.reverse();
    parts
}

/// Whether `path` is `root` or below it.
fn is_below(path: &TreePath, root: &TreePath) -> bool {
    root.is_root() || path == root || path.as_str().strip_prefix(root.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

fn display(path: &TreePath) -> String {
    if path.is_root() { ".".to_owned() } else { path.to_string() }
}

/// Whether a part of a path has `..` inside: most likely two entries that an indentation made one.
pub(crate) fn is_ambiguous(path: &str) -> bool {
    path.split('/').any(|part| !matches!(part, "" | "." | "..") && part.contains(".."))
}
