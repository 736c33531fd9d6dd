//! The number of replicas of named workloads.

use crate::error::ResourceError;
use crate::field_spec::{Compiled, FieldSpec, Made};
use crate::kustomization::Replica;
use crate::node::{Scalar, Style, Tag};
use crate::openapi::Schemas;
use crate::res_map::ResMap;
use crate::transform::set_scalar;

/// Sets the number.
///
/// # Errors
/// When no resource that the specs are for has, or had, the name.
pub(crate) fn set(map: &mut ResMap, replica: &Replica, specs: &[FieldSpec], schemas: &Schemas) -> Result<(), ResourceError> {
    let specs = Compiled::all(specs);
    let mut found = false;
    for resource in map.contents_mut() {
        if resource.is_gone() {
            continue;
        }
        for spec in &specs {
            if !resource.any_id(schemas, |id| id.name == replica.name && id.gvk.is_selected(spec.spec.gvk())) {
                continue;
            }
            found = true;
            if !resource.gvk().is_selected(spec.spec.gvk()) {
                continue;
            }
            let set = spec.walk(&mut resource.node, Some(Made::Scalar(Tag::Int)), &mut |node| {
                set_scalar(node, Scalar::new(replica.count.to_string(), Tag::Int, Style::Plain))
            });
            set.map_err(|error| ResourceError::field(resource, schemas, error))?;
        }
        resource.settle();
    }
    if found {
        return Ok(());
    }
    Err(ResourceError::NoReplicas { name: replica.name.clone() })
}
