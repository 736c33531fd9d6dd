//! Structural difference of desired and live objects, with ignore rules and masking.
//!
//! In: two [`gitops_manifest::Value`]s. Out: differences by path ([`compare`]), an RFC 6902 patch ([`to_json_patch`]) or
//! text ([`unified`]). Laws: `compare` without rules is empty exactly when the values are equal, and applying
//! `to_json_patch(a, b)` to `a` gives `b`. What people see goes through a [`Masker`] first: its result has the same
//! three methods, so a secret can reach none of them.
//! Against a cluster it is not equality that counts but who owns what: [`compare_owned`] goes by `metadata.managedFields` and
//! the types of `gitops-schema`, answers differences and [`Doubt`]s, and [`confirm`] settles these by the API server's answer to
//! a dry run. A [`Comparer`] holds what all comparisons of a cluster share.
//! Cost: `O(n log n)` in the size of the values, also for long lists; [`unified`] uses Myers' algorithm up to a limit.
//! Rules: `diff.md` §6 to §8 (normalisation, ignore rules, known types) and §12 (masks); `design/architecture.md` idea 4. Errors: [`IgnoreRuleError`], [`MaskerError`].
//!
//! ```
//! use gitops_diff::{Change, compare, to_json_patch};
//! use gitops_manifest::json;
//!
//! let live = json::parse(br#"{"spec": {"containers": [{"name": "web", "image": "web:1"}]}}"#, "live")?;
//! let desired = json::parse(br#"{"spec": {"containers": [{"name": "web", "image": "web:2"}]}}"#, "desired")?;
//! let differences = compare(&desired, &live, &[]);
//! assert_eq!(differences[0].path, "spec.containers[name=web].image");
//! assert!(matches!(differences[0].change, Change::Changed { .. }));
//! let patch = to_json_patch(&live, &desired);
//! assert_eq!(patch.as_list().map(<[_]>::len), Some(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod align;
mod compare;
mod comparer;
mod confirm;
mod equal;
mod ignore;
mod jq;
mod json_patch;
mod known;
mod mask;
mod normal;
mod owned;
mod ownership;
mod predicted;
mod trail;
mod unified;

pub use compare::{Change, Difference, LIST_KEYS, compare, compare_with_keys};
pub use comparer::Comparer;
pub use confirm::confirm;
pub use ignore::{IgnoreRule, IgnoreRuleError, IgnoreSpec};
pub use jq::JQ_STEPS;
pub use json_patch::to_json_patch;
pub use known::KnownTypes;
pub use mask::{Masked, Masker, MaskerError};
pub use normal::{CompareOptions, IgnoreStatus, without_noise};
pub use owned::{Context, Doubt, DoubtReason, Owned, Verdict, compare_owned};
pub use ownership::{Managers, Ownership};
pub use predicted::predicted;
pub use unified::unified;
