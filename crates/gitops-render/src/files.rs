//! Files of a tree, links followed inside it, within the limits.
//!
//! Rule: a link may point anywhere in the repository and never out of it, not even on the way (`a/../../a/b` with one
//! `..` too many is refused although it would come back).

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_manifest::Location;
use gitops_tree::{EntryKind, Tree, TreePath};

use crate::error::Problem;
use crate::limits::Limits;
use crate::renderer::RendererError;

/// Most links followed for one path, as Linux does.
const MAX_LINKS: usize = 40;

/// What begins every Git LFS pointer. Rule: the Git LFS specification, version 1.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

/// A tree, read within limits. Whatever goes over them is a problem that names the file.
pub(crate) struct Files<'a> {
    tree: &'a dyn Tree,
    limits: &'a Limits,
    bytes: u64,
    entries: usize,
}

/// One entry of a directory after its links were followed.
pub(crate) struct Found {
    /// Where it stands: what errors name.
    pub(crate) path: TreePath,
    /// Where its content is; the same unless it is a link.
    pub(crate) real: TreePath,
    /// File, directory or submodule; never a link.
    pub(crate) kind: EntryKind,
}

pub(crate) fn at(path: &TreePath) -> Location {
    Location::file(path.to_string())
}

impl<'a> Files<'a> {
    pub(crate) fn new(tree: &'a dyn Tree, limits: &'a Limits) -> Files<'a> {
        Files { tree, limits, bytes: 0, entries: 0 }
    }

    /// The same tree and limits, with nothing counted yet.
    pub(crate) fn afresh(&self) -> Files<'a> {
        Files::new(self.tree, self.limits)
    }

    /// The tree itself.
    pub(crate) fn tree(&self) -> &'a dyn Tree {
        self.tree
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// What stands at `path` when every link in it is followed; `None` for nothing.
    pub(crate) fn find(&self, path: &TreePath) -> Result<Option<Found>, Problem> {
        let mut pending: Vec<String> = path.parts().map(str::to_owned).collect();
        pending.reverse();
        let (mut real, mut kind, mut links) = (TreePath::root(), EntryKind::Directory, 0);
        while let Some(part) = pending.pop() {
            if part == ".." {
                // Only a link's text has `..`: a `TreePath` has none.
                real = real.parent().ok_or_else(|| Problem::LinkLeaves { at: at(path), target: "..".to_owned() })?;
                kind = EntryKind::Directory;
                continue;
            }
            let next = real.child(&part);
            let Some(entry) = self.tree.entry(&next)? else { return Ok(None) };
            if entry.kind != EntryKind::Symlink {
                (real, kind) = (next, entry.kind);
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(Problem::LinkLoop { at: at(path) });
            }
            let target = self.link_target(&next)?;
            pending.extend(target.split('/').rev().filter(|p| !p.is_empty() && *p != ".").map(str::to_owned));
            kind = EntryKind::Directory;
        }
        Ok(Some(Found { path: path.clone(), real, kind }))
    }

    fn link_target(&self, link: &TreePath) -> Result<String, Problem> {
        let bytes = self.tree.read(link)?.unwrap_or_default();
        let target = String::from_utf8_lossy(&bytes).into_owned();
        // The text as a whole must stay inside, so that the error can show it.
        let directory = link.parent().unwrap_or_default();
        match directory.join(&target) {
            Ok(_) if !target.is_empty() => Ok(target),
            _ => Err(Problem::LinkLeaves { at: at(link), target }),
        }
    }

    /// The kind of what stands at `path`, links followed.
    pub(crate) fn kind(&self, path: &TreePath) -> Result<Option<EntryKind>, Problem> {
        Ok(self.find(path)?.map(|found| found.kind))
    }

    pub(crate) fn is_directory(&self, path: &TreePath) -> Result<bool, Problem> {
        Ok(self.kind(path)? == Some(EntryKind::Directory))
    }

    pub(crate) fn is_file(&self, path: &TreePath) -> Result<bool, Problem> {
        Ok(self.kind(path)? == Some(EntryKind::File))
    }

    /// The entries of a directory, sorted by name, links followed. `None` when it is none.
    pub(crate) fn list(&mut self, directory: &TreePath, problems: &mut Vec<Problem>) -> Result<Option<Vec<Found>>, Problem> {
        match self.find(directory)? {
            Some(found) if found.kind == EntryKind::Directory => self.list_found(&found, problems),
            _ => Ok(None),
        }
    }

    /// As [`Files::list`], of a directory whose links were followed already: a walk would otherwise follow each of them
    /// again for everything below.
    pub(crate) fn list_found(&mut self, directory: &Found, problems: &mut Vec<Problem>) -> Result<Option<Vec<Found>>, Problem> {
        let Some(entries) = self.tree.list(&directory.real)? else { return Ok(None) };
        let mut found = Vec::with_capacity(entries.len());
        for entry in entries {
            self.entries += 1;
            let (path, real) = (directory.path.child(&entry.name), directory.real.child(&entry.name));
            if self.entries > self.limits.max_entries {
                return Err(Problem::TooMany { at: at(&path), limit: self.limits.max_entries });
            }
            if entry.kind != EntryKind::Symlink {
                found.push(Found { real, path, kind: entry.kind });
                continue;
            }
            match self.find(&real) {
                Ok(Some(target)) => found.push(Found { path, ..target }),
                Ok(None) => problems.push(Problem::LinkBroken { at: at(&path) }),
                Err(problem) => problems.push(problem),
            }
        }
        Ok(Some(found))
    }

    /// The bytes of a file, counted against the limit.
    pub(crate) fn read(&mut self, file: &Found) -> Result<Arc<[u8]>, Problem> {
        let bytes = self.read_any(file)?;
        if bytes.starts_with(LFS) {
            return Err(Problem::LfsPointer { at: at(&file.path) });
        }
        Ok(bytes)
    }

    /// As [`Files::read`], of a file that nobody may look into: a pointer of Git LFS is one as any other.
    fn read_any(&mut self, file: &Found) -> Result<Arc<[u8]>, Problem> {
        let bytes = self.tree.read(&file.real)?.unwrap_or_default();
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.limits.max_total_bytes {
            return Err(Problem::TooLarge { at: at(&file.path), limit: self.limits.max_total_bytes });
        }
        Ok(bytes)
    }

    /// The file at `path` with its bytes; `None` when there is none.
    pub(crate) fn read_at(&mut self, path: &TreePath) -> Result<Option<Arc<[u8]>>, Problem> {
        match self.find(path)? {
            Some(file) if file.kind == EntryKind::File => self.read(&file).map(Some),
            _ => Ok(None),
        }
    }
}

