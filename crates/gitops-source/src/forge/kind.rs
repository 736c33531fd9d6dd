//! The kinds of servers, told by a host's name, and where their APIs are.

use crate::{RepoUrl, Scheme};

/// The API that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ForgeKind {
    /// GitHub, in the cloud or one's own.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea, Forgejo, and Codeberg.
    Gitea,
}

impl ForgeKind {
    /// The kind of server, as far as its name tells: `github.com`, `gitlab.com`, `codeberg.org`, `NAME.ghe.com`, and hosts
    /// that have `github`, `gitlab`, `gitea`, `forgejo` or `codeberg` as a label (`gitlab.example.org`).
    pub fn of_host(host: &str) -> Option<ForgeKind> {
        let host = host.to_ascii_lowercase();
        if host.ends_with(".ghe.com") {
            return Some(ForgeKind::GitHub);
        }
        host.split('.').find_map(|label| match label {
            "github" => Some(ForgeKind::GitHub),
            "gitlab" => Some(ForgeKind::GitLab),
            "gitea" | "forgejo" | "codeberg" => Some(ForgeKind::Gitea),
            _ => None,
        })
    }

    /// Where the API of a repository's server is, when nobody said: by https, and on the address's port if that is of http or
    /// https. `None` for a directory.
    pub fn api_base(self, repo: &RepoUrl) -> Option<String> {
        let (scheme, port) = match repo.scheme() {
            Scheme::Http => ("http", repo.port()),
            Scheme::Https => ("https", repo.port()),
            Scheme::Ssh => ("https", None),
            Scheme::File => return None,
        };
        // The names under which ssh is served on the port of https.
        let host = match repo.host() {
            "ssh.github.com" | "www.github.com" => "github.com",
            "altssh.gitlab.com" => "gitlab.com",
            host => host,
        };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Some(match self {
            ForgeKind::GitHub if host == "github.com" => "https://api.github.com".to_owned(),
            ForgeKind::GitHub if host.ends_with(".ghe.com") => format!("https://api.{host}"),
            ForgeKind::GitHub => format!("{scheme}://{host}{port}/api/v3"),
            ForgeKind::GitLab => format!("{scheme}://{host}{port}/api/v4"),
            ForgeKind::Gitea => format!("{scheme}://{host}{port}/api/v1"),
        })
    }

    /// Most characters of a description. Gitea has no limit of its own; ours keeps its pages readable.
    pub(super) fn description_limit(self) -> usize {
        match self {
            ForgeKind::GitHub => 140,
            ForgeKind::GitLab | ForgeKind::Gitea => 255,
        }
    }

    /// What the path of an API begins with, behind the path under which the server itself is.
    pub(super) fn api_path(self) -> &'static str {
        match self {
            ForgeKind::GitHub => "/api/v3",
            ForgeKind::GitLab => "/api/v4",
            ForgeKind::Gitea => "/api/v1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_labels() {
        for (host, kind) in [
            ("github.com", Some(ForgeKind::GitHub)),
            ("ssh.github.com", Some(ForgeKind::GitHub)),
            ("GitHub.example.org", Some(ForgeKind::GitHub)),
            ("team.ghe.com", Some(ForgeKind::GitHub)),
            ("gitlab.com", Some(ForgeKind::GitLab)),
            ("git.gitlab.example.org", Some(ForgeKind::GitLab)),
            ("codeberg.org", Some(ForgeKind::Gitea)),
            ("gitea.com", Some(ForgeKind::Gitea)),
            ("forgejo.example.org", Some(ForgeKind::Gitea)),
            ("git.example.org", None),
            ("notgithub.com", None),
            ("", None),
        ] {
            assert_eq!(ForgeKind::of_host(host), kind, "{host}");
        }
    }

    #[test]
    fn api_addresses_follow_from_the_repository() {
        for (kind, repo, base) in [
            (ForgeKind::GitHub, "git@github.com:org/repo.git", Some("https://api.github.com")),
            (ForgeKind::GitHub, "ssh://git@ssh.github.com:443/org/repo", Some("https://api.github.com")),
            (ForgeKind::GitHub, "https://github.example.org/org/repo", Some("https://github.example.org/api/v3")),
            (ForgeKind::GitHub, "https://team.ghe.com/org/repo", Some("https://api.team.ghe.com")),
            (ForgeKind::GitLab, "https://gitlab.example.org:8443/a/b/c", Some("https://gitlab.example.org:8443/api/v4")),
            (ForgeKind::GitLab, "ssh://git@gitlab.example.org:2222/a/b", Some("https://gitlab.example.org/api/v4")),
            (ForgeKind::Gitea, "http://gitea.example.org:3000/a/b", Some("http://gitea.example.org:3000/api/v1")),
            (ForgeKind::Gitea, "/srv/repo", None),
        ] {
            assert_eq!(kind.api_base(&RepoUrl::parse(repo).unwrap()).as_deref(), base, "{repo}");
        }
    }
}
