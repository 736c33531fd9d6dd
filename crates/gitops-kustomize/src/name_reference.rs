//! Names in fields follow the resources that they name: once all names are final, a field that holds an old name of a
//! resource gets the new one.
//!
//! Whom a name means: a resource that once had it and once was of the kind that the field is for, in a namespace that
//! the referrer can see; of several, one with the same prefixes and suffixes. If that leaves several with different
//! names, the build fails. Resources are found by their old names in a table, so the work grows with the number of
//! fields, not with that of pairs.

use std::collections::{HashMap, HashSet};

use gitops_manifest::Str;

use crate::error::ResourceError;
use crate::field_spec::{BackReference, Compiled, FieldError};
use crate::id::{Gvk, NO_NAMESPACE};
use crate::node::{Map, Node};
use crate::openapi::Schemas;
use crate::res_map::ResMap;
use crate::resource::{Previous, Resource};

/// A resource that had another name, namespace or kind before.
struct Candidate {
    /// Its place among the resources.
    group: Str,
    version: Str,
    kind: Str,
    previous: Vec<Previous>,
    name: Str,
    /// As written.
    namespace: Str,
    place: Place,
    prefixes: Vec<Str>,
    suffixes: Vec<Str>,
}

/// Where a resource is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    /// Effective.
    namespace: Str,
    /// As written.
    written: Str,
}

impl Place {
    fn is_beside_namespaces(&self) -> bool {
        self.namespace == NO_NAMESPACE
    }
}

impl Candidate {
    fn was(&self, target: Gvk<'_>) -> bool {
        self.previous.iter().any(|p| Gvk { group: &self.group, version: &self.version, kind: &p.kind }.is_selected(target))
    }
}

/// All that names can mean.
struct Names {
    candidates: Vec<Candidate>,
    by_old_name: HashMap<Str, Vec<usize>>,
    /// For each original namespace, where resources that were in it are now.
    by_original_namespace: HashMap<Str, HashSet<Place>>,
}

impl Names {
    fn of(resources: &[Resource], schemas: &Schemas) -> Names {
        let mut names = Names { candidates: Vec::new(), by_old_name: HashMap::new(), by_original_namespace: HashMap::new() };
        for resource in resources {
            let id = resource.id(schemas);
            let place = Place { namespace: Str::from(id.namespace), written: Str::from(resource.namespace()) };
            let original = resource.original_id(schemas).namespace;
            match names.by_original_namespace.get_mut(original) {
                Some(places) => {
                    if !places.contains(&place) {
                        places.insert(place.clone());
                    }
                }
                None => {
                    names.by_original_namespace.insert(Str::from(original), HashSet::from([place.clone()]));
                }
            }
            if resource.memory.previous.is_empty() {
                continue;
            }
            let at = names.candidates.len();
            for previous in &resource.memory.previous {
                let places = names.by_old_name.entry(previous.name.clone()).or_default();
                if places.last() != Some(&at) {
                    places.push(at);
                }
            }
            names.candidates.push(Candidate {
                group: Str::from(id.gvk.group),
                version: Str::from(id.gvk.version),
                kind: Str::from(id.gvk.kind),
                previous: resource.memory.previous.clone(),
                name: Str::from(id.name),
                namespace: Str::from(resource.namespace()),
                place,
                prefixes: resource.memory.prefixes.clone(),
                suffixes: resource.memory.suffixes.clone(),
            });
        }
        names
    }
}

/// Who holds the fields.
struct Referrer<'r> {
    place: Place,
    prefixes: &'r [Str],
    suffixes: &'r [Str],
    /// Of a role binding.
    role: Option<(Str, Str)>,
    /// Namespaces of the service accounts that a role binding names.
    subjects: HashSet<Str>,
}

impl Referrer<'_> {
    /// Whether a resource at a place can be meant at all.
    fn sees(&self, place: &Place) -> bool {
        self.place.is_beside_namespaces()
            || place.is_beside_namespaces()
            || place.namespace == self.place.namespace
            || self.subjects.contains(&place.written)
    }

    /// Whether it is near enough to be meant.
    fn is_near(&self, candidate: &Candidate) -> bool {
        self.place.is_beside_namespaces()
            || candidate.place.is_beside_namespaces()
            || candidate.kind == "ServiceAccount"
            || candidate.place.namespace == self.place.namespace
    }
}

