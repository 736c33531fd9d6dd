//! A local git object database as a [`Tree`](gitops_tree::Tree): files at a commit, read straight from the objects, without
//! a checkout.
//!
//! [`Repository::open`] takes a bare repository or one with a work tree (the work tree is never looked at).
//! [`Repository::tree`] gives the files of one commit; [`Repository::log`], [`Repository::commit`] and
//! [`Repository::changed_paths`] give its history. Nothing here writes, and nothing here talks to a server.
//!
//! A repository is not trusted: missing, corrupt, oversized and circular objects are errors of the one call that met
//! them. Sizes are bytes; times are seconds since 1970 UTC.
//!
//! ```
//! use gitops_git::{Repository, Settings};
//! use gitops_tree::{Tree, TreePath};
//! # let dir = tempfile::tempdir()?;
//! # let git = |args: &[&str]| std::process::Command::new("git").args(args).current_dir(dir.path())
//! #     .env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_AUTHOR_NAME", "A").env("GIT_AUTHOR_EMAIL", "a@example.org")
//! #     .env("GIT_COMMITTER_NAME", "A").env("GIT_COMMITTER_EMAIL", "a@example.org").output();
//! # git(&["init", "-q"])?; std::fs::write(dir.path().join("app.yaml"), "kind: App\n")?;
//! # git(&["add", "."])?; git(&["commit", "-q", "-m", "first"])?;
//! # let head = String::from_utf8(git(&["rev-parse", "HEAD"])?.stdout)?;
//! # let revision = gitops_tree::Revision::parse(head.trim())?;
//! let repository = Repository::open(dir.path(), Settings::default())?;
//! let tree = repository.tree(&revision)?;
//! let file = tree.read(&TreePath::parse("app.yaml")?)?.expect("the commit has it");
//! assert_eq!(&*file, b"kind: App\n");
//! assert_eq!(repository.log(&revision, 10)?[0].message, "first\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod changes;
mod directory;
mod error;
mod history;
mod repository;
mod tree;

pub use error::GitError;
pub use history::{Commit, Signature};
pub use repository::{Repository, Settings};
pub use tree::GitTree;
