//! Git servers: mirrors of repositories, fetched over file, http(s) and ssh, and what a revision means in them. Beside them
//! [`Charts`]: packed charts of chart repositories and OCI registries (features `helm-repo` and `oci`, both on by default),
//! and [`Remotes`]: the files and repositories that kustomizations name by their addresses.
//!
//! [`Mirrors`] keeps a bare mirror per repository, brings it up to date ([`Mirrors::fetch`]), turns what a person wrote
//! into a commit ([`Mirrors::resolve`]) and gives that commit's files ([`Mirrors::tree`]). Calls block. What can go wrong
//! is in [`FetchError`] and [`ResolveError`]; neither ever holds a secret.
//!
//! Defined outcomes: a branch deleted there is gone after the next fetch; a force-push moves the branch, and the commits it
//! left stay readable; an empty repository resolves to "repository has no commits"; a damaged mirror is set aside and
//! cloned again, with a warning; a server that hangs costs the time-outs of [`Timeouts`] and holds up no other repository;
//! submodules are entries of their own kind and are not fetched; LFS objects are not fetched ([`is_lfs_pointer`]).
//!
//! ```
//! use gitops_source::{Mirrors, MirrorsConfig, RepoUrl, RevisionSpec};
//! use gitops_tree::{Tree, TreePath};
//! # let dir = tempfile::tempdir()?;
//! # let git = |args: &[&str]| std::process::Command::new("git").args(args).current_dir(dir.path())
//! #     .env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_AUTHOR_NAME", "A").env("GIT_AUTHOR_EMAIL", "a@example.org")
//! #     .env("GIT_COMMITTER_NAME", "A").env("GIT_COMMITTER_EMAIL", "a@example.org").output();
//! # git(&["init", "-q"])?; std::fs::write(dir.path().join("app.yaml"), "kind: App\n")?;
//! # git(&["add", "."])?; git(&["commit", "-q", "-m", "first"])?; git(&["tag", "v1.4.0"])?;
//! # let (mirrors_dir, address) = (dir.path().join("mirrors"), dir.path().to_string_lossy().into_owned());
//! let mirrors = Mirrors::open(MirrorsConfig::new(mirrors_dir))?;
//! let url = RepoUrl::parse(&address)?;
//! assert!(mirrors.fetch(&url)?.changed);
//! let revision = mirrors.resolve(&url, &RevisionSpec::parse("^1.2")?, None)?;
//! let tree = mirrors.tree(&url, &revision)?;
//! assert!(tree.read(&TreePath::parse("app.yaml")?)?.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

#[cfg(any(feature = "helm-repo", feature = "oci"))]
mod charts;
mod constraint;
mod credentials;
mod error;
pub mod forge;
mod join;
mod lfs;
mod mirror;
mod mirrors;
mod pack;
mod poll;
mod protocol;
mod refs;
mod remotes;
mod revision_spec;
mod transport;
mod url;
mod web;
pub mod webhook;

#[cfg(any(feature = "helm-repo", feature = "oci"))]
pub use charts::{ChartArchive, ChartError, ChartSource, Charts, ChartsConfig, Keyring, KeyringRule};
pub use credentials::{Credentials, CredentialsError};
pub use error::{FetchError, ResolveError, Wait};
pub use lfs::is_lfs_pointer;
pub use mirrors::{Fetched, Mirrors, MirrorsConfig};
pub use poll::{DEFAULT_INTERVAL, next_poll, poll_seed};
pub use refs::Refs;
pub use remotes::{AllowList, RemoteError, RemoteFile, RemoteRepository, Remotes, RemotesConfig};
pub use revision_spec::{RevisionSpec, RevisionSpecError};
pub use transport::Timeouts;
pub use url::{RepoUrl, RepoUrlError, Scheme};
pub use web::WebError;