/// A file: its path and its bytes.
pub type TreeFile = (TreePath, Arc<[u8]>);

/// All files below a directory, by their paths seen from it, within the limits. Links are followed inside the tree, so that
/// what comes out has none; those that lead to nothing are left out, submodules too.
///
/// # Errors
/// When a link leaves the tree or leads back to itself, or there is more than the limits allow.
pub fn files_below(tree: &dyn Tree, directory: &TreePath, limits: &Limits) -> Result<Vec<TreeFile>, RendererError> {
    below(&mut Files::new(tree, limits), directory).map_err(Into::into)
}

/// As [`files_below`].
pub(crate) fn below(files: &mut Files<'_>, directory: &TreePath) -> Result<Vec<TreeFile>, Problem> {
    let mut found = Vec::new();
    let start = files.find(directory)?.filter(|start| start.kind == EntryKind::Directory);
    let start = start.ok_or_else(|| Problem::Path { at: at(directory), found: "not there" })?;
    let mut pending = vec![(start, TreePath::root(), Ancestors::default())];
    while let Some((directory, path, above)) = pending.pop() {
        let above = above.with(&directory.real).ok_or_else(|| Problem::LinkLoop { at: at(&directory.path) })?;
        if above.len() > files.limits.max_depth {
            return Err(Problem::TooDeep { at: at(&directory.path), limit: files.limits.max_depth });
        }
        let mut problems = Vec::new();
        let entries = files.list_found(&directory, &mut problems)?.unwrap_or_default();
        if let Some(problem) = problems.into_iter().find(|problem| !matches!(problem, Problem::LinkBroken { .. })) {
            return Err(problem);
        }
        for entry in entries {
            let path = path.child(entry.path.file_name());
            match entry.kind {
                EntryKind::Directory => pending.push((entry, path, above.clone())),
                EntryKind::File => found.push((path, files.read_any(&entry)?)),
                EntryKind::Symlink | EntryKind::Submodule => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The directories on the way down, to notice a link that leads back to one of them.
#[derive(Clone, Default)]
pub(crate) struct Ancestors(BTreeSet<TreePath>);

impl Ancestors {
    /// With one more; `None` when it is there already.
    pub(crate) fn with(&self, directory: &TreePath) -> Option<Ancestors> {
        let mut next = self.clone();
        next.0.insert(directory.clone()).then_some(next)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
