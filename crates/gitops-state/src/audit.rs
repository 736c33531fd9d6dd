//! The audit log: who did what to which object. Only appended to; ids count up and are never used again.

use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use crate::store::Durability;
use crate::{Store, StoreError, Timestamp};

/// Something somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAudit {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What, for instance `sync` or `rollback`.
    pub action: String,
    /// To what, for instance `application:argocd/web`.
    pub object: String,
    /// Details as JSON text; no secrets.
    pub detail_json: String,
}

/// An entry as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Counts up.
    pub id: i64,
    /// What was written.
    pub entry: NewAudit,
}

/// What to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only entries older than this id: the last id of the page before.
    pub before: Option<i64>,
    /// Most entries.
    pub limit: usize,
    /// Only this actor's.
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<String>,
    /// Only of this object.
    pub object: Option<String>,
}

impl Store {
    /// Appends to the audit log, and returns the entry's id.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn append_audit(&self, new: &NewAudit) -> Result<i64, StoreError> {
        self.write("append to audit log", Durability::Process, |tx| {
            let id = tx
                .prepare_cached("INSERT INTO audit (at, actor, action, object, detail) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .insert(params![new.at.as_millis(), new.actor, new.action, new.object, new.detail_json])?;
            Ok(Ok(id))
        })
    }

    /// A page of the audit log, newest first; shorter than the limit on the last one.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn audit_log(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let mut clauses = vec!["id < ?"];
        let mut values = vec![Value::Integer(query.before.unwrap_or(i64::MAX))];
        for (clause, value) in [("actor = ?", &query.actor), ("action = ?", &query.action), ("object = ?", &query.object)] {
            if let Some(value) = value {
                clauses.push(clause);
                values.push(Value::Text(value.clone()));
            }
        }
        values.push(Value::Integer(i64::try_from(query.limit).unwrap_or(i64::MAX)));
        let sql =
            format!("SELECT id, at, actor, action, object, detail FROM audit WHERE {} ORDER BY id DESC LIMIT ?", clauses.join(" AND "));
        self.read("read audit log", |c| {
            c.prepare_cached(&sql)?
                .query_map(params_from_iter(values), |r| {
                    let entry = NewAudit {
                        at: Timestamp::from_millis(r.get(1)?),
                        actor: r.get(2)?,
                        action: r.get(3)?,
                        object: r.get(4)?,
                        detail_json: r.get(5)?,
                    };
                    Ok(AuditEntry { id: r.get(0)?, entry })
                })?
                .collect()
        })
    }
}
