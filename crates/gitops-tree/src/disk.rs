//! A directory on disk as a [`Tree`]: the one place at this height that reads files.
//!
//! What a git tree cannot hold is not there: entries named `.git`, names that are not UTF-8 or hold a backslash, and what
//! is neither file, directory nor symbolic link (a pipe would hang its reader). Links are never followed, neither at the
//! end of a path nor on the way to it, so no path leaves the root; the root itself may be reached through links.
//!
//! A directory is listed and a file is read through one opening of its path that the system itself refuses when a link is on
//! the way (`openat2`, see `direct`); where it cannot, each part of the path is looked at in turn.
//!
//! Content ids come from what the file system says (device, inode, size, times of change), so looking does not read. A
//! file changed within the last [`SETTLED`] gets an id that equals no other, as its next change might not show; so does
//! every directory, as a change deep below does not show in it. Equal ids mean equal content; unequal ids mean nothing.

mod direct;

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};

use direct::Opened;

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

    /// `path` opened in one call, if that can be told in one call: its parts are names, and no link is among them.
    fn open_directly(&self, path: &TreePath, directory: bool) -> Opened {
        if !path.parts().all(is_nameable) {
            return Opened::Nothing;
        }
        direct::open(&self.root.join(path.as_str()), directory)
    }

    fn read_file(&self, path: &TreePath, at: &Path, seen: &Metadata) -> Result<Option<Arc<[u8]>>, TreeError> {
        if seen.len() > self.limit {
            return Err(self.too_large(path, seen.len()));
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
        self.content(path, file, opened.len()).map(Some)
    }

    fn too_large(&self, path: &TreePath, size: u64) -> TreeError {
        TreeError::TooLarge { path: path.clone(), size, limit: self.limit }
    }

    /// What is in an open file that says it is this long.
    fn content(&self, path: &TreePath, mut file: File, length: u64) -> Result<Arc<[u8]>, TreeError> {
        if length > self.limit {
            return Err(self.too_large(path, length));
        }
        // Straight into what is handed out: a large file is not copied.
        let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, usize::try_from(length).unwrap_or(0)).collect();
        let (buffer, mut filled) = (Arc::get_mut(&mut bytes).unwrap_or_default(), 0);
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]) {
                Ok(0) => return Ok(bytes[..filled].into()),
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(path, &e)),
            }
        }
        if length > 0 {
            return Ok(bytes);
        }
        // Files that the system makes while they are read say that they are empty.
        let mut made = Vec::new();
        file.take(self.limit.saturating_add(1)).read_to_end(&mut made).map_err(|e| failed(path, &e))?;
        if made.len() as u64 > self.limit {
            return Err(self.too_large(path, made.len() as u64));
        }
        Ok(made.into())
    }

    fn entries(&self, path: &TreePath, at: &Path) -> Result<Vec<Entry>, TreeError> {
        let mut entries = Vec::new();
        for item in fs::read_dir(at).map_err(|e| failed(path, &e))? {
            let name = item.map_err(|e| failed(path, &e))?.file_name();
            let Some(name) = name.to_str().filter(|n| is_nameable(n)) else { continue };
            let at = at.join(name);
            let Some(metadata) = look(&at).map_err(|e| failed(&path.child(name), &e))? else { continue };
            entries.extend(describe(name, &Seen::of(&metadata), || fs::read_link(&at).ok()));
        }
        Ok(entries)
    }
}

impl Tree for DiskTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let Some((at, metadata)) = self.locate(path)? else { return Ok(None) };
        Ok(describe(path.file_name(), &Seen::of(&metadata), || fs::read_link(&at).ok()))
    }

    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        match self.open_directly(path, false) {
            Opened::Yes(file) => {
                let metadata = file.metadata().map_err(|e| failed(path, &e))?;
                return if metadata.is_file() { self.content(path, file, metadata.len()).map(Some) } else { Ok(None) };
            }
            Opened::Nothing => return Ok(None),
            Opened::Unknown => {}
        }
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
        let mut entries = match self.open_directly(path, true) {
            Opened::Yes(directory) => direct::entries(directory).map_err(|e| failed(path, &e))?,
            Opened::Nothing => return Ok(None),
            Opened::Unknown => {
                let Some((at, metadata)) = self.locate(path)? else { return Ok(None) };
                if !metadata.is_dir() {
                    return Ok(None);
                }
                self.entries(path, &at)?
            }
        };
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

/// What the file system says of something, as far as it matters here.
struct Seen {
    /// `None` for what a commit cannot hold.
    kind: Option<EntryKind>,
    device: u64,
    inode: u64,
    size: i128,
    /// Seconds since 1970, and nanoseconds.
    modified: (i128, i128),
    changed: (i128, i128),
}

impl Seen {
    fn of(m: &Metadata) -> Seen {
        let kind = match m.file_type() {
            t if t.is_dir() => Some(EntryKind::Directory),
            t if t.is_file() => Some(EntryKind::File),
            t if t.is_symlink() => Some(EntryKind::Symlink),
            _ => None,
        };
        let (modified, changed) = ((m.mtime().into(), m.mtime_nsec().into()), (m.ctime().into(), m.ctime_nsec().into()));
        Seen { kind, device: m.dev(), inode: m.ino(), size: m.size().into(), modified, changed }
    }

    fn is_settled(&self) -> bool {
        let changed = (u64::try_from(self.changed.0), u32::try_from(self.changed.1));
        let (Ok(seconds), Ok(nanos)) = changed else { return false };
        let changed = UNIX_EPOCH + Duration::new(seconds, nanos);
        // A change in the future (a clock that was set back) is not settled either.
        SystemTime::now().duration_since(changed).is_ok_and(|age| age >= SETTLED)
    }

    fn stamp(&self) -> String {
        let Seen { device, inode, size, modified, changed, .. } = self;
        format!("file:{device}:{inode}:{size}:{}.{}:{}.{}", modified.0, modified.1, changed.0, changed.1)
    }
}

/// The entry of a directory; `target` reads the text of a link.
fn describe(name: &str, seen: &Seen, target: impl FnOnce() -> Option<PathBuf>) -> Option<Entry> {
    let kind = seen.kind?;
    let id = match kind {
        EntryKind::File if seen.is_settled() => seen.stamp(),
        EntryKind::Symlink => target().map_or_else(unique, |target| format!("link:{}", target.to_string_lossy())),
        _ => unique(),
    };
    Some(Entry { name: name.to_owned(), kind, id: ContentId::new(id) })
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_is_nothing_and_is_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let (_dir, tree) = sample();
        mknodat(CWD, tree.root().join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("made");
        assert!(tree.read(&path("pipe")).expect("read").is_none());
        assert!(tree.entry(&path("pipe")).expect("read").is_none());
        assert!(tree.list(&TreePath::root()).expect("read").expect("a directory").iter().all(|e| e.name != "pipe"));
    }

    #[test]
    fn both_ways_to_list_agree() {
        let (_dir, tree) = sample();
        let files = |entries: Vec<Entry>| -> Vec<(String, EntryKind)> { entries.into_iter().map(|e| (e.name, e.kind)).collect() };
        let mut slow = files(tree.entries(&path("app"), &tree.root().join("app")).expect("read"));
        slow.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(files(tree.list(&path("app")).expect("read").expect("a directory")), slow);
    }

    #[test]
    fn a_file_as_root_is_refused() {
        let (dir, _tree) = sample();
        assert!(DiskTree::open(dir.path().join("secret")).is_err());
        assert!(DiskTree::open(dir.path().join("none")).is_err());
    }
}
