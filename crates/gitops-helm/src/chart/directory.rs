//! The files of a chart that is a directory of a tree.
//!
//! Links are followed inside the tree and stand for what they lead to; one that leaves it is an error. Submodules are empty
//! directories, as in a checkout without them.

use std::sync::Arc;

use gitops_tree::{Entry, EntryKind, Tree, TreePath};

use super::error::LoadError;
use super::ignore::IgnoreRules;
use crate::archive::{Budget, ChartFile, without_bom};
use crate::limits::Limits;

/// Links in the way to one file.
const MAX_LINKS: usize = 40;

/// All files below `root` that `.helmignore` does not leave out, directories in the order of their names.
pub(super) fn files(tree: &dyn Tree, root: &TreePath, limits: &Limits, budget: &mut Budget) -> Result<Vec<ChartFile>, LoadError> {
    let mut walk = Walk { tree, limits, budget, rules: IgnoreRules::default(), files: Vec::new() };
    let root = walk.real(root)?.map_or_else(|| root.clone(), |(real, _)| real);
    let ignore = walk.real(&root.child(".helmignore"))?;
    let rules = match ignore {
        Some((real, EntryKind::File)) => walk.read(&real, ".helmignore")?,
        _ => Arc::from([]),
    };
    walk.rules = IgnoreRules::parse(&String::from_utf8_lossy(&rules)).map_err(LoadError::Ignore)?;
    walk.directory(&root, "", 0)?;
    Ok(walk.files)
}

struct Walk<'t> {
    tree: &'t dyn Tree,
    limits: &'t Limits,
    budget: &'t mut Budget,
    rules: IgnoreRules,
    files: Vec<ChartFile>,
}

impl Walk<'_> {
    fn directory(&mut self, real: &TreePath, path: &str, depth: usize) -> Result<(), LoadError> {
        if depth > self.limits.max_depth {
            return Err(LoadError::TooDeep { path: path.to_owned(), limit: self.limits.max_depth });
        }
        for entry in self.tree.list(real)?.unwrap_or_default() {
            let child = if path.is_empty() { entry.name.clone() } else { format!("{path}/{}", entry.name) };
            let Some((real, kind)) = self.found(real, &entry, &child)? else {
                return Err(LoadError::BrokenLink { path: child });
            };
            let is_directory = matches!(kind, EntryKind::Directory | EntryKind::Submodule);
            if self.rules.ignores(&child, is_directory) {
                continue;
            }
            match kind {
                EntryKind::Directory => self.directory(&real, &child, depth + 1)?,
                EntryKind::File => {
                    let data = self.read(&real, &child)?;
                    self.files.push(ChartFile { name: child, data });
                }
                EntryKind::Submodule | EntryKind::Symlink => {}
            }
        }
        Ok(())
    }

    fn found(&self, directory: &TreePath, entry: &Entry, path: &str) -> Result<Option<(TreePath, EntryKind)>, LoadError> {
        let real = directory.child(&entry.name);
        if entry.kind != EntryKind::Symlink {
            return Ok(Some((real, entry.kind)));
        }
        let found = self.real(&real)?;
        if found.is_none() && self.rules.ignores(path, false) {
            return Ok(Some((real, EntryKind::Submodule)));
        }
        Ok(found)
    }

    /// Where `path` leads when each link in it is followed, and what is there.
    fn real(&self, path: &TreePath) -> Result<Option<(TreePath, EntryKind)>, LoadError> {
        let mut pending: Vec<String> = path.parts().map(str::to_owned).collect();
        pending.reverse();
        let (mut real, mut kind, mut links) = (TreePath::root(), EntryKind::Directory, 0);
        while let Some(part) = pending.pop() {
            if part == ".." {
                real = real.parent().ok_or_else(|| LoadError::LinkLeaves { path: path.to_string() })?;
                continue;
            }
            let next = real.child(&part);
            let Some(entry) = self.tree.entry(&next)? else { return Ok(None) };
            kind = entry.kind;
            if kind != EntryKind::Symlink {
                real = next;
                continue;
            }
            links += 1;
            let target = self.tree.read(&next)?.unwrap_or_default();
            let target = String::from_utf8_lossy(&target).into_owned();
            if links > MAX_LINKS || target.is_empty() || target.starts_with('/') {
                return Err(LoadError::LinkLeaves { path: path.to_string() });
            }
            pending.extend(target.split('/').rev().filter(|p| !p.is_empty() && *p != ".").map(str::to_owned));
            kind = EntryKind::Directory;
        }
        Ok(Some((real, kind)))
    }

    fn read(&mut self, real: &TreePath, path: &str) -> Result<Arc<[u8]>, LoadError> {
        let data = self.tree.read(real)?.unwrap_or_default();
        let size = data.len() as u64;
        if size > self.limits.max_file_bytes {
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            return Err(LoadError::FileTooLarge { name, limit: self.limits.max_file_bytes });
        }
        if size > self.budget.bytes {
            return Err(LoadError::ChartTooLarge { limit: self.limits.max_chart_bytes });
        }
        if self.budget.files == 0 {
            return Err(LoadError::TooManyFiles { limit: self.limits.max_files });
        }
        self.budget.bytes -= size;
        self.budget.files -= 1;
        let text = without_bom(&data);
        Ok(if text.len() == data.len() { data } else { text.into() })
    }
}
