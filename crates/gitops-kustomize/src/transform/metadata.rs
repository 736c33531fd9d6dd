//! Labels and annotations, wherever field specs say that a kind has them.

use crate::error::ResourceError;
use crate::field_spec::{Compiled, FieldError, FieldSpec, Made};
use crate::node::{Node, Scalar};
use crate::openapi::Schemas;
use crate::res_map::ResMap;
use crate::resource::Resource;

/// Sets `pairs` at all places that the specs name.
///
/// # Errors
/// When something else than a map stands at one.
pub(crate) fn set(map: &mut ResMap, pairs: &[(String, String)], specs: &[FieldSpec], schemas: &Schemas) -> Result<(), ResourceError> {
    if pairs.is_empty() {
        return Ok(());
    }
    let mut pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    pairs.sort_unstable();
    let specs = Compiled::all(specs);
    for resource in map.contents_mut() {
        set_one(resource, &pairs, &specs).map_err(|error| ResourceError::field(resource, schemas, error))?;
    }
    Ok(())
}

fn set_one(resource: &mut Resource, pairs: &[(&str, &str)], specs: &[Compiled<'_>]) -> Result<(), FieldError> {
    let gvk = resource.gvk();
    let specs: Vec<&Compiled<'_>> = specs.iter().filter(|s| gvk.is_selected(s.spec.gvk())).collect();
    for (key, value) in pairs {
        // The reference puts one node at all the places that it makes; see `node::shared`.
        let group = if specs.len() > 1 { resource.new_group() } else { 0 };
        for spec in &specs {
            spec.walk(&mut resource.node, Some(Made::Map), &mut |node| match node {
                Node::Map(map) => {
                    map.set_field(key, Node::Scalar(Scalar::string(*value).in_group(group)));
                    Ok(())
                }
                Node::Scalar(scalar) if scalar.is_null() => Ok(()),
                other => Err(FieldError::kind("map", other)),
            })?;
        }
    }
    resource.settle();
    Ok(())
}
