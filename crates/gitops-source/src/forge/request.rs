//! The request that sets a status: pure, so that it can be tested and shown without a server.
//!
//! Bodies and paths are those of the servers' documented APIs: GitHub's and Gitea's `POST
//! /repos/OWNER/REPO/statuses/SHA`, GitLab's `POST /projects/PATH/statuses/SHA`.

use std::fmt;

use gitops_manifest::{Map, Value, json};

use super::{ForgeKind, StatusReport, StatusState};
use crate::{RepoUrl, Scheme};

/// Why no request can be made. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForgeError {
    /// The configured address of the API is none.
    #[error("the forge's API address has to begin with http:// or https://, and to have a host and no user, `?` or `#`")]
    ApiBase,
    /// The token cannot be sent.
    #[error("the forge's token is empty or has characters that no header can have")]
    Token,
    /// The certificates cannot be read.
    #[error("the forge's certificates: {0}")]
    Certificates(String),
    /// The repository cannot be on such a server.
    #[error("{repo} is no repository of a {kind:?} server: {reason}")]
    Repository {
        /// The repository.
        repo: String,
        /// The kind of server.
        kind: ForgeKind,
        /// Why not.
        reason: &'static str,
    },
    /// The revision is no commit.
    #[error("a status needs a commit's whole hash, of 40 or 64 hexadecimal digits")]
    Revision,
}

/// A request that sets a status. Its headers hold the token; `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct ForgeRequest {
    /// Always `POST`.
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

impl fmt::Debug for ForgeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value)| match name {
            "authorization" | "private-token" => (name, "(not shown)"),
            name => (name, value),
        };
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| shown((*name, value.as_str()))).collect();
        f.debug_struct("ForgeRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &headers)
            .field("body", &self.body)
            .finish()
    }
}

/// The address of an API, without a `/` at its end, if it is one.
pub(super) fn checked_base(text: &str) -> Result<String, ForgeError> {
    let text = text.trim();
    let rest = text.strip_prefix("https://").or(text.strip_prefix("http://")).ok_or(ForgeError::ApiBase)?;
    let authority = rest.split('/').next().unwrap_or_default();
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    if authority.is_empty() || authority.contains('@') || text.contains(['?', '#']) || !printable {
        return Err(ForgeError::ApiBase);
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The request of one status.
pub(super) fn build(
    kind: ForgeKind,
    base: &str,
    token: &str,
    repo: &RepoUrl,
    revision: &str,
    report: &StatusReport,
) -> Result<ForgeRequest, ForgeError> {
    let base = checked_base(base)?;
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ForgeError::Token);
    }
    if !matches!(revision.len(), 40 | 64) || !revision.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(ForgeError::Revision);
    }
    let segments = segments(kind, &base, repo)?;
    let url = match kind {
        ForgeKind::GitLab => format!("{base}/projects/{}/statuses/{revision}", segments.join("%2F")),
        ForgeKind::GitHub | ForgeKind::Gitea => format!("{base}/repos/{}/statuses/{revision}", segments.join("/")),
    };
    let mut headers = vec![("content-type", "application/json".to_owned())];
    match kind {
        ForgeKind::GitHub => {
            headers.push(("accept", "application/vnd.github+json".to_owned()));
            headers.push(("x-github-api-version", "2022-11-28".to_owned()));
            headers.push(("authorization", format!("Bearer {token}")));
        }
        ForgeKind::GitLab => headers.push(("private-token", token.to_owned())),
        ForgeKind::Gitea => headers.push(("authorization", format!("token {token}"))),
    }
    Ok(ForgeRequest { method: "POST", url, headers, body: body(kind, report) })
}

/// The repository's name on its server, by segment, ready for an address.
fn segments(kind: ForgeKind, base: &str, repo: &RepoUrl) -> Result<Vec<String>, ForgeError> {
    let wrong = |reason| ForgeError::Repository { repo: repo.to_string(), kind, reason };
    let path = repo.path().trim_matches('/');
    let path = match repo.scheme() {
        Scheme::File => return Err(wrong("it is a directory")),
        Scheme::Ssh => path,
        // A server under a path of its own has its repositories under that path, too.
        Scheme::Http | Scheme::Https => {
            let root = base.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
            let root = root.and_then(|path| path.strip_suffix(kind.api_path())).unwrap_or_default().trim_matches('/');
            path.strip_prefix(root).filter(|rest| root.is_empty() || rest.starts_with('/')).unwrap_or(path).trim_start_matches('/')
        }
    };
    let path = path.strip_suffix(".git").unwrap_or(path);
    let segments: Vec<String> = path.split('/').map(encoded).collect();
    if segments.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..")) {
        return Err(wrong("its path has an empty part, `.` or `..`"));
    }
    match (kind, segments.len()) {
        (ForgeKind::GitLab, 2..) | (ForgeKind::GitHub | ForgeKind::Gitea, 2) => Ok(segments),
        (ForgeKind::GitLab, _) => Err(wrong("its path is not GROUP/…/PROJECT")),
        _ => Err(wrong("its path is not OWNER/REPOSITORY")),
    }
}

