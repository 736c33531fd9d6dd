//! How one object is: built-in kinds, the well-known operators' kinds, and conventions that serve kinds nobody has listed.
//!
//! ```
//! use gitops_health::HealthStatus::{Degraded, Healthy, Progressing};
//! use gitops_health::{Health, HealthStatus};
//! use gitops_manifest::json;
//!
//! let live = json::parse(br#"{"apiVersion": "example.org/v1", "kind": "Tape", "metadata": {"name": "a", "generation": 1},
//!     "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "TapeTorn", "message": "torn"}]}}"#, "tape")?;
//! assert_eq!(gitops_health::assess(&live), Some(Health::new(Degraded, "torn")));
//!
//! let objects = [Health::healthy(), Health::new(Progressing, "1 of 2 replicas"), Health::new(Degraded, "image not found")];
//! assert_eq!(HealthStatus::worst(objects.iter().map(|h| h.status)), Degraded);
//! assert!(Healthy < Progressing && Progressing < Degraded);
//! # Ok::<(), gitops_manifest::yaml::ParseError>(())
//! ```
//!
//! Order: an object that is being deleted; a kind with rules of its own ([`of_known`]: `rules/*.rules`, `src/kinds/`); Kubernetes'
//! own kinds ([`of_builtin`]); then [`by_convention`]. An object that none of them can say anything about has no health: it
//! never holds a sync wave up and never counts for the application.
//!
//! Rules: Argo CD's health assessment for the kinds it knows (statuses and messages are the contract of people's alerts);
//! [kstatus](https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md) and the Kubernetes API conventions
//! for the others. Users' Lua scripts are `gitops-lua`'s.

mod builtin;
mod convention;
mod glob;
mod kinds;
mod live;
mod rule;
mod status;

use gitops_manifest::Value;

pub use glob::matches;
pub use status::{Health, HealthStatus};

use live::Live;

/// The finalizer that keeps a hook until its end was recorded; such a hook's health goes on being read while it is deleted.
const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

/// The health of a live object; `None` when nothing is known about such objects.
pub fn assess(object: &Value) -> Option<Health> {
    pending_deletion(object).or_else(|| of_known(object)).or_else(|| of_builtin(object)).or_else(|| by_convention(object))
}

/// `Progressing` for an object that is being deleted, unless it is a hook whose end is still to be recorded.
pub fn pending_deletion(object: &Value) -> Option<Health> {
    let metadata = object.get("metadata")?;
    metadata.get("deletionTimestamp").filter(|v| !v.is_null())?;
    let kept =
        metadata.get("finalizers").and_then(Value::as_list).is_some_and(|all| all.iter().any(|f| f.as_str() == Some(HOOK_FINALIZER)));
    (!kept).then(|| Health::new(HealthStatus::Progressing, "Pending deletion"))
}

/// The health by the rules written for the object's own kind; `None` when there are none.
pub fn of_known(object: &Value) -> Option<Health> {
    let live = Live::new(object);
    rule::shipped().health(&live).or_else(|| kinds::health(&live))
}

/// The health of one of Kubernetes' own kinds; `None` when the kind is not one of those that have a health.
pub fn of_builtin(object: &Value) -> Option<Health> {
    builtin::health(&Live::new(object))
}

/// The health by conventions alone: generations, conditions, phases, replicas. `None` when the object shows none of them,
/// and for kinds of Kubernetes itself, where [`of_builtin`] is complete.
pub fn by_convention(object: &Value) -> Option<Health> {
    convention::health(&Live::new(object))
}
