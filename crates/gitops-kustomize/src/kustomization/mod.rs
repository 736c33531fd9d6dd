//! The kustomization file: its fields, their old spellings, and what makes it one at all.

pub(crate) mod decode;
mod fields;
mod parts;

pub(crate) use fields::Kustomization;
pub(crate) use parts::{GeneratorArgs, GeneratorOptions, ImageChange, Label, Patch, ReplacementField, Replica, SortOptions, Var};
pub(crate) use parts::{field_specs, image_change, patch_options, replacement, replica, selector};

/// The names that the file may have; exactly one of them is there.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
