//! A chart archive as a tree: what it unpacks to, below its one base directory.

use std::sync::Arc;

use gitops_tree::{Entry, MemoryTree, Revision, Tree, TreeError, TreePath};

use super::{ArchiveError, Budget, unpack};
use crate::limits::Limits;

/// The files of a packaged chart, the chart at the root, in memory. Its revision is the archive's digest.
///
/// What stands in it is what `helm pull --untar` writes into the chart's directory; nothing is ever written.
#[derive(Clone, Debug)]
pub struct ArchiveTree {
    files: MemoryTree,
    revision: Revision,
    bytes: u64,
}

impl ArchiveTree {
    /// Unpacks an archive of that digest, within the limits of a chart.
    ///
    /// # Errors
    /// When it is no chart archive, or unpacks to more than the limits allow.
    pub fn unpack(archive: &[u8], revision: Revision, limits: &Limits) -> Result<ArchiveTree, ArchiveError> {
        let mut files = MemoryTree::new();
        let mut bytes = 0;
        for file in unpack(archive, limits, &mut Budget::new(limits))? {
            let path = TreePath::parse(&file.name).map_err(|_| ArchiveError::OutsideBase(file.name.clone()))?;
            bytes += file.data.len() as u64;
            files.insert(&path, file.data);
        }
        Ok(ArchiveTree { files, revision, bytes })
    }

    /// Bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Tree for ArchiveTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.files.entry(path)
    }
    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        self.files.read(path)
    }
    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        self.files.list(path)
    }
    fn revision(&self) -> Option<&Revision> {
        Some(&self.revision)
    }
}
