//! The namespace of everything that lives in one.

use std::collections::HashMap;

use crate::error::ResourceError;
use crate::field_spec::{Compiled, FieldError, FieldSpec, Made};
use crate::node::{Map, Node, Scalar, Tag};
use crate::openapi::Schemas;
use crate::res_map::{ResMap, hash_of};
use crate::resource::Resource;
use crate::transform::set_scalar;

/// Which subjects of role bindings are put in the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Subjects {
    /// Those named `default`.
    #[default]
    Default,
    /// All service accounts.
    ServiceAccounts,
    /// None.
    None,
}

impl Subjects {
    /// The words for them, and what they mean.
    pub(crate) const WORDS: [(&'static str, Subjects); 4] = [
        ("", Subjects::Default),
        ("defaultOnly", Subjects::Default),
        ("allServiceAccounts", Subjects::ServiceAccounts),
        ("none", Subjects::None),
    ];
}

/// What to set, and where.
#[derive(Debug)]
pub(crate) struct Change<'s> {
    pub(crate) namespace: &'s str,
    pub(crate) specs: &'s [FieldSpec],
    /// Leaves namespaces alone that are there already.
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

/// Sets the namespace.
///
/// # Errors
/// When two resources become one by it, or something else than a scalar stands in a field.
pub(crate) fn set(map: &mut ResMap, change: &Change<'_>, schemas: &Schemas) -> Result<(), ResourceError> {
    if change.namespace.is_empty() {
        return Ok(());
    }
    let specs = Compiled::all(change.specs);
    let resources = map.resources_mut();
    let ids: Vec<u64> = resources.iter().map(|resource| hash_of(resource.id(schemas))).collect();
    let mut counts: HashMap<u64, usize> = HashMap::with_capacity(resources.len());
    ids.iter().for_each(|id| *counts.entry(*id).or_default() += 1);
    for (resource, before) in resources.iter_mut().zip(ids) {
        if resource.is_gone() || resource.memory.from_chart {
            continue;
        }
        resource.remember_id(schemas);
        set_one(resource, change, &specs, schemas).map_err(|error| ResourceError::field(resource, schemas, error))?;
        let after = hash_of(resource.id(schemas));
        if let Some(count) = counts.get_mut(&before) {
            *count -= 1;
        }
        let count = counts.entry(after).or_default();
        *count += 1;
        if *count > 1 {
            return Err(ResourceError::Duplicate { id: resource.id(schemas).to_string() });
        }
    }
    Ok(())
}

/// Sets the namespace of one resource.
pub(crate) fn set_one(resource: &mut Resource, change: &Change<'_>, specs: &[Compiled<'_>], schemas: &Schemas) -> Result<(), FieldError> {
    let mut set = |node: &mut Node| {
        if change.unset_only && !node.is_null_or_empty() && !node.text().is_empty() {
            return Ok(());
        }
        set_scalar(node, Scalar::string(change.namespace))
    };
    let cluster_scoped = resource.is_cluster_scoped(schemas);
    let is_binding = matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding");
    let core = resource.api_version() == "v1";
    if !cluster_scoped {
        static NAMESPACE: FieldSpec = FieldSpec::any("metadata/namespace", true);
        Compiled::new(&NAMESPACE).walk(&mut resource.node, Some(Made::Scalar(Tag::Unset)), &mut set)?;
    }
    if is_binding {
        set_subjects(&mut resource.node, change.subjects, &mut set)?;
    }
    for spec in specs {
        let path = &*spec.spec.path;
        let left_out = path == "metadata/namespace"
            || (path == "metadata/name" && !core)
            || (is_binding && path == "subjects/namespace" && matches!(&*spec.spec.kind, "RoleBinding" | "ClusterRoleBinding"));
        if !left_out && resource.gvk().is_selected(spec.spec.gvk()) {
            spec.walk(&mut resource.node, Some(Made::Scalar(Tag::Str)), &mut set)?;
        }
    }
    resource.settle();
    Ok(())
}

fn set_subjects(root: &mut Node, subjects: Subjects, set: &mut impl FnMut(&mut Node) -> Result<(), FieldError>) -> Result<(), FieldError> {
    let (field, wanted) = match subjects {
        Subjects::None => return Ok(()),
        Subjects::Default => ("name", "default"),
        Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
    };
    let Some(list) = root.get_mut("subjects").filter(|s| !s.is_null()) else { return Ok(()) };
    let Node::List(list) = list else { return Err(FieldError::kind("list", list)) };
    for subject in list {
        match subject {
            Node::Map(map) => {
                if map.get(field).is_some_and(|value| value.text() == wanted && !value.is_null()) {
                    set(namespace_of(map))?;
                }
            }
            Node::Scalar(scalar) if scalar.is_null() => {}
            other => return Err(FieldError::kind("map", other)),
        }
    }
    Ok(())
}

fn namespace_of(subject: &mut Map) -> &mut Node {
    let at = subject.position("namespace").unwrap_or_else(|| {
        subject.insert("namespace", Node::untagged(""));
        subject.len() - 1
    });
    &mut subject.entries_mut()[at].1
}
