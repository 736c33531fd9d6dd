//! Prefixes and suffixes of names.

use gitops_manifest::Str;

use crate::error::ResourceError;
use crate::field_spec::{Compiled, FieldSpec, Made};
use crate::id::Gvk;
use crate::node::{Scalar, Tag};
use crate::openapi::Schemas;
use crate::res_map::ResMap;
use crate::transform::set_scalar;

/// On which side of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Before it.
    Prefix,
    /// Behind it.
    Suffix,
}

/// Whether objects of this kind are never renamed: their names are fixed by what they are.
fn is_fixed(gvk: Gvk<'_>) -> bool {
    matches!(gvk.kind, "CustomResourceDefinition" | "Namespace") || (gvk.kind == "APIService" && gvk.group == "apiregistration.k8s.io")
}

/// Adds the affix to the fields that the specs name.
///
/// # Errors
/// When something else than a scalar stands at one.
pub(crate) fn add(map: &mut ResMap, affix: &str, side: Side, specs: &[FieldSpec], schemas: &Schemas) -> Result<(), ResourceError> {
    let specs = Compiled::all(specs);
    for resource in map.resources_mut() {
        let original = resource.original_gvk();
        if is_fixed(original) {
            continue;
        }
        let selected: Vec<&Compiled<'_>> = specs.iter().filter(|s| original.is_selected(s.spec.gvk())).collect();
        for spec in selected {
            if spec.spec.path == "metadata/name" && !affix.is_empty() {
                let names = if side == Side::Prefix { &mut resource.memory.prefixes } else { &mut resource.memory.suffixes };
                names.push(Str::from(affix));
                resource.remember_id(schemas);
            }
            if !resource.gvk().is_selected(spec.spec.gvk()) {
                continue;
            }
            let set = spec.walk(&mut resource.node, Some(Made::Scalar(Tag::Str)), &mut |node| {
                let name = match side {
                    Side::Prefix => format!("{affix}{}", node.text()),
                    Side::Suffix => format!("{}{affix}", node.text()),
                };
                set_scalar(node, Scalar::untagged(name))
            });
            set.map_err(|error| ResourceError::field(resource, schemas, error))?;
        }
        resource.settle();
    }
    Ok(())
}