/// Brings all names up to date.
///
/// # Errors
/// When a name could mean several resources, or a field is not of a kind that holds names.
pub(crate) fn update(map: &mut ResMap, references: &[BackReference], schemas: &Schemas) -> Result<(), ResourceError> {
    let names = Names::of(map.resources(), schemas);
    let mut specs_by_kind: HashMap<String, Vec<(Compiled<'_>, Gvk<'_>)>> = HashMap::new();
    let mut key = String::new();
    for resource in map.contents_mut() {
        let original = resource.original_gvk();
        key.clear();
        [original.group, "/", original.version, "/", original.kind].into_iter().for_each(|part| key.push_str(part));
        if !specs_by_kind.contains_key(&key) {
            specs_by_kind.insert(key.clone(), specs_for(references, original));
        }
        match specs_by_kind.get(&key) {
            Some(specs) if !specs.is_empty() => update_one(resource, specs, &names, schemas)?,
            _ => {}
        }
    }
    Ok(())
}

fn specs_for<'r>(references: &'r [BackReference], kind: Gvk<'_>) -> Vec<(Compiled<'r>, Gvk<'r>)> {
    let mut specs = Vec::new();
    for reference in references {
        for spec in reference.referrers.iter().filter(|spec| kind.is_selected(spec.gvk())) {
            specs.push((Compiled::new(spec), reference.gvk()));
        }
    }
    specs
}

fn update_one(resource: &mut Resource, specs: &[(Compiled<'_>, Gvk<'_>)], names: &Names, schemas: &Schemas) -> Result<(), ResourceError> {
    let id = resource.id(schemas);
    let place = Place { namespace: Str::from(id.namespace), written: Str::from(resource.namespace()) };
    let subjects = subject_namespaces(resource).map_err(|e| ResourceError::field(resource, schemas, e))?;
    let referrer =
        Referrer { place, prefixes: &resource.memory.prefixes, suffixes: &resource.memory.suffixes, role: role(&resource.node), subjects };
    let mut failed = None;
    for (spec, target) in specs {
        let search = Search { names, referrer: &referrer, target: *target, role: spec.spec.path.ends_with("roleRef/name") };
        let walked = spec.walk(&mut resource.node, None, &mut |node| search.set(node));
        if let Err(error) = walked {
            failed = Some(error);
            break;
        }
    }
    if let Some(error) = failed {
        return Err(ResourceError::field(resource, schemas, error));
    }
    resource.settle();
    Ok(())
}

/// The role that a role binding binds.
fn role(root: &Node) -> Option<(Str, Str)> {
    let role = root.get("roleRef")?;
    Some((Str::from(role.get("apiGroup")?.text()), Str::from(role.get("kind")?.text())))
}

fn subject_namespaces(resource: &Resource) -> Result<HashSet<Str>, FieldError> {
    let mut namespaces = HashSet::new();
    if resource.kind() != "RoleBinding" {
        return Ok(namespaces);
    }
    let Some(Node::List(subjects)) = resource.node.get("subjects") else { return Ok(namespaces) };
    for subject in subjects {
        let Node::Map(subject) = subject else { return Err(FieldError::kind("map", subject)) };
        if let (Some(namespace), Some(kind)) = (subject.get("namespace"), subject.get("kind"))
            && kind.text() == "ServiceAccount"
        {
            if namespace.is_null() || namespace.as_scalar().is_none() {
                return Err(FieldError::new("the namespace of a subject is blank"));
            }
            namespaces.insert(Str::from(namespace.text()));
        }
    }
    Ok(namespaces)
}

struct Search<'s> {
    names: &'s Names,
    referrer: &'s Referrer<'s>,
    target: Gvk<'s>,
    /// The field names the role of a binding.
    role: bool,
}

