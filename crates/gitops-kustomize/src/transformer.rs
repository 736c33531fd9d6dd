//! A transformer with its settings: what the fields of a kustomization, and files under `transformers`, come to.

use std::borrow::Cow;

use crate::error::{PatchProblem, ResourceError};
use crate::field_spec::FieldSpec;
use crate::kustomization::{ImageChange, Replica};
use crate::openapi::Schemas;
use crate::origin::Source;
use crate::patch::json6902;
use crate::replacement::{self, Replacement};
use crate::res_map::ResMap;
use crate::resource::Resource;
use crate::selector::{Matcher, Selector};
use crate::transform::name_affix::Side;
use crate::transform::namespace::{self, Subjects};
use crate::transform::{field_value, images, metadata, name_affix, patches, replicas};

type Specs = Cow<'static, [FieldSpec]>;

/// One transformer.
#[derive(Debug)]
pub(crate) struct Transformer {
    pub(crate) action: Action,
    /// The field that set it, for messages.
    pub(crate) field: String,
    /// Who it is, when the build tells.
    pub(crate) source: Option<Source>,
}

/// What it does.
#[derive(Debug)]
pub(crate) enum Action {
    Merges(Vec<Resource>),
    Patch { patch: patches::Loaded, target: Option<Selector> },
    Json { patch: json6902::Patch, target: Selector },
    Namespace { namespace: String, specs: Specs, unset_only: bool, subjects: Subjects },
    Affix { affix: String, side: Side, specs: Specs },
    Metadata { pairs: Vec<(String, String)>, specs: Specs },
    Replicas { replica: Replica, specs: Specs },
    Image { change: ImageChange, specs: Specs },
    Replacements(Vec<Replacement>),
    Value { value: String, targets: Vec<ValueTarget> },
    Hash,
    Several(Vec<Action>),
}

/// Where the built-in `ValueAddTransformer` puts its value.
#[derive(Debug)]
pub(crate) struct ValueTarget {
    pub(crate) selector: Option<Selector>,
    pub(crate) path: String,
    pub(crate) position: usize,
}

impl Action {
    /// Does it.
    ///
    /// # Errors
    /// When the resources do not allow it.
    pub(crate) fn run(&self, map: &mut ResMap, schemas: &Schemas) -> Result<(), ResourceError> {
        match self {
            Action::Merges(all) => Ok(patches::apply_merges(map, all, schemas)?),
            Action::Patch { patch, target } => Ok(patches::apply(map, patch, target.as_ref(), schemas)?),
            Action::Json { patch, target } => Ok(patches::json(map, patch, target, false, schemas)?),
            Action::Namespace { namespace, specs, unset_only, subjects } => {
                let change = namespace::Change { namespace, specs, unset_only: *unset_only, subjects: *subjects };
                namespace::set(map, &change, schemas)
            }
            Action::Affix { affix, side, specs } => name_affix::add(map, affix, *side, specs, schemas),
            Action::Metadata { pairs, specs } => metadata::set(map, pairs, specs, schemas),
            Action::Replicas { replica, specs } => replicas::set(map, replica, specs, schemas),
            Action::Image { change, specs } => images::set(map, change, specs, schemas),
            Action::Replacements(all) => {
                let replaced = replacement::apply(all, map.resources_mut());
                replaced.map_err(|error| ResourceError::Replacement { message: error.to_string() })
            }
            Action::Value { value, targets } => targets.iter().try_for_each(|target| add_value(map, value, target, schemas)),
            Action::Hash => crate::name_hash::add(map, schemas),
            Action::Several(actions) => actions.iter().try_for_each(|action| action.run(map, schemas)),
        }
    }
}

fn add_value(map: &mut ResMap, value: &str, target: &ValueTarget, schemas: &Schemas) -> Result<(), ResourceError> {
    let matcher = target.selector.as_ref().map(Matcher::new).transpose();
    let matcher = matcher.map_err(|error| ResourceError::from(PatchProblem::Selector(error)))?;
    for resource in map.resources_mut() {
        if let Some(matcher) = &matcher
            && !matcher.selects(resource, schemas).map_err(|error| ResourceError::from(PatchProblem::Selector(error)))?
        {
            continue;
        }
        let set = if target.path == "metadata/namespace" {
            let change = namespace::Change { namespace: value, specs: &[], unset_only: false, subjects: Subjects::Default };
            namespace::set_one(resource, &change, &[], schemas)
        } else {
            field_value::set(&mut resource.node, &target.path, target.position, value)
        };
        set.map_err(|error| ResourceError::field(resource, schemas, error))?;
        resource.settle();
    }
    Ok(())
}