/// Percent-encoded, but for what RFC 3986 calls unreserved.
fn encoded(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn body(kind: ForgeKind, report: &StatusReport) -> String {
    let state = match (report.state, kind) {
        (StatusState::Pending, _) => "pending",
        (StatusState::Success, _) => "success",
        (StatusState::Failure, ForgeKind::GitLab) => "failed",
        (StatusState::Failure, _) => "failure",
    };
    let mut body = Map::new();
    body.insert("state", state);
    body.insert(if kind == ForgeKind::GitLab { "name" } else { "context" }, report.context.as_str());
    body.insert("description", report.short(kind.description_limit()));
    if let Some(link) = report.link() {
        body.insert("target_url", link);
    }
    json::print(&Value::Map(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn report() -> StatusReport {
        let text = |text: &str| text.to_owned();
        StatusReport {
            state: StatusState::Failure,
            context: text("gitops/shop"),
            description: text("1 of 2 failed"),
            target_url: text("https://x/1"),
        }
    }

    fn built(kind: ForgeKind, base: &str, repo: &str) -> Result<ForgeRequest, ForgeError> {
        build(kind, base, "t0ken", &RepoUrl::parse(repo).unwrap(), SHA, &report())
    }

    #[test]
    fn each_kind_has_its_form() {
        let request = built(ForgeKind::GitHub, "https://api.github.com/", "git@github.com:Org/repo.git").unwrap();
        assert_eq!((request.method, request.url), ("POST", format!("https://api.github.com/repos/Org/repo/statuses/{SHA}")));
        assert!(request.headers.contains(&("authorization", "Bearer t0ken".into())));
        let body = r#"{"context":"gitops/shop","description":"1 of 2 failed","state":"failure","target_url":"https://x/1"}"#;
        assert_eq!(request.body, body);

        let request = built(ForgeKind::GitLab, "https://h/api/v4", "https://h/a/b/c.git").unwrap();
        assert_eq!(request.url, format!("https://h/api/v4/projects/a%2Fb%2Fc/statuses/{SHA}"));
        assert!(request.headers.contains(&("private-token", "t0ken".into())));
        let body = r#"{"description":"1 of 2 failed","name":"gitops/shop","state":"failed","target_url":"https://x/1"}"#;
        assert_eq!(request.body, body);

        let request = built(ForgeKind::Gitea, "http://h:3000/api/v1", "ssh://git@h:22/o/r").unwrap();
        assert_eq!(request.url, format!("http://h:3000/api/v1/repos/o/r/statuses/{SHA}"));
        assert!(request.headers.contains(&("authorization", "token t0ken".into())));
    }

    #[test]
    fn a_server_under_a_path_has_its_repositories_there() {
        let url = |kind, base, repo| built(kind, base, repo).unwrap().url;
        let tail = format!("statuses/{SHA}");
        assert_eq!(url(ForgeKind::Gitea, "https://h/git/api/v1", "https://h/git/o/r"), format!("https://h/git/api/v1/repos/o/r/{tail}"));
        assert_eq!(url(ForgeKind::GitLab, "https://h/x/api/v4", "https://h/x/o/r"), format!("https://h/x/api/v4/projects/o%2Fr/{tail}"));
        assert_eq!(url(ForgeKind::GitLab, "https://h/x/api/v4", "https://h/xo/r"), format!("https://h/x/api/v4/projects/xo%2Fr/{tail}"));
        assert_eq!(url(ForgeKind::GitLab, "https://h/api/v4", "https://h/a b/r"), format!("https://h/api/v4/projects/a%20b%2Fr/{tail}"));
    }

    #[test]
    fn what_cannot_be_is_refused_without_the_token() {
        let repo = RepoUrl::parse("https://h/o/r").unwrap();
        assert!(matches!(built(ForgeKind::GitHub, "https://h/api/v3", "https://h/o/r/x"), Err(ForgeError::Repository { .. })));
        assert!(matches!(built(ForgeKind::GitHub, "https://h/api/v3", "https://h/../r"), Err(ForgeError::Repository { .. })));
        assert!(matches!(built(ForgeKind::GitLab, "https://h/api/v4", "https://h/o"), Err(ForgeError::Repository { .. })));
        assert!(matches!(built(ForgeKind::Gitea, "https://h/api/v1", "/srv/o/r"), Err(ForgeError::Repository { .. })));
        for base in ["", "ftp://h", "https://", "https://me:pw@h/api", "https://h/api?x", "https://h/a b"] {
            assert_eq!(built(ForgeKind::GitHub, base, "https://h/o/r"), Err(ForgeError::ApiBase), "{base}");
        }
        for revision in ["main", "", "0123", &"g".repeat(40), "../../../../../../../../../../../../../x/y"] {
            let built = build(ForgeKind::GitHub, "https://h", "t0ken", &repo, revision, &report());
            assert_eq!(built, Err(ForgeError::Revision), "{revision}");
        }
        for token in ["", "two\r\nx-evil: 1", "a b"] {
            let error = build(ForgeKind::GitHub, "https://h", token, &repo, SHA, &report()).unwrap_err();
            assert_eq!(error, ForgeError::Token);
        }
    }

    #[test]
    fn debug_hides_the_token() {
        for kind in [ForgeKind::GitHub, ForgeKind::GitLab, ForgeKind::Gitea] {
            let request = built(kind, "https://h", "https://h/o/r").unwrap();
            assert!(!format!("{request:?}").contains("t0ken"), "{kind:?}");
        }
    }
}
