//! A build from its first file to its last line.

use gitops_manifest::{Value, yaml};
use gitops_tree::{Tree, TreePath};

use crate::accumulate::{Accumulator, Target};
use crate::chart::Charts;
use crate::error::{BuildError, ResourceError};
use crate::kustomization::SortOptions;
use crate::loader::{Loader, Remotes};
use crate::openapi::Schemas;
use crate::origin::TRANSFORMATIONS;
use crate::overrides::Overrides;
use crate::res_map::{ORIGIN, ResMap};
use crate::resource::Resource;
use crate::{sort, transform};

/// Which files a kustomization may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LoadRestrictor {
    /// Files in its directory and below; bases anywhere.
    #[default]
    RootOnly,
    /// Any file of the tree.
    None,
}

/// The order of the output where the kustomization says none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reorder {
    /// What others need first: namespaces, definitions, accounts and so on.
    #[default]
    Legacy,
    /// As they were read.
    None,
}

/// What kustomize has flags for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// `--load-restrictor`
    pub load_restrictor: LoadRestrictor,
    /// `--reorder`
    pub reorder: Reorder,
    /// `--enable-managedby-label`
    pub managed_by_label: bool,
    /// What an Application says on top.
    pub overrides: Option<Overrides>,
}

/// What a build may ask of its caller.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Seams<'s> {
    /// For addresses.
    pub remotes: Option<&'s dyn Remotes>,
    /// For charts.
    pub charts: Option<&'s dyn Charts>,
    /// Where the tree is on disk, so that absolute paths in it are known for what they are.
    pub tree_location: Option<&'s str>,
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Built {
    /// The resources, in the order of the output.
    pub resources: Vec<Value>,
    /// What is out of date in the kustomizations, one line each.
    pub warnings: Vec<String>,
}

impl Built {
    /// As `kustomize build` prints it.
    pub fn to_yaml(&self) -> String {
        yaml::print_all(&self.resources)
    }

    /// As [`Built::to_yaml`], piece by piece: a large output is never in memory as a whole.
    ///
    /// # Errors
    /// What `write` returns, after which nothing more is written.
    pub fn write_yaml<E>(&self, mut write: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        const PIECE: usize = 32 << 10;
        let mut text = String::new();
        for (at, resource) in self.resources.iter().enumerate() {
            if at > 0 {
                text.push_str("---\n");
            }
            yaml::print_to(resource, &mut text);
            if text.len() >= PIECE {
                write(&text)?;
                text.clear();
            }
        }
        if text.is_empty() { Ok(()) } else { write(&text) }
    }
}

/// What all kustomizations of one build share.
pub(crate) struct Shared<'b> {
    pub(crate) schemas: Schemas,
    pub(crate) seams: &'b Seams<'b>,
    pub(crate) warnings: Vec<String>,
    /// How many kustomizations were read.
    pub(crate) kustomizations: usize,
}

/// Builds the kustomization in the directory `start`.
///
/// # Errors
/// On everything that kustomize fails at, and on what only a program could do.
pub fn build(tree: &dyn Tree, start: &TreePath, options: &Options, seams: &Seams<'_>) -> Result<Built, BuildError> {
    let mut shared = Shared { schemas: Schemas::builtin(), seams, warnings: Vec::new(), kustomizations: 0 };
    let restricted = options.load_restrictor == LoadRestrictor::RootOnly;
    let mut loader = Loader::new(tree, start.clone(), restricted, seams);
    loader.resolve_root()?;
    let mut target = Target::load(loader, &mut shared)?;
    if let Some(overrides) = &options.overrides {
        target.override_by(overrides)?;
    }
    target.choose_schema(&mut shared, true)?;
    if !target.kustomization.build_metadata.is_empty() {
        target.origin = Some(Default::default());
    }
    let accumulated = target.accumulate(Accumulator::default(), &mut shared)?;
    let error = |error| target.resources_error("build", error);
    let mut map = finish(accumulated, &shared.schemas).map_err(error)?;
    order(&mut map, target.kustomization.sort_options.as_ref(), options.reorder).map_err(error)?;
    map.check_unique(&shared.schemas).map_err(error)?;
    if options.managed_by_label || target.kustomization.tells("managedByLabel") {
        label(&mut map, &shared.schemas).map_err(error)?;
    }
    let keep = [
        (ORIGIN, target.kustomization.tells("originAnnotations")),
        (TRANSFORMATIONS, target.kustomization.tells("transformerAnnotations")),
    ];
    let mut resources = Vec::with_capacity(map.resources().len());
    for mut resource in map.into_resources() {
        clean_annotations(&mut resource, keep);
        let id = (resource.kind().to_owned(), resource.name().to_owned());
        let value = resource.node.into_value();
        let value = value.map_err(|e| error(ResourceError::Meaning { id: format!("{}/{}", id.0, id.1), message: e.to_string() }))?;
        resources.push(value);
    }
    Ok(Built { resources, warnings: shared.warnings })
}

