//! Patterns with `*` and `?`, as in `*.crossplane.io/*`.

/// Whether `text` is `pattern`, where `*` stands for any characters but `/` and `?` for one of them.
///
/// Time is bounded by the product of both lengths, whatever the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    fits(pattern, text, true)
}

/// The same where `/` is a character as any other.
pub(crate) fn is_like(pattern: &str, text: &str) -> bool {
    fits(pattern, text, false)
}

fn fits(pattern: &str, text: &str, parts: bool) -> bool {
    let stops = |c: char| parts && c == '/';
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the characters after the last `*` do not fit: the star, and what it has taken so far.
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, t));
                p += 1;
            }
            Some('?') if !stops(text[t]) => (p, t) = (p + 1, t + 1),
            Some(c) if *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match back {
                Some((star, taken)) if !stops(text[taken]) => {
                    back = Some((star, taken + 1));
                    (p, t) = (star + 1, taken + 1);
                }
                _ => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stay_within_a_part() {
        for (pattern, text, expected) in [
            ("*.crossplane.io/*", "s3.aws.crossplane.io/Bucket", true),
            ("*.crossplane.io/*", "crossplane.io/Bucket", false),
            ("*/Bucket", "a/b/Bucket", false),
            ("?ucket", "Bucket", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b", "a", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
