//! What the text of a plain scalar means: go-yaml v3's rules, and those of v2 where kustomize asks for YAML 1.1.

use gitops_manifest::yaml::{self, ParseOptions, Schema};
use gitops_manifest::{Number, Value};

use crate::node::Tag;

/// Whether a plain scalar that begins with this byte can be something other than a string.
const DOUBTFUL: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"+-.0123456789yYnNtTfFoO~<";
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] = true;
        i += 1;
    }
    table
};

/// The tag of a plain scalar.
#[inline]
pub(crate) fn tag_of(text: &str) -> Tag {
    match text.as_bytes().first() {
        Some(&first) if !DOUBTFUL[first as usize] => Tag::Str,
        // Words as short as these are booleans or null, if anything.
        Some(first) if first.is_ascii_alphabetic() && text.len() > 5 => Tag::Str,
        _ => plain(text).0,
    }
}

/// The tag and, unless it is a string, the value of a plain scalar. A timestamp's value is how JSON writes it.
pub(crate) fn plain(text: &str) -> (Tag, Option<Value>) {
    if text == "<<" {
        return (Tag::Merge, None);
    }
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && let Some(json) = yaml::timestamp_in_json(text)
    {
        return (Tag::Timestamp, Some(json.into()));
    }
    let value = yaml::resolve_plain(text, Schema::GoYaml3);
    let tag = match value {
        None => Tag::Str,
        Some(Value::Null) => Tag::Null,
        Some(Value::Bool(_)) => Tag::Bool,
        Some(Value::Number(Number::Float(_))) => Tag::Float,
        Some(Value::Number(_)) => Tag::Int,
        Some(_) => Tag::Str,
    };
    (tag, value)
}

/// The text of a `!!binary` scalar.
pub(super) fn binary(text: &str) -> Option<Value> {
    let tagged = format!("!!binary \"{}\"", text.replace('\n', "\\n"));
    let mut parsed = yaml::parse(tagged.as_bytes(), "", &ParseOptions::default()).ok()?;
    parsed.documents.pop().map(|document| document.value)
}

/// Whether YAML 1.1 reads the text as something other than a string.
pub(super) fn is_yaml11_non_string(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    let b = text.as_bytes();
    let scalar = (b[0].is_ascii_alphanumeric() || matches!(b[0], b'/' | b'_' | b'.' | b'$' | b'(' | b'+'))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains('\t')
        && b[b.len() - 1] != b':';
    if scalar {
        return yaml::resolve_plain(text.trim_end_matches(' '), Schema::Yaml11).is_some();
    }
    let Ok(parsed) = yaml::parse(text.as_bytes(), "", &ParseOptions::default()) else { return false };
    !matches!(parsed.documents.first().map(|document| &document.value), Some(Value::String(_)))
}

/// What YAML 1.1 had for booleans and 1.2 has not.
pub(super) fn is_old_bool(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF")
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
pub(super) fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit()) || !unsigned.contains(':') {
        return false;
    }
    let (sixties, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digit_or_bar = |d: u8| d.is_ascii_digit() || d == b'_';
    let mut parts = sixties.split(':');
    parts.next().is_some_and(|first| first.bytes().all(digit_or_bar))
        && fraction.bytes().all(digit_or_bar)
        && parts.all(|p| match p.as_bytes() {
            [d] => d.is_ascii_digit(),
            [tens, d] => (b'0'..=b'5').contains(tens) && d.is_ascii_digit(),
            _ => false,
        })
}

/// Go's `strconv.FormatFloat(n, 'g', -1, 64)`.
pub(super) fn go_float(n: f64) -> String {
    if n.is_nan() {
        return ".nan".to_owned();
    }
    if n.is_infinite() {
        return if n > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{n:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if n == 0.0 {
        return if n.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    // With the shortest form Go decides as if six digits had been asked for.
    if (-4..6).contains(&exponent) {
        return format!("{n}");
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}
