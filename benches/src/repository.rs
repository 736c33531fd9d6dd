//! Repositories to measure with: made by git itself, in one `fast-import`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// URL that Applications name the repository of their files by; the server's configuration reads it from the disk.
pub(crate) const FILES_URL: &str = "https://git.example.com/bench/files.git";

/// URL of the repository that declares the Applications.
pub(crate) const APPS_URL: &str = "https://git.example.com/bench/applications.git";

/// A bare repository with one branch, `main`.
pub(crate) struct Repository {
    pub(crate) path: PathBuf,
}

impl Repository {
    /// A new repository with these files.
    pub(crate) fn create(path: PathBuf, files: &[(String, String)]) -> anyhow::Result<Repository> {
        let status = Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(&path).status().context("git init")?;
        ensure!(status.success(), "git init failed");
        let repository = Repository { path };
        repository.commit(files)?;
        Ok(repository)
    }

    /// A commit on `main` that writes these files, the others staying.
    pub(crate) fn commit(&self, files: &[(String, String)]) -> anyhow::Result<()> {
        let parent = self.git(&["rev-parse", "-q", "--verify", "refs/heads/main"]).unwrap_or_default();
        let mut stream = String::from("commit refs/heads/main\ncommitter Bench <bench@example.com> now\ndata 6\nchange\n");
        if !parent.is_empty() {
            let _ = writeln!(stream, "from {parent}");
        }
        for (path, text) in files {
            let _ = write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
        }
        let mut import = Command::new("git")
            .args(["fast-import", "--quiet", "--date-format=now"])
            .current_dir(&self.path)
            .stdin(Stdio::piped())
            .spawn()
            .context("git fast-import")?;
        import.stdin.take().context("standard input")?.write_all(stream.as_bytes())?;
        ensure!(import.wait()?.success(), "git fast-import failed");
        Ok(())
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new("git").args(arguments).current_dir(&self.path).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

/// Path and text of one of an application's files: a ConfigMap.
pub(crate) fn config_map(app: usize, file: usize, value: &str) -> (String, String) {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-{app:04}-{file}\n  labels:\n    app: app-{app:04}\ndata:\n  value: \"{value}\"\n  \
         settings: |\n    level = info\n    workers = 4\n    endpoint = https://app-{app:04}.example.com/\n"
    );
    (format!("apps/app-{app:04}/file-{file}.yaml"), text)
}

/// Both repositories of `apps` applications with `files` files each, below `dir`.
pub(crate) fn pair(dir: &Path, apps: usize, files: usize) -> anyhow::Result<(Repository, Repository)> {
    let content: Vec<_> = (0..apps).flat_map(|a| (0..files).map(move |f| config_map(a, f, "first"))).collect();
    let declared: Vec<_> = (0..apps).map(|a| (format!("app-{a:04}.yaml"), application(a))).collect();
    Ok((Repository::create(dir.join("files.git"), &content)?, Repository::create(dir.join("applications.git"), &declared)?))
}

fn application(app: usize) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: app-{app:04}\n  namespace: argocd\nspec:\n  project: default\n  \
         source:\n    repoURL: {FILES_URL}\n    targetRevision: main\n    path: apps/app-{app:04}\n  destination:\n    name: platform\n    \
         namespace: bench\n  syncPolicy:\n    automated:\n      prune: true\n      selfHeal: true\n"
    )
}
