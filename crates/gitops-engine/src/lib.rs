//! The reconciler: a commit becomes running configuration, and stays so. The one crate that knows the whole way, from
//! repository to target and store.
//!
//! Level-triggered: whatever happens (a commit, a web hook, drift, a request) only puts an application into the queue, and
//! a pass over it looks at everything again. The queue joins duplicates; a pass that fails or panics is that application's
//! own affair. Everything an operation does is written to the store before it happens, and continued from there after a
//! restart.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data = tempfile::tempdir()?;
//! use gitops_engine::{Engine, Parts, Settings};
//! let store = gitops_state::Store::open_in_memory()?;
//! let mirrors = gitops_source::Mirrors::open(gitops_source::MirrorsConfig::new(data.path().join("mirrors")))?;
//! let live = gitops_target_platform::PlatformConfig::new(data.path().join("live"));
//! let platform = gitops_target_platform::PlatformTarget::open(live)?;
//! let parts = Parts { store, mirrors: mirrors.into(), targets: vec![std::sync::Arc::new(platform)], report: None };
//! let engine = Engine::start(parts, Settings::default()).await?;
//! assert!(engine.is_ready());
//! assert_eq!(engine.list(Default::default()).await?.counts.total, 0);
//! engine.stop(std::time::Duration::from_secs(1)).await;
//! # Ok(()) }
//! ```
//!
//! `examples/embed.rs` renders, diffs and applies a tree with the crates below this one, without an engine.

mod alias;
mod build_environment;
mod chart_shelf;
mod comparison;
mod declaration;
mod dependency;
mod engine;
mod error;
mod following;
mod gate;
mod home;
mod journal;
mod metrics;
mod objects;
mod operation;
mod pair;
mod pass;
mod planning;
mod polling;
mod project;
mod queue;
mod readers;
mod release;
mod remote;
mod rendering;
mod report;
mod request;
mod rollback;
mod set;
mod settings;
mod slot;
mod sources;

pub use alias::Alias;
pub use engine::{Engine, Parts, StartError};
pub use error::EngineError;
pub use gate::{Gate, Scope};
pub use metrics::Metrics;
pub use objects::Objects;
pub use pair::{Pair, shown};
pub use planning::{PlanStep, SyncPlan, SyncTerms};
pub use report::{DeployEvent, DeployState, Report};
pub use request::{AppPage, AppQuery, AppView, Begun, History, Refresh, RollbackTo};
pub use set::{PreviewApplication, PreviewChange, SetPreview, SetView};
pub use settings::{Declarations, Renderers, Settings};
