//! Commit statuses on git servers: "pending", "deployed", "failed because …" beside a commit.
//!
//! A [`Forge`] is one server with a token. [`Forge::request`] makes the request (pure), [`Forge::send`] sends it (blocking,
//! with time-outs) and says on failure whether to try again. The token goes to the configured address only, and is in no
//! error and no `Debug`.
//!
//! ```
//! use gitops_source::RepoUrl;
//! use gitops_source::forge::{Forge, ForgeKind, StatusReport, StatusState};
//! let repo = RepoUrl::parse("git@github.com:org/repo.git")?;
//! let kind = ForgeKind::of_host(repo.host()).expect("a name that tells");
//! let forge = Forge::new(kind, &kind.api_base(&repo).expect("a server"), "token");
//! let report = StatusReport {
//!     state: StatusState::Success,
//!     context: "gitops/shop".to_owned(),
//!     description: "deployed to production".to_owned(),
//!     target_url: "https://gitops.example.org/applications/shop".to_owned(),
//! };
//! let request = forge.request(&repo, &"4f".repeat(20), &report)?;
//! assert!(request.url.starts_with("https://api.github.com/repos/org/repo/statuses/4f4f"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod kind;
mod request;
mod send;
mod status;

pub use kind::ForgeKind;
pub use request::{ForgeError, ForgeRequest};
pub use send::{Forge, SendError};
pub use status::{StatusReport, StatusState};
