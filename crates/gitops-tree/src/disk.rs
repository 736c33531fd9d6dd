//! A directory on disk as a [`Tree`]: the one place at this height that reads files.
//!
//! What a git tree cannot hold is not there: entries named `.git`, names that are not UTF-8 or hold a backslash, and what
//! is neither file, directory nor symbolic link (a pipe would hang its reader). Links are never followed, neither at the
//! end of a path nor on the way to it, so no path leaves the root; the root itself may be reached through links.
//!
//! Content ids come from what the file system says (device, inode, size, times of change), so looking does not read. A
//! file changed within the last [`SETTLED`] gets an id that equals no other, as its next change might not show; so does
//! every directory, as a change deep below does not show in it. Equal ids mean equal content; unequal ids mean nothing.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};

/// How long a file must have been left alone for its times to tell it from a later version.
pub const SETTLED: Duration = Duration::from_millis(100);

/// Files larger than this are refused, unless another limit is set: 32 MiB.
pub const DEFAULT_FILE_LIMIT: u64 = 32 << 20;

static UNIQUE: AtomicU64 = AtomicU64::new(0);

/// A directory on disk. Every look goes to the file system: what changes there shows at the next look.
#[derive(Clone, Debug)]
pub struct DiskTree {
    root: PathBuf,
    limit: u64,
}

impl DiskTree {
    /// The files under `root`.
    ///
    /// # Errors
    /// When `root` is no directory that can be read.
    pub fn open(root: impl AsRef<Path>) -> io::Result<DiskTree> {
        let root = fs::canonicalize(root)?;
        if !fs::metadata(&root)?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a directory"));
        }
        Ok(DiskTree { root, limit: DEFAULT_FILE_LIMIT })
    }

    /// With another limit of bytes per file.
    #[must_use]
    pub fn with_file_limit(mut self, bytes: u64) -> DiskTree {
        self.limit = bytes;
        self
    }

    /// Where it is on disk, with links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where `path` is on disk and what it is, when nothing on the way is a link.
    fn locate(&self, path: &TreePath) -> Result<Option<(PathBuf, Metadata)>, TreeError> {
        let mut at = self.root.clone();
        let mut metadata = look(&at).map_err(|e| failed(path, &e))?;
        for part in path.parts() {
            if !metadata.as_ref().is_some_and(Metadata::is_dir) || !is_nameable(part) {
                return Ok(None);
            }
            at.push(part);
            metadata = look(&at).map_err(|e| failed(path, &e))?;
        }
        Ok(metadata.map(|m| (at, m)))
    }

    fn read_file(&self, path: &TreePath, at: &Path, seen: &Metadata) -> Result<Option<Arc<[u8]>>, TreeError> {
        let too_large = |size| TreeError::TooLarge { path: path.clone(), size, limit: self.limit };
        if seen.len() > self.limit {
            return Err(too_large(seen.len()));
        }
        let file = match File::open(at) {
            Ok(file) => file,
            Err(e) if is_absence(&e) => return Ok(None),
            Err(e) => return Err(failed(path, &e)),
        };
        // Somebody may have put a link in its place since it was looked at: what was opened must be what was seen.
        let opened = file.metadata().map_err(|e| failed(path, &e))?;
        if (opened.dev(), opened.ino()) != (seen.dev(), seen.ino()) {
            return Err(TreeError::Read { path: path.clone(), reason: "it was replaced while it was read".to_owned() });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(opened.len()).unwrap_or(0));
        // One byte more than the limit tells a file that grew from one that just fits.
        file.take(self.limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| failed(path, &e))?;
        if bytes.len() as u64 > self.limit {
            return Err(too_large(bytes.len() as u64));
        }
        Ok(Some(bytes.into()))
    }
}

impl Tree for DiskTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let Some((at, metadata)) = self.locate(path)? else { return Ok(None) };
        Ok(describe(path.file_name(), &at, &metadata))
    }

    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        let Some((at, metadata)) = self.locate(path)? else { return Ok(None) };
        if metadata.is_symlink() {
            return match fs::read_link(&at) {
                Ok(target) => Ok(Some(target.as_os_str().as_encoded_bytes().into())),
                Err(e) if is_absence(&e) => Ok(None),
                Err(e) => Err(failed(path, &e)),
            };
        }
        if metadata.is_file() { self.read_file(path, &at, &metadata) } else { Ok(None) }
    }

    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        let Some((at, metadata)) = self.locate(path)? else { return Ok(None) };
        if !metadata.is_dir() {
            return Ok(None);
        }
        let mut entries = Vec::new();
        for item in fs::read_dir(&at).map_err(|e| failed(path, &e))? {
            let name = item.map_err(|e| failed(path, &e))?.file_name();
            let Some(name) = name.to_str().filter(|n| is_nameable(n)) else { continue };
            let at = at.join(name);
            let Some(metadata) = look(&at).map_err(|e| failed(&path.child(name), &e))? else { continue };
            entries.extend(describe(name, &at, &metadata));
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(entries))
    }
}

