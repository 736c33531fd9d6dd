//! The built server and the built command line, end to end: real git over http, real web hooks, a real live directory.
//!
//! Every test has a server, a repository and a live directory of its own, on ports that the system chooses, and waits by
//! looking until a deadline. `GITOPS_REQUIRE=all` turns a skip (a program that is not installed) into a failure.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod command_line;
mod damaged_store;
mod default_start;
mod faults;
mod fleet;
mod kubernetes;
mod restart;
mod rollback;
mod support;
mod web_hook;
