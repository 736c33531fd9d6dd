//! Structural difference of desired and live objects, with ignore rules and masking.
//!
//! In: two [`gitops_manifest::Value`]s. Out: differences by path ([`compare`]), an RFC 6902 patch ([`to_json_patch`]) or
//! text ([`unified`]). Laws: `compare` without rules is empty exactly when the values are equal, and applying
//! `to_json_patch(a, b)` to `a` gives `b`. What people see goes through a [`Masker`] first: its result has the same
//! three methods, so a secret can reach none of them.
//! Cost: `O(n log n)` in the size of the values, also for long lists; [`unified`] uses Myers' algorithm up to a limit.
//! Rules: `diff.md` §7.1 (ignore rules) and §12 (masks). Errors: [`IgnoreRuleError`], [`MaskerError`].
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
mod ignore;
mod json_patch;
mod mask;
mod unified;

pub use compare::{Change, Difference, LIST_KEYS, compare, compare_with_keys};
pub use ignore::{IgnoreRule, IgnoreRuleError, IgnoreSpec};
pub use json_patch::to_json_patch;
pub use mask::{Masked, Masker, MaskerError};
pub use unified::unified;