impl<'s> Search<'s> {
    fn set(&self, node: &mut Node) -> Result<(), FieldError> {
        match node {
            Node::List(list) => list.iter_mut().try_for_each(|item| match item {
                Node::List(_) => Err(FieldError::kind("scalar or map", item)),
                item => self.set_one(item),
            }),
            node => self.set_one(node),
        }
    }

    fn set_one(&self, node: &mut Node) -> Result<(), FieldError> {
        match node {
            Node::Map(map) => self.set_map(map),
            Node::Scalar(scalar) if scalar.is_null() => Ok(()),
            Node::Scalar(scalar) => {
                let Some(found) = self.find(&scalar.text, None, false)? else { return Ok(()) };
                if found.name != scalar.text {
                    node.overwrite(Node::untagged(found.name.clone()));
                }
                Ok(())
            }
            Node::List(_) => Err(FieldError::kind("scalar or map", node)),
        }
    }

    /// A map with a name and possibly a namespace, such as the subject of a role binding.
    fn set_map(&self, map: &mut Map) -> Result<(), FieldError> {
        let Some(name) = map.get("name") else { return Err(FieldError::new("the map has no `name`")) };
        let name = Str::from(name.text());
        let namespace = map.get("namespace").map(|n| Str::from(n.text()));
        let Some(found) = self.find(&name, namespace.as_deref(), true)? else { return Ok(()) };
        if found.name == name && found.namespace.is_empty() {
            return Ok(());
        }
        map.set_field("name", Node::untagged(found.name.clone()));
        if !found.namespace.is_empty() {
            map.set_field("namespace", Node::untagged(found.namespace.clone()));
        }
        Ok(())
    }

    /// The resource that a name means. `namespace`: the one that is written beside it.
    fn find(&self, name: &str, namespace: Option<&str>, with_namespace: bool) -> Result<Option<&'s Candidate>, FieldError> {
        let Some(places) = self.names.by_old_name.get(name) else { return Ok(None) };
        let all = places.iter().map(|&at| &self.names.candidates[at]);
        let mut found: Vec<&'s Candidate> = all
            .filter(|c| self.referrer.sees(&c.place) && self.is_in(c, namespace) && c.was(self.target))
            .filter(|c| self.is_role(c) && self.referrer.is_near(c))
            .collect();
        if found.len() > 1 {
            found.retain(|c| self.fits(c, true));
        }
        if found.len() > 1 {
            found.retain(|c| self.fits(c, false));
        }
        let same = |a: &Candidate, b: &Candidate| a.name == b.name && (!with_namespace || a.namespace == b.namespace);
        match found.as_slice() {
            [] => Ok(None),
            [first, rest @ ..] if rest.iter().all(|other| same(first, other)) => Ok(Some(first)),
            several => {
                let list: Vec<String> = several.iter().map(|c| format!("{}/{}", c.kind, c.name)).collect();
                Err(FieldError::new(format!("the name `{name}` could mean {}", list.join(", "))))
            }
        }
    }

    fn is_in(&self, candidate: &Candidate, namespace: Option<&str>) -> bool {
        let Some(namespace) = namespace else { return true };
        let original = |c: &Candidate| c.previous.first().is_some_and(|p| p.namespace == namespace && namespace != NO_NAMESPACE);
        let known = self.names.by_original_namespace.get(namespace);
        if namespace != NO_NAMESPACE && known.is_some_and(|places| places.iter().any(|place| self.referrer.sees(place))) {
            return original(candidate);
        }
        candidate.place.namespace == namespace && !candidate.place.is_beside_namespaces()
    }

    fn is_role(&self, candidate: &Candidate) -> bool {
        match (&self.referrer.role, self.role) {
            (Some((group, kind)), true) => candidate.was(Gvk { group, version: "", kind }),
            _ => true,
        }
    }

    fn fits(&self, candidate: &Candidate, empty_fits: bool) -> bool {
        let same = |a: &[Str], b: &[Str]| (empty_fits && (a.is_empty() || b.is_empty())) || same_ending(a, b);
        same(&candidate.prefixes, self.referrer.prefixes) && same(&candidate.suffixes, self.referrer.suffixes)
    }
}

/// Whether the shorter one is how the longer one ends; nothing ends like nothing only.
fn same_ending(a: &[Str], b: &[Str]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}
