//! From an ApplicationSet to its Applications: generators, templates, what changes, and in which order it is rolled out.
//!
//! In: an [`ApplicationSet`](gitops_app::ApplicationSet), a [`World`] that answers what lies outside (clusters, repositories,
//! forges, plugins) with plain values, and [`Settings`]. Out: [`Expansion`]; then, against the applications there are,
//! [`Changes`]; [`Rollout`], when syncs go in steps; and the [`conditions`] of its status. No network, files or clock.
//! An error of any generator or template is an error of the whole set: nothing is created, changed or deleted then. An
//! application that is wrong on its own is left out, with its reason, and the others go on.
//! Rules: Argo CD `docs/operator-manual/applicationset/`. Limits: [`Limits`].
//!
//! ```
//! use gitops_app::ApplicationSet;
//! use gitops_appset::{Nowhere, Settings, expand};
//! use gitops_manifest::{Location, Manifest, json};
//!
//! let body = json::parse(br#"{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": {"name": "shops"},
//!     "spec": {"generators": [{"list": {"elements": [{"stage": "dev"}, {"stage": "prod"}]}}],
//!         "template": {"metadata": {"name": "shop-{{stage}}"}, "spec": {"project": "default", "destination": {"name": "{{stage}}"},
//!             "source": {"repoURL": "https://git.example/shop.git", "path": "deploy/{{ stage }}"}}}}}"#, "set.json")?;
//! let set = ApplicationSet::from_manifest(&Manifest::from_value(body, Location::file("set.json"))?)?;
//! let expansion = expand(&set, &Nowhere, &Settings::default())?;
//! let names: Vec<&str> = expansion.applications.iter().map(|a| a.metadata.name.as_str()).collect();
//! assert_eq!(names, ["shop-dev", "shop-prod"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod change;
mod error;
mod expand;
mod generator;
mod go;
mod name;
mod params;
mod patch;
mod preserve;
mod rollout;
mod selector;
mod status;
mod template;
mod world;

pub use change::{ALLOW_EMPTY, Changes, DELETION_LIMIT, DeletionLimit, Guard, changes};
pub use error::ExpandError;
pub use expand::{ApplicationProblem, Expansion, Limits, Settings, expand, parameters};
pub use generator::requeue_after;
pub use go::GoTemplates;
pub use name::{normalize_name, slug};
pub use rollout::{Progress, ProgressStatus, Rollout, RolloutApplication, deletion_waves, rollout};
pub use status::{Change, Outcome, SetCondition, WriteFailure, conditions, set_health};
pub use template::{GoTemplate, GoTemplateError};
pub use world::{Cluster, Decisions, Forge, Nowhere, PluginRequest, PullRequest, Repository, World, WorldError};
