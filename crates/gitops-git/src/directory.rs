//! One decoded directory, and the bounded cache of them.
//!
//! Git sorts a directory's entries as if directories ended in `/`; a [`Directory`] is sorted by the plain bytes of the
//! names, so that an entry is found by binary search. Names that no [`gitops_tree::TreePath`] can hold (not UTF-8, or
//! `.`, `..`, `.git`, or with `/`, `\` or NUL) are no entries: they are kept apart, in `unnamed`, as lossy text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_tree::{ContentId, Entry, EntryKind};
use gix::ObjectId;
use gix::objs::{TreeRefIter, tree::EntryKind as Mode};

/// An entry of a decoded directory.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) name: Box<str>,
    pub(crate) kind: EntryKind,
    pub(crate) id: ObjectId,
}

impl Item {
    pub(crate) fn to_entry(&self) -> Entry {
        Entry { name: self.name.to_string(), kind: self.kind, id: ContentId::new(self.id.to_string()) }
    }
}

/// A decoded directory.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub(crate) items: Vec<Item>,
    pub(crate) unnamed: Vec<String>,
}

impl Directory {
    /// Decodes the bytes of a tree object; the error says what is wrong with them.
    pub(crate) fn decode(data: &[u8], hash: gix::hash::Kind) -> Result<Directory, String> {
        let mut directory = Directory::default();
        for entry in TreeRefIter::from_bytes(data, hash) {
            let entry = entry.map_err(|e| e.to_string())?;
            let kind = match entry.mode.kind() {
                Mode::Tree => EntryKind::Directory,
                Mode::Blob | Mode::BlobExecutable => EntryKind::File,
                Mode::Link => EntryKind::Symlink,
                Mode::Commit => EntryKind::Submodule,
            };
            match std::str::from_utf8(entry.filename) {
                Ok(name) if is_nameable(name) => {
                    directory.items.push(Item { name: name.into(), kind, id: entry.oid.to_owned() });
                }
                _ => directory.unnamed.push(String::from_utf8_lossy(entry.filename).into_owned()),
            }
        }
        directory.items.sort_by(|a, b| a.name.cmp(&b.name));
        // Two entries of one name: git refuses to make them, so the second is somebody's trick. The first stands.
        directory.items.dedup_by(|b, a| a.name == b.name);
        Ok(directory)
    }

    /// The entry of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Item> {
        let at = self.items.binary_search_by(|item| (*item.name).cmp(name)).ok()?;
        self.items.get(at)
    }
}

fn is_nameable(name: &str) -> bool {
    !matches!(name, "" | "." | ".." | ".git") && !name.contains(['/', '\\', '\0'])
}

#[derive(Default)]
struct Generations {
    young: HashMap<ObjectId, Arc<Directory>>,
    old: HashMap<ObjectId, Arc<Directory>>,
    young_weight: usize,
}

/// Decoded directories by object id. When the young half is full it becomes the old half, whose directories are dropped
/// unless they are used again: what one pass over a tree uses stays, at the cost of a hash look-up.
pub(crate) struct DirectoryCache {
    /// Entries (of all directories together) that either half may hold.
    half: usize,
    generations: Mutex<Generations>,
}

impl DirectoryCache {
    pub(crate) fn new(entries: usize) -> DirectoryCache {
        DirectoryCache { half: entries / 2, generations: Mutex::default() }
    }

    pub(crate) fn get(&self, id: &ObjectId) -> Option<Arc<Directory>> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = generations.young.get(id) {
            return Some(found.clone());
        }
        let found = generations.old.remove(id)?;
        self.put(&mut generations, *id, found.clone());
        Some(found)
    }

    pub(crate) fn insert(&self, id: ObjectId, directory: Arc<Directory>) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        self.put(&mut generations, id, directory);
    }

    fn put(&self, generations: &mut Generations, id: ObjectId, directory: Arc<Directory>) {
        let weight = directory.items.len() + 1;
        if weight > self.half {
            return;
        }
        if generations.young_weight + weight > self.half {
            generations.old = std::mem::take(&mut generations.young);
            generations.young_weight = 0;
        }
        if generations.young.insert(id, directory).is_none() {
            generations.young_weight += weight;
        }
    }

    #[cfg(test)]
    fn weight(&self) -> usize {
        let generations = self.generations.lock().unwrap();
        generations.young.values().chain(generations.old.values()).map(|d| d.items.len() + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (mode, name) in entries {
            out.extend_from_slice(mode.as_bytes());
            out.push(b' ');
            out.extend_from_slice(name);
            out.push(0);
            out.extend_from_slice(&[7; 20]);
        }
        out
    }

    #[test]
    fn names_that_no_path_can_hold_are_kept_apart() {
        let bytes = tree(&[
            ("100644", b"a-b"),
            ("40000", b"a"),
            ("100644", b"\xff\xfe"),
            ("100644", b".."),
            ("40000", b".git"),
            ("100644", b"x\\y"),
            ("160000", b"sub"),
            ("120000", b"link"),
            ("100644", b"link"),
        ]);
        let directory = Directory::decode(&bytes, gix::hash::Kind::Sha1).unwrap();
        assert_eq!(directory.items.iter().map(|i| &*i.name).collect::<Vec<_>>(), ["a", "a-b", "link", "sub"]);
        assert_eq!(directory.get("link").unwrap().kind, EntryKind::Symlink, "the first of two stands");
        assert_eq!(directory.get("sub").unwrap().kind, EntryKind::Submodule);
        assert!(directory.get("b").is_none());
        assert_eq!(directory.unnamed.len(), 4);
    }

    #[test]
    fn torn_bytes_are_an_error() {
        let bytes = tree(&[("100644", b"a"), ("100644", b"b")]);
        for end in 1..bytes.len() {
            // Whatever is cut off: an error or fewer entries, never a panic.
            if let Ok(directory) = Directory::decode(&bytes[..end], gix::hash::Kind::Sha1) {
                assert!(directory.items.len() < 2);
            }
        }
        assert!(Directory::decode(b"nonsense", gix::hash::Kind::Sha1).is_err());
    }

    #[test]
    fn the_cache_stays_within_its_bound_and_keeps_what_is_used() {
        let cache = DirectoryCache::new(20);
        let id = |n: u8| ObjectId::from([n; 20]);
        for n in 0..200 {
            cache.insert(id(n), Arc::default());
            assert!(cache.get(&id(0)).is_some(), "used each time");
            assert!(cache.weight() <= 20);
        }
        assert!(cache.get(&id(1)).is_none());
    }
}
