//! Regular expressions over a whole text, in Go's notation. Those that name texts, as most do, are compared without a
//! regular expression being made.

use std::borrow::Cow;

use regex::Regex;

/// A pattern for the whole of a text.
#[derive(Debug)]
pub(crate) struct Pattern(Kind);

#[derive(Debug)]
enum Kind {
    Anything,
    /// One of these texts.
    Texts(Vec<String>),
    Regex(Regex),
}

/// What has a meaning in a regular expression, `|` aside.
const SPECIAL: &[char] = &['\\', '.', '+', '*', '?', '(', ')', '[', ']', '{', '}', '^', '$'];

impl Pattern {
    /// Nothing stands for anything.
    pub(crate) fn new(text: &str) -> Result<Pattern, String> {
        if text.is_empty() {
            return Ok(Pattern(Kind::Anything));
        }
        let unescaped = text.replace("\\.", "\u{0}").replace("\\-", "\u{1}");
        if !unescaped.contains(SPECIAL) && !text.contains(['\u{0}', '\u{1}']) {
            let plain = unescaped.replace('\u{0}', ".").replace('\u{1}', "-");
            return Ok(Pattern(Kind::Texts(plain.split('|').map(str::to_owned).collect())));
        }
        let regex = go_regex(&format!("^(?:{text})$"))?;
        Ok(Pattern(Kind::Regex(regex)))
    }

    /// Whether the whole text is meant.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match &self.0 {
            Kind::Anything => true,
            Kind::Texts(texts) => texts.iter().any(|t| t == text),
            Kind::Regex(regex) => regex.is_match(text),
        }
    }

    /// The one text that is meant, if there is only one.
    pub(crate) fn only(&self) -> Option<&str> {
        match &self.0 {
            Kind::Texts(texts) => match texts.as_slice() {
                [only] => Some(only),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A regular expression as Go reads it. Not taken over: `\C`, which the engine here has not.
pub(crate) fn go_regex(text: &str) -> Result<Regex, String> {
    Regex::new(&literal_braces(&unquoted(text))).map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => format!("it is too big: over {limit} bytes when compiled"),
        other => other.to_string().lines().last().unwrap_or_default().trim().to_owned(),
    })
}

/// Without `\Q…\E`, between which everything stands for itself; what `\E` does not end goes to the text's end.
fn unquoted(text: &str) -> Cow<'_, str> {
    if !text.contains("\\Q") {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        if let Some(quoted) = escape.strip_prefix("\\Q") {
            let (literal, behind) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            out.push_str(&regex::escape(literal));
            rest = behind;
        } else {
            // The escape and what it escapes, which may be a backslash.
            let end = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
            out.push_str(&escape[..end]);
            rest = &escape[end..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Go takes a brace that begins no repetition for itself.
fn literal_braces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    let mut in_class = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                out.push(c);
                if let Some((_, escaped)) = chars.next() {
                    out.push(escaped);
                    // A property's name in braces is left as it is.
                    if matches!(escaped, 'p' | 'P' | 'x') && text[at + 2..].starts_with('{') {
                        for (_, c) in chars.by_ref() {
                            out.push(c);
                            if c == '}' {
                                break;
                            }
                        }
                    }
                }
                continue;
            }
            '[' if !in_class => in_class = true,
            ']' if in_class => in_class = false,
            '{' if !in_class && !is_repetition(&text[at + 1..]) => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

fn is_repetition(rest: &str) -> bool {
    let Some((inside, _)) = rest.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    !least.is_empty() && least.bytes().chain(most.bytes()).all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).expect("a pattern").matches(text)
    }

    #[test]
    fn a_pattern_stands_for_the_whole_text() {
        assert!(matches("", "anything"));
        assert!(matches("web", "web") && !matches("web", "web-1"));
        assert!(matches("a|b", "b") && !matches("a|b", "ab"));
        assert!(matches("web.*", "web-1") && !matches("web.*", "my-web"));
        assert!(matches("a.b", "a-b") && !matches(r"a\.b", "a-b") && matches(r"a\.b", "a.b"));
        assert!(matches("(a|b)-c", "b-c") && matches("", ""));
        assert!(matches("a|", ""), "an empty alternative is nothing, not anything");
        assert!(matches(r"\Qa.b\E.*", "a.bc") && !matches(r"\Qa.b\E", "axb"));
        assert!(Pattern::new(r"a\Q(*").is_err(), "the end of the whole is quoted too, as in Go");
        assert!(matches(r"\\Q", "\\Q"), "an escaped backslash, and a letter");
        assert!(matches("a{", "a{") && matches("a{2}", "aa") && matches(r"\p{L}+", "ä"));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        assert_eq!(Pattern::new("a(").map(|_| ()), Err("error: unclosed group".to_owned()));
        assert!(Pattern::new("*").is_err());
    }
}
