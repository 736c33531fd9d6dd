//! Patches: strategic merge patches and JSON patches, each on the resources that they are for.

use crate::error::{PatchProblem, ResourceError};
use crate::openapi::Schemas;
use crate::patch::{json6902, strategic_merge};
use crate::res_map::ResMap;
use crate::resource::Resource;
use crate::resource_file;
use crate::selector::{Matcher, Selector};

/// A patch made ready.
#[derive(Debug)]
pub(crate) enum Loaded {
    /// Documents that look like the resources they change.
    Merge(Vec<Resource>),
    /// Operations.
    Json(json6902::Patch),
}

/// Reads a patch whose kind nobody said: resources, or else JSON patch operations.
///
/// # Errors
/// When it is neither.
pub(crate) fn read(text: &[u8], file: &str, name_change: bool, kind_change: bool) -> Result<Loaded, PatchProblem> {
    let error = match resource_file::read(text, file) {
        Ok(mut patches) => {
            for patch in &mut patches {
                patch.memory.allow_name_change |= name_change;
                patch.memory.allow_kind_change |= kind_change;
            }
            return Ok(Loaded::Merge(patches));
        }
        Err(error) => error,
    };
    match json6902::parse(text, file) {
        Ok(patch) => Ok(Loaded::Json(patch)),
        Err(json) => Err(PatchProblem::Neither { merge: Box::new(error), json: json.to_string() }),
    }
}

/// Applies one entry of `patches`.
///
/// # Errors
/// When a patch finds no resource, or does not fit the one it finds.
pub(crate) fn apply(map: &mut ResMap, patch: &Loaded, target: Option<&Selector>, schemas: &Schemas) -> Result<(), PatchProblem> {
    match (patch, target) {
        (Loaded::Merge(patches), _) if patches.is_empty() => Ok(()),
        (Loaded::Merge(patches), None) => {
            for patch in patches {
                let id = patch.original_id(schemas);
                let at = map.by_any_id(id, schemas).map_err(PatchProblem::Target)?;
                merge_at(map, at, patch, schemas)?;
            }
            Ok(())
        }
        (Loaded::Merge(patches), Some(target)) => match patches.as_slice() {
            [patch] => {
                let selected = select(map, target, schemas)?;
                apply_selected(map, &selected, patch, schemas)
            }
            _ => Err(PatchProblem::SeveralWithTarget),
        },
        (Loaded::Json(_), None) => Err(PatchProblem::NoTarget),
        (Loaded::Json(patch), Some(target)) => json(map, patch, target, true, schemas),
    }
}

/// Applies the documents of `patchesStrategicMerge`.
///
/// # Errors
/// As [`apply`].
pub(crate) fn apply_merges(map: &mut ResMap, patches: &[Resource], schemas: &Schemas) -> Result<(), PatchProblem> {
    for patch in patches {
        let at = map.by_any_id(patch.original_id(schemas), schemas).map_err(PatchProblem::Target)?;
        apply_selected(map, &[at], patch, schemas)?;
    }
    Ok(())
}

/// Applies JSON patch operations. `remembers`: the resources remember who they were, as under `patches`.
///
/// # Errors
/// When an operation does not fit a resource.
pub(crate) fn json(
    map: &mut ResMap,
    patch: &json6902::Patch,
    target: &Selector,
    remembers: bool,
    schemas: &Schemas,
) -> Result<(), PatchProblem> {
    for at in select(map, target, schemas)? {
        let resource = &mut map.contents_mut()[at];
        let id = resource.id(schemas).to_string();
        let api_version = resource.api_version().to_owned();
        if remembers {
            resource.remember_id(schemas);
        }
        resource.show_memory();
        let applied = json6902::apply(patch, &mut resource.node);
        resource.forget_groups();
        resource.change_annotations(|_| {});
        let same = resource.api_version() == api_version && resource.id(schemas).to_string() == id;
        if !same {
            map.forget_ids();
        }
        applied.map_err(|error| PatchProblem::Json { id, error: error.to_string() })?;
    }
    Ok(())
}

fn select(map: &mut ResMap, target: &Selector, schemas: &Schemas) -> Result<Vec<usize>, PatchProblem> {
    let matcher = Matcher::new(target).map_err(PatchProblem::Selector)?;
    let candidates = match matcher.only_name() {
        Some(name) => map.named(name).to_vec(),
        None => (0..map.resources().len()).collect(),
    };
    let mut selected = Vec::new();
    for at in candidates {
        let resource = &map.resources()[at];
        if matcher.selects(resource, schemas).map_err(PatchProblem::Selector)? {
            selected.push(at);
        }
    }
    Ok(selected)
}

/// Merges a patch into chosen resources. On this way its labels and annotations are texts, null included.
fn apply_selected(map: &mut ResMap, selected: &[usize], patch: &Resource, schemas: &Schemas) -> Result<(), PatchProblem> {
    if selected.is_empty() {
        return map.check_unique(schemas).map_err(PatchProblem::Target);
    }
    let mut patch = patch.clone();
    let kind = patch.kind().to_owned();
    let labels = patch.labels().map(|(k, v)| (k.into(), v.into())).collect();
    patch.set_metadata_map("labels", labels);
    patch.change_annotations(|_| {});
    for &at in selected {
        let api_version = map.resources()[at].gvk().api_version();
        patch.set_root_text("apiVersion", &api_version);
        patch.set_root_text("kind", &kind);
        merge_at(map, at, &patch, schemas)?;
    }
    map.drop_gone();
    map.check_unique(schemas).map_err(PatchProblem::Target)
}

fn merge_at(map: &mut ResMap, at: usize, patch: &Resource, schemas: &Schemas) -> Result<(), PatchProblem> {
    let renames = patch.memory.allow_name_change || patch.memory.allow_kind_change;
    // Nothing else changes who a resource is, so that look-ups by identity stay good.
    let resource = if renames { &mut map.resources_mut()[at] } else { &mut map.contents_mut()[at] };
    let (name, namespace, kind) = (resource.name().to_owned(), resource.namespace().to_owned(), resource.kind().to_owned());
    let api_version = resource.api_version().to_owned();
    if renames {
        resource.remember_id(schemas);
    }
    let merged = strategic_merge::apply(&mut resource.node, &patch.node, schemas);
    let merged = merged.map_err(|error| PatchProblem::Merge { id: format!("{kind}/{name}"), error: error.to_string() })?;
    if merged == strategic_merge::Merged::Deleted {
        resource.clear();
        map.forget_ids();
        return Ok(());
    }
    if resource.is_gone() {
        map.forget_ids();
        return Ok(());
    }
    if !patch.memory.allow_kind_change {
        resource.set_root_text("kind", &kind);
    }
    if !patch.memory.allow_name_change {
        resource.set_metadata_text("name", &name);
    }
    resource.set_metadata_text("namespace", &namespace);
    resource.settle();
    if resource.api_version() != api_version {
        map.forget_ids();
    }
    Ok(())
}

/// The error as one of a resource, for callers that have no file to name.
impl From<PatchProblem> for ResourceError {
    fn from(problem: PatchProblem) -> ResourceError {
        ResourceError::Patch(Box::new(problem))
    }
}
