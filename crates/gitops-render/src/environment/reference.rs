//! References to secrets: `vault://platform/mail/production#password`, `env://MAIL_PASSWORD`, `file:///run/secrets/mail`.
//!
//! They stay as they are in everything that this crate gives; only a target resolves them. Here is only checked that it
//! will be able to. A reference is a whole string; text that merely contains one is not.
//!
//! Forms: `vault://<part>/<part>…[#<field>]`, parts of letters, digits, `.`, `_`, `-`; `env://<NAME>` of letters, digits
//! and `_`, not beginning with a digit; `file://<path>`, without `..` and control characters. No part may be `..`.

use gitops_manifest::Value;

use super::content::child;

/// A malformed reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) pointer: String,
    pub(super) scheme: &'static str,
    pub(super) reason: &'static str,
}

/// All malformed references in `value`.
pub(super) fn malformed(value: &Value) -> Vec<Malformed> {
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

fn walk(value: &Value, pointer: &str, found: &mut Vec<Malformed>) {
    match value {
        Value::String(text) => {
            if let Some((scheme, reason)) = check(text) {
                found.push(Malformed { pointer: pointer.to_owned(), scheme, reason });
            }
        }
        Value::List(list) => {
            for (i, item) in list.iter().enumerate() {
                walk(item, &child(pointer, &i.to_string()), found);
            }
        }
        Value::Map(map) => {
            for (key, item) in map.iter() {
                walk(item, &child(pointer, key), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What is wrong with a text that begins as a reference.
fn check(text: &str) -> Option<(&'static str, &'static str)> {
    if let Some(rest) = text.strip_prefix("vault://") {
        return vault(rest).map(|reason| ("vault", reason));
    }
    if let Some(name) = text.strip_prefix("env://") {
        let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let wrong = name.is_empty() || !letters || name.as_bytes()[0].is_ascii_digit();
        return wrong.then_some(("env", "write env://NAME: letters, digits and `_`, not beginning with a digit"));
    }
    let path = text.strip_prefix("file://")?;
    let reason = if path.trim_matches('/').is_empty() {
        "the path is missing"
    } else if path.split('/').any(|part| part == "..") {
        "the path has `..`"
    } else if path.chars().any(char::is_control) {
        "the path has a control character"
    } else {
        return None;
    };
    Some(("file", reason))
}

fn vault(rest: &str) -> Option<&'static str> {
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    let (path, field) = rest.split_once('#').map_or((rest, None), |(path, field)| (path, Some(field)));
    if path.is_empty() {
        Some("the path is missing")
    } else if path.split('/').any(|part| matches!(part, "." | "..")) {
        Some("the path has `.` or `..`")
    } else if !path.split('/').all(word) {
        Some("each part of the path is letters, digits, `.`, `_` and `-`, and none is empty")
    } else if field.is_some_and(|f| !word(f)) {
        Some("after `#` stands one field: letters, digits, `.`, `_` and `-`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_references_and_other_text_pass() {
        let texts = ["vault://platform/mail/production", "vault://kv/mail#password", "env://MAIL_PASSWORD", "file:///run/secrets/mail"];
        for text in texts.into_iter().chain(["https://example.com/..", "see vault://", "", "file://mail.txt"]) {
            assert_eq!(check(text), None, "{text}");
        }
    }

    #[test]
    fn malformed_references_are_found_and_not_shown() {
        for text in ["vault://", "vault:///kv", "vault://kv//mail", "vault://kv/mail#", "vault://kv/../x", "vault://kv/a b"] {
            assert_eq!(check(text).map(|(scheme, _)| scheme), Some("vault"), "{text}");
        }
        for text in ["env://", "env://1A", "env://A-B", "env://A B"] {
            assert_eq!(check(text).map(|(scheme, _)| scheme), Some("env"), "{text}");
        }
        for text in ["file://", "file:///", "file://../x", "file:///run/../etc/passwd", "file:///a\nb"] {
            assert_eq!(check(text).map(|(scheme, _)| scheme), Some("file"), "{text}");
        }
    }
}
