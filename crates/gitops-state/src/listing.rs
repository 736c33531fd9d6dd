//! Lists of applications: filtered, in pages, counted.
//!
//! Order: name, then namespace. A page starts after the last key of the one before it, so applications that come and go in
//! between shift nothing. Counts are of everything that passes the filter, not of the page, and are of the same moment.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::application::{listed, select_listed};
use crate::{AppKey, Application, Store, StoreError};

/// What to list. The default lists everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Most items on the page; `None` for all.
    pub limit: Option<usize>,
    /// [`Page::next`] of the page before.
    pub after: Option<AppKey>,
    /// Part of the name, in any case.
    pub search: Option<String>,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Only these projects; empty for all.
    pub projects: Vec<String>,
    /// Only these sync statuses; empty for all.
    pub sync: Vec<String>,
    /// Only these healths; empty for all.
    pub health: Vec<String>,
    /// Only those whose labels meet every one of these.
    pub labels: Vec<LabelTerm>,
}

/// One requirement of a label selector, with the meaning that Kubernetes gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelTerm {
    /// The label is there with one of these values (`key=value`, `key in (…)`).
    In {
        /// Label.
        key: String,
        /// Values.
        values: Vec<String>,
    },
    /// The label is not there, or has none of these values (`key!=value`, `key notin (…)`).
    NotIn {
        /// Label.
        key: String,
        /// Values.
        values: Vec<String>,
    },
    /// The label is there (`key`).
    Exists(String),
    /// The label is not there (`!key`).
    Absent(String),
}

/// How many applications pass a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// All of them.
    pub total: u64,
    /// By sync status; `Unknown` before the first look.
    pub sync: BTreeMap<String, u64>,
    /// By health; `Unknown` before the first look.
    pub health: BTreeMap<String, u64>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// By name, then namespace.
    pub items: Vec<Application>,
    /// Of everything that passes the filter.
    pub counts: Counts,
    /// [`ListQuery::after`] of the next page; `None` on the last.
    pub next: Option<AppKey>,
}

impl Store {
    /// A page of applications, and the counts of all that pass the filter.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn list_applications(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.read("list applications", |c| {
            let filter = Filter::of(query);
            let counts = filter.counts(c)?;
            let mut items = filter.page(c, query)?;
            let more = query.limit.is_some_and(|limit| items.len() > limit);
            if let Some(limit) = query.limit {
                items.truncate(limit);
            }
            let next = if more { items.last().map(|a| a.key.clone()) } else { None };
            Ok(Page { items, counts, next })
        })
    }
}

/// A `WHERE` clause and what stands for its question marks. Values are always bound, never written into the text.
struct Filter {
    clauses: Vec<String>,
    values: Vec<Value>,
}

impl Filter {
    fn of(query: &ListQuery) -> Filter {
        let mut filter = Filter { clauses: Vec::new(), values: Vec::new() };
        if let Some(search) = query.search.as_deref().filter(|s| !s.is_empty()) {
            filter.push("instr(lower(a.name), ?) > 0", [search.to_ascii_lowercase()]);
        }
        if let Some(namespace) = &query.namespace {
            filter.push("a.namespace = ?", [namespace.clone()]);
        }
        filter.any_of("a.project", &query.projects);
        filter.any_of("a.sync", &query.sync);
        filter.any_of("a.health", &query.health);
        for term in &query.labels {
            filter.label(term);
        }
        filter
    }

    fn push(&mut self, clause: impl Into<String>, values: impl IntoIterator<Item = String>) {
        self.clauses.push(clause.into());
        self.values.extend(values.into_iter().map(Value::Text));
    }

    fn any_of(&mut self, column: &str, values: &[String]) {
        if !values.is_empty() {
            self.push(format!("{column} IN ({})", marks(values.len())), values.iter().cloned());
        }
    }

    fn label(&mut self, term: &LabelTerm) {
        const THERE: &str = "EXISTS (SELECT 1 FROM application_labels l WHERE l.app = a.id AND l.key = ?";
        match term {
            LabelTerm::Exists(key) => self.push(format!("{THERE})"), [key.clone()]),
            LabelTerm::Absent(key) => self.push(format!("NOT {THERE})"), [key.clone()]),
            LabelTerm::In { key, values } | LabelTerm::NotIn { key, values } => {
                let not = if matches!(term, LabelTerm::NotIn { .. }) { "NOT " } else { "" };
                let clause = format!("{not}{THERE} AND l.value IN ({}))", marks(values.len()));
                self.push(clause, std::iter::once(key.clone()).chain(values.iter().cloned()));
            }
        }
    }

    fn text(&self) -> String {
        if self.clauses.is_empty() { String::new() } else { format!("WHERE {}", self.clauses.join(" AND ")) }
    }

    fn counts(&self, c: &Connection) -> rusqlite::Result<Counts> {
        let sql = format!("SELECT a.sync, a.health, count(*) FROM applications a {} GROUP BY a.sync, a.health", self.text());
        let mut counts = Counts::default();
        let mut statement = c.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(&self.values))?;
        while let Some(row) = rows.next()? {
            let (sync, health, n): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let n = n.unsigned_abs();
            counts.total += n;
            *counts.sync.entry(sync).or_default() += n;
            *counts.health.entry(health).or_default() += n;
        }
        Ok(counts)
    }

    /// One item more than the limit, to know whether there is a next page.
    fn page(mut self, c: &Connection, query: &ListQuery) -> rusqlite::Result<Vec<Application>> {
        if let Some(after) = &query.after {
            self.push("(a.name, a.namespace) > (?, ?)", [after.name.clone(), after.namespace.clone()]);
        }
        let limit = query.limit.and_then(|n| i64::try_from(n).ok()).map_or(-1, |n| n.saturating_add(1));
        self.values.push(Value::Integer(limit));
        let sql = select_listed(&format!("{} ORDER BY a.name, a.namespace LIMIT ?", self.text()));
        c.prepare_cached(&sql)?.query_map(params_from_iter(&self.values), listed)?.collect()
    }
}

fn marks(n: usize) -> String {
    let mut text = "?,".repeat(n);
    text.pop();
    text
}
