//! Argo CD's Application, AppProject and ApplicationSet (`argoproj.io/v1alpha1`) as a wire contract: read, checked, written
//! back, and the rules that follow from them alone.
//!
//! In: a [`gitops_manifest::Manifest`]. Out: an [`Application`], or every problem with its path. What we do not use
//! ourselves is checked against the contract and kept as JSON, so an Application passes through without loss (fields that
//! say nothing, such as `prune: false`, are left out, as Argo CD does).
//! Decisions here are pure: [`auto_sync`](fn@auto_sync), [`app_sync`], [`app_health`], [`Retry::wait`], [`SyncOptions`],
//! [`AppProject::permits_application`], [`decide_windows`]. The CRDs of the three kinds come from the same tables: [`crd()`].
//! Units: times are RFC 3339 text on the wire and seconds since 1970 in decisions; durations are Go's syntax.
//! Errors: [`ApplicationError`], with file, path and what to do.
//!
//! ```
//! use gitops_app::Application;
//! use gitops_manifest::{Location, Manifest, json};
//!
//! let body = json::parse(br#"{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "shop"},
//!     "spec": {"project": "default", "destination": {"name": "prod"}, "syncPolicy": {"automated": {}},
//!              "source": {"repoURL": "https://git.example/shop.git", "path": "deploy"}}}"#, "app.json")?;
//! let app = Application::from_manifest(&Manifest::from_value(body.clone(), Location::file("app.json"))?)?;
//! assert!(app.is_automated());
//! assert_eq!(app.effective_sources()[0].revision_spec(), "HEAD");
//! assert_eq!(app.to_value(), body);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod application;
mod auto_sync;
mod code;
mod crd;
mod cron;
mod duration;
mod error;
mod glob;
mod namespace;
mod operation;
mod project;
mod retry;
mod rules;
mod schema;
mod set;
mod source;
mod spec;
mod status;
mod sync_option;
mod tracking;
mod window;
mod wire;

pub use aggregate::{ResourceHealth, ResourceSync, app_health, app_sync, resource_sync};
pub use application::{API_VERSION, Application, KIND, Metadata};
pub use auto_sync::{AutoSync, AutoSyncInput, AutoSyncResource, LastOperation, SelfHealBackoff, auto_sync};
pub use code::{ConditionType, HookType, OperationPhase, ResultCode, SourceType, SyncCode};
pub use crd::{CRD_KINDS, crd};
pub use cron::{Schedule, ScheduleError};
pub use duration::{DurationError, GoDuration};
pub use error::{ApplicationError, Problem};
pub use glob::{Glob, GlobError, GlobSyntax, glob_match};
pub use namespace::namespace_matches;
pub use operation::{InitiatedBy, Operation, StrategyOptions, SyncOperation, SyncResource, SyncStrategy};
pub use project::{
    AppProject, AppProjectSpec, AppProjectStatus, ClusterResource, DestinationServiceAccount, GitIntegrity, GitIntegrityPolicy,
    GpgIntegrity, GroupKind, IntegrityRepository, OrphanedResourceKey, OrphanedResources, PROJECT_KIND, ProjectRefusal, ProjectRole,
    ProjectToken, RefusalReason, RoleTokens, SignatureKey, SourceIntegrity, normalize_repository,
};
pub use retry::{Backoff, Retry};
pub use set::{
    ApplicationSet, ApplicationSetSpec, ApplicationsSync, IgnoreApplicationDifference, MatchExpression, PreservedFields, RolloutStep,
    SET_KIND, SetStrategy, SetSyncPolicy,
};
pub use source::{ApplicationSource, Directory, NameValue, Plugin, PluginParameter};
pub use spec::{ApplicationSpec, Automated, Destination, HealthCheck, IgnoreDifference, ManagedNamespaceMetadata, SyncPolicy};
pub use status::{
    AppHealthStatus, ApplicationStatus, ComparedTo, Condition, OperationState, ResourceResult, ResourceStatus, RevisionHistory, Summary,
    SyncOperationResult, SyncStatus,
};
pub use sync_option::{
    Deletion, Propagation, SYNC_OPTIONS, SYNC_OPTIONS_ANNOTATION, SyncOption, SyncOptions, UnknownSyncOption, unknown_sync_options,
};
pub use tracking::{TRACKING_ANNOTATION, TrackingId, instance_name};
pub use window::{SyncWindow, WindowClock, WindowDecision, WindowError, decide_windows, may_continue, zone_warning};
