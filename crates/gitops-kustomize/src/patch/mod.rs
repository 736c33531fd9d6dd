//! Changes to resources that a kustomization brings: strategic merge patches and JSON patches.

pub(crate) mod json6902;
pub(crate) mod strategic_merge;
