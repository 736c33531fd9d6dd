//! Builds kustomizations in process, byte for byte as kustomize does.

mod accumulate;
mod build;
mod crd;
mod error;
mod field_spec;
mod generator;
mod id;
mod kustomization;
mod loader;
mod name_hash;
mod name_reference;
mod node;
mod openapi;
mod origin;
mod overrides;
mod patch;
mod plugin;
mod replacement;
mod repository;
mod res_map;
mod resource;
mod resource_file;
mod selector;
mod sort;
mod transform;
mod transformer;
mod variables;

pub use build::{Built, Charts, LoadRestrictor, Options, Reorder, Seams, build};
pub use error::{BuildError, PatchProblem, PathProblem, ResourceError};
pub use kustomization::FILE_NAMES;
pub use loader::{Fetched, Remotes};
pub use openapi::OpenApiError;
pub use overrides::{OverrideError, Overrides, expand};
pub use repository::RepositorySpec;
pub use resource_file::ResourceFileError;
pub use selector::{LabelSelectorError, SelectorError};
