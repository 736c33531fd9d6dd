//! An open repository: handles on its object database, shared by all trees made from it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gitops_tree::Revision;
use gix::ObjectId;
use gix::objs::{CommitRefIter, Find, Kind, TagRefIter};

use crate::directory::{Directory, DirectoryCache};
use crate::{GitError, GitTree};

/// Handles kept for the next caller. More threads than this open one of their own for the call.
const IDLE_HANDLES: usize = 4;
/// Tags that point to tags that point to …
const TAG_DEPTH: usize = 16;

/// Limits of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of the largest object that is read; it is checked before anything of the object is. Default 32 MiB.
    pub object_limit: u64,
    /// Directory entries kept decoded, of all directories together. Default 200,000 (about 20 MB).
    pub cached_entries: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { object_limit: 32 << 20, cached_entries: 200_000 }
    }
}

pub(crate) struct Shared {
    path: PathBuf,
    settings: Settings,
    repository: gix::ThreadSafeRepository,
    idle: Mutex<Vec<gix::Repository>>,
    directories: DirectoryCache,
}

/// A local repository, open for reading. Clones share the open files and the cache of decoded directories.
#[derive(Clone)]
pub struct Repository {
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl Repository {
    /// Opens the repository at `path`: a bare one, a `.git` directory, or a work tree's root. The user's and the system's
    /// git configuration are not read.
    ///
    /// # Errors
    /// [`GitError::Open`] when there is none.
    pub fn open(path: impl AsRef<Path>, settings: Settings) -> Result<Repository, GitError> {
        let path = path.as_ref().to_path_buf();
        let failed = |reason: String| GitError::Open { path: path.clone(), reason };
        let repository = gix::open_opts(&path, gix::open::Options::isolated()).map_err(|e| failed(e.to_string()))?;
        if repository.object_hash() != gix::hash::Kind::Sha1 {
            return Err(failed(format!("its objects are named by {}; only SHA-1 is read", repository.object_hash())));
        }
        let shared = Shared {
            settings,
            repository: repository.into_sync(),
            idle: Mutex::default(),
            directories: DirectoryCache::new(settings.cached_entries),
            path,
        };
        Ok(Repository { shared: Arc::new(shared) })
    }

    /// The files at `revision`, a commit or a tag of one.
    ///
    /// # Errors
    /// When it is missing, corrupt, or no commit.
    pub fn tree(&self, revision: &Revision) -> Result<GitTree, GitError> {
        let commit = self.commit_id(parse_id(revision.as_str())?)?;
        let data = self.object(commit, Kind::Commit)?;
        let root = CommitRefIter::from_bytes(&data, gix::hash::Kind::Sha1).tree_id().map_err(|e| corrupt(commit, e))?;
        // Read now, so that a tree that cannot be read at all is an error here and not of each look-up.
        self.directory(root)?;
        Ok(GitTree::new(self.clone(), revision.clone(), root))
    }

    /// Whether `revision` is in the database.
    pub fn contains(&self, revision: &Revision) -> bool {
        parse_id(revision.as_str()).is_ok_and(|id| self.with_handle(|handle| handle.has_object(id)))
    }

    /// The one commit whose id begins with `prefix` (hex digits); `None` when there is none.
    ///
    /// # Errors
    /// [`GitError::Ambiguous`] when there are several objects.
    pub fn expand(&self, prefix: &str) -> Result<Option<Revision>, GitError> {
        let unreadable = |e: &dyn std::fmt::Display| GitError::Corrupt { id: prefix.to_owned(), reason: e.to_string() };
        let Ok(parsed) = gix::hash::Prefix::from_hex(prefix) else { return Ok(None) };
        let found = self.with_handle(|handle| handle.objects.lookup_prefix(parsed, None)).map_err(|e| unreadable(&e))?;
        match found {
            None => Ok(None),
            Some(Err(())) => Err(GitError::Ambiguous { prefix: prefix.to_owned() }),
            Some(Ok(id)) => {
                let commit = self.commit_id(id)?;
                Revision::parse(&commit.to_string()).map(Some).map_err(|e| unreadable(&e))
            }
        }
    }

    /// The commit that `id` is, or that the tag `id` points to.
    pub(crate) fn commit_id(&self, mut id: ObjectId) -> Result<ObjectId, GitError> {
        for _ in 0..TAG_DEPTH {
            match self.kind(id)? {
                Kind::Commit => return Ok(id),
                Kind::Tag => {
                    let data = self.object(id, Kind::Tag)?;
                    id = TagRefIter::from_bytes(&data, gix::hash::Kind::Sha1).target_id().map_err(|e| corrupt(id, e))?;
                }
                other => return Err(GitError::Kind { id: id.to_string(), kind: other.to_string(), wanted: "commit" }),
            }
        }
        Err(GitError::TooDeep { what: "tags", limit: TAG_DEPTH })
    }

    fn kind(&self, id: ObjectId) -> Result<Kind, GitError> {
        self.with_handle(|handle| match handle.try_find_header(id) {
            Ok(Some(header)) => Ok(header.kind()),
            Ok(None) => Err(GitError::Missing { id: id.to_string() }),
            Err(e) => Err(corrupt(id, e)),
        })
    }

    /// The bytes of an object of that kind. Its size is looked at before it is read.
    pub(crate) fn object(&self, id: ObjectId, wanted: Kind) -> Result<Vec<u8>, GitError> {
        let limit = self.shared.settings.object_limit;
        self.with_handle(|handle| {
            let header = match handle.try_find_header(id) {
                Ok(Some(header)) => header,
                Ok(None) => return Err(GitError::Missing { id: id.to_string() }),
                Err(e) => return Err(corrupt(id, e)),
            };
            if header.kind() != wanted {
                let wanted = match wanted {
                    Kind::Tree => "tree",
                    Kind::Blob => "blob",
                    Kind::Commit => "commit",
                    Kind::Tag => "tag",
                };
                return Err(GitError::Kind { id: id.to_string(), kind: header.kind().to_string(), wanted });
            }
            if header.size() > limit {
                return Err(GitError::TooLarge { id: id.to_string(), size: header.size(), limit });
            }
            let mut buffer = Vec::new();
            match handle.objects.try_find(&id, &mut buffer) {
                Ok(Some(_)) => {}
                Ok(None) => return Err(GitError::Missing { id: id.to_string() }),
                Err(e) => return Err(corrupt(id, e)),
            }
            Ok(buffer)
        })
    }

    /// The decoded tree object `id`.
    pub(crate) fn directory(&self, id: ObjectId) -> Result<Arc<Directory>, GitError> {
        if let Some(found) = self.shared.directories.get(&id) {
            return Ok(found);
        }
        let data = self.object(id, Kind::Tree)?;
        let decoded = Directory::decode(&data, gix::hash::Kind::Sha1).map_err(|reason| corrupt(id, reason))?;
        let directory = Arc::new(decoded);
        self.shared.directories.insert(id, directory.clone());
        Ok(directory)
    }

    pub(crate) fn with_handle<R>(&self, use_it: impl FnOnce(&gix::Repository) -> R) -> R {
        let idle = || self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let handle = kept.unwrap_or_else(|| self.shared.repository.to_thread_local());
        let result = use_it(&handle);
        let mut idle = idle();
        if idle.len() < IDLE_HANDLES {
            idle.push(handle);
        }
        result
    }
}

pub(crate) fn parse_id(text: &str) -> Result<ObjectId, GitError> {
    ObjectId::from_hex(text.as_bytes()).map_err(|_| GitError::Missing { id: text.to_owned() })
}

pub(crate) fn corrupt(id: ObjectId, reason: impl std::fmt::Display) -> GitError {
    GitError::Corrupt { id: id.to_string(), reason: reason.to_string() }
}
