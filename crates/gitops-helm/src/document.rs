//! One YAML document as Helm reads it: through sigs.k8s.io/yaml, which looks at the first document only.

use std::borrow::Cow;

use gitops_manifest::Value;
use gitops_manifest::yaml::{self, DuplicateKeys, ParseError, ParseOptions};

/// The first document of `text`; `Null` when it is empty. The error is what Go would print behind `yaml: `.
pub(crate) fn first(text: &[u8], file: &str, options: &ParseOptions) -> Result<Value, String> {
    if text.len() > options.max_bytes {
        return Err(format!("{file}: {} bytes is more than the limit of {}", text.len(), options.max_bytes));
    }
    let text = &*in_utf8(text);
    if begins_with_tab(text) {
        return Err(NO_TOKEN.to_owned());
    }
    let Some(text) = first_text(text) else { return Ok(Value::Null) };
    let mut parsed = yaml::parse(text, file, options).map_err(|e| in_go_words(&e, text))?;
    if parsed.documents.is_empty() {
        return Ok(Value::Null);
    }
    let value = parsed.documents.swap_remove(0).value;
    if has_non_finite(&value) {
        return Err("json: unsupported value: NaN or Inf".to_owned());
    }
    Ok(value)
}

/// As [`first`], with the options that most of Helm's files are read with.
pub(crate) fn first_default(text: &[u8], file: &str) -> Result<Value, String> {
    first(text, file, &ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() })
}

/// UTF-16, as some shells of Windows write it and go-yaml reads it, as UTF-8; anything else as it is.
fn in_utf8(text: &[u8]) -> Cow<'_, [u8]> {
    let unit: fn([u8; 2]) -> u16 = match text {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        _ => return Cow::Borrowed(text),
    };
    let units = text[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into_bytes())
}

/// The text up to the end of the first document; `None` when that is empty.
fn first_text(text: &[u8]) -> Option<&[u8]> {
    let (mut begun, mut content) = (false, false);
    let mut at = 0;
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n + 1);
        let line = &text[at..end];
        if is_marker(line, b"---") {
            if begun || content {
                return content.then_some(&text[..at]);
            }
            begun = true;
            content = line[3..].iter().any(|b| !b.is_ascii_whitespace());
        } else if is_marker(line, b"...") {
            if begun || content {
                return content.then_some(&text[..at]);
            }
        } else if !content {
            let rest = line.trim_ascii_start();
            content = !(rest.is_empty() || rest[0] == b'#' || (line[0] == b'%' && !begun));
        }
        at = end;
    }
    // Without content the parser says what it is: comments, or a byte order mark.
    Some(text)
}

const NO_TOKEN: &str = "found character that cannot start any token";

/// Whether the first line that is not empty is indented by a tab, which go-yaml refuses and our parser takes.
fn begins_with_tab(text: &[u8]) -> bool {
    let mut lines = text.split(|b| *b == b'\n').map(|line| line.trim_ascii_end());
    lines.find(|line| !line.is_empty() && line[0] != b'#').is_some_and(|line| {
        let rest = &line[line.iter().take_while(|b| **b == b' ').count()..];
        rest.first() == Some(&b'\t')
    })
}

/// Go's words for the common mistakes, with its line, which its parser counts from zero and its scanner from one; ours for the
/// others.
fn in_go_words(error: &ParseError, text: &[u8]) -> String {
    let message = error.message.strip_prefix("not valid YAML: ").unwrap_or(&error.message);
    let line = error.at.line;
    let at = |line: usize, words: &str| if line == 0 { words.to_owned() } else { format!("line {line}: {words}") };
    let (scanned, parsed) = (|words: &str| at(if line == 1 { 0 } else { line }, words), |words: &str| at(line.saturating_sub(1), words));
    if message.starts_with("unexpected character") || message.starts_with("a tab ") {
        return scanned(NO_TOKEN);
    }
    if message.starts_with("mapping values are not allowed") {
        return scanned("mapping values are not allowed in this context");
    }
    if message.starts_with("simple key expected") {
        return at(next_line(text, line), "could not find expected ':'");
    }
    if let Some(open) = message.strip_prefix("unclosed bracket '") {
        let text = text.trim_ascii_end();
        let end = text.iter().filter(|b| **b == b'\n').count() + 1;
        let (awaited, close) = if open.starts_with('{') { ("','", "'}'") } else { ("','", "']'") };
        return match text.ends_with(b"[") || text.ends_with(b",") {
            true => at(end, "did not find expected node content"),
            false => at(end, &format!("did not find expected {awaited} or {close}")),
        };
    }
    match message {
        "misplaced bracket" if line <= 1 => "did not find expected node content".to_owned(),
        "misplaced bracket" => parsed("did not find expected key"),
        _ if message.starts_with("invalid trailing content after ") => parsed("did not find expected key"),
        _ => match message.rsplit_once(", ") {
            Some((context, words)) if context.starts_with("while scanning ") || words.starts_with("found ") => scanned(words),
            Some((context, words)) if context.starts_with("while parsing ") => parsed(words),
            _ => at(line, message),
        },
    }
}

