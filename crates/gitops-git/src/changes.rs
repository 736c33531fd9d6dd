//! Which files differ between two commits.

use gitops_tree::{EntryKind, Revision, TreePath};
use gix::ObjectId;

use crate::directory::{Directory, Item};
use crate::{GitError, Repository};

/// Deeper than any path that an operating system takes.
const DEPTH: usize = 1024;

impl Repository {
    /// The paths of all files, links and submodules that were added, removed or changed from `before` to `after`, sorted.
    /// Directories that are equal in both are not opened, so the cost is that of what changed.
    ///
    /// # Errors
    /// When one of the commits, or a directory in which they differ, cannot be read.
    pub fn changed_paths(&self, before: &Revision, after: &Revision) -> Result<Vec<TreePath>, GitError> {
        let root =
            |revision: &Revision| -> Result<ObjectId, GitError> { crate::repository::parse_id(self.commit(revision)?.tree.as_str()) };
        let (before, after) = (root(before)?, root(after)?);
        let mut changed = Vec::new();
        if before != after {
            self.compare(Some(before), Some(after), &TreePath::root(), 0, &mut changed)?;
        }
        changed.sort_unstable();
        changed.dedup();
        Ok(changed)
    }

    fn compare(
        &self,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
        at: &TreePath,
        depth: usize,
        changed: &mut Vec<TreePath>,
    ) -> Result<(), GitError> {
        if depth > DEPTH {
            return Err(GitError::TooDeep { what: "directories", limit: DEPTH });
        }
        let open = |id: Option<ObjectId>| id.map_or_else(|| Ok(Default::default()), |id| self.directory(id));
        let (before, after) = (open(before)?, open(after)?);
        for name in names(&before, &after) {
            let (old, new) = (before.get(name), after.get(name));
            if old.map(|i| (i.kind, i.id)) == new.map(|i| (i.kind, i.id)) {
                continue;
            }
            let path = at.child(name);
            let directory = |item: Option<&Item>| item.filter(|i| i.kind == EntryKind::Directory).map(|i| i.id);
            let is_leaf = |item: Option<&Item>| item.is_some_and(|i| i.kind != EntryKind::Directory);
            if is_leaf(old) || is_leaf(new) {
                changed.push(path.clone());
            }
            let (old, new) = (directory(old), directory(new));
            if old.is_some() || new.is_some() {
                self.compare(old, new, &path, depth + 1, changed)?;
            }
        }
        Ok(())
    }
}

fn names<'a>(before: &'a Directory, after: &'a Directory) -> Vec<&'a str> {
    let mut names: Vec<&str> = before.items.iter().chain(&after.items).map(|item| &*item.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}
