//! Tables that are shared by reference, as Go's maps are: what `import-values` works on.
//!
//! Helm imports a sub-chart's tables without copying them, so that a second import into the same place also changes the
//! values of the sub-chart that the first came from. Charts see it in their sub-charts' values, so it is kept.

use std::collections::BTreeMap;

use gitops_template::Str;

use super::{Table, Val};

/// Deepest nesting: imports can put a table into itself.
const MAX_DEPTH: usize = 400;

/// Imports made a table hold itself, or nested too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endless;

/// A table by its number.
pub(crate) type Id = usize;

#[derive(Clone, Debug)]
enum Slot {
    Value(Val),
    Table(Id),
}

/// All tables of one chart's values.
#[derive(Debug, Default)]
pub(crate) struct Tables(Vec<BTreeMap<Str, Slot>>);

impl Tables {
    /// Takes a table in, with all below it.
    pub(crate) fn add(&mut self, table: &Table) -> Id {
        let entries = table.iter().map(|(key, value)| {
            let slot = match value {
                Val::Table(inner) => Slot::Table(self.add(inner)),
                other => Slot::Value(other.clone()),
            };
            (key.clone(), slot)
        });
        let entries = entries.collect();
        self.0.push(entries);
        self.0.len() - 1
    }

    /// The table at a path of keys joined by dots.
    pub(crate) fn at(&self, from: Id, path: &str) -> Option<Id> {
        path.split('.').try_fold(from, |table, key| match self.0[table].get(key.as_bytes()) {
            Some(Slot::Table(inner)) => Some(*inner),
            _ => None,
        })
    }

    /// New tables around `table`, so that it stands at `path`.
    pub(crate) fn wrapped(&mut self, path: &str, table: Id) -> Id {
        path.rsplit('.').fold(table, |inner, key| {
            self.0.push(BTreeMap::from([(Str::from(key), Slot::Table(inner))]));
            self.0.len() - 1
        })
    }

    /// Merges `source` under `into`; both are changed, as in Helm.
    pub(crate) fn merge(&mut self, into: Id, source: Id, depth: usize) -> Result<(), Endless> {
        if depth > MAX_DEPTH {
            return Err(Endless);
        }
        if into == source {
            return Ok(());
        }
        let is_null = |slot: &Slot| matches!(slot, Slot::Value(Val::Null));
        let nulls: Vec<Str> = self.0[into].iter().filter(|(_, slot)| is_null(slot)).map(|(key, _)| key.clone()).collect();
        for key in nulls {
            self.0[source].insert(key, Slot::Value(Val::Null));
        }
        for (key, slot) in self.0[source].clone() {
            match (self.0[into].get(&key), slot) {
                (None, slot) => {
                    self.0[into].insert(key, slot);
                }
                (Some(Slot::Table(inner)), Slot::Table(source)) => self.merge(*inner, source, depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A table with all below it, shared no more.
    pub(crate) fn table(&self, id: Id, depth: usize) -> Result<Table, Endless> {
        if depth > MAX_DEPTH {
            return Err(Endless);
        }
        let entries = self.0[id].iter().map(|(key, slot)| {
            let value = match slot {
                Slot::Value(value) => value.clone(),
                Slot::Table(inner) => Val::Table(self.table(*inner, depth + 1)?),
            };
            Ok((key.clone(), value))
        });
        Ok(Table::from_entries(entries.collect::<Result<_, Endless>>()?))
    }
}
