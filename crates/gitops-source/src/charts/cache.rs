//! Fetched archives on disk, by their digest, up to a total size.
//!
//! A file is named by the SHA-256 of what is in it and checked against it whenever it is read, so damage costs a new fetch
//! and nothing else. It is written beside its place and moved there, so that after a crash it is there whole or not at
//! all. A file's time is that of its last use: when there is too much, those go first that were not used for longest.
//! Several threads and processes may use one directory.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use gitops_tree::Revision;
use sha2::{Digest, Sha256};

use super::ChartError;

const TEMPORARY: &str = "writing-";
/// What is left of a write after this time was cut off.
const ABANDONED: Duration = Duration::from_secs(3600);

pub(crate) struct ArchiveCache {
    dir: PathBuf,
    limit: u64,
    evicting: Mutex<()>,
}

/// The digest of an archive, as a revision.
pub(crate) fn digest(bytes: &[u8]) -> Revision {
    match Revision::parse(&format!("sha256:{}", hex::encode(Sha256::digest(bytes)))) {
        Ok(revision) => revision,
        Err(_) => unreachable!("a SHA-256 in hex is a revision"),
    }
}

impl ArchiveCache {
    pub(crate) fn open(dir: &Path, limit: u64) -> Result<ArchiveCache, ChartError> {
        let cache = ArchiveCache { dir: dir.to_path_buf(), limit, evicting: Mutex::default() };
        fs::create_dir_all(dir).map_err(|e| cache.failed(&e))?;
        for file in fs::read_dir(dir).map_err(|e| cache.failed(&e))?.flatten() {
            let is_temporary = file.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
            let age = file.metadata().and_then(|m| m.modified()).ok().and_then(|t| t.elapsed().ok());
            if is_temporary && age.is_some_and(|age| age > ABANDONED) {
                // Another process may have been faster.
                let _ = fs::remove_file(file.path());
            }
        }
        cache.evict(None)?;
        Ok(cache)
    }

    fn failed(&self, error: &io::Error) -> ChartError {
        ChartError::Cache { path: self.dir.clone(), reason: error.to_string() }
    }

    fn path(&self, revision: &Revision) -> PathBuf {
        self.dir.join(revision.as_str().trim_start_matches("sha256:"))
    }

    /// The archive of that digest. What is damaged is removed.
    pub(crate) fn get(&self, revision: &Revision) -> Option<Arc<[u8]>> {
        let path = self.path(revision);
        let bytes = fs::read(&path).ok()?;
        if digest(&bytes) != *revision {
            let _ = fs::remove_file(&path);
            return None;
        }
        // A disk that takes no times only makes the choice of what goes first worse.
        let _ = File::open(&path).and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::now())));
        Some(bytes.into())
    }

    /// Keeps an archive. One that is larger than the whole cache may be is not kept.
    pub(crate) fn put(&self, revision: &Revision, bytes: &[u8]) -> Result<(), ChartError> {
        if bytes.len() as u64 > self.limit {
            return Ok(());
        }
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.dir)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(self.path(revision)).map_err(|e| e.error)?;
            Ok(())
        };
        write().map_err(|e| self.failed(&e))?;
        self.evict(Some(revision))
    }

    /// Removes what was not used for longest, until the rest fits.
    fn evict(&self, newest: Option<&Revision>) -> Result<(), ChartError> {
        let _one_at_a_time = self.evicting.lock().unwrap_or_else(PoisonError::into_inner);
        let keep = newest.map(|revision| self.path(revision));
        let mut files = Vec::new();
        for file in fs::read_dir(&self.dir).map_err(|e| self.failed(&e))?.flatten() {
            let name = file.file_name();
            let is_archive = name.len() == 64 && name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit);
            // Gone meanwhile: another process evicts too.
            if let Some(metadata) = file.metadata().ok().filter(|_| is_archive) {
                files.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), file.path()));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total <= self.limit {
                break;
            }
            if keep.as_ref() != Some(&path) {
                let _ = fs::remove_file(&path);
                total -= size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(cache: &ArchiveCache, revision: &Revision, seconds: u64) {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        File::open(cache.path(revision)).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let cache = ArchiveCache::open(dir.path(), 250).unwrap();
        let archives: Vec<Vec<u8>> = (0..3_u8).map(|n| vec![n; 100]).collect();
        let revisions: Vec<Revision> = archives.iter().map(|a| digest(a)).collect();
        cache.put(&revisions[0], &archives[0]).unwrap();
        cache.put(&revisions[1], &archives[1]).unwrap();
        age(&cache, &revisions[0], 100);
        age(&cache, &revisions[1], 50);
        assert!(cache.get(&revisions[0]).is_some(), "its use makes it the newest");
        cache.put(&revisions[2], &archives[2]).unwrap();
        let kept: Vec<bool> = revisions.iter().map(|r| cache.get(r).is_some()).collect();
        assert_eq!(kept, [true, false, true]);
        assert!(ArchiveCache::open(dir.path(), 100).unwrap().get(&revisions[1]).is_none());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a smaller limit holds from the start");
    }

    #[test]
    fn damage_is_removed_and_what_is_too_large_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let cache = ArchiveCache::open(dir.path(), 100).unwrap();
        let revision = digest(b"chart");
        cache.put(&revision, b"chart").unwrap();
        fs::write(cache.path(&revision), b"other").unwrap();
        assert!(cache.get(&revision).is_none());
        assert!(!cache.path(&revision).exists());
        let large = vec![7; 101];
        cache.put(&digest(&large), &large).unwrap();
        assert!(cache.get(&digest(&large)).is_none());
    }

    #[test]
    fn a_write_that_was_cut_off_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("writing-old"), dir.path().join("writing-new"));
        fs::write(&old, b"x").unwrap();
        fs::write(&new, b"x").unwrap();
        let time = SystemTime::now() - 2 * ABANDONED;
        File::open(&old).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
        ArchiveCache::open(dir.path(), 100).unwrap();
        assert!(!old.exists() && new.exists());
    }
}
