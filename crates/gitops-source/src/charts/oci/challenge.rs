//! What a registry wants: the `WWW-Authenticate` header.

/// A way to log in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password.
    Basic,
    /// A token, to be had at `realm`.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Challenge {
    /// The way to go, of those that are offered: a token before a password.
    pub(crate) fn parse(header: &str) -> Option<Challenge> {
        let mut found = None;
        let mut rest = header.trim_start_matches([' ', ',']);
        while !rest.is_empty() {
            let end = rest.find([' ', ',']).unwrap_or(rest.len());
            let scheme = &rest[..end];
            let (parameters, after) = parameters(&rest[end..]);
            rest = after;
            let get = |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
            if scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = get("realm")
            {
                return Some(Challenge::Bearer { realm, service: get("service"), scope: get("scope") });
            }
            if scheme.eq_ignore_ascii_case("basic") {
                found = Some(Challenge::Basic);
            }
        }
        found
    }
}

/// `name=value, name="value"`, up to what is none: the next scheme.
fn parameters(mut text: &str) -> (Vec<(&str, String)>, &str) {
    let mut found = Vec::new();
    loop {
        text = text.trim_start_matches([' ', ',', '\t']);
        let end = text.find([' ', ',', '=']).unwrap_or(text.len());
        let Some(value) = text[end..].trim_start().strip_prefix('=') else { return (found, text) };
        let name = &text[..end];
        let value = value.trim_start();
        let (value, rest) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = value.find([' ', ',']).unwrap_or(value.len());
                (value[..end].to_owned(), &value[end..])
            }
        };
        found.push((name, value));
        text = rest;
    }
}

fn unquote(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, &text[at + 1..]),
            '\\' => out.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => out.push(c),
        }
    }
    (out, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some(Challenge::Bearer { realm: realm.to_owned(), service: owned(service), scope: owned(scope) })
    }

    #[test]
    fn challenges_are_read() {
        let scope = "repository:a/b:pull,push";
        let table = [
            (r#"Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push""#, bearer("https://a/t", Some("s"), Some(scope))),
            (r#"bearer service=s, realm = "https://a/\"t""#, bearer("https://a/\"t", Some("s"), None)),
            (r#"Basic realm="x", Bearer realm="https://a/t""#, bearer("https://a/t", None, None)),
            (r#"Negotiate, Basic realm="Bearer realm=1""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("Bearer", None),
            ("Digest realm=\"x", None),
            ("", None),
            ("=", None),
            ("\u{e9}=\"\u{e9}", None),
        ];
        for (header, wanted) in table {
            assert_eq!(Challenge::parse(header), wanted, "{header}");
        }
    }
}
