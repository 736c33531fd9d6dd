//! The target against a real control plane: order, hooks, ownership, removal, and everything that goes wrong.
//!
//! One plane serves all tests, each in a namespace of its own; those that break the API server have one to themselves.
//! Where the plane's programs are missing, every test says that it was skipped; `GITOPS_REQUIRE=all` makes that a failure.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod faults;
mod hooks;
mod ownership;
mod removal;
mod support;
mod sync;
