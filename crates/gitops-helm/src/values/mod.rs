//! Values: what charts bring along and what users set, as a persistent tree.
//!
//! Tables and lists are shared and copied only where they are changed, so that the defaults of a chart, parsed once, are
//! merged with a user's few values in time that depends on the latter. Numbers of YAML and JSON files are floats, as Go's
//! JSON decoder makes them; only `--set` makes integers.

pub(crate) mod aliased;
pub(crate) mod coalesce;
mod convert;
mod json;
mod literal;
mod set;
mod user;

use std::sync::Arc;

use gitops_template::Str;

pub use user::{FileReader, Values, ValuesError};

pub(crate) use convert::Converter;

/// A value. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) enum Val {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Str),
    List(Arc<Vec<Val>>),
    Table(Table),
}

/// A map, sorted by the bytes of its keys, copied when it is changed and shared.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Table(Arc<Vec<(Str, Val)>>);

impl Table {
    pub(crate) fn from_entries(mut entries: Vec<(Str, Val)>) -> Table {
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            entries.reverse();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.dedup_by(|a, b| a.0 == b.0);
        }
        Table(Arc::new(entries))
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.0.binary_search_by(|(k, _)| k.as_bytes().cmp(key))
    }

    pub(crate) fn get(&self, key: impl AsRef<[u8]>) -> Option<&Val> {
        self.find(key.as_ref()).ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn table(&self, key: impl AsRef<[u8]>) -> Option<&Table> {
        match self.get(key) {
            Some(Val::Table(table)) => Some(table),
            _ => None,
        }
    }

    pub(crate) fn insert(&mut self, key: Str, value: Val) {
        match self.find(&key) {
            Ok(at) => Arc::make_mut(&mut self.0)[at].1 = value,
            Err(at) => Arc::make_mut(&mut self.0).insert(at, (key, value)),
        }
    }

    pub(crate) fn remove(&mut self, key: impl AsRef<[u8]>) -> Option<Val> {
        let at = self.find(key.as_ref()).ok()?;
        Some(Arc::make_mut(&mut self.0).remove(at).1)
    }

    /// The value of `key`, to change; null is put there first if there is none.
    pub(crate) fn entry(&mut self, key: &Str) -> &mut Val {
        let found = self.find(key);
        let entries = Arc::make_mut(&mut self.0);
        let at = found.unwrap_or_else(|at| {
            entries.insert(at, (key.clone(), Val::Null));
            at
        });
        &mut entries[at].1
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&Str, &Val)> {
        self.0.iter().map(|(k, v)| (k, v))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are one table in memory.
    pub(crate) fn same(&self, other: &Table) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it lies in memory: equal for tables that are shared.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// The table at a path of keys joined by dots, each of which must be a table.
    pub(crate) fn table_at(&self, path: &str) -> Option<&Table> {
        path.split('.').try_fold(self, |table, key| table.table(key))
    }

    /// The value at a path of keys joined by dots, unless it is a table.
    pub(crate) fn scalar_at(&self, path: &str) -> Option<&Val> {
        let (table, key) = match path.rsplit_once('.') {
            Some((tables, key)) => (self.table_at(tables)?, key),
            None => (self, path),
        };
        table.get(key).filter(|v| !matches!(v, Val::Table(_)))
    }
}

impl Val {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Val::Null)
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self, Val::Table(_))
    }

    pub(crate) fn list(items: Vec<Val>) -> Val {
        Val::List(Arc::new(items))
    }

    pub(crate) fn text(text: impl Into<Str>) -> Val {
        Val::Str(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_copied_before_it_changes() {
        let a = Table::from_entries(vec![("b".into(), Val::Int(1)), ("a".into(), Val::Null), ("b".into(), Val::Int(2))]);
        let mut b = a.clone();
        assert!(a.same(&b));
        b.insert("c".into(), Val::Bool(true));
        assert_eq!((a.iter().len(), b.iter().len()), (2, 3));
        assert_eq!(a.get("b"), Some(&Val::Int(2)), "the last of equal keys");
        assert_eq!(b.remove("a"), Some(Val::Null));
    }
}
