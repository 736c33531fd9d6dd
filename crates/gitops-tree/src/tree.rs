//! The view itself, and a tree in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::{Revision, TreePath};

/// An opaque id of content: equal ids mean equal bytes (of a file) or equal subtrees (of a directory). Ids of different
/// kinds of trees are never compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(String);

impl ContentId {
    /// Takes any text; the tree that makes it answers for its meaning.
    pub fn new(text: impl Into<String>) -> ContentId {
        ContentId(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link. Its content is the target's text. Trees do not follow links: the caller decides.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name: one part of a path.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its content.
    pub id: ContentId,
}

/// Why a tree could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The file is larger than the tree's limit.
    #[error("{path}: {size} bytes is more than the limit of {limit}")]
    TooLarge {
        /// Which.
        path: TreePath,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The store beneath is damaged: reading again cannot help, fetching again can.
    #[error("{path}: cannot be read: {reason}")]
    Damaged {
        /// Which.
        path: TreePath,
        /// What is wrong, without a path.
        reason: String,
    },
    /// There is a file, and it is not to be had: it is encrypted, say. The reason names the file.
    #[error("{reason}")]
    Refused {
        /// Which.
        path: TreePath,
        /// Why, with the path, the line and what to do.
        reason: String,
    },
    /// The store beneath failed.
    #[error("{path}: cannot be read: {reason}")]
    Read {
        /// Which.
        path: TreePath,
        /// Why, without a path.
        reason: String,
    },
}

/// A read-only view of files at one commit (or of a directory, or of memory).
pub trait Tree: Send + Sync {
    /// What stands at `path`, links not followed; `None` for nothing. The root is a directory with an empty name.
    ///
    /// # Errors
    /// When the store beneath fails. A path through a file is `None`.
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError>;

    /// The bytes of a file, or the target's text of a symbolic link; `None` for anything else.
    ///
    /// # Errors
    /// When it is larger than the tree's limit, or the store beneath fails.
    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError>;

    /// The entries of a directory, sorted by the bytes of their names; `None` when it is none.
    ///
    /// # Errors
    /// When the store beneath fails.
    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError>;

    /// The commit this is a view of, if it is one.
    fn revision(&self) -> Option<&Revision> {
        None
    }
}

impl<T: Tree + ?Sized> Tree for &T {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        (**self).entry(path)
    }
    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        (**self).read(path)
    }
    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        (**self).list(path)
    }
    fn revision(&self) -> Option<&Revision> {
        (**self).revision()
    }
}

impl<T: Tree + ?Sized> Tree for Box<T> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        (**self).entry(path)
    }
    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        (**self).read(path)
    }
    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        (**self).list(path)
    }
    fn revision(&self) -> Option<&Revision> {
        (**self).revision()
    }
}

impl<T: Tree + ?Sized> Tree for Arc<T> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        (**self).entry(path)
    }
    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        (**self).read(path)
    }
    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        (**self).list(path)
    }
    fn revision(&self) -> Option<&Revision> {
        (**self).revision()
    }
}

/// Files in memory, for tests and for what is made up on the way.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    /// By the text of their paths, so that what is below `d` is one range: all that begins with `d/`.
    files: BTreeMap<String, (EntryKind, Arc<[u8]>)>,
    /// Of every file and directory. Made when first asked for: a tree is written first and read then.
    ids: OnceLock<HashMap<String, ContentId>>,
}

impl MemoryTree {
    /// An empty tree.
    pub fn new() -> MemoryTree {
        MemoryTree::default()
    }

    /// Puts a file at `path`.
    ///
    /// # Panics
    /// When `path` is not inside the tree: a tree in memory is written by code, not by users.
    #[must_use]
    pub fn with(self, path: &str, bytes: impl AsRef<[u8]>) -> MemoryTree {
        self.put(path, EntryKind::File, bytes.as_ref())
    }

    /// Puts a symbolic link at `path`.
    ///
    /// # Panics
    /// As [`MemoryTree::with`].
    #[must_use]
    pub fn with_link(self, path: &str, target: &str) -> MemoryTree {
        self.put(path, EntryKind::Symlink, target.as_bytes())
    }

    /// Puts a file at `path`, its bytes shared.
    pub fn insert(&mut self, path: &TreePath, bytes: Arc<[u8]>) {
        self.files.insert(path.as_str().to_owned(), (EntryKind::File, bytes));
        self.ids = OnceLock::new();
    }

    fn put(mut self, path: &str, kind: EntryKind, bytes: &[u8]) -> MemoryTree {
        let path = TreePath::parse(path).expect("a path inside the tree");
        self.files.insert(path.as_str().to_owned(), (kind, bytes.into()));
        self.ids = OnceLock::new();
        self
    }

