//! The repository of the run: one revision is one number, which stands at the beginning and at the end of every object.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// How many objects are kept in sync; hooks are not among them.
pub(crate) const OBJECTS: usize = 24;

/// A bare repository, and a checkout that commits go through.
pub(crate) struct Repository {
    checkout: PathBuf,
    /// Commits by revision number.
    pub(crate) commits: Vec<String>,
}

/// `data` of an object at a revision. The first object is large: its write takes several calls.
pub(crate) fn data(object: usize, revision: usize) -> Value {
    let lines = if object == 0 { 1500 } else { 40 };
    let filler = format!("object {object} of revision {revision}; ").repeat(lines);
    json!({ "a-begin": revision.to_string(), "filler": filler, "z-end": revision.to_string() })
}

/// File of an object below the live directory.
pub(crate) fn live_name(object: usize) -> String {
    format!("config/object-{object:02}.json")
}

fn git(at: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(at)
        .args(["-c", "user.name=kill", "-c", "user.email=kill@example.org", "-c", "commit.gpgsign=false", "-c", "gc.auto=0"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn hook(name: &str, phase: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations:\n    argocd.argoproj.io/hook: {phase}\n\
         \x20   argocd.argoproj.io/hook-delete-policy: BeforeHookCreation\nspec: {{}}\n"
    )
}

impl Repository {
    /// Makes `<directory>/served/repo.git` with revision 0.
    pub(crate) fn create(directory: &Path) -> Repository {
        let served = directory.join("served");
        fs::create_dir_all(&served).expect("folder");
        git(&served, &["init", "-q", "--bare", "-b", "main", "repo.git"]);
        let checkout = directory.join("checkout");
        git(directory, &["clone", "-q", "served/repo.git", "checkout"]);
        git(&checkout, &["checkout", "-q", "-B", "main"]);
        let app = checkout.join("app");
        fs::create_dir_all(&app).expect("folder");
        for (name, phase) in [("prepare", "PreSync"), ("verify", "PostSync"), ("announce", "PostSync")] {
            fs::write(app.join(format!("{name}.yaml")), hook(name, phase)).expect("hook");
        }
        let mut repository = Repository { checkout, commits: Vec::new() };
        repository.commit();
        repository
    }

    /// Commits and pushes the next revision; returns its number.
    pub(crate) fn commit(&mut self) -> usize {
        let revision = self.commits.len();
        for object in 0..OBJECTS {
            let lines: BTreeMap<String, String> = serde_json::from_value(data(object, revision)).expect("an object of texts");
            let mut text = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: object-{object:02}\n  annotations:\n    argocd.argoproj.io/sync-wave: \"{}\"\ndata:\n",
                object / 12
            );
            for (key, value) in lines {
                text += &format!("  {key}: \"{value}\"\n");
            }
            fs::write(self.checkout.join(format!("app/object-{object:02}.yaml")), text).expect("object");
        }
        git(&self.checkout, &["add", "-A"]);
        git(&self.checkout, &["commit", "-q", "-m", &format!("revision {revision}")]);
        git(&self.checkout, &["push", "-q", "origin", "main"]);
        self.commits.push(git(&self.checkout, &["rev-parse", "HEAD"]));
        revision
    }
}
