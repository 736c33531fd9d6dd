//! A work tree and the bare repository it pushes to, made by the `git` program in a temporary directory.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A work tree and its bare repository `repo.git`.
pub struct GitRepository {
    dir: tempfile::TempDir,
}

impl GitRepository {
    /// Empty, with `main` as the default branch.
    pub fn new() -> GitRepository {
        let repository = GitRepository { dir: tempfile::tempdir().unwrap() };
        for bare in [false, true] {
            let path = if bare { repository.bare() } else { repository.work() };
            std::fs::create_dir_all(&path).unwrap();
            let arguments: &[&str] = if bare { &["init", "-q", "--bare", "-b", "main"] } else { &["init", "-q", "-b", "main"] };
            repository.run(&path, arguments);
        }
        repository
    }

    /// The directory that holds both.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// The work tree.
    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// The bare repository.
    pub fn bare(&self) -> PathBuf {
        self.dir.path().join("repo.git")
    }

    fn run(&self, at: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(at)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.org")
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.org")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs git in the work tree.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.run(&self.work(), arguments)
    }

    /// Runs git in the bare repository.
    pub fn git_bare(&self, arguments: &[&str]) -> String {
        self.run(&self.bare(), arguments)
    }

    /// Writes a file, commits all and pushes all branches and tags; says which commit that made.
    pub fn push(&self, path: &str, text: &str) -> String {
        let file = self.work().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", path]);
        self.push_refs();
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pushes branches and tags as they are; what is gone here is gone there.
    pub fn push_refs(&self) {
        let target = self.bare();
        let refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        self.git(&["push", "-q", "--prune", target.to_str().unwrap(), refs[0], refs[1]]);
    }
}
