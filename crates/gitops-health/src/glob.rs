//! Patterns with `*` and `?`, as in `*.crossplane.io/*`.

/// Whether `text` is `pattern`, where `*` stands for any characters and `?` for one. `/` is a character as any other: users' keys
/// for kinds are matched so.
///
/// Time is bounded by the product of both lengths, whatever the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    fits(pattern, text, false)
}

/// The same where neither `*` nor `?` stands for `/`.
pub(crate) fn matches_parts(pattern: &str, text: &str) -> bool {
    fits(pattern, text, true)
}

fn fits(pattern: &str, text: &str, parts: bool) -> bool {
    let stops = |byte: u8| parts && byte == b'/';
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the bytes after the last `*` do not fit: the star, and what it has taken so far.
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(b'?') if !stops(text[t]) => {
                // A character may be several bytes: all that begin with the bits 10 belong to the one before.
                let rest = text[t + 1..].iter().take_while(|byte| **byte & 0xC0 == 0x80).count();
                (p, t) = (p + 1, t + 1 + rest);
            }
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match back {
                Some((star, taken)) if !stops(text[taken]) => {
                    back = Some((star, taken + 1));
                    (p, t) = (star + 1, taken + 1);
                }
                _ => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::{matches, matches_parts};

    #[test]
    fn stars_stay_within_a_part() {
        for (pattern, text, expected) in [
            ("*.crossplane.io/*", "s3.aws.crossplane.io/Bucket", true),
            ("*.crossplane.io/*", "crossplane.io/Bucket", false),
            ("*/Bucket", "a/b/Bucket", false),
            ("?ucket", "Bucket", true),
            ("?", "é", true),
            ("??", "é", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b", "a", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches_parts(pattern, text), expected, "{pattern} {text}");
        }
        assert!(matches("*", "a/b") && matches("a?b", "a/b") && !matches("a", "a/b"));
    }
}