/// What happens once everything is together: hashes, names, vars, and what is only local goes.
fn finish(accumulated: Accumulator, schemas: &Schemas) -> Result<ResMap, ResourceError> {
    let Accumulator { mut map, config, vars } = accumulated;
    // The reference cannot remember that a resource had no name for a while, and ends when it looks.
    if let Some(resource) = map.resources().iter().find(|r| r.memory.previous.iter().any(|previous| previous.name.is_empty())) {
        return Err(ResourceError::Lost { id: resource.id(schemas).to_string(), missing: "name" });
    }
    crate::name_hash::add(&mut map, schemas)?;
    crate::name_reference::update(&mut map, &config.name_reference, schemas)?;
    vars.resolve(&mut map, &config.var_reference, schemas)?;
    for resource in map.resources() {
        let lost = |missing| Err(ResourceError::Lost { id: resource.id(schemas).to_string(), missing });
        if resource.kind().is_empty() {
            return lost("kind");
        }
        if resource.name().is_empty() && !resource.kind().ends_with("List") {
            return lost("name");
        }
    }
    let is_local = |r: &Resource| r.annotation("config.kubernetes.io/local-config").is_some_and(|value| value != "false");
    map.resources_mut().retain(|r| !is_local(r));
    Ok(map)
}

fn order(map: &mut ResMap, options: Option<&SortOptions>, reorder: Reorder) -> Result<(), ResourceError> {
    let refused = |message: &str| Err(ResourceError::Options { message: message.to_owned() });
    match options {
        None if reorder == Reorder::Legacy => sort::legacy(map.resources_mut(), None),
        None => {}
        Some(options) => match options.order.as_str() {
            "fifo" if options.legacy.is_some() => return refused("`sortOptions`: `legacySortOptions` go with the order legacy only"),
            "fifo" => {}
            "legacy" => sort::legacy(map.resources_mut(), options.legacy.as_ref()),
            _ => return refused("`sortOptions`: the order is legacy or fifo"),
        },
    }
    Ok(())
}

/// The version of kustomize whose bytes these are.
const VERSION: &str = "v5.8.2";

fn label(map: &mut ResMap, schemas: &Schemas) -> Result<(), ResourceError> {
    let pairs = [("app.kubernetes.io/managed-by".to_owned(), format!("kustomize-{VERSION}"))];
    let specs = [crate::field_spec::FieldSpec::any("metadata/labels", true)];
    transform::metadata::set(map, &pairs, &specs, schemas)
}

/// Annotations that are kustomize's own memory, wherever they came from.
fn is_internal(key: &str) -> bool {
    const NAMES: [&str; 15] = [
        "internal.config.kubernetes.io/previousKinds",
        "internal.config.kubernetes.io/previousNames",
        "internal.config.kubernetes.io/prefixes",
        "internal.config.kubernetes.io/suffixes",
        "internal.config.kubernetes.io/previousNamespaces",
        "internal.config.kubernetes.io/allowNameChange",
        "internal.config.kubernetes.io/allowKindChange",
        "internal.config.kubernetes.io/refBy",
        "internal.config.kubernetes.io/generatorBehavior",
        "internal.config.kubernetes.io/needsHashSuffix",
        "internal.config.kubernetes.io/path",
        "internal.config.kubernetes.io/index",
        "internal.config.kubernetes.io/seqindent",
        "internal.config.kubernetes.io/id",
        "internal.config.kubernetes.io/annotations-migration-resource-id",
    ];
    NAMES.contains(&key)
        || matches!(key, "config.kubernetes.io/path" | "config.kubernetes.io/index" | "config.k8s.io/id")
        || key == "internal.config.kubernetes.io/helm-generated"
}

/// Makes the annotations anew, as the reference does in the end: every value is a text, and no empty map stays.
fn clean_annotations(resource: &mut Resource, keep: [(&str, bool); 2]) {
    let Some(metadata) = resource.node.get("metadata").filter(|m| !m.is_null_or_empty()) else {
        // A list needs no metadata, and gets an empty one here.
        if keep.iter().any(|(_, kept)| !kept) {
            resource.change_annotations(|_| {});
        }
        return;
    };
    let Some(annotations) = metadata.get("annotations") else { return };
    let empty = annotations.as_map().is_none_or(crate::node::Map::is_empty);
    // With both kept, an empty map is never looked at.
    if empty && keep.iter().all(|(_, kept)| *kept) {
        return;
    }
    resource.change_annotations(|all| all.retain(|(key, _)| !is_internal(key) && keep.iter().all(|(name, kept)| *kept || key != name)));
}
