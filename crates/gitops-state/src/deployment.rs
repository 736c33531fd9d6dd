//! What is deployed, as one document: the operations team's view of an application.
//!
//! Shape, in JSON: `state`, `health`, `deployedCommit`, `lastUpdated`, `currentDeployment{id, state, commit, …}`,
//! `history[]`, newest last. Times are RFC 3339.

use serde::Serialize;

use crate::{AppKey, Hold, Store, StoreError, Timestamp};
use crate::{application, history, operation};

/// An application's deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The application.
    pub application: AppKey,
    /// State of the newest operation (`Running`, `Succeeded`, …); `Pending` before the first.
    pub state: String,
    /// Health as last observed.
    pub health: String,
    /// Sync status as last observed.
    pub sync: String,
    /// The newest commit that was applied in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed_commit: Option<String>,
    /// When anything here last changed.
    #[serde(serialize_with = "crate::clock::text")]
    pub last_updated: Timestamp,
    /// The newest operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_deployment: Option<CurrentDeployment>,
    /// Why automatic syncs wait, if they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<DeploymentHold>,
    /// What was deployed, oldest first.
    pub history: Vec<DeploymentRecord>,
}

/// The newest operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CurrentDeployment {
    /// Operation id.
    pub id: String,
    /// `Running`, or how it ended.
    pub state: String,
    /// The commit.
    pub commit: String,
    /// Who asked for it.
    pub initiated_by: String,
    /// When it started.
    #[serde(serialize_with = "crate::clock::text")]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "crate::clock::text_or_null")]
    pub finished_at: Option<Timestamp>,
    /// How it ended, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A hold, with its time as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentHold {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when.
    #[serde(serialize_with = "crate::clock::text")]
    pub at: Timestamp,
    /// The revision it is pinned to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

impl From<Hold> for DeploymentHold {
    fn from(hold: Hold) -> DeploymentHold {
        DeploymentHold { reason: hold.reason, by: hold.by, at: hold.at, revision: hold.revision }
    }
}

/// One past deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentRecord {
    /// History id, for a roll-back.
    pub id: u64,
    /// How it ended.
    pub state: String,
    /// The commit.
    pub commit: String,
    /// When it was applied.
    #[serde(serialize_with = "crate::clock::text")]
    pub deployed_at: Timestamp,
    /// When its operation started.
    #[serde(serialize_with = "crate::clock::text")]
    pub started_at: Timestamp,
    /// Who asked for it.
    pub initiated_by: String,
    /// Operation id.
    pub operation: String,
    /// The operation's message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Store {
    /// An application's deployment; `None` when there is no such application.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn deployment(&self, app: &AppKey) -> Result<Option<Deployment>, StoreError> {
        self.read("read deployment", |c| {
            let Some(id) = application::id_of(c, app)? else { return Ok(None) };
            let Some(row) = application::find(c, app)? else { return Ok(None) };
            let newest = operation::newest(c, id)?;
            let history: Vec<DeploymentRecord> = history::of(c, id)?.into_iter().map(DeploymentRecord::from).collect();
            let times = [
                Some(row.created_at),
                row.status.as_ref().map(|s| s.updated_at),
                newest.as_ref().map(|o| o.finished_at.unwrap_or(o.started_at)),
                row.hold.as_ref().map(|h| h.at),
            ];
            Ok(Some(Deployment {
                application: row.key,
                state: newest.as_ref().map_or_else(|| "Pending".to_owned(), |o| o.phase.clone()),
                health: row.status.as_ref().map_or_else(|| "Unknown".to_owned(), |s| s.health.clone()),
                sync: row.status.as_ref().map_or_else(|| "Unknown".to_owned(), |s| s.sync.clone()),
                deployed_commit: history.last().map(|h| h.commit.clone()),
                last_updated: times.into_iter().flatten().max().unwrap_or(row.created_at),
                current_deployment: newest.map(CurrentDeployment::from),
                hold: row.hold.map(DeploymentHold::from),
                history,
            }))
        })
    }
}

impl From<operation::Operation> for CurrentDeployment {
    fn from(o: operation::Operation) -> CurrentDeployment {
        CurrentDeployment {
            id: o.id,
            state: o.phase,
            commit: o.revision,
            initiated_by: o.requested_by,
            started_at: o.started_at,
            finished_at: o.finished_at,
            message: o.message,
        }
    }
}

impl From<history::HistoryEntry> for DeploymentRecord {
    fn from(h: history::HistoryEntry) -> DeploymentRecord {
        DeploymentRecord {
            id: h.id,
            state: h.status,
            commit: h.revision,
            deployed_at: h.deployed_at,
            started_at: h.started_at,
            initiated_by: h.initiated_by,
            operation: h.operation,
            message: h.message,
        }
    }
}
