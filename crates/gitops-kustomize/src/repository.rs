//! Addresses of git repositories as kustomize takes them: `https://host/org/repo//path?ref=v1`, `github.com/org/repo/path`,
//! `git@host:org/repo.git`, `file:///repo//path`, and their mixtures.

/// A directory in a git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySpec {
    /// As it was written.
    pub raw: String,
    /// What to clone.
    pub clone: String,
    /// The directory in it; empty for its root.
    pub path: String,
    /// Branch, tag or commit; empty for the default branch.
    pub reference: String,
    /// Whether submodules belong to it.
    pub submodules: bool,
}

impl RepositorySpec {
    /// Takes an address apart; nothing when it is none.
    pub fn parse(address: &str) -> Option<RepositorySpec> {
        if address.starts_with('/') {
            return None;
        }
        let (place, query) = address.split_once('?').unwrap_or((address, ""));
        let (host, rest) = host(place)?;
        let (repository, path) = split(rest, host.starts_with("file://"))?;
        if repository.is_empty() || leaves(path) {
            return None;
        }
        let (reference, submodules) = read_query(query);
        Some(RepositorySpec {
            raw: address.to_owned(),
            clone: format!("{host}{repository}"),
            path: path.strip_prefix('/').unwrap_or(path).to_owned(),
            reference,
            submodules,
        })
    }
}

/// Whether an address is one of a file on a web server.
pub(crate) fn is_web_address(path: &str) -> bool {
    let lower = path.get(..8).unwrap_or(path).to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://")
}

/// Whether an address that could be both is one of a file on a web server, and not of a directory in a repository: it names
/// no commit, and ends as a manifest does.
pub fn is_web_file(address: &str) -> bool {
    is_web_address(address) && !address.contains("?ref=") && [".yaml", ".yml", ".json"].iter().any(|end| address.ends_with(end))
}

fn strip_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Scheme, user and host, made uniform, and what stands behind them.
fn host(place: &str) -> Option<(String, &str)> {
    let place = strip_ignoring_case(place, "git::").unwrap_or(place);
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let scheme = schemes.into_iter().find(|scheme| strip_ignoring_case(place, scheme).is_some()).unwrap_or_default();
    let rest = &place[scheme.len()..];
    let user = user(rest);
    let rest = &rest[user.len()..];
    let is_github = strip_ignoring_case(rest, "github.com/").or_else(|| strip_ignoring_case(rest, "github.com:")).is_some();
    let scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !scp {
        return None;
    }
    if scheme == "file://" {
        // A user is no user there.
        return Some((scheme.to_owned(), &place[scheme.len()..]));
    }
    let mut separator = rest.find('/');
    if scp {
        let colon = rest.find(':').filter(|colon| *colon > 0);
        separator = match (separator, colon) {
            (None, colon) => colon,
            (Some(slash), Some(colon)) => Some(slash.min(colon)),
            (slash, None) => slash,
        };
    }
    let (host, behind) = separator.map_or((rest, ""), |at| rest.split_at(at + 1));
    if host.is_empty() {
        return None;
    }
    let whole = if !is_github {
        format!("{scheme}{user}{host}")
    } else if scheme == "ssh://" || !user.is_empty() {
        format!("{user}github.com:")
    } else {
        "https://github.com/".to_owned()
    };
    Some((whole, behind))
}

/// `user@`, or nothing.
fn user(text: &str) -> &str {
    let Some((name, _)) = text.split_once('@') else { return "" };
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if good { &text[..=name.len()] } else { "" }
}

/// The repository, and the path in it.
fn split(rest: &str, is_file: bool) -> Option<(&str, &str)> {
    const AZURE: &str = "_git/";
    const SUFFIX: &str = ".git";
    if let Some(at) = rest.find(AZURE) {
        let name = at + AZURE.len();
        let end = rest[name..].find('/').map_or(rest.len(), |slash| name + slash);
        return Some((&rest[..end], rest.get(end + 1..).unwrap_or_default()));
    }
    if let Some((repository, path)) = rest.split_once("//") {
        return Some((repository, path));
    }
    if let Some(at) = rest.find(SUFFIX) {
        return Some(rest.split_at(at + SUFFIX.len()));
    }
    if is_file {
        return Some((rest, ""));
    }
    let first = rest.find('/')?;
    let end = rest[first + 1..].find('/').map_or(rest.len(), |slash| first + 1 + slash);
    Some((&rest[..end], rest.get(end + 1..).unwrap_or_default()))
}

/// Whether a path goes out of the repository.
fn leaves(path: &str) -> bool {
    let mut depth = 0_i32;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

fn read_query(query: &str) -> (String, bool) {
    let (mut reference, mut version, mut submodules) = ("", "", true);
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("ref", value)) if reference.is_empty() => reference = value,
            Some(("version", value)) if version.is_empty() => version = value,
            Some(("submodules", value)) => submodules = !matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False"),
            _ => {}
        }
    }
    let reference = if reference.is_empty() { version } else { reference };
    (percent_decoded(reference), submodules)
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = text.get(i + 1..i + 3).filter(|_| bytes[i] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[i], hex) {
            (_, Some(byte)) => {
                out.push(byte);
                i += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(address: &str) -> (String, String, String) {
        let spec = RepositorySpec::parse(address).expect("an address");
        (spec.clone, spec.path, spec.reference)
    }

    #[test]
    fn addresses_are_taken_apart() {
        let whole = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(parsed("github.com/o/r/p/q?ref=v1"), whole("https://github.com/o/r", "p/q", "v1"));
        assert_eq!(parsed("https://github.com/o/r//p?ref=a%2Fb"), whole("https://github.com/o/r", "p", "a/b"));
        assert_eq!(parsed("git@github.com:o/r.git/p"), whole("git@github.com:o/r.git", "p", ""));
        assert_eq!(parsed("ssh://git@x.io:22/o/r.git//p?version=2"), whole("ssh://git@x.io:22/o/r.git", "p", "2"));
        assert_eq!(parsed("https://dev.azure.com/o/p/_git/r/sub"), whole("https://dev.azure.com/o/p/_git/r", "sub", ""));
        assert_eq!(parsed("file:///a/b//c"), whole("file:///a/b", "c", ""));
    }

    #[test]
    fn paths_are_none() {
        for path in ["../base", "base", "/abs", "github.com", "https://host", "https://github.com/o/r//../x"] {
            assert_eq!(RepositorySpec::parse(path), None, "{path}");
        }
    }
}
