//! What ApplicationSet generators ask of others over HTTP: repositories, branches and pull requests of forges, parameters of
//! plugins. Blocking. Only reads.
//!
//! A [`Server`] is one forge with a login. Lists are read to their last page or not at all: an error on any page is an error
//! of the whole answer, so that nothing is deleted because half of a list was missing. The login goes to the configured
//! address only: redirects are not followed, a next page on another host is refused. No secret is in an error or in `Debug`.
//! Limits: 10 s to connect, 30 s and 16 MiB for each answer, 1,000 pages.
//!
//! ```no_run
//! use gitops_forge::{Kind, Login, RepositoryQuery, Server};
//! let server = Server::new(Kind::GitHub, "", Login::Token("t0ken".to_owned()))?;
//! let query = RepositoryQuery { owner: "acme", ..RepositoryQuery::default() };
//! for repository in server.repositories(&query)? {
//!     println!("{} {}", repository.url, repository.sha);
//! }
//! # Ok::<(), gitops_forge::AskError>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod ask;
mod azure;
mod bitbucket;
mod bitbucket_server;
mod error;
mod gitea;
mod github;
mod gitlab;
mod plugin;

use std::fmt;

use gitops_appset::{PullRequest, Repository};

use crate::ask::Client;

pub use error::AskError;
pub use plugin::ask_plugin;

/// The API that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Bitbucket Server and Data Center.
    BitbucketServer,
    /// Azure DevOps.
    Azure,
}

/// How we say who we are. `Debug` shows which kind only.
#[derive(Clone, Default)]
pub enum Login {
    /// Not at all.
    #[default]
    None,
    /// A token, in the form that the forge wants it.
    Token(String),
    /// A name and a password.
    Basic(String, String),
    /// `Authorization: Bearer`.
    Bearer(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Login::None => "None",
            Login::Token(_) => "Token",
            Login::Basic(..) => "Basic",
            Login::Bearer(_) => "Bearer",
        })
    }
}

/// Which repositories.
#[derive(Clone, Copy, Debug, Default)]
pub struct RepositoryQuery<'a> {
    /// Organization, group (a path), owner, workspace or project.
    pub owner: &'a str,
    /// Azure DevOps: the project within the organization.
    pub project: &'a str,
    /// Every branch, rather than the default one.
    pub all_branches: bool,
    /// `https` addresses, rather than `ssh` ones.
    pub https: bool,
    /// Leave archived repositories out.
    pub skip_archived: bool,
    /// GitLab: groups within the group as well.
    pub subgroups: bool,
    /// GitLab: projects shared with the group as well.
    pub shared: bool,
    /// GitLab: only with this topic.
    pub topic: &'a str,
}

/// Which pull requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct PullRequestQuery<'a> {
    /// Owner, workspace or project; Azure DevOps: the organization.
    pub owner: &'a str,
    /// Azure DevOps: the project within the organization.
    pub project: &'a str,
    /// Repository; GitLab: the project's path or id.
    pub repository: &'a str,
    /// All of these must be on a request.
    pub labels: &'a [String],
    /// GitLab: `opened`, `closed`, `merged`, `locked`; empty is all. Elsewhere only open ones are listed.
    pub state: &'a str,
}

/// One forge. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Server {
    kind: Kind,
    client: Client,
}

impl Server {
    /// A forge at `api`, as Argo CD's `api` field has it; empty is the public one.
    ///
    /// # Errors
    /// When the address is none, or the login has characters that no header can have.
    pub fn new(kind: Kind, api: &str, login: Login) -> Result<Server, AskError> {
        Server::with_tls(kind, api, login, false, None)
    }

