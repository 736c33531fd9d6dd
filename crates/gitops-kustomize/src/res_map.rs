//! The resources of a build in their order, and the rule that no two have one identity.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use gitops_manifest::Str;

use crate::error::ResourceError;
use crate::id::ResId;
use crate::node::{Map, Node, Scalar};
use crate::openapi::Schemas;
use crate::resource::{Behavior, Resource};

/// Resources in order.
#[derive(Debug, Default)]
pub(crate) struct ResMap {
    resources: Vec<Resource>,
    /// Hashes of the identities, while they are known to be up to date.
    known: Option<HashSet<u64>>,
    /// Where a name is, or ever was, in use; may hold more than is true, never less.
    names: Option<HashMap<Str, Vec<usize>>>,
    /// Whether no two have one identity: checked, and nothing has changed since.
    unique: bool,
    /// Whether none is gone: looked at, and nothing has changed since.
    all_there: bool,
}

pub(crate) fn hash_of(id: ResId<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

impl ResMap {
    /// The resources.
    pub(crate) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The resources, to change; identities may change too.
    pub(crate) fn resources_mut(&mut self) -> &mut Vec<Resource> {
        self.forget_ids();
        &mut self.resources
    }

    /// The resources, to change in what is not their identity.
    pub(crate) fn contents_mut(&mut self) -> &mut [Resource] {
        &mut self.resources
    }

    /// After an identity changed.
    pub(crate) fn forget_ids(&mut self) {
        (self.known, self.names) = (None, None);
        (self.unique, self.all_there) = (false, false);
    }

    /// The places of all resources that have, or ever had, this name; and perhaps of some others.
    pub(crate) fn named(&mut self, name: &str) -> &[usize] {
        let resources = &self.resources;
        let names = self.names.get_or_insert_with(|| {
            let mut names = HashMap::with_capacity(resources.len());
            resources.iter().enumerate().for_each(|(at, resource)| note(&mut names, at, resource));
            names
        });
        names.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Takes the resources out.
    pub(crate) fn into_resources(self) -> Vec<Resource> {
        self.resources
    }

    /// Adds one at the end.
    ///
    /// # Errors
    /// When there is one with its identity.
    pub(crate) fn append(&mut self, resource: Resource, schemas: &Schemas) -> Result<(), ResourceError> {
        let hash = hash_of(resource.id(schemas));
        let resources = &self.resources;
        let known = self.known.get_or_insert_with(|| resources.iter().map(|r| hash_of(r.id(schemas))).collect());
        if !known.insert(hash) && resources.iter().any(|r| r.id(schemas) == resource.id(schemas)) {
            return Err(ResourceError::Duplicate { id: resource.id(schemas).to_string() });
        }
        if let Some(names) = &mut self.names {
            note(names, self.resources.len(), &resource);
        }
        self.resources.push(resource);
        Ok(())
    }

    /// Adds all, in order.
    ///
    /// # Errors
    /// As [`ResMap::append`].
    pub(crate) fn append_all(&mut self, resources: impl IntoIterator<Item = Resource>, schemas: &Schemas) -> Result<(), ResourceError> {
        resources.into_iter().try_for_each(|resource| self.append(resource, schemas))
    }

    /// Refuses two resources of one identity.
    pub(crate) fn check_unique(&mut self, schemas: &Schemas) -> Result<(), ResourceError> {
        if self.unique {
            return Ok(());
        }
        let mut seen: HashMap<ResId<'_>, ()> = HashMap::with_capacity(self.resources.len());
        for resource in &self.resources {
            let id = resource.id(schemas);
            if seen.insert(id, ()).is_some() {
                return Err(ResourceError::Duplicate { id: id.to_string() });
            }
        }
        self.unique = true;
        Ok(())
    }

    /// Drops what patches deleted.
    pub(crate) fn drop_gone(&mut self) {
        if !self.all_there && self.resources.iter().any(Resource::is_gone) {
            self.forget_ids();
            self.resources.retain(|r| !r.is_gone());
        }
        self.all_there = true;
    }

    /// The resource that is, or ever was, `id`.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub(crate) fn by_any_id(&mut self, id: ResId<'_>, schemas: &Schemas) -> Result<usize, ResourceError> {
        let mut found = self.with_any_id(id, schemas);
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(ResourceError::NoMatch { id: id.to_string() }),
            _ => Err(ResourceError::SeveralMatches { id: id.to_string() }),
        }
    }

    fn with_any_id(&mut self, id: ResId<'_>, schemas: &Schemas) -> Vec<usize> {
        let places = self.named(id.name).to_vec();
        let is_meant = |at: &usize| {
            let resource = &self.resources[*at];
            !resource.is_gone() && resource.any_id(schemas, |other| other == id)
        };
        places.into_iter().filter(is_meant).collect()
    }

    /// The resources that are, or ever were, ones that `matches`.
    pub(crate) fn matching_any_id(&self, schemas: &Schemas, mut matches: impl FnMut(ResId<'_>) -> bool) -> Vec<usize> {
        let resources = self.resources.iter().enumerate();
        resources.filter(|(_, r)| !r.is_gone() && r.any_id(schemas, &mut matches)).map(|(i, _)| i).collect()
    }

    /// Adds a generated resource, or merges it into the one that it names.
    ///
    /// # Errors
    /// When its behaviour does not fit what is there.
    pub(crate) fn absorb(&mut self, mut incoming: Resource, schemas: &Schemas) -> Result<(), ResourceError> {
        let id = incoming.id(schemas);
        let found = self.with_any_id(id, schemas);
        let id = id.to_string();
        let at = match (found.as_slice(), incoming.memory.behavior) {
            ([], Behavior::Merge | Behavior::Replace) => {
                return Err(ResourceError::NothingToMerge { id, behavior: incoming.memory.behavior.word() });
            }
            ([], _) => return self.append(incoming, schemas),
            ([at], Behavior::Merge | Behavior::Replace) => *at,
            ([_], behavior) => return Err(ResourceError::Exists { id, behavior: behavior.word() }),
            _ => return Err(ResourceError::SeveralMatches { id }),
        };
        let old = &self.resources[at];
        let origin = old.annotation(ORIGIN).map(str::to_owned);
        let merges = incoming.memory.behavior == Behavior::Merge;
        if merges {
            let data = merged_data(&incoming, old)?;
            copy_metadata(&mut incoming, old);
            set_data(&mut incoming, data);
            if let Some(origin) = origin {
                incoming.change_annotations(|all| {
                    all.retain(|(key, _)| key != ORIGIN);
                    all.push((ORIGIN.into(), origin.into()));
                });
            }
        } else {
            copy_metadata(&mut incoming, old);
        }
        // The reference looks the place up again by the new identity, and finds none when a base renamed it otherwise.
        if incoming.id(schemas) != old.id(schemas) {
            return Err(ResourceError::NoMatch { id });
        }
        self.forget_ids();
        self.resources[at] = incoming;
        Ok(())
    }
}

/// Notes a resource's names, each place once.
fn note(names: &mut HashMap<Str, Vec<usize>>, at: usize, resource: &Resource) {
    let all = resource.memory.previous.iter().map(|previous| previous.name.as_str()).chain([resource.name()]);
    for name in all {
        let places = names.entry(Str::from(name)).or_default();
        if places.last() != Some(&at) {
            places.push(at);
        }
    }
}

/// Where a resource came from, when the build tells so.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";

/// Labels and annotations of both (the new one's win), name and namespace of the old one, its memory.
fn copy_metadata(new: &mut Resource, old: &Resource) {
    let both = |of_old: Vec<(Str, Str)>, of_new: Vec<(Str, Str)>| [of_old, of_new].concat();
    let owned = |(k, v): (&str, &str)| (Str::from(k), Str::from(v));
    let labels = both(old.labels().map(owned).collect(), new.labels().map(owned).collect());
    let annotations = both(old.annotations().map(owned).collect(), new.annotations().map(owned).collect());
    new.set_metadata_map("labels", labels);
    new.set_metadata_map("annotations", annotations);
    let (name, namespace) = (old.name().to_owned(), old.namespace().to_owned());
    new.set_metadata_text("name", &name);
    new.set_metadata_text("namespace", &namespace);
    // Whether a hash is wanted is the new one's to say, and what it does to others is no more.
    let needs_hash = new.memory.needs_hash && old.memory.needs_hash;
    new.memory = old.memory.clone();
    new.memory.needs_hash = needs_hash;
}

type Data = (Vec<(Str, Str)>, Vec<(Str, Str)>);

/// `data` and `binaryData` of both; the new one's win.
fn merged_data(new: &Resource, old: &Resource) -> Result<Data, ResourceError> {
    let texts = |resource: &Resource, field: &str| -> Vec<(Str, Str)> {
        let map = resource.node.get(field).and_then(Node::as_map);
        map.into_iter().flat_map(Map::iter).map(|(k, v)| (Str::from(k), Str::from(if v.is_null() { "" } else { v.text() }))).collect()
    };
    let mut data = texts(old, "data");
    if new.api_version() == "v1" && new.kind() == "Secret" {
        data.extend(encoded_string_data(old)?);
    }
    data.extend(texts(new, "data"));
    Ok((data, [texts(old, "binaryData"), texts(new, "binaryData")].concat()))
}

/// A Secret's `stringData`, as `data` would hold it.
fn encoded_string_data(old: &Resource) -> Result<Vec<(Str, Str)>, ResourceError> {
    let Some(texts) = old.node.get("stringData").and_then(Node::as_map) else { return Ok(Vec::new()) };
    let encode = |(key, value): (&str, &Node)| match value {
        Node::Scalar(scalar) => {
            let text = if scalar.is_null() { "" } else { scalar.text.as_str() };
            Ok((Str::from(key), Str::from(crate::generator::base64_lines(text.as_bytes()))))
        }
        _ => Err(ResourceError::StringDataNotText { key: key.to_owned() }),
    };
    texts.iter().map(encode).collect()
}

fn set_data(resource: &mut Resource, (data, binary): Data) {
    let Some(root) = resource.node.as_map_mut() else { return };
    for (field, entries) in [("data", data), ("binaryData", binary)] {
        root.remove(field);
        if entries.is_empty() {
            continue;
        }
        let mut last: HashMap<Str, Str> = HashMap::with_capacity(entries.len());
        last.extend(entries);
        let mut entries: Vec<(Str, Str)> = last.into_iter().collect();
        entries.sort();
        let entries = entries.into_iter().map(|(key, text)| (Scalar::untagged(key), Node::Scalar(crate::generator::text_scalar(text))));
        root.push(Scalar::untagged(field), Node::Map(Map::from_entries(entries.collect())));
    }
}
