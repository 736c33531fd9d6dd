//! Addresses of repositories, as people write them.
//!
//! Read are `https://`, `http://`, `ssh://`, the scp form (`git@host:org/repo`), `file://` and plain paths. A user name and
//! a password in an address are used to log in, and are never shown: [`RepoUrl`]'s `Display` and `Debug` leave them out
//! (but for the user name of an ssh address, which is part of where it leads).
//!
//! Two forms for comparing: [`RepoUrl::normalized`] (rules of a project's `sourceRepos`: lower case, no `.git`, no
//! `ssh://`, scp form as path form) and [`RepoUrl::web_hook_key`] (host and path only: a web hook may name the same
//! repository by another protocol, user or port).

use std::fmt;
use std::path::{Path, PathBuf};

/// How a repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// HTTP in clear text.
    Http,
    /// The `ssh` program.
    Ssh,
    /// A directory of this machine.
    File,
}

/// Why a text is no address of a repository. Never holds the text itself: it may have a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RepoUrlError {
    /// Nothing was written.
    #[error("the repository's address is empty")]
    Empty,
    /// A protocol that is not spoken.
    #[error("protocol `{0}://` is not supported: use https, http, ssh or file")]
    Scheme(String),
    /// A part is missing or malformed.
    #[error("the repository's address has {0}")]
    Malformed(&'static str),
}

/// The address of a repository.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoUrl {
    scheme: Scheme,
    user: Option<String>,
    password: Option<String>,
    /// Lower case; empty for files.
    host: String,
    port: Option<u16>,
    /// With a leading `/` unless it is relative to an ssh user's home.
    path: String,
}

impl RepoUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is empty, malformed, or of a protocol that is not spoken.
    pub fn parse(text: &str) -> Result<RepoUrl, RepoUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(RepoUrlError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(RepoUrlError::Malformed("a control character"));
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "https" => RepoUrl::network(Scheme::Https, rest),
                "http" => RepoUrl::network(Scheme::Http, rest),
                "ssh" | "git+ssh" | "ssh+git" => RepoUrl::network(Scheme::Ssh, rest),
                "file" => RepoUrl::local(rest.strip_prefix("localhost").unwrap_or(rest)),
                other => Err(RepoUrlError::Scheme(other.chars().take(20).collect())),
            };
        }
        match text.split_once(':') {
            Some((authority, path)) if !authority.contains('/') && !authority.starts_with('.') => {
                let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(u, h)| (Some(u), h));
                let user = user.map(|u| u.split(':').next().unwrap_or(u).to_owned());
                RepoUrl::checked(Scheme::Ssh, user, None, host, None, path)
            }
            _ => RepoUrl::local(text),
        }
    }

    fn local(path: &str) -> Result<RepoUrl, RepoUrlError> {
        if path.is_empty() {
            return Err(RepoUrlError::Malformed("no path"));
        }
        let path = path.to_owned();
        Ok(RepoUrl { scheme: Scheme::File, user: None, password: None, host: String::new(), port: None, path })
    }

    fn network(scheme: Scheme, rest: &str) -> Result<RepoUrl, RepoUrlError> {
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (userinfo, host_port) = authority.rsplit_once('@').map_or((None, authority), |(u, h)| (Some(u), h));
        let (user, password) = match userinfo.map(|u| u.split_once(':').map_or((u, None), |(u, p)| (u, Some(p)))) {
            None => (None, None),
            Some((user, password)) => (Some(percent_decode(user)?), password.map(percent_decode).transpose()?),
        };
        // An address in brackets has colons of its own.
        let port_at = host_port.rfind(':').filter(|at| !host_port[*at..].contains(']'));
        let (host, port) = port_at.map_or((host_port, ""), |at| (&host_port[..at], &host_port[at + 1..]));
        let port = match port {
            "" => None,
            digits => Some(digits.parse().map_err(|_| RepoUrlError::Malformed("a port that is no number"))?),
        };
        let default = match scheme {
            Scheme::Https => 443,
            Scheme::Http => 80,
            Scheme::Ssh | Scheme::File => 22,
        };
        let path = if scheme == Scheme::Ssh && path.starts_with("/~") { &path[1..] } else { path };
        RepoUrl::checked(scheme, user, password, host, port.filter(|p| *p != default), path)
    }

    fn checked(
        scheme: Scheme,
        user: Option<String>,
        password: Option<String>,
        host: &str,
        port: Option<u16>,
        path: &str,
    ) -> Result<RepoUrl, RepoUrlError> {
        let in_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        // A host or path that begins with `-` would be an option of the program that gets it.
        if host.is_empty() || host.starts_with('-') || !host.chars().all(in_host) {
            return Err(RepoUrlError::Malformed("no valid host name"));
        }
        if user.as_deref().is_some_and(|u| u.starts_with('-') || u.chars().any(char::is_control)) {
            return Err(RepoUrlError::Malformed("a user name that is not valid"));
        }
        if path.starts_with('-') || path.contains(['?', '#']) || (scheme == Scheme::Ssh && path.is_empty()) {
            return Err(RepoUrlError::Malformed("no valid path"));
        }
        let path = path.trim_end_matches('/').to_owned();
        Ok(RepoUrl { scheme, user: user.filter(|u| !u.is_empty()), password, host: host.to_ascii_lowercase(), port, path })
    }

    /// How it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, lower case; empty for a directory.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, when it is not the protocol's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path, as it was written, without a `/` at its end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The directory, of an address of one.
    pub fn local_path(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::File).then(|| std::path::absolute(Path::new(&self.path)).unwrap_or_else(|_| self.path.clone().into()))
    }

    /// The same with a path of only `/.` cut: how a prefix for a whole host is read.
    pub(crate) fn without_dot(mut self) -> RepoUrl {
        if self.path == "/." {
            self.path.clear();
        }
        self
    }

    pub(crate) fn without_user(mut self) -> RepoUrl {
        (self.user, self.password) = (None, None);
        self
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The form in which `sourceRepos` patterns and addresses are compared: lower case, without `.git`, `ssh://` and
    /// secrets.
    pub fn normalized(&self) -> String {
        let text = self.to_string().to_lowercase();
        let text = text.strip_prefix("ssh://").or(text.strip_prefix("file://")).unwrap_or(&text);
        text.trim_end_matches('/').trim_end_matches(".git").to_owned()
    }

    /// Host and path in lower case without `.git`: equal for all addresses of one repository on one server, whatever the
    /// protocol, user and port.
    pub fn web_hook_key(&self) -> String {
        let path = self.path.trim_matches('/').to_lowercase();
        format!("{}/{}", self.host, path.trim_end_matches(".git"))
    }
}

impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        let separator = if self.path.is_empty() || self.path.starts_with('/') { "" } else { "/" };
        match (self.scheme, &self.user) {
            (Scheme::File, _) => write!(f, "file://{}", self.path),
            (Scheme::Https, _) => write!(f, "https://{}{port}{separator}{}", self.host, self.path),
            (Scheme::Http, _) => write!(f, "http://{}{port}{separator}{}", self.host, self.path),
            (Scheme::Ssh, Some(user)) => write!(f, "ssh://{user}@{}{port}{separator}{}", self.host, self.path),
            (Scheme::Ssh, None) => write!(f, "ssh://{}{port}{separator}{}", self.host, self.path),
        }
    }
}

impl fmt::Debug for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepoUrl({self})")
    }
}

impl std::str::FromStr for RepoUrl {
    type Err = RepoUrlError;
    fn from_str(text: &str) -> Result<RepoUrl, RepoUrlError> {
        RepoUrl::parse(text)
    }
}

fn percent_decode(text: &str) -> Result<String, RepoUrlError> {
    const BAD: RepoUrlError = RepoUrlError::Malformed("a user name or password that is not valid");
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = tail.get(..2).and_then(|d| std::str::from_utf8(d).ok()).ok_or(BAD)?;
        out.push(u8::from_str_radix(digits, 16).map_err(|_| BAD)?);
        rest = &tail[2..];
    }
    String::from_utf8(out).ok().filter(|t| !t.chars().any(char::is_control)).ok_or(BAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RepoUrl {
        RepoUrl::parse(text).unwrap()
    }

    #[test]
    fn all_forms_of_one_repository_have_one_web_hook_key() {
        let forms = [
            "https://git.example.org/Org/Repo.git",
            "http://someone:secret@GIT.example.org:8080/org/repo/",
            "ssh://git@git.example.org:2222/org/repo.git",
            "git@git.example.org:org/repo.git",
            "git.example.org:/org/repo",
        ];
        for form in forms {
            assert_eq!(url(form).web_hook_key(), "git.example.org/org/repo", "{form}");
        }
        assert_ne!(url("https://git.example.org/org/repo2").web_hook_key(), "git.example.org/org/repo");
    }

    #[test]
    fn normalized_is_the_form_of_source_repos() {
        assert_eq!(url("https://Git.example.org/Org/Repo.git").normalized(), "https://git.example.org/org/repo");
        assert_eq!(url("git@git.example.org:org/Repo.git").normalized(), "git@git.example.org/org/repo");
        assert_eq!(url("ssh://git@git.example.org/org/repo").normalized(), "git@git.example.org/org/repo");
        assert_eq!(url("/srv/git/x.git").normalized(), "/srv/git/x");
    }

    #[test]
    fn secrets_are_never_shown() {
        let url = url("https://me:p%40ss@git.example.org/org/repo.git");
        assert_eq!((url.user(), url.password()), (Some("me"), Some("p@ss")));
        assert_eq!(url.to_string(), "https://git.example.org/org/repo.git");
        assert!(!format!("{url:?}").contains("p@ss"));
        let error = RepoUrl::parse("https://me:secret@:99999/x").unwrap_err();
        assert!(!error.to_string().contains("secret") && !format!("{error:?}").contains("secret"));
    }

    #[test]
    fn parts() {
        let ssh = url("ssh://git@[::1]:2222/~me/repo");
        assert_eq!((ssh.host(), ssh.port(), ssh.path()), ("[::1]", Some(2222), "~me/repo"));
        assert_eq!(url("https://h:443/x").port(), None);
        assert_eq!(url("file:///srv/x").local_path(), Some("/srv/x".into()));
        assert_eq!(url("./here").scheme(), Scheme::File);
        assert!(url("./here").local_path().unwrap().is_absolute());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "  ", "git://h/x", "https://", "https:///x", "ssh://-oProxyCommand=x/y", "h:-x", "https://h/x?y", "a\nb"] {
            assert!(RepoUrl::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(RepoUrl::parse("git://h/x"), Err(RepoUrlError::Scheme("git".into())));
    }
}
