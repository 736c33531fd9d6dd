//! Patches: JSON patch (RFC 6902) and JSON merge patch (RFC 7386).

pub mod json6902;
pub mod merge;