/// The line on which go-yaml's scanner is when it misses the colon of a key on `line`: the next one that holds anything.
fn next_line(text: &[u8], line: usize) -> usize {
    let lines: Vec<&[u8]> = text.trim_ascii_end().split(|b| *b == b'\n').collect();
    let holds = |line: &[u8]| line.trim_ascii_start().first().is_some_and(|b| *b != b'#');
    let next = lines.iter().skip(line).position(|l| holds(l));
    next.map_or(lines.len() + 1, |further| line + further + 1)
}

fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

fn has_non_finite(value: &Value) -> bool {
    match value {
        Value::Number(n) => !n.as_f64().is_finite(),
        Value::List(list) => list.iter().any(has_non_finite),
        Value::Map(map) => map.values().any(has_non_finite),
        _ => false,
    }
}

/// What JSON calls a value, as Go's decoder prints it.
pub(crate) fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_document_counts() {
        let read = |text: &str| first_default(text.as_bytes(), "f").map(|v| gitops_manifest::json::print(&v));
        assert_eq!(read("# c\n---\na: 1\n---\n: : broken").as_deref(), Ok(r#"{"a":1}"#));
        assert_eq!(read("---\n---\na: 1\n").as_deref(), Ok("null"));
        assert_eq!(read("a: 1\n...\nb").as_deref(), Ok(r#"{"a":1}"#));
        assert_eq!(read("--- {a: 1}\n").as_deref(), Ok(r#"{"a":1}"#));
        assert_eq!(read("# only\n").as_deref(), Ok("null"));
        assert!(read("a: .inf").is_err());
    }

    #[test]
    fn utf_16_is_read() {
        let units: Vec<u8> = "\u{FEFF}a: \u{e9}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(first_default(&units, "f").map(|v| gitops_manifest::json::print(&v)).as_deref(), Ok("{\"a\":\"\u{e9}\"}"));
        let units: Vec<u8> = "\u{FEFF}a: 1\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(first_default(&units, "f").map(|v| gitops_manifest::json::print(&v)).as_deref(), Ok(r#"{"a":1}"#));
    }

    #[test]
    fn mistakes_in_the_words_of_go() {
        let error = |text: &str| first_default(text.as_bytes(), "f").expect_err(text);
        for (text, want) in [
            ("a: b: c\n", "mapping values are not allowed in this context"),
            ("a: 1\nb: c: d\n", "line 2: mapping values are not allowed in this context"),
            ("kind: A\nmetadata:\n  name: x\n annotations: {}\n", "line 3: did not find expected key"),
            ("kind: A\n- b\n", "line 1: did not find expected key"),
            ("kind: A\nlabels:\n  a: 1\n  b\n\n  # c\n  c: 2\n", "line 7: could not find expected ':'"),
            ("a: b\nc\n", "line 3: could not find expected ':'"),
            ("a: b\n]\n", "line 1: did not find expected key"),
            ("}\n", "did not find expected node content"),
            ("a: b\nx: [1,\n", "line 2: did not find expected node content"),
            ("a: b\nx: {a: 1\ny: 2\n", "line 2: did not find expected ',' or '}'"),
            ("a: b\nx: \"\\q\"\n", "line 2: found unknown escape character"),
        ] {
            assert_eq!(error(text), want, "{text}");
        }
    }
}