    /// The ids of all files and directories, in one pass: a directory's is made of the paths below it and their contents.
    fn ids(&self) -> &HashMap<String, ContentId> {
        self.ids.get_or_init(|| {
            let id = |hash: Sha256| ContentId(hex::encode(hash.finalize()));
            let mut directories: HashMap<&str, Sha256> = HashMap::from([("", Sha256::new())]);
            let mut ids = HashMap::with_capacity(self.files.len());
            for (path, (kind, bytes)) in &self.files {
                let digest = Sha256::digest(bytes);
                let below = |directory: &str, hash: &mut Sha256| {
                    hash.update(path[directory.len()..].trim_start_matches('/'));
                    hash.update([0, *kind as u8]);
                    hash.update(digest);
                };
                below("", directories.entry("").or_default());
                for (slash, _) in path.match_indices('/') {
                    let directory = &path[..slash];
                    below(directory, directories.entry(directory).or_default());
                }
                ids.insert(path.clone(), ContentId(hex::encode(digest)));
            }
            for (path, hash) in directories {
                ids.entry(path.to_owned()).or_insert_with(|| id(hash));
            }
            ids
        })
    }

    /// The names in a directory. Steps over what is below a name, without a look at it.
    fn names<'a>(&'a self, directory: &TreePath) -> BTreeSet<&'a str> {
        let prefix = if directory.is_root() { String::new() } else { format!("{directory}/") };
        let mut names = BTreeSet::new();
        let mut from = Bound::Included(prefix.clone());
        while let Some((path, _)) = self.files.range((from, Bound::Unbounded)).next() {
            let Some(rest) = path.strip_prefix(&prefix) else { break };
            from = match rest.split_once('/') {
                // `0` is the character after `/`: the first path that is not below this name.
                Some((name, _)) => {
                    names.insert(name);
                    Bound::Included(format!("{prefix}{name}0"))
                }
                None => {
                    names.insert(rest);
                    Bound::Excluded(path.clone())
                }
            };
        }
        names
    }
}

impl Tree for MemoryTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let kind = self.files.get(path.as_str()).map_or(EntryKind::Directory, |(kind, _)| *kind);
        let id = self.ids().get(path.as_str());
        Ok(id.map(|id| Entry { name: path.file_name().to_owned(), kind, id: id.clone() }))
    }

    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        Ok(self.files.get(path.as_str()).map(|(_, bytes)| bytes.clone()))
    }

    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        let names = self.names(path);
        if names.is_empty() && !path.is_root() {
            return Ok(None);
        }
        let entries: Result<Vec<Option<Entry>>, TreeError> = names.into_iter().map(|n| self.entry(&path.child(n))).collect();
        Ok(Some(entries?.into_iter().flatten().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_lists_one_level_sorted() {
        let t = MemoryTree::new().with("b/x", "1").with("a", "2").with("b/y/z", "3");
        let root = t.list(&TreePath::root()).expect("ok").expect("a directory");
        assert_eq!(root.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(root[1].kind, EntryKind::Directory);
        assert!(t.list(&TreePath::parse("a").expect("ok")).expect("ok").is_none());
        let changed = t.clone().with("b/y/z", "4");
        assert_ne!(changed.list(&TreePath::root()).expect("ok").expect("dir")[1].id, root[1].id);
    }

    #[test]
    fn names_that_sort_around_the_slash_are_told_apart() {
        let t = MemoryTree::new().with("a/x", "1").with("a/y", "2").with("a.b/x", "3").with("a0/x", "4").with("a", "5").with("ab", "6");
        let names = |path: &str| -> Option<Vec<String>> {
            let entries = t.list(&TreePath::parse(path).expect("ok")).expect("ok")?;
            Some(entries.into_iter().map(|e| e.name).collect())
        };
        assert_eq!(names("").expect("a directory"), ["a", "a.b", "a0", "ab"]);
        assert_eq!(names("a.b").expect("a directory"), ["x"]);
        assert_eq!(names("a0").expect("a directory"), ["x"]);
        assert_eq!(names("ab"), None);
        assert_eq!(names("a0/x/y"), None);
    }

    #[test]
    fn the_id_of_a_directory_is_that_of_what_is_below() {
        let id = |t: &MemoryTree, path: &str| t.entry(&TreePath::parse(path).expect("ok")).expect("ok").map(|e| e.id);
        let t = MemoryTree::new().with("a/x", "1").with("b/x", "1").with("c/x", "2").with_link("d/x", "1");
        assert_eq!(id(&t, "a"), id(&t, "b"));
        assert_ne!(id(&t, "a"), id(&t, "c"));
        assert_ne!(id(&t, "a"), id(&t, "d"), "a link is no file");
        assert_eq!(id(&t, "e"), None);
        assert!(id(&MemoryTree::new(), "").is_some(), "the root is always there");
        let before = id(&t, "");
        assert_ne!(id(&t.with("a/y", ""), ""), before, "ids are made anew after a change");
    }
}
