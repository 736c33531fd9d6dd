//! Where an artifact lies: `host[:port]/path[:tag][@sha256:…]`.

use gitops_tree::Revision;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// With its port, as it was written.
    pub(crate) host: String,
    pub(crate) repository: String,
    /// With `_` for `+`.
    pub(crate) tag: Option<String>,
    pub(crate) digest: Option<Revision>,
}

impl Reference {
    pub(crate) fn parse(text: &str) -> Result<Reference, String> {
        let (host, rest) = text.split_once('/').ok_or("a registry's address needs a path")?;
        let (rest, digest) = match rest.split_once('@') {
            None => (rest, None),
            Some((rest, digest)) => {
                let parsed = Revision::parse(digest).ok().filter(|_| digest.starts_with("sha256:"));
                (rest, Some(parsed.ok_or("a digest is `sha256:` and 64 hex digits")?))
            }
        };
        let (repository, tag) = rest.split_once(':').map_or((rest, None), |(path, tag)| (path, Some(tag.replace('+', "_"))));
        if !repository.split('/').all(is_part) {
            return Err("a path in a registry has lower-case letters, digits and `.`, `_`, `-` between them".to_owned());
        }
        if tag.as_ref().is_some_and(|tag| !is_tag(tag)) {
            return Err("a tag has letters, digits, `.`, `_` and `-`, at most 128 of them".to_owned());
        }
        Ok(Reference { host: host.to_ascii_lowercase(), repository: repository.to_owned(), tag, digest })
    }

    /// The host that answers for it.
    pub(crate) fn server(&self) -> &str {
        if self.host == "docker.io" { "registry-1.docker.io" } else { &self.host }
    }

    /// Whether the registry is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let name = self.host.rfind(':').filter(|at| !self.host[*at..].contains(']')).map_or(self.host.as_str(), |at| &self.host[..at]);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

fn is_part(part: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.iter().all(|b| is_plain(*b) || b"._-".contains(b))
        && bytes.first().is_some_and(|b| is_plain(*b))
        && bytes.last().is_some_and(|b| is_plain(*b))
        && !part.contains("..")
}

pub(crate) fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128 && tag.bytes().next().is_some_and(is_word) && tag.bytes().all(|b| is_word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let reference = Reference::parse("Registry.example.org:5000/a/b-c:1.2.3+x").unwrap();
        assert_eq!((reference.host.as_str(), reference.repository.as_str()), ("registry.example.org:5000", "a/b-c"));
        assert_eq!(reference.tag.as_deref(), Some("1.2.3_x"));
        let digest = format!("sha256:{}", "a".repeat(64));
        let reference = Reference::parse(&format!("docker.io/a/b@{digest}")).unwrap();
        assert_eq!(reference.digest.as_ref().map(Revision::as_str), Some(digest.as_str()));
        assert_eq!(reference.server(), "registry-1.docker.io");
        for text in ["host", "h/", "h/A", "h/a//b", "h/../b", "h/a:", "h/a:b/c", "h/a@sha256:12", "h/a@main", "h/a b", "h/a?x"] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        for (text, wanted) in
            [("localhost:5000/a", true), ("127.0.0.1/a", true), ("[::1]:5000/a", true), ("localhost.example.org/a", false)]
        {
            assert_eq!(Reference::parse(text).unwrap().is_loopback(), wanted, "{text}");
        }
    }
}
