//! What each request for a chart was resolved to last, on disk beside the archives: a restart while a server is down goes on
//! with it.
//!
//! A record is a file named by a hash of the request, since an address may hold a signature; it is replaced whole. One that
//! cannot be read or written is as good as none: it only makes a restart ask the server. Records of requests that nobody
//! made for [`KEPT`] go, and of too many the oldest.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gitops_tree::Revision;
use sha2::{Digest, Sha256};

use super::{ChartSource, Place};

const KEPT: Duration = Duration::from_secs(90 * 86_400);
const MOST: usize = 10_000;
/// How old a record may be before its time is renewed.
const RENEWED: Duration = Duration::from_secs(86_400);
/// More is no record of ours.
const LONGEST: u64 = 4096;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// As the index or tag has it.
    pub(crate) version: String,
    /// Digest of the archive.
    pub(crate) revision: Revision,
    /// By which keyring it was verified, by that keyring's digest; empty when by none.
    pub(crate) verified: String,
}

pub(crate) struct Records {
    dir: PathBuf,
}

impl Records {
    /// Those in the cache's directory. The directory is made with the first one.
    pub(crate) fn open(cache: &Path) -> Records {
        let records = Records { dir: cache.join("resolved") };
        records.sweep();
        records
    }

    fn sweep(&self) {
        let Ok(files) = fs::read_dir(&self.dir) else { return };
        let time = |file: &fs::DirEntry| file.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut all: Vec<_> = files.flatten().map(|file| (time(&file), file.path())).collect();
        all.sort_by(|a, b| b.cmp(a));
        let is_old = |time: &SystemTime| time.elapsed().is_ok_and(|age| age > KEPT);
        for (_, path) in all.iter().enumerate().filter(|(i, (time, _))| *i >= MOST || is_old(time)).map(|(_, file)| file) {
            // Another process may have been faster.
            let _ = fs::remove_file(path);
        }
    }

    fn path(&self, source: &ChartSource) -> PathBuf {
        let place = match &source.place {
            Place::Repository(address) => address.target(),
            Place::Registry(reference) => format!("oci://{reference}"),
        };
        let request = format!("{place}\n{}\n{}", source.chart, source.version);
        self.dir.join(hex::encode(Sha256::digest(request)))
    }

    /// What the request was resolved to last.
    pub(crate) fn read(&self, source: &ChartSource) -> Option<Record> {
        let path = self.path(source);
        if fs::metadata(&path).ok()?.len() > LONGEST {
            return None;
        }
        let text = fs::read_to_string(path).ok()?;
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (version, revision, verified) = (lines.next()?, lines.next()?, lines.next()?);
        let revision = Revision::parse(revision).ok()?;
        lines.next().is_none().then(|| Record { version: version.to_owned(), revision, verified: verified.to_owned() })
    }

    /// Notes what the request was resolved to.
    pub(crate) fn write(&self, source: &ChartSource, record: &Record) {
        let path = self.path(source);
        let age = fs::metadata(&path).and_then(|m| m.modified()).ok().and_then(|time| time.elapsed().ok());
        let is_there = age.is_some_and(|age| age < RENEWED) && self.read(source).as_ref() == Some(record);
        if is_there || record.version.chars().any(char::is_control) {
            return;
        }
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&self.dir)?;
            let mut file = tempfile::Builder::new().prefix("writing-").tempfile_in(&self.dir)?;
            writeln!(file, "{}\n{}\n{}", record.version, record.revision, record.verified)?;
            file.persist(&path).map_err(|e| e.error)?;
            Ok(())
        };
        // The chart is there and can be used; the archive's own write tells of a disk that is full.
        let _ = write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(version: &str) -> ChartSource {
        ChartSource::new("https://me:secret@charts.example.com/?key=hidden", "web", version).unwrap()
    }

    fn record(version: &str) -> Record {
        Record { version: version.to_owned(), revision: super::super::cache::digest(b"chart"), verified: String::new() }
    }

    #[test]
    fn each_request_has_its_own_record_which_survives() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(dir.path());
        assert_eq!(records.read(&source("1.x")), None);
        records.write(&source("1.x"), &record("1.2.0"));
        records.write(&source("1.x"), &record("1.3.0"));
        records.write(&source("2.x"), &record("2.0.0\nsha256:0"));
        let later = Records::open(dir.path());
        assert_eq!(later.read(&source("1.x")), Some(record("1.3.0")));
        assert_eq!(later.read(&source("2.x")), None, "no version has a line's end in it");
        let files: Vec<_> = fs::read_dir(&later.dir).unwrap().flatten().collect();
        assert_eq!(files.len(), 1);
        assert!(!fs::read_to_string(files[0].path()).unwrap().contains("hidden"));
    }

    #[test]
    fn damage_and_age_cost_the_record_only() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(dir.path());
        records.write(&source("1.x"), &record("1.2.0"));
        let path = records.path(&source("1.x"));
        let text = fs::read_to_string(&path).unwrap();
        for damaged in ["", "1.2.0\n", &text[..text.len() - 3], &format!("{text}more\n"), &"x".repeat(5000)] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(records.read(&source("1.x")), None, "{damaged:?}");
        }
        fs::write(&path, &text).unwrap();
        fs::File::open(&path).unwrap().set_modified(SystemTime::now() - 2 * KEPT).unwrap();
        Records::open(dir.path());
        assert!(!path.exists());
    }
}
