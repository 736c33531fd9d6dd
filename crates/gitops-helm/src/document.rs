//! One YAML document as Helm reads it: through sigs.k8s.io/yaml, which looks at the first document only.

use gitops_manifest::Value;
use gitops_manifest::yaml::{self, DuplicateKeys, ParseError, ParseOptions};

/// The first document of `text`; `Null` when it is empty. The error is what Go would print behind `yaml: `.
pub(crate) fn first(text: &[u8], file: &str, options: &ParseOptions) -> Result<Value, String> {
    if text.len() > options.max_bytes {
        return Err(format!("{file}: {} bytes is more than the limit of {}", text.len(), options.max_bytes));
    }
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

/// Go's words for the common mistakes, with its line, which for some is one too low; ours for the others.
fn in_go_words(error: &ParseError, text: &[u8]) -> String {
    let message = error.message.strip_prefix("not valid YAML: ").unwrap_or(&error.message);
    let scanned = |words: &str| match error.at.line {
        0 | 1 => words.to_owned(),
        line => format!("line {line}: {words}"),
    };
    if message.starts_with("unexpected character") {
        return scanned(NO_TOKEN);
    }
    if message.starts_with("mapping values are not allowed") {
        return scanned("mapping values are not allowed in this context");
    }
    if let Some(open) = message.strip_prefix("unclosed bracket '") {
        let (awaited, close) = if open.starts_with('{') { ("','", "'}'") } else { ("','", "']'") };
        let lines = text.iter().filter(|b| **b == b'\n').count().max(1);
        let starts_node = text.trim_ascii_end().ends_with(b"[") || text.trim_ascii_end().ends_with(b",");
        return match starts_node {
            true => format!("line {lines}: did not find expected node content"),
            false => format!("line {lines}: did not find expected {awaited} or {close}"),
        };
    }
    match error.at.line {
        0 => message.to_owned(),
        line => format!("line {line}: {message}"),
    }
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
}
