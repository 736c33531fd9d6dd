//! A git repository on disk, written by `git fast-import`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A bare repository with one branch, `main`.
pub(crate) struct Repository(pub(crate) PathBuf);

impl Repository {
    pub(crate) fn create(path: PathBuf) -> Repository {
        assert!(Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(&path).status().unwrap().success());
        Repository(path)
    }

    /// A commit that writes these files, the others staying. The first has no parent.
    pub(crate) fn commit(&self, first: bool, files: &[(String, String)]) {
        let mut stream = String::from("commit refs/heads/main\ncommitter Test <test@example.com> 1700000000 +0000\ndata 6\nchange\n");
        if !first {
            stream.push_str("from refs/heads/main^0\n");
        }
        for (path, text) in files {
            write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
        }
        let mut import = Command::new("git").args(["fast-import", "--quiet"]).current_dir(&self.0).stdin(Stdio::piped()).spawn().unwrap();
        import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
        assert!(import.wait().unwrap().success());
    }

    pub(crate) fn head(&self) -> String {
        let output = Command::new("git").args(["rev-parse", "main"]).current_dir(&self.0).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
