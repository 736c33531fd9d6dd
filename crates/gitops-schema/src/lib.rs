//! Types of Kubernetes objects, compact: what a field holds, how its lists and maps are merged, what the API server fills in.
//!
//! In: OpenAPI v3 documents as an API server publishes them (`/openapi/v3/…`), CustomResourceDefinitions, or nothing: a
//! table of the built-in kinds is embedded ([`builtin`], made by `cargo xtask schema`). Out: a [`Type`] per kind, walked
//! field by field beside the object. [`Schema`] is what is known of one cluster.
//!
//! Shape: a [`TypeTable`] holds all types of a document once, by number; references and equal anonymous types are shared, so
//! recursive types are finite. It prints itself as text ([`TypeTable::print`]) and reads that again ([`TypeTable::parse`]).
//! Rules: k8s.io/kube-openapi `schemaconv` (what structured-merge-diff makes of a document): a list without
//! `x-kubernetes-list-type` is atomic, a map without `x-kubernetes-map-type` is granular, a field without a type is deduced
//! from its value. Defaults are those of the documents, and for built-in kinds those that the API server has in code only
//! (`defaults`). Errors: [`SchemaError`]; what is not understood in a document is [`Shape::Any`].
//!
//! ```
//! use gitops_schema::{Merge, Schema, Scope, Shape};
//!
//! let schema = Schema::default();
//! let deployment = schema.kind("apps", "v1", "Deployment").expect("built in");
//! assert_eq!(deployment.scope, Some(Scope::Namespaced));
//! let containers = ["spec", "template", "spec", "containers"].into_iter().fold(deployment.ty, |t, name| t.field(name).ty);
//! let Shape::List { merge: Merge::Keys(keys), .. } = containers.shape() else { panic!("a list with keys") };
//! assert_eq!(keys.collect::<Vec<_>>(), ["name"]);
//! ```

mod builder;
mod builtin;
mod cluster;
mod crd;
mod defaults;
mod openapi;
mod table;
mod text;

pub use builtin::builtin;
pub use cluster::Schema;
pub use crd::from_crd;
pub use openapi::from_openapi;
pub use table::{Field, Kind, Merge, Object, Scalar, Scope, Shape, Type, TypeTable};
pub use text::TextError;

/// Why a document gives no types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A part that must be there is not, or is of another kind.
    #[error("the {document} has no {expected} at `{field}`")]
    Missing {
        /// What was read.
        document: &'static str,
        /// Where.
        field: String,
        /// What must stand there.
        expected: &'static str,
    },
    /// More types or deeper ones than we keep.
    #[error("the {document} is too big: {limit}")]
    TooBig {
        /// What was read.
        document: &'static str,
        /// The limit, in words.
        limit: &'static str,
    },
}