/// What stands there, links not followed.
fn look(at: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(at) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(e) if is_absence(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

fn is_nameable(name: &str) -> bool {
    !matches!(name, "" | "." | ".." | ".git") && !name.contains(['/', '\\', '\0'])
}

fn describe(name: &str, at: &Path, metadata: &Metadata) -> Option<Entry> {
    let kind = match metadata.file_type() {
        t if t.is_dir() => EntryKind::Directory,
        t if t.is_file() => EntryKind::File,
        t if t.is_symlink() => EntryKind::Symlink,
        _ => return None,
    };
    let id = match kind {
        EntryKind::File if is_settled(metadata) => stamp(metadata),
        EntryKind::Symlink => match fs::read_link(at) {
            Ok(target) => format!("link:{}", target.to_string_lossy()),
            Err(_) => unique(),
        },
        _ => unique(),
    };
    Some(Entry { name: name.to_owned(), kind, id: ContentId::new(id) })
}

fn is_settled(metadata: &Metadata) -> bool {
    let changed = (u64::try_from(metadata.ctime()), u32::try_from(metadata.ctime_nsec()));
    let (Ok(seconds), Ok(nanos)) = changed else { return false };
    let changed = UNIX_EPOCH + Duration::new(seconds, nanos);
    // A change in the future (a clock that was set back) is not settled either.
    SystemTime::now().duration_since(changed).is_ok_and(|age| age >= SETTLED)
}

fn stamp(m: &Metadata) -> String {
    let (mtime, ctime) = ((m.mtime(), m.mtime_nsec()), (m.ctime(), m.ctime_nsec()));
    format!("file:{}:{}:{}:{}.{}:{}.{}", m.dev(), m.ino(), m.size(), mtime.0, mtime.1, ctime.0, ctime.1)
}

fn unique() -> String {
    format!("look:{}", UNIQUE.fetch_add(1, Ordering::Relaxed))
}

fn failed(path: &TreePath, error: &io::Error) -> TreeError {
    TreeError::Read { path: path.clone(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recorder;
    use std::os::unix::fs::symlink;

    fn path(p: &str) -> TreePath {
        TreePath::parse(p).expect("inside")
    }

    fn sample() -> (tempfile::TempDir, DiskTree) {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("app/.git")).expect("made");
        fs::write(dir.path().join("secret"), "outside").expect("written");
        fs::write(root.join("app/a.yaml"), "a: 1\n").expect("written");
        fs::write(root.join("app/b\\c"), "").expect("written");
        symlink("../../secret", root.join("app/link")).expect("linked");
        symlink("..", root.join("up")).expect("linked");
        let tree = DiskTree::open(&root).expect("a directory");
        (dir, tree)
    }

    #[test]
    fn lists_what_a_commit_could_hold() {
        let (_dir, tree) = sample();
        let entries = tree.list(&path("app")).expect("read").expect("a directory");
        let seen: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.kind)).collect();
        assert_eq!(seen, [("a.yaml", EntryKind::File), ("link", EntryKind::Symlink)]);
        assert_eq!(tree.entry(&TreePath::root()).expect("read").expect("there").kind, EntryKind::Directory);
        assert!(tree.list(&path("app/a.yaml")).expect("read").is_none());
        assert!(tree.entry(&path("app/.git")).expect("read").is_none());
        assert!(tree.entry(&path("app/a.yaml/x")).expect("read").is_none(), "through a file");
        assert!(tree.entry(&path("none/x")).expect("read").is_none());
    }

    #[test]
    fn links_are_read_as_text_and_never_followed() {
        let (_dir, tree) = sample();
        assert_eq!(&*tree.read(&path("app/link")).expect("read").expect("a link"), b"../../secret");
        assert!(tree.read(&path("up/secret")).expect("read").is_none());
        assert!(tree.list(&path("up")).expect("read").is_none());
        assert!(TreePath::parse("../secret").is_err());
        // Even a path made by code instead of from text stays inside.
        assert!(tree.read(&TreePath::root().child("..").child("secret")).expect("read").is_none());
    }

    #[test]
    fn a_large_file_is_refused_by_its_size() {
        let (_dir, tree) = sample();
        let tree = tree.with_file_limit(4);
        let error = tree.read(&path("app/a.yaml")).expect_err("too large");
        assert_eq!(error.to_string(), "app/a.yaml: 5 bytes is more than the limit of 4");
        assert!(tree.with_file_limit(5).read(&path("app/a.yaml")).is_ok());
    }

    #[test]
    fn a_changed_file_is_noticed() {
        let (_dir, tree) = sample();
        let recorder = Recorder::new(&tree);
        recorder.read(&path("app/a.yaml")).expect("read");
        recorder.entry(&path("app/new.yaml")).expect("read");
        let read = recorder.into_read_set();
        fs::write(tree.root().join("app/a.yaml"), "a: 2\n").expect("written");
        assert!(!read.holds_in(&tree).expect("read"));
    }

    #[test]
    fn a_file_left_alone_keeps_its_id() {
        let (_dir, tree) = sample();
        let id = |tree: &DiskTree| tree.entry(&path("app/a.yaml")).expect("read").expect("there").id;
        // Not a sleep for luck: only after this time does the file count as settled, and the loop ends when it does.
        while id(&tree).as_str().starts_with("look:") {
            std::thread::yield_now();
        }
        assert_eq!(id(&tree), id(&tree));
    }

    #[test]
    fn a_file_as_root_is_refused() {
        let (dir, _tree) = sample();
        assert!(DiskTree::open(dir.path().join("secret")).is_err());
        assert!(DiskTree::open(dir.path().join("none")).is_err());
    }
}
