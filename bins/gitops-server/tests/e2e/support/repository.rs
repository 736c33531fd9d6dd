//! A repository `acme/platform` that `git http-backend` serves, and a work tree that pushes to it over http.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::git_http::{Behaviour, GitServer};

/// The repository and its server.
pub(crate) struct Repository {
    dir: TempDir,
    server: GitServer,
}

impl Repository {
    /// Empty, with `main` as the default branch.
    pub(crate) fn new() -> Repository {
        let dir = tempfile::tempdir().unwrap();
        let served = dir.path().join("served");
        std::fs::create_dir_all(served.join("acme")).unwrap();
        run(&served.join("acme"), &["init", "-q", "--bare", "-b", "main", "platform.git"]);
        let server = GitServer::start(&served, Behaviour::Serve);
        let repository = Repository { dir, server };
        std::fs::create_dir_all(repository.work()).unwrap();
        init(&repository.work());
        run(&repository.work(), &["remote", "add", "origin", &repository.url()]);
        repository
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        self.server.url("acme/platform.git")
    }

    /// The directory that holds it and its neighbour: the prefix of its address.
    pub(crate) fn owner_url(&self) -> String {
        self.server.url("acme/")
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// Writes a file of the work tree.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.work().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Makes a symbolic link in the work tree.
    pub(crate) fn link(&self, path: &str, to: &str) {
        let link = self.work().join(path);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, link).unwrap();
    }

    /// Removes a file of the work tree.
    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.work().join(path)).unwrap();
    }

    /// Commits what was written, pushes it over http, and says which commit that made.
    pub(crate) fn push(&self, message: &str) -> String {
        let revision = commit(&self.work(), message);
        run(&self.work(), &["push", "-q", "origin", "main"]);
        revision
    }

    /// Declares an application over the directory `name`, synced by itself, into the namespace `name`.
    pub(crate) fn declare(&self, name: &str, source: &str) {
        self.write(&format!("applications/{name}.yaml"), &self.application(name, source, AUTOMATED));
    }

    /// The manifest of such an application. `source` are more lines of `spec.source`, `policy` of `spec`.
    pub(crate) fn application(&self, name: &str, source: &str, policy: &str) -> String {
        let url = self.url();
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\n  namespace: argocd\nspec:\n  \
             project: default\n  source:\n    repoURL: {url}\n    targetRevision: main\n    path: {name}\n{source}  \
             destination:\n    name: platform\n    namespace: {name}\n{policy}"
        )
    }
}

/// Synced, pruned and healed without being asked; a failed sync is not tried again.
const AUTOMATED: &str = "  syncPolicy:\n    automated: {prune: true, selfHeal: true}\n    retry: {limit: 0}\n";

/// A ConfigMap with one entry.
pub(crate) fn config_map(name: &str, key: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  {key}: {value}\n")
}

/// Makes a directory a git work tree.
pub(crate) fn init(dir: &Path) {
    run(dir, &["init", "-q", "-b", "main"]);
}

/// Commits everything in a work tree.
pub(crate) fn commit(dir: &Path, message: &str) -> String {
    run(dir, &["add", "-A"]);
    run(dir, &["commit", "-q", "--allow-empty", "-m", message]);
    run(dir, &["rev-parse", "HEAD"])
}

fn run(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env_remove("http_proxy")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
