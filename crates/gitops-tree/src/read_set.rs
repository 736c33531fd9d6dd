//! What a render read, so that it need not run again while that stays the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::{ContentId, Entry, EntryKind, Revision, Tree, TreeError, TreePath};

/// What was found at one path. Look-ups that found nothing count: a file that appears later changes the answer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct Seen {
    /// Kind of the entry, when it was looked at; `Some(None)` when nothing was there.
    kind: Option<Option<EntryKind>>,
    /// Content, when it was read.
    content: Option<ContentId>,
    /// Digest of the names and kinds in the directory, when it was listed.
    listing: Option<String>,
    /// Id of the whole directory, when it was listed: while it stays, nothing below has to be looked at.
    subtree: Option<ContentId>,
}

/// Every path that was read or looked for, and what was found there. With the parameters it is the key of a render.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ReadSet {
    seen: BTreeMap<TreePath, Seen>,
    /// Other repositories that were read, by the address they are named by, and the commit each was read at.
    remotes: BTreeMap<String, Revision>,
}

fn listing_digest(entries: &[Entry]) -> String {
    let mut hash = Sha256::new();
    for e in entries {
        hash.update(e.name.as_bytes());
        hash.update([0, e.kind as u8]);
    }
    hex::encode(hash.finalize())
}

impl ReadSet {
    /// Whether a render that read this would read the same from `tree`.
    ///
    /// A directory whose id is unchanged answers for all below it, so the cost is that of the changed part. Whether
    /// [`ReadSet::remotes`] still mean the same commits is not looked at: a tree does not know.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub fn holds_in(&self, tree: &dyn Tree) -> Result<bool, TreeError> {
        let mut unchanged: Option<&TreePath> = None;
        for (path, seen) in &self.seen {
            if unchanged.is_some_and(|dir| path.starts_with(dir)) {
                continue;
            }
            let entry = tree.entry(path)?;
            if let (Some(subtree), Some(entry)) = (&seen.subtree, &entry)
                && *subtree == entry.id
            {
                unchanged = Some(path);
                continue;
            }
            if seen.kind.is_some_and(|kind| kind != entry.as_ref().map(|e| e.kind)) {
                return Ok(false);
            }
            if seen.content.is_some() && seen.content.as_ref() != entry.as_ref().map(|e| &e.id) {
                return Ok(false);
            }
            if let Some(listing) = &seen.listing
                && tree.list(path)?.map(|l| listing_digest(&l)).as_ref() != Some(listing)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &TreePath> {
        self.seen.keys()
    }

    /// Notes that another repository was read, named by `address`, at `revision`.
    pub fn note_remote(&mut self, address: impl Into<String>, revision: Revision) {
        self.remotes.insert(address.into(), revision);
    }

    /// Other repositories that were read: how each is named, and at which commit it was read.
    pub fn remotes(&self) -> impl Iterator<Item = (&str, &Revision)> {
        self.remotes.iter().map(|(address, revision)| (address.as_str(), revision))
    }

    /// Adds all that `other` saw.
    pub fn merge(&mut self, other: ReadSet) {
        self.remotes.extend(other.remotes);
        for (path, theirs) in other.seen {
            let ours = self.seen.entry(path).or_default();
            ours.kind = ours.kind.or(theirs.kind);
            ours.content = ours.content.take().or(theirs.content);
            ours.listing = ours.listing.take().or(theirs.listing);
            ours.subtree = ours.subtree.take().or(theirs.subtree);
        }
    }
}

/// A tree that records every look at it.
pub struct Recorder<T> {
    tree: T,
    seen: Mutex<ReadSet>,
}

impl<T: Tree> Recorder<T> {
    /// Records the looks at `tree`.
    pub fn new(tree: T) -> Recorder<T> {
        Recorder { tree, seen: Mutex::default() }
    }

    /// What was read so far.
    pub fn into_read_set(self) -> ReadSet {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was read of the same tree before, as if it were read again.
    pub fn note_all(&self, reads: ReadSet) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).merge(reads);
    }

    fn note(&self, path: &TreePath, change: impl FnOnce(&mut Seen)) {
        let mut set = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        change(set.seen.entry(path.clone()).or_default());
    }
}

impl<T: Tree> Tree for Recorder<T> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let entry = self.tree.entry(path)?;
        self.note(path, |s| s.kind = Some(entry.as_ref().map(|e| e.kind)));
        Ok(entry)
    }

    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        let bytes = self.tree.read(path)?;
        let entry = self.tree.entry(path)?;
        self.note(path, |s| {
            s.kind = Some(entry.as_ref().map(|e| e.kind));
            if bytes.is_some() {
                s.content = entry.map(|e| e.id);
            }
        });
        Ok(bytes)
    }

    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        let entries = self.tree.list(path)?;
        let entry = self.tree.entry(path)?;
        self.note(path, |s| {
            s.kind = Some(entry.as_ref().map(|e| e.kind));
            if let Some(entries) = &entries {
                s.listing = Some(listing_digest(entries));
                s.subtree = entry.map(|e| e.id);
            }
        });
        Ok(entries)
    }

    fn revision(&self) -> Option<&Revision> {
        self.tree.revision()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryTree;

    fn path(p: &str) -> TreePath {
        TreePath::parse(p).expect("inside")
    }

    #[test]
    fn a_file_that_appears_counts_and_one_elsewhere_does_not() {
        let tree = MemoryTree::new().with("app/a.yaml", "1").with("other/b", "2");
        let r = Recorder::new(&tree);
        r.list(&path("app")).expect("ok");
        r.read(&path("app/a.yaml")).expect("ok");
        r.entry(&path("kustomization.yaml")).expect("ok");
        let set = r.into_read_set();
        assert!(set.holds_in(&tree.clone().with("other/b", "3")).expect("ok"));
        assert!(!set.holds_in(&tree.clone().with("app/a.yaml", "3")).expect("ok"));
        assert!(!set.holds_in(&tree.clone().with("app/new.yaml", "3")).expect("ok"));
        assert!(!set.holds_in(&tree.clone().with("kustomization.yaml", "3")).expect("ok"));
    }

    #[test]
    fn a_file_that_was_listed_but_not_read_may_change() {
        let tree = MemoryTree::new().with("app/a.yaml", "1").with("app/notes.md", "2");
        let r = Recorder::new(&tree);
        r.list(&path("app")).expect("ok");
        r.read(&path("app/a.yaml")).expect("ok");
        assert!(r.into_read_set().holds_in(&tree.clone().with("app/notes.md", "3")).expect("ok"));
    }
}
