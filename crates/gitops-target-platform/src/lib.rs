//! A live directory that running services read, as a sync target: [`PlatformTarget`] is a [`gitops_apply::Target`].
//!
//! Each object is one file, written whole or not at all; `<root>/.gitops` records which application owns it and what was
//! applied, so that only our own files are pruned and a hand edit shows as drift. Secrets (`env://`, `file://`,
//! `vault://`) are resolved in the live file only. What happens after a change (reload, probe, hook) is named in the
//! server's own configuration, [`PlatformConfig`]; [`SETTINGS`] lists its keys.
//!
//! - Layout: `<namespace or _>/<group or core>/<Kind>/<name>.yaml`, or a template per kind; every text of an object is
//!   percent-encoded into one path part (bytes but `A-Z a-z 0-9 . _ -`, and a leading dot), and cut with a hash when long.
//! - A file that cannot be read as its object counts as not live where it is desired (so it is written again), and as
//!   Degraded in its health.
//! - Health: Missing without its file; Progressing when the file is not as applied; Degraded when its reload failed
//!   last; else what its probe says, or Healthy where there is none. `live` shows what the last probe said.
//! - Calls: header `X-GitOps-Signature: sha256=<hex HMAC-SHA256 of the body>`, `Idempotency-Key: <run id>`,
//!   `X-GitOps-Timestamp`; body `{app, group, runId, timestamp, object}`. Commands: environment `GITOPS_APP`,
//!   `GITOPS_GROUP`, `GITOPS_HOOK_RUN_ID`, `GITOPS_LIVE_ROOT`, `GITOPS_OBJECT`.
//!
//! ```
//! use gitops_apply::Target;
//! use gitops_manifest::{Location, Manifest, json};
//! use gitops_target_platform::{PlatformConfig, PlatformTarget};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let root = folder.path();
//! let target = PlatformTarget::open(PlatformConfig::new(root))?;
//! let object = br#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"color": "blue"}}"#;
//! let object = Manifest::from_value(json::parse(object, "web.json")?, Location::file("web.json"))?;
//! target.apply("shop", &object, Default::default()).await?;
//! assert!(root.join("_/core/ConfigMap/web.yaml").is_file());
//! assert_eq!(target.live("shop", &[]).await?[object.id()].owner.as_deref(), Some("shop"));
//! target.prune("shop", object.id(), Default::default()).await?;
//! # Ok(()) }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod command;
mod config;
mod content;
mod disk;
mod files;
mod http;
mod index;
mod layout;
mod probe;
mod record;
mod run;
mod secret;
mod target;
mod watch;

pub use config::{
    CommandCall, ConfigError, Content, Format, HookAction, HookRule, HttpCall, KindPattern, KindRule, PathTemplate, PlatformConfig, Probe,
    ProbeKind, Reload, SETTINGS, SecretHandling, SecretsPolicy, Setting, SignalCall, WatchMode,
};
pub use files::OpenError;
pub use secret::{Resolvers, SecretError, SecretResolver};
pub use target::PlatformTarget;
pub use watch::{Change, Drift, DriftWatch, WatchError};
