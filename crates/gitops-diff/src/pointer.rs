//! RFC 6901 pointers: reading, writing, and taking out what they point at.

use gitops_manifest::Value;

/// The tokens of a pointer, unescaped. None when it is neither empty nor begins with `/`, or has a wrong escape.
pub(crate) fn parse(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.strip_prefix('/')?.split('/').map(unescape).collect()
}

fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        match part.as_bytes().first()? {
            b'0' => out.push('~'),
            b'1' => out.push('/'),
            _ => return None,
        }
        out.push_str(&part[1..]);
    }
    Some(out)
}

/// Adds a token to a pointer.
pub(crate) fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// A list index: digits without a leading zero.
pub(crate) fn index(token: &str) -> Option<usize> {
    if token.len() > 1 && token.starts_with('0') || !token.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    token.parse().ok()
}

/// Whether something stands there.
pub(crate) fn exists(value: &Value, tokens: &[String]) -> bool {
    let step = |v: &Value, token: &String| match v {
        Value::Map(m) => m.contains_key(token),
        Value::List(l) => index(token).is_some_and(|i| i < l.len()),
        _ => false,
    };
    let Some((first, rest)) = tokens.split_first() else { return true };
    if !step(value, first) {
        return false;
    }
    let next = match value {
        Value::Map(m) => m.get(first),
        Value::List(l) => index(first).and_then(|i| l.get(i)),
        _ => None,
    };
    next.is_some_and(|v| exists(v, rest))
}

/// Takes out what stands there; nothing happens when nothing does.
pub(crate) fn remove(value: &mut Value, tokens: &[String]) {
    let Some((first, rest)) = tokens.split_first() else { return };
    match value {
        Value::Map(m) if rest.is_empty() => {
            m.remove(first);
        }
        Value::Map(m) => {
            if let Some(v) = m.get_mut(first) {
                remove(v, rest);
            }
        }
        Value::List(l) => match index(first).filter(|i| *i < l.len()) {
            Some(i) if rest.is_empty() => {
                l.remove(i);
            }
            Some(i) => remove(&mut l[i], rest),
            None => {}
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_read_back() {
        for token in ["a", "a/b", "~", "~1", "", "0"] {
            let mut pointer = String::new();
            push(&mut pointer, token);
            assert_eq!(parse(&pointer), Some(vec![token.to_owned()]));
        }
        assert_eq!(parse("a"), None);
        assert_eq!(parse("/~2"), None);
        assert_eq!(parse("/~"), None);
        assert_eq!((index("0"), index("01"), index("-"), index("12")), (Some(0), None, None, Some(12)));
    }
}
