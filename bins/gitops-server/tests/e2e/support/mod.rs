//! What every test stands on.

pub(crate) mod command_line;
#[path = "../../../../../crates/gitops-source/tests/support/git_http.rs"]
mod git_http;
pub(crate) mod live;
pub(crate) mod recorder;
pub(crate) mod repository;
pub(crate) mod server;
pub(crate) mod wait;
