//! A resource while it is built: its content, and what kustomize remembers about it on the way (which it keeps in
//! annotations that are taken out in the end; here they are fields, and never in the content).

use gitops_manifest::Str;

use crate::id::{Gvk, NO_NAMESPACE, ResId};
use crate::node::{Map, Node, Scalar, shared};
use crate::openapi::{Schemas, Scope};

/// What a generated resource does to one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Behavior {
    /// Nothing was said: as create.
    #[default]
    Unspecified,
    /// There must be none yet.
    Create,
    /// Takes its place.
    Replace,
    /// Adds to it.
    Merge,
}

impl Behavior {
    /// From the word in a file; unknown ones count as none.
    pub(crate) fn parse(word: &str) -> Behavior {
        match word {
            "create" => Behavior::Create,
            "replace" => Behavior::Replace,
            "merge" => Behavior::Merge,
            _ => Behavior::Unspecified,
        }
    }

    /// The word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Behavior::Unspecified => "unspecified",
            Behavior::Create => "create",
            Behavior::Replace => "replace",
            Behavior::Merge => "merge",
        }
    }
}

/// Who a resource was before a transformer changed its name, namespace or kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) name: Str,
    /// Effective.
    pub(crate) namespace: Str,
    pub(crate) kind: Str,
}

/// What is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Oldest first.
    pub(crate) previous: Vec<Previous>,
    /// Name prefixes, innermost first.
    pub(crate) prefixes: Vec<Str>,
    /// Name suffixes, innermost first.
    pub(crate) suffixes: Vec<Str>,
    /// Whether its name gets a hash of its content.
    pub(crate) needs_hash: bool,
    /// Of a generated one.
    pub(crate) behavior: Behavior,
    /// A patch that may change names.
    pub(crate) allow_name_change: bool,
    /// A patch that may change kinds.
    pub(crate) allow_kind_change: bool,
    /// Came out of a chart: the namespace transformer leaves it alone.
    pub(crate) from_chart: bool,
    /// A generator made it.
    pub(crate) generated: bool,
    /// Names of vars that take their value from it.
    pub(crate) vars: Vec<Str>,
}

impl Memory {
    /// Whether the reference would have any annotation of its own on the resource.
    fn is_written(&self) -> bool {
        self.generated || self.needs_hash || !(self.previous.is_empty() && self.prefixes.is_empty() && self.suffixes.is_empty())
    }
}

/// A resource.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// A map; empty once a patch deleted it.
    pub(crate) node: Node,
    /// What is remembered about it.
    pub(crate) memory: Memory,
    /// The next number of a group of shared scalars; see [`shared`].
    next_group: u16,
    settled: u32,
}

/// Prefix of the annotations that kustomize keeps its memory in.
const INTERNAL: &str = "internal.config.kubernetes.io/";

impl Resource {
    /// From its content. What kustomize's own annotations say is taken over into the memory.
    pub(crate) fn new(node: Node) -> Resource {
        let mut resource = Resource { node, memory: Memory::default(), next_group: 1, settled: 0 };
        let internal = resource.annotations().any(|(key, _)| key.starts_with(INTERNAL));
        if internal {
            resource.take_internal();
        }
        resource
    }

    fn take_internal(&mut self) {
        let Some(annotations) = self.node.get_mut("metadata").and_then(|m| m.get_mut("annotations")).and_then(Node::as_map_mut) else {
            return;
        };
        let mut taken = Vec::new();
        annotations.entries_mut().retain(|(key, value)| match key.text.strip_prefix(INTERNAL) {
            Some(name @ ("needsHashSuffix" | "generatorBehavior" | "prefixes" | "suffixes" | "helm-generated")) => {
                taken.push((name.to_owned(), value.text().to_owned()));
                false
            }
            _ => true,
        });
        let list = |text: &str| text.split(',').map(Str::from).collect();
        for (name, value) in taken {
            match name.as_str() {
                "needsHashSuffix" => self.memory.needs_hash = value == "enabled",
                "generatorBehavior" => self.memory.behavior = Behavior::parse(&value),
                "prefixes" => self.memory.prefixes = list(&value),
                "suffixes" => self.memory.suffixes = list(&value),
                _ => self.memory.from_chart = value == "true",
            }
        }
    }

    /// Whether a patch took everything away.
    pub(crate) fn is_gone(&self) -> bool {
        self.node.is_null_or_empty()
    }

    /// `apiVersion`, or nothing.
    pub(crate) fn api_version(&self) -> &str {
        self.node.get("apiVersion").map_or("", Node::text)
    }

    /// `kind`, or nothing.
    pub(crate) fn kind(&self) -> &str {
        self.node.get("kind").map_or("", Node::text)
    }

    fn metadata_text(&self, field: &str) -> &str {
        self.node.get("metadata").and_then(|m| m.get(field)).filter(|n| !n.is_null_or_empty()).map_or("", Node::text)
    }

    /// `metadata.name`, or nothing.
    pub(crate) fn name(&self) -> &str {
        self.metadata_text("name")
    }

    /// `metadata.namespace` as written, or nothing.
    pub(crate) fn namespace(&self) -> &str {
        self.metadata_text("namespace")
    }

