//! The files of one commit.

use std::sync::Arc;

use gitops_tree::{ContentId, Entry, EntryKind, Revision, Tree, TreeError, TreePath};
use gix::ObjectId;
use gix::objs::Kind;

use crate::directory::Directory;
use crate::{GitError, Repository};

/// The files of one commit. Content ids are git's object ids, so they can be compared between commits.
///
/// A submodule is an entry of its own kind and has no content; a symbolic link is read as its target's text. Entries
/// whose names no [`TreePath`] can hold (not UTF-8, `.git`, with a backslash) are not listed: [`GitTree::unnamed`] says
/// which.
#[derive(Clone, Debug)]
pub struct GitTree {
    repository: Repository,
    revision: Revision,
    root: ObjectId,
}

enum Found {
    Directory(ObjectId),
    Leaf(EntryKind, ObjectId),
}

impl GitTree {
    pub(crate) fn new(repository: Repository, revision: Revision, root: ObjectId) -> GitTree {
        GitTree { repository, revision, root }
    }

    /// Names in the directory `path` that are left out of [`Tree::list`], as lossy text.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn unnamed(&self, path: &TreePath) -> Result<Vec<String>, TreeError> {
        Ok(self.directory(path)?.map(|d| d.unnamed.clone()).unwrap_or_default())
    }

    fn find(&self, path: &TreePath) -> Result<Option<Found>, GitError> {
        let mut found = Found::Directory(self.root);
        for part in path.parts() {
            let Found::Directory(id) = found else { return Ok(None) };
            let directory = self.repository.directory(id)?;
            found = match directory.get(part) {
                None => return Ok(None),
                Some(item) if item.kind == EntryKind::Directory => Found::Directory(item.id),
                Some(item) => Found::Leaf(item.kind, item.id),
            };
        }
        Ok(Some(found))
    }

    fn directory(&self, path: &TreePath) -> Result<Option<Arc<Directory>>, TreeError> {
        match self.find(path).map_err(|e| e.at(path))? {
            Some(Found::Directory(id)) => self.repository.directory(id).map(Some).map_err(|e| e.at(path)),
            _ => Ok(None),
        }
    }
}

impl Tree for GitTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let (kind, id) = match self.find(path).map_err(|e| e.at(path))? {
            None => return Ok(None),
            Some(Found::Directory(id)) => (EntryKind::Directory, id),
            Some(Found::Leaf(kind, id)) => (kind, id),
        };
        Ok(Some(Entry { name: path.file_name().to_owned(), kind, id: ContentId::new(id.to_string()) }))
    }

    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        match self.find(path).map_err(|e| e.at(path))? {
            Some(Found::Leaf(EntryKind::File | EntryKind::Symlink, id)) => {
                let bytes = self.repository.object(id, Kind::Blob).map_err(|e| e.at(path))?;
                Ok(Some(bytes.into()))
            }
            _ => Ok(None),
        }
    }

    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        let directory = self.directory(path)?;
        Ok(directory.map(|d| d.items.iter().map(crate::directory::Item::to_entry).collect()))
    }

    fn revision(&self) -> Option<&Revision> {
        Some(&self.revision)
    }
}
