//! The store: applications, projects, sets, operations, history, audit log, on SQLite.
//!
//! It knows no types of the engine: documents are JSON text it does not read, and what is searched has a column. All calls
//! block; call them from a thread that may. "State before effect" rests on this crate: what a call has written when it
//! returns is there after `kill -9` at any later instant, and what operations wrote after a power cut as well.
//!
//! ```
//! use gitops_state::{AppKey, ListQuery, NewApplication, Origin, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open_in_memory()?; // or `Store::open(path, &OpenOptions::default())?`
//! let key = AppKey::new("argocd", "web");
//! let web = NewApplication {
//!     key: key.clone(),
//!     project: "default".into(),
//!     labels: [("team".to_owned(), "maps".to_owned())].into(),
//!     manifest_json: r#"{"metadata":{"name":"web"},"spec":{}}"#.into(),
//!     origin: Origin::Api,
//!     at: gitops_state::now(),
//! };
//! assert!(store.put_application(&web, Some(0))?.created);
//! assert_eq!(store.list_applications(&ListQuery { search: Some("we".into()), ..ListQuery::default() })?.counts.total, 1);
//! assert_eq!(store.deployment(&key)?.ok_or("gone")?.state, "Pending");
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod application;
mod audit;
mod backup;
mod blob;
mod cache;
mod clock;
mod deployment;
mod error;
mod history;
mod listing;
mod migration;
mod object;
mod open;
mod operation;
mod stop;
mod store;

pub use application::{AppKey, Application, Hold, NewApplication, Origin, Put, PutError, StatusRow};
pub use audit::{AuditEntry, AuditQuery, NewAudit};
pub use backup::{Backup, BackupError, Rotation, backup_file, restore, verify_backup};
pub use blob::ManifestBlob;
pub use clock::now;
pub use deployment::{CurrentDeployment, Deployment, DeploymentHold, DeploymentRecord};
pub use error::StoreError;
pub use gitops_manifest::Timestamp;
pub use history::{HistoryEntry, NewHistory};
pub use listing::{Counts, LabelTerm, ListQuery, Page};
pub use object::{NewObject, ObjectKind, StoredObject};
pub use open::{OpenError, OpenOptions, OpenReport};
pub use operation::{BeginError, Finish, NewOperation, OPERATIONS_KEPT, Operation, RUNNING, SaveError};
pub use store::Store;