    /// Group, version and kind.
    pub(crate) fn gvk(&self) -> Gvk<'_> {
        Gvk::new(self.api_version(), self.kind())
    }

    /// Whether it is known to stand beside namespaces.
    pub(crate) fn is_cluster_scoped(&self, schemas: &Schemas) -> bool {
        schemas.scope(self.api_version(), self.kind()) == Some(Scope::Cluster)
    }

    /// Who it is now.
    pub(crate) fn id(&self, schemas: &Schemas) -> ResId<'_> {
        let namespace = match self.namespace() {
            _ if self.is_cluster_scoped(schemas) => NO_NAMESPACE,
            "" => "default",
            other => other,
        };
        ResId { gvk: self.gvk(), name: self.name(), namespace }
    }

    /// Who it was, oldest first.
    pub(crate) fn previous_ids(&self) -> impl Iterator<Item = ResId<'_>> {
        let gvk = self.gvk();
        self.memory.previous.iter().map(move |p| ResId { gvk: Gvk { kind: &p.kind, ..gvk }, name: &p.name, namespace: &p.namespace })
    }

    /// Who it was in the beginning.
    pub(crate) fn original_id(&self, schemas: &Schemas) -> ResId<'_> {
        self.previous_ids().next().unwrap_or_else(|| self.id(schemas))
    }

    /// Group, version and kind that it had in the beginning.
    pub(crate) fn original_gvk(&self) -> Gvk<'_> {
        let gvk = self.gvk();
        self.memory.previous.first().map_or(gvk, |previous| Gvk { kind: &previous.kind, ..gvk })
    }

    /// Whether it is, or ever was, one that `matches`.
    pub(crate) fn any_id(&self, schemas: &Schemas, mut matches: impl FnMut(ResId<'_>) -> bool) -> bool {
        self.previous_ids().any(&mut matches) || matches(self.id(schemas))
    }

    /// Remembers who it is, before that changes.
    pub(crate) fn remember_id(&mut self, schemas: &Schemas) {
        let id = self.id(schemas);
        let previous = Previous { name: Str::from(id.name), namespace: Str::from(id.namespace), kind: Str::from(id.gvk.kind) };
        self.memory.previous.push(previous);
    }

    fn metadata_map(&self, field: &str) -> impl Iterator<Item = (&str, &str)> {
        let map = self.node.get("metadata").and_then(|m| m.get(field)).and_then(Node::as_map);
        map.into_iter().flat_map(Map::iter).map(|(key, value)| (key, value.text()))
    }

    /// Annotations by their texts, as written.
    pub(crate) fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata_map("annotations")
    }

    /// Labels by their texts, as written.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata_map("labels")
    }

    /// One annotation.
    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        // Of equal keys the last wins, as in a map of Go.
        self.annotations().filter(|(k, _)| *k == key).last().map(|(_, value)| value)
    }

    /// Sets a field of the root, as `SetKind` does.
    pub(crate) fn set_root_text(&mut self, field: &str, text: &str) {
        if let Some(root) = self.node.as_map_mut() {
            root.set_field(field, Node::untagged(text));
        }
    }

    /// Takes everything away: a patch deleted it.
    pub(crate) fn clear(&mut self) {
        self.node = Node::null();
    }

    /// Sets a field of `metadata` as kustomize's `SetName` and `SetNamespace` do; nothing takes it out.
    pub(crate) fn set_metadata_text(&mut self, field: &str, text: &str) {
        let Some(root) = self.node.as_map_mut() else { return };
        let Some(metadata) = root.map_or_create("metadata") else { return };
        if text.is_empty() && field == "namespace" {
            metadata.remove(field);
        } else {
            metadata.set_field(field, Node::untagged(text));
        }
    }

    /// Makes a map of `metadata` anew: keys sorted, values strings. Without entries it is taken out.
    pub(crate) fn set_metadata_map(&mut self, field: &str, mut entries: Vec<(Str, Str)>) {
        let Some(root) = self.node.as_map_mut() else { return };
        let Some(metadata) = root.map_or_create("metadata") else { return };
        metadata.remove(field);
        // Stable, so that of equal keys the last one is kept below.
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.reverse();
        entries.dedup_by(|earlier, later| earlier.0 == later.0);
        entries.reverse();
        if entries.is_empty() {
            return;
        }
        let entries = entries.into_iter().map(|(key, value)| {
            let mut value = Scalar::string(value);
            value.quote_if_doubtful();
            (Scalar::untagged(key), Node::Scalar(value))
        });
        metadata.push(Scalar::untagged(field), Node::Map(Map::from_entries(entries.collect())));
    }

    /// Annotations made anew from what is there and changed by `change`.
    pub(crate) fn change_annotations(&mut self, change: impl FnOnce(&mut Vec<(Str, Str)>)) {
        let mut entries = self.annotations().map(|(k, v)| (Str::from(k), Str::from(v))).collect();
        change(&mut entries);
        self.set_metadata_map("annotations", entries);
    }

    /// A number for a new group of shared scalars; 0, which is none, when they have run out.
    pub(crate) fn new_group(&mut self) -> u16 {
        let group = self.next_group;
        self.next_group = self.next_group.checked_add(1).unwrap_or(0);
        if group == 0 {
            self.next_group = 0
        }
        group
    }

    /// Makes the map of annotations if the reference would have one for its memory: JSON patches see it.
    pub(crate) fn show_memory(&mut self) {
        if self.memory.is_written()
            && let Some(root) = self.node.as_map_mut()
            && let Some(metadata) = root.map_or_create("metadata")
        {
            metadata.map_or_create("annotations");
        }
    }

    /// Carries what was overwritten to the scalars that are one with it; see [`shared`].
    pub(crate) fn settle(&mut self) {
        if self.next_group != 1 {
            self.settled = shared::settle(&mut self.node, self.settled);
        }
    }

    /// After its content was made anew: nothing is shared any more.
    pub(crate) fn forget_groups(&mut self) {
        (self.next_group, self.settled) = (1, 0);
    }
}
