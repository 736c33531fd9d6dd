//! What a web hook told, whichever server sent it.

use std::fmt;

/// The kind of server that sent an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Provider {
    /// Azure DevOps.
    AzureDevOps,
    /// Gitea, Forgejo or Gogs.
    Gitea,
    /// GitHub, in the cloud or one's own.
    GitHub,
    /// GitLab.
    GitLab,
    /// Bitbucket Cloud.
    BitbucketCloud,
    /// Bitbucket Server and Data Center.
    BitbucketServer,
    /// Anything else, in the form of our own: see [`crate::webhook`].
    Generic,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Provider::AzureDevOps => "Azure DevOps",
            Provider::Gitea => "Gitea",
            Provider::GitHub => "GitHub",
            Provider::GitLab => "GitLab",
            Provider::BitbucketCloud => "Bitbucket Cloud",
            Provider::BitbucketServer => "Bitbucket Server",
            Provider::Generic => "generic",
        })
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// References moved.
    Push(Push),
    /// A test of the hook, or an event that moves no reference (an issue, a comment): there is nothing to do.
    Ping,
}

/// One reference that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name: `refs/heads/main`, `refs/tags/v1`.
    pub reference: String,
    /// The commit (of an annotated tag: the tag object) before; `None` when the reference is new, or the server does not say.
    pub before: Option<String>,
    /// The same after; `None` when the reference was deleted, or the server does not say.
    pub after: Option<String>,
}

/// A push, also one that creates or deletes a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Who sent it.
    pub provider: Provider,
    /// Every address of the repository that the payload gives: clone over http, over ssh, its page. Never empty. Compare
    /// them by [`RepoUrl::web_hook_key`](crate::RepoUrl::web_hook_key).
    pub repositories: Vec<String>,
    /// The full name of the (first) reference that moved: `refs/heads/main`, `refs/tags/v1`.
    pub reference: String,
    /// As [`RefUpdate::before`].
    pub before: Option<String>,
    /// As [`RefUpdate::after`].
    pub after: Option<String>,
    /// The files that the pushed commits touched, sorted; paths from the repository's root. `None` when the server does not
    /// tell, or not all of them: lists it cut, new and deleted references, tags, known force-pushes, several references at
    /// once. A force-push that the server does not mark as one (only GitHub does) lists the new commits' files, and not what
    /// the dropped commits had changed: who must know exactly compares the trees.
    pub changed: Option<Vec<String>>,
    /// The repository's default branch (`main`), when the server names it.
    pub default_branch: Option<String>,
    /// The other references of the same push. Bitbucket and Azure DevOps send one event for all of them.
    pub others: Vec<RefUpdate>,
}

impl Push {
    /// Whether the push moved the default branch. When the server did not say which that is: whether it moved `main`,
    /// `master` or `HEAD`, which may be wrong.
    pub fn to_default_branch(&self) -> bool {
        self.references().any(|reference| match (reference.strip_prefix("refs/heads/"), &self.default_branch) {
            (Some(branch), Some(default)) => branch == default,
            (Some(branch), None) => matches!(branch, "main" | "master" | "HEAD"),
            (None, _) => false,
        })
    }

    /// Whether the (first) reference is a tag.
    pub fn is_tag(&self) -> bool {
        self.reference.starts_with("refs/tags/")
    }

    /// All references that moved, the first first.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.reference.as_str()).chain(self.others.iter().map(|update| update.reference.as_str()))
    }
}
