//! Config-management plug-ins: programs that render, as [`gitops_render::Renderer`]s. The one door through which rendering
//! runs anything; an embedder who does not make a [`Plugin`] has none.
//!
//! In: a [`PluginConfig`] of the server's own configuration, and for each render a tree. The files of the tree are written
//! into a directory of their own, read-only, links replaced by what they lead to inside the repository. `init`, then
//! `generate` run in the source's directory, without a shell, in a process group of their own. Out: the objects that
//! `generate` wrote to its standard output.
//!
//! The environment is what the render gives (`ARGOCD_APP_…`, `ARGOCD_ENV_…`, `PARAM_…`), what the configuration adds, `PATH`,
//! and `HOME` and `TMPDIR` in a directory that goes afterwards. Nothing of the server's own environment is handed down.
//!
//! Limits: time of all commands together, bytes written to standard output, bytes of files in the directory. Whoever goes
//! over one is ended with its process group. This is no sandbox: a plug-in may do what the server's user may.
//!
//! ```
//! use gitops_plugin::{Plugin, PluginConfig};
//! use gitops_render::{Context, CustomOptions, EngineChoice, Limits, Renderer, Source, render};
//! use gitops_tree::{MemoryTree, TreePath};
//! use std::sync::Arc;
//!
//! let script = "cat template.yaml | sed s/NAME/$ARGOCD_ENV_WHO/";
//! let config = PluginConfig::new("fill-in", ["/bin/sh", "-c", script].map(str::to_owned).to_vec());
//! let renderers: [Arc<dyn Renderer>; 1] = [Arc::new(Plugin::new(config)?)];
//! let tree = MemoryTree::new().with("app/template.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: NAME}}");
//! let environment = vec![("ARGOCD_ENV_WHO".to_owned(), "web".to_owned())];
//! let options = CustomOptions { name: "fill-in".to_owned(), environment, ..CustomOptions::default() };
//! let source = Source { path: TreePath::parse("app")?, engine: EngineChoice::Custom(options) };
//! let limits = Limits::default();
//! let rendered = render(&tree, &source, &Context { renderers: &renderers, ..Context::new("web", "web", &limits) })?;
//! assert_eq!(rendered.manifests[0].id().name, "web");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod config;
mod plugin;
mod process;
mod workspace;

pub use config::{PluginConfig, PluginConfigError};
pub use plugin::{Plugin, PluginError};
