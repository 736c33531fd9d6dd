//! Read-only views of files at one commit, and the record of what was read.
//!
//! ```
//! use gitops_tree::{MemoryTree, Recorder, Tree, TreePath};
//! let before = MemoryTree::new().with("app/web.yaml", "replicas: 1").with("other/notes.md", "hello");
//! let recorder = Recorder::new(&before);
//! recorder.read(&TreePath::parse("app/web.yaml")?)?;
//! let reads = recorder.into_read_set();
//! // What was not read may change; what was read may not.
//! assert!(reads.holds_in(&before.clone().with("other/notes.md", "changed"))?);
//! assert!(!reads.holds_in(&before.with("app/web.yaml", "replicas: 2"))?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod disk;
mod path;
mod read_set;
mod revision;
mod tree;

pub use disk::{DEFAULT_FILE_LIMIT, DiskTree, SETTLED};
pub use path::{PathError, TreePath};
pub use read_set::{ReadSet, Recorder};
pub use revision::{Revision, RevisionError};
pub use tree::{ContentId, Entry, EntryKind, MemoryTree, Tree, TreeError};
