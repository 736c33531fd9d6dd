//! Addresses on the web: `https://host/path?query`, and what a reference in a document at one leads to.
//!
//! A user name and a password in an address are used to log in and never shown; neither is the query, which may hold a
//! signature: `Display` puts `?…` for it. Dot segments are resolved when an address is read, encoded ones too, so that a
//! path means the same here and at the server.

use std::fmt;

use crate::{RepoUrl, RepoUrlError, Scheme};

/// An http or https address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct WebAddress {
    /// Protocol, login, host and port; no path.
    site: RepoUrl,
    /// From its `/` on, encoded.
    path: String,
    query: Option<String>,
}

/// Protocol, host and port: where the same credentials may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
}

impl WebAddress {
    /// Reads an address with its protocol. A fragment is dropped.
    pub(crate) fn parse(text: &str) -> Result<WebAddress, RepoUrlError> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(RepoUrlError::Malformed("a control character"));
        }
        let (scheme, rest) = text.split_once("://").ok_or(RepoUrlError::Malformed("no protocol"))?;
        if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            return Err(RepoUrlError::Scheme(scheme.chars().take(20).collect()));
        }
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let site = RepoUrl::parse(&format!("{scheme}://{}", &rest[..end]))?;
        let (path, query) = path_and_query(&rest[end..]);
        Ok(WebAddress { site, path: normalized(&path), query })
    }

    /// What `reference`, found in a document at this address, leads to.
    pub(crate) fn resolve(&self, reference: &str) -> Result<WebAddress, RepoUrlError> {
        let reference = reference.trim();
        if has_scheme(reference) {
            return WebAddress::parse(reference);
        }
        if reference.chars().any(char::is_control) {
            return Err(RepoUrlError::Malformed("a control character"));
        }
        if let Some(rest) = reference.strip_prefix("//") {
            let scheme = if self.site.scheme() == Scheme::Https { "https" } else { "http" };
            return WebAddress::parse(&format!("{scheme}://{rest}"));
        }
        let (path, query) = path_and_query(reference);
        let path = match (path.starts_with('/'), path.is_empty()) {
            (true, _) => path,
            (false, true) => self.path.clone(),
            (false, false) => format!("{}{path}", &self.path[..=self.path.rfind('/').unwrap_or(0)]),
        };
        Ok(WebAddress { site: self.site.clone(), path: normalized(&path), query })
    }

    /// The same with a path that ends in `/`, as references in a directory's documents need it.
    #[cfg(any(feature = "helm-repo", feature = "oci"))]
    pub(crate) fn as_directory(&self) -> WebAddress {
        WebAddress { path: format!("{}/", self.path.trim_end_matches('/')), ..self.clone() }
    }

    /// The same with the query of another.
    #[cfg(feature = "helm-repo")]
    pub(crate) fn with_query_of(mut self, other: &WebAddress) -> WebAddress {
        self.query.clone_from(&other.query);
        self
    }

    /// The same with an ending behind the path.
    #[cfg(feature = "helm-repo")]
    pub(crate) fn with_ending(mut self, ending: &str) -> WebAddress {
        self.path += ending;
        self
    }

    /// The last part of the path, decoded, if that gives text.
    #[cfg(feature = "helm-repo")]
    pub(crate) fn file_name(&self) -> Option<String> {
        let name = self.path.rsplit('/').next()?.as_bytes();
        let (mut out, mut at) = (Vec::new(), 0);
        while at < name.len() {
            let digits = name.get(at + 1..at + 3).filter(|_| name[at] == b'%').and_then(|d| std::str::from_utf8(d).ok());
            match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => (out.push(byte), at += 3),
                None => (out.push(name[at]), at += 1),
            };
        }
        String::from_utf8(out).ok()
    }

    /// The same with these parameters added to the query.
    #[cfg(feature = "oci")]
    pub(crate) fn with_parameters(mut self, parameters: &[(&str, &str)]) -> WebAddress {
        let mut query = self.query.take().unwrap_or_default();
        for (name, value) in parameters {
            let separator = if query.is_empty() { "" } else { "&" };
            query += &format!("{separator}{name}={}", encoded(value, |b| b.is_ascii_alphanumeric() || b"-._~/:".contains(&b)));
        }
        self.query = Some(query);
        self
    }

    /// What is asked for, without a login.
    pub(crate) fn target(&self) -> String {
        let query = self.query.as_ref().map(|q| format!("?{q}")).unwrap_or_default();
        format!("{}{}{query}", self.site, self.path)
    }

    /// Protocol, host and port.
    pub(crate) fn origin(&self) -> Origin {
        Origin { scheme: self.site.scheme(), host: self.site.host().to_owned(), port: self.site.port() }
    }

    /// Whether it is https.
    pub(crate) fn is_secure(&self) -> bool {
        self.site.scheme() == Scheme::Https
    }

    /// As an address that credentials and allow-lists are compared with: no query.
    pub(crate) fn place(&self) -> RepoUrl {
        RepoUrl::parse(&format!("{}{}", self.site, self.path)).unwrap_or_else(|_| self.site.clone().without_user())
    }

    /// The login in the address.
    pub(crate) fn login(&self) -> Option<(&str, &str)> {
        Some((self.site.user()?, self.site.password().unwrap_or_default()))
    }

    /// Without a login.
    pub(crate) fn without_login(mut self) -> WebAddress {
        self.site = self.site.without_user();
        self
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.site, self.path, if self.query.is_some() { "?…" } else { "" })
    }
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebAddress({self})")
    }
}

