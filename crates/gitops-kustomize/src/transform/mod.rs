//! The transformers: each changes all resources of a build in one way.

pub(crate) mod field_value;
pub(crate) mod images;
pub(crate) mod metadata;
pub(crate) mod name_affix;
pub(crate) mod namespace;
pub(crate) mod patches;
pub(crate) mod replicas;

use crate::field_spec::FieldError;
use crate::node::{Node, Scalar};

/// Puts a scalar where a scalar or null stands; its style stays.
pub(crate) fn set_scalar(node: &mut Node, scalar: Scalar) -> Result<(), FieldError> {
    match node {
        Node::Scalar(_) => {
            node.overwrite(Node::Scalar(scalar));
            Ok(())
        }
        other => Err(FieldError::kind("scalar", other)),
    }
}
