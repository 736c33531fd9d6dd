//! [`Schema`]: what is known of the kinds of one cluster.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gitops_manifest::Value;

use crate::builtin::builtin;
use crate::table::{Kind, Scope, TypeTable};

/// Tables by the document they were made from, over the built-in one. Cheap to clone: tables are shared.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    documents: BTreeMap<String, Arc<TypeTable>>,
    kinds: HashMap<(String, String), Arc<TypeTable>>,
}

impl Schema {
    /// Takes up a document's types, in place of what an earlier document of that name said. `name` is what the caller tells
    /// documents apart by: a path of the API server, or a CRD's name.
    pub fn set(&mut self, name: &str, table: TypeTable) {
        self.documents.insert(name.to_owned(), Arc::new(table));
        self.index();
    }

    /// Forgets a document.
    pub fn remove(&mut self, name: &str) {
        if self.documents.remove(name).is_some() {
            self.index();
        }
    }

    /// Whether a document of that name was taken up.
    pub fn contains(&self, name: &str) -> bool {
        self.documents.contains_key(name)
    }

    /// A kind, as the cluster's documents have it, else as the built-in table has.
    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Option<Kind<'_>> {
        if !self.kinds.is_empty()
            && let Some(table) = self.kinds.get(&(group.to_owned(), kind.to_owned()))
            && let Some(kind) = table.kind(group, version, kind)
        {
            return Some(kind);
        }
        // Several documents may hold versions of one kind; the index names the last one.
        let other = self.documents.values().find_map(|table| table.kind(group, version, kind));
        other.or_else(|| builtin().kind(group, version, kind))
    }

    /// The kind of an object, by its `apiVersion` and `kind`.
    pub fn kind_of(&self, object: &Value) -> Option<Kind<'_>> {
        let api_version = object.str_at(&["apiVersion"])?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.kind(group, version, object.str_at(&["kind"])?)
    }

    /// Where objects of a kind live, whatever the version; `None` when no document says.
    pub fn scope(&self, group: &str, kind: &str) -> Option<Scope> {
        let of = |table: &TypeTable| table.kinds().find(|(g, _, k, _)| *g == group && *k == kind).and_then(|(.., scope)| scope);
        let known = self.kinds.get(&(group.to_owned(), kind.to_owned())).and_then(|table| of(table));
        known.or_else(|| of(builtin()))
    }

    /// Bytes on the heap of the cluster's own tables, without what defaults hold.
    pub fn heap_bytes(&self) -> usize {
        self.documents.values().map(|table| table.heap_bytes()).sum()
    }

    fn index(&mut self) {
        self.kinds.clear();
        for table in self.documents.values() {
            for (group, _, kind, _) in table.kinds() {
                self.kinds.insert((group.to_owned(), kind.to_owned()), Arc::clone(table));
            }
        }
    }
}
