//! The target that is a Kubernetes cluster: server-side apply under our own name, one watch per kind in use, hooks that run as
//! objects, and ownership by the tracking id that Argo CD writes.
//!
//! ```no_run
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! use gitops_apply::Target;
//! use gitops_target_kubernetes::{Access, KubernetesConfig, KubernetesTarget};
//! let access = Access::Kubeconfig { file: "/etc/gitops/kubeconfig".into(), context: None };
//! let target = KubernetesTarget::new(KubernetesConfig::new("production", access), |app| println!("{app} changed"));
//! target.connect().await?;
//! let live = target.live("guestbook", &[]).await?;
//! println!("{} objects are guestbook's", live.len());
//! # Ok(()) }
//! ```
//!
//! **Reading.** The first time, every kind is looked through by metadata for tracked objects; from then on kinds that hold some or
//! that an application desires are watched, and [`gitops_apply::Target::live`] and `health` answer from the cache: an application
//! whose state does not change costs no request. Objects that an application tracks are kept whole, others by name and owner.
//!
//! **Writing.** Server-side apply with forced conflicts; fields of kubectl and Argo CD become ours first, so that taking over
//! restarts nothing. Replace, Force and Validate as the object's sync options say.
//!
//! **Names** from a repository stand in request paths: what could lead out of its path is refused.
//!
//! **Credential programs** run only when the configuration allows them by name ([`KubernetesConfig::exec_allowed`]).

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod answer;
mod cache;
mod cluster;
mod comparing;
mod config;
mod connection;
mod core;
mod desired;
mod hook;
mod kind;
mod limiter;
mod looking;
mod ownership;
mod preparing;
mod removing;
mod target;
mod tracking;
mod watching;
mod writing;

pub use cluster::{Access, ClusterError, ClusterSecret, decode};
pub use config::KubernetesConfig;
pub use looking::{Happening, Node};
pub use target::{KubernetesTarget, Usage};
pub use tracking::{Tracking, TrackingMethod};
// Named for its feature alone: see the workspace's Cargo.toml.
use k8s_openapi as _;