    /// The same with a say about TLS: trust any certificate, or these authorities (PEM) instead of the public ones.
    ///
    /// # Errors
    /// As [`Server::new`], and when the certificates do not read.
    pub fn with_tls(kind: Kind, api: &str, login: Login, insecure: bool, authorities: Option<&str>) -> Result<Server, AskError> {
        let base = match kind {
            Kind::GitHub => github::base(api),
            Kind::GitLab => gitlab::base(api),
            Kind::Gitea => gitea::base(api),
            Kind::Bitbucket => bitbucket::base(api),
            Kind::BitbucketServer => bitbucket_server::base(api),
            Kind::Azure => azure::base(api),
        };
        let client = Client::new(&base, headers(kind, &login)?, insecure, authorities)?;
        Ok(Server { kind, client })
    }

    /// The repositories, one entry for each branch that is asked for. A repository without that branch (an empty one) is left
    /// out.
    ///
    /// # Errors
    /// When the forge does not answer every question.
    pub fn repositories(&self, query: &RepositoryQuery<'_>) -> Result<Vec<Repository>, AskError> {
        match self.kind {
            Kind::GitHub => github::repositories(&self.client, query),
            Kind::GitLab => gitlab::repositories(&self.client, query),
            Kind::Gitea => gitea::repositories(&self.client, query),
            Kind::Bitbucket => bitbucket::repositories(&self.client, query),
            Kind::BitbucketServer => bitbucket_server::repositories(&self.client, query),
            Kind::Azure => azure::repositories(&self.client, query),
        }
    }

    /// Whether a path exists at a repository's branch.
    ///
    /// # Errors
    /// When the forge does not answer.
    pub fn has_path(&self, query: &RepositoryQuery<'_>, repository: &Repository, path: &str) -> Result<bool, AskError> {
        match self.kind {
            Kind::GitHub => github::has_path(&self.client, repository, path),
            Kind::GitLab => gitlab::has_path(&self.client, repository, path),
            Kind::Gitea => gitea::has_path(&self.client, repository, path),
            Kind::Bitbucket => bitbucket::has_path(&self.client, repository, path),
            Kind::BitbucketServer => bitbucket_server::has_path(&self.client, repository, path),
            Kind::Azure => azure::has_path(&self.client, query, repository, path),
        }
    }

    /// The pull requests of a repository.
    ///
    /// # Errors
    /// [`AskError::NotFound`] when the repository is not there; when the forge does not answer.
    pub fn pull_requests(&self, query: &PullRequestQuery<'_>) -> Result<Vec<PullRequest>, AskError> {
        let mut found = match self.kind {
            Kind::GitHub => github::pull_requests(&self.client, query),
            Kind::GitLab => gitlab::pull_requests(&self.client, query),
            Kind::Gitea => gitea::pull_requests(&self.client, query),
            Kind::Bitbucket => bitbucket::pull_requests(&self.client, query),
            Kind::BitbucketServer => bitbucket_server::pull_requests(&self.client, query),
            Kind::Azure => azure::pull_requests(&self.client, query),
        }?;
        found.retain(|request| query.labels.iter().all(|label| request.labels.contains(label)));
        Ok(found)
    }
}

/// The headers that say who we are.
fn headers(kind: Kind, login: &Login) -> Result<Vec<(&'static str, String)>, AskError> {
    let basic = |user: &str, password: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
    };
    let mut headers = Vec::new();
    match (kind, login) {
        (_, Login::None) => {}
        (Kind::GitLab, Login::Token(token)) => headers.push(("private-token", token.clone())),
        (Kind::Gitea, Login::Token(token)) => headers.push(("authorization", format!("token {token}"))),
        (Kind::Azure, Login::Token(token)) => headers.push(("authorization", basic("", token))),
        (_, Login::Token(token) | Login::Bearer(token)) => headers.push(("authorization", format!("Bearer {token}"))),
        (_, Login::Basic(user, password)) => headers.push(("authorization", basic(user, password))),
    }
    if kind == Kind::GitHub {
        headers.push(("accept", "application/vnd.github+json".to_owned()));
        headers.push(("x-github-api-version", "2022-11-28".to_owned()));
    }
    if headers.iter().any(|(_, value)| !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic())) {
        return Err(AskError::Setting("the token has characters that no header can have: is there a line break in the Secret?".to_owned()));
    }
    Ok(headers)
}