/// Whether a text begins with a protocol, as RFC 3986 has it.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn path_and_query(text: &str) -> (String, Option<String>) {
    let text = text.split('#').next().unwrap_or_default();
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    // What stands for itself in an address, and `%`: what is encoded already stays as it is.
    let is_kept = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&b);
    (encoded(path, is_kept), query.map(|q| encoded(q, |b| is_kept(b) || b == b'?')))
}

fn encoded(text: &str, is_kept: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_kept(byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

/// With a leading `/` and without `.` and `..`.
fn normalized(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        let is_last = segments.peek().is_none();
        match plain.as_str() {
            "." | ".." => {
                if plain == ".." {
                    parts.pop();
                }
                if is_last {
                    parts.push("");
                }
            }
            _ => parts.push(segment),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> WebAddress {
        WebAddress::parse(text).unwrap()
    }

    #[test]
    fn references_are_resolved() {
        let base = address("https://h.example.org:8443/charts/index.yaml?sig=1");
        let table = [
            ("a-1.tgz", "https://h.example.org:8443/charts/a-1.tgz"),
            ("./x/../a-1.tgz", "https://h.example.org:8443/charts/a-1.tgz"),
            ("/a.tgz?x=1", "https://h.example.org:8443/a.tgz?x=1"),
            ("../../../a.tgz", "https://h.example.org:8443/a.tgz"),
            ("%2e%2E/a.tgz", "https://h.example.org:8443/a.tgz"),
            ("//other.example.org/a.tgz", "https://other.example.org/a.tgz"),
            ("http://other.example.org/a b+c.tgz#f", "http://other.example.org/a%20b+c.tgz"),
            ("", "https://h.example.org:8443/charts/index.yaml"),
        ];
        for (reference, wanted) in table {
            assert_eq!(base.resolve(reference).unwrap().target(), wanted, "{reference}");
        }
        assert_eq!(address("https://h.example.org").target(), "https://h.example.org/");
        assert!(base.resolve("ftp://h/x").is_err());
        assert!(base.resolve("javascript:x").is_err());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let address = address("https://me:secret@h.example.org/a?sig=hidden");
        assert_eq!(address.to_string(), "https://h.example.org/a?…");
        assert_eq!(address.login(), Some(("me", "secret")));
        assert!(!format!("{address:?}").contains("secret") && !address.target().contains("secret"));
    }
}
