//! Helm charts, rendered in process: what `helm template` of Helm v3.22.0 prints, byte for byte.
//!
//! A [`Chart`] is loaded once, from a [`gitops_tree::Tree`] or an archive, and rendered as often as needed, from any number
//! of threads: its templates are parsed when they are first used and kept. Nothing is executed, fetched or read from a disk.
//!
//! ```
//! use gitops_helm::{Chart, Limits, RenderOptions, Values};
//! use gitops_tree::{MemoryTree, TreePath};
//!
//! let tree = MemoryTree::new()
//!     .with("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
//!     .with("web/values.yaml", "color: red\n")
//!     .with("web/templates/a.yaml", "kind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {color: {{ .Values.color }}}\n");
//! let chart = Chart::load(&tree, &TreePath::parse("web")?, &Limits::default())?;
//! let mut values = Values::default();
//! values.set("color=blue")?;
//! let rendered = chart.render(&values, &RenderOptions::new("rel", "ns"))?;
//! assert_eq!(
//!     rendered.to_text(),
//!     "---\n# Source: web/templates/a.yaml\nkind: ConfigMap\nmetadata: {name: rel}\ndata: {color: blue}\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Limits: [`Limits`]. Surprises of Helm's that are kept: `values::coalesce` (nulls, shared globals), `instance` (aliases),
//! `manifest::split` (how documents are cut).

mod archive;
mod capabilities;
mod chart;
mod document;
mod error;
mod glob;
mod instance;
mod limits;
mod manifest;
mod parallel;
mod path_match;
mod render;
mod schema;
mod values;

pub use archive::{ArchiveError, ArchiveTree};
pub use capabilities::{Capabilities, KubeVersion, KubeVersionError};
pub use chart::{Dependency, FieldError, IgnoreError, LoadError, Maintainer, Metadata, ValidationError};
pub use error::RenderError;
pub use limits::Limits;
pub use manifest::{DeletePolicy, Document, Hook, HookEvent, ManifestError};
pub use render::{Chart, Lookup, RenderOptions, Rendered, release_name};
pub use values::{FileReader, Values, ValuesError};

/// Go's `%q`.
pub(crate) fn quoted(text: &str) -> String {
    gitops_template::fmt::quote(text.as_bytes())
}

/// Go's `unicode.IsPrint`, which is what its quoting goes by.
pub(crate) fn is_printed(c: char) -> bool {
    matches!(c, '"' | '\\') || quoted(c.encode_utf8(&mut [0; 4])).chars().nth(1) == Some(c)
}
