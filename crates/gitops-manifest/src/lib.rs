//! The object model of Kubernetes-shaped configuration: YAML and JSON in and out as Go's libraries read and print them,
//! identities, places in files, pointers, patches, quantities. No files, no processes: text comes in as bytes.
//!
//! ```
//! use gitops_manifest::yaml::{self, ParseOptions};
//! use gitops_manifest::{Manifest, json, patch::json6902};
//!
//! let text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  color: red # for now\n";
//! let document = yaml::parse(text, "web.yaml", &ParseOptions::default())?.documents.remove(0);
//! let manifest = Manifest::from_value(document.value, document.at)?;
//! assert_eq!(manifest.id().to_string(), "/ConfigMap//web");
//!
//! let patch = json6902::parse(&json::parse(br#"[{"op": "replace", "path": "/data/color", "value": "blue"}]"#, "patch.json")?)?;
//! let mut body = manifest.into_body();
//! json6902::apply(&patch, &mut body)?;
//! assert_eq!(yaml::print(&body), "apiVersion: v1\ndata:\n  color: blue\nkind: ConfigMap\nmetadata:\n  name: web\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod float;
pub mod json;
mod object;
pub mod patch;
pub mod pointer;
pub mod quantity;
mod timestamp;
mod value;
pub mod yaml;

pub use object::{Location, Manifest, ManifestError, ObjectId};
pub use timestamp::Timestamp;
pub use value::{Map, Number, Str, Value};
