//! Where an object's file stands below the live directory.
//!
//! By default `<namespace or _>/<group or core>/<Kind>/<name>.<json|yaml>`; a kind's rule may give a template. Every
//! text that comes from an object is one path part or a piece of one, and is encoded so that it can never be more:
//! bytes other than `A-Z a-z 0-9 . _ -` are written `%XX`, and so are a dot at the beginning (no `.`, `..` or hidden
//! file), and the whole of `_` and of `core` where they would mean "none". A text that becomes longer than 180 bytes is cut and ends in
//! `~` and 32 hex digits of its SHA-256 (`~` is never written otherwise, so that no two texts meet).
//! Letters keep their case. Two objects whose paths differ only in case are refused at apply, so that a live directory
//! can be copied to a file system that knows no case.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The layout of kinds that have no path of their own.
pub(crate) const DEFAULT_TEMPLATE: &str = "{namespace}/{group}/{kind}/{name}.{ext}";

/// Longest encoded text that is kept whole. With an ending, and a piece of a template, it stays under the 255 bytes
/// that file systems allow.
const LONGEST: usize = 180;

/// One text as a path part.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            b'.' if i == 0 => out.push_str("%2E"),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    if out.len() > LONGEST {
        out.truncate(LONGEST - 40);
        out.push('~');
        out.push_str(&hex::encode(&Sha256::digest(text.as_bytes())[..16]));
    }
    out
}

/// The part of a namespace: `_` for none.
pub(crate) fn namespace_part(namespace: &str) -> String {
    match namespace {
        "" => "_".to_owned(),
        "_" => "%5F".to_owned(),
        other => encode(other),
    }
}

/// The part of an API group: `core` for the core group.
pub(crate) fn group_part(group: &str) -> String {
    match group {
        "" => "core".to_owned(),
        "core" => "%63ore".to_owned(),
        other => encode(other),
    }
}

/// The key under which two paths that differ only in case are one.
pub(crate) fn case_key(path: &str) -> String {
    path.to_lowercase()
}

/// Whether every `{…}` of a template is one of `known`.
pub(crate) fn check_placeholders(template: &str, known: &[&str]) -> Result<(), String> {
    let mut rest = template;
    while let Some(begin) = rest.find(['{', '}']) {
        let named = rest[begin..].strip_prefix('{').and_then(|r| r.split_once('}'));
        match named {
            Some((name, after)) if known.contains(&name) => rest = after,
            _ => {
                let known: Vec<String> = known.iter().map(|k| format!("{{{k}}}")).collect();
                return Err(format!("`{template}`: what stands in braces must be one of {}", known.join(", ")));
            }
        }
    }
    Ok(())
}

/// Puts texts in the place of `{…}`. What is in braces but has no text (asked by `value`) is the caller's to refuse
/// earlier, by [`check_placeholders`].
pub(crate) fn expand(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, tail)) => {
                out.push_str(&value(name));
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_path_part() {
        for (text, expected) in [
            ("web", "web"),
            ("..", "%2E."),
            (".", "%2E"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("a/b", "a%2Fb"),
            ("a%2Fb", "a%252Fb"),
            ("a b\n\0", "a%20b%0A%00"),
            (".gitops", "%2Egitops"),
            ("Ä", "%C3%84"),
            ("~", "%7E"),
        ] {
            assert_eq!(encode(text), expected);
        }
        assert_eq!(namespace_part(""), "_");
        assert_eq!(namespace_part("_"), "%5F");
        assert_eq!(group_part("core"), "%63ore");
    }

    #[test]
    fn long_texts_stay_short_and_apart() {
        let (a, b) = (encode(&"x".repeat(5000)), encode(&"x".repeat(5001)));
        assert_ne!(a, b);
        assert!(a.len() <= LONGEST && b.len() <= LONGEST);
        assert!(encode(&"ü".repeat(300)).len() <= LONGEST);
    }

    #[test]
    fn placeholders() {
        assert_eq!(expand("a/{x}/{y}.z", |p| p.to_uppercase()), "a/X/Y.z");
        assert!(check_placeholders("a/{nam}", &["name"]).is_err());
        assert!(check_placeholders("a/{name", &["name"]).is_err());
        assert!(check_placeholders("a}", &["name"]).is_err());
        assert!(check_placeholders("a/{name}{name}", &["name"]).is_ok());
    }
}
