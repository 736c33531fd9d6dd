//! From files at a commit to objects: directories of plain manifests, kustomizations, Helm charts, and environment layouts.
//!
//! In: a [`gitops_tree::Tree`] (never a file system), a [`Source`], a [`Context`]. Out: manifests, the set of all that was
//! read, warnings. The same input gives the same output, in the same order; nothing is executed and nothing is fetched.
//! Rules: [`DirectoryOptions`] for directories, [`environment`] for the layouts, [`render`] for the choice between them.
//! Errors: [`RenderError`] holds every problem that was found, each with its file. Nothing is rendered in part.
//!
//! ```
//! use gitops_render::{Context, EngineChoice, EnvironmentOptions, Limits, Source, render};
//! use gitops_tree::{MemoryTree, TreePath};
//!
//! let tree = MemoryTree::new()
//!     .with("environments/_shared/metadata.json", r#"{"title": "Maps", "limits": {"features": 100, "seconds": 5}}"#)
//!     .with("environments/production/metadata.json", r#"{"limits": {"features": 5000, "seconds": null}}"#);
//! let options = EnvironmentOptions { environment: "production".into(), ..EnvironmentOptions::default() };
//! let source = Source { path: TreePath::root(), engine: EngineChoice::Environment(options) };
//! let rendered = render(&tree, &source, &Context::new("maps", "maps", &Limits::default()))?;
//! let metadata = rendered.manifests[0].body();
//! assert_eq!(metadata.str_at(&["kind"]), Some("Metadata"));
//! assert_eq!(metadata.at(&["spec", "limits"]).map(gitops_manifest::json::print), Some(r#"{"features":5000}"#.into()));
//! # Ok::<(), gitops_render::RenderError>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod chart_cache;
mod chart_request;
mod charts;
mod decryption;
mod dependencies;
mod detect;
mod directory;
mod document;
pub mod environment;
mod error;
mod files;
mod helm;
mod kustomize;
mod limits;
mod lock;
mod nearest;
mod overlay;
mod overrides;
mod render;
mod rendered;
mod renderer;
mod source;

pub use chart_cache::ChartCache;
pub use chart_request::{ChartFetcher, ChartRequest, FetchedChart};
pub use charts::HelmCharts;
pub use decryption::{Decrypting, Decryption};
pub use error::{Problem, RenderError};
pub use files::{TreeFile, files_below};
pub use limits::Limits;
pub use overrides::{SourceOverride, source_overrides};
pub use render::{Context, Reference, render};
pub use rendered::Rendered;
pub use renderer::{Renderer, RendererError, RendererOutput, RendererRequest, manifests_from_text};
pub use source::{
    CustomOptions, DirectoryOptions, EngineChoice, EnvironmentOptions, HelmOptions, KustomizeOptions, Layout, ParameterError, Source,
};
