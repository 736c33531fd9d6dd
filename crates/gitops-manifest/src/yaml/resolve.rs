//! What a scalar means. Rules: go-yaml v2 `resolve` as sigs.k8s.io/yaml uses it (`Schema::Yaml11`) and go-yaml v3
//! (`Schema::GoYaml3`); `tests/go_yaml.rs` holds the recorded answers of both. Timestamps stay strings in both, as they
//! do on their way to JSON. Sexagesimal numbers are strings in both.

use super::Schema;
use super::event::Scalar;
use super::node::ScalarStyle;
use crate::{Number, Value};

const CORE: &str = "tag:yaml.org,2002:";

/// The value of a scalar.
///
/// # Errors
/// When its tag does not fit its text; the text is what to say.
pub(crate) fn resolve(scalar: &Scalar<'_>, schema: Schema) -> Result<Value, String> {
    let text: &str = &scalar.text;
    match &scalar.tag {
        None if scalar.style == ScalarStyle::Plain => Ok(plain(text, schema).unwrap_or_else(|| text.into())),
        // go-yaml v3 takes `!` for nothing, v2 for `!!str`.
        Some(tag) if tag == "!" && schema == Schema::GoYaml3 && scalar.style == ScalarStyle::Plain => {
            Ok(plain(text, schema).unwrap_or_else(|| text.into()))
        }
        None => Ok(text.into()),
        Some(tag) => match tag.strip_prefix(CORE) {
            Some("binary") => binary(text),
            Some(wanted @ ("int" | "float" | "bool" | "null")) => tagged(wanted, text, schema),
            _ => Ok(text.into()),
        },
    }
}

fn tagged(wanted: &str, text: &str, schema: Schema) -> Result<Value, String> {
    let value = plain(text, schema);
    match (wanted, value) {
        ("int", Some(v @ Value::Number(Number::Int(_) | Number::UInt(_))))
        | ("float", Some(v @ Value::Number(Number::Float(_))))
        | ("bool", Some(v @ Value::Bool(_)))
        | ("null", Some(v @ Value::Null)) => Ok(v),
        ("float", Some(Value::Number(n))) => Ok(Value::Number(Number::Float(n.as_f64()))),
        _ => Err(format!("`{text}` is not what its tag !!{wanted} says: correct the value, or remove the tag")),
    }
}

/// A plain scalar's value when it is not a string.
pub(crate) fn plain(text: &str, schema: Schema) -> Option<Value> {
    match text.as_bytes().first() {
        None => Some(Value::Null),
        Some(b'0'..=b'9' | b'+' | b'-') => special_float(text).or_else(|| number(text, schema)),
        Some(b'.') => special_float(text).or_else(|| float(text)),
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') if text.len() <= 5 => word(text, schema),
        Some(_) => None,
    }
}

fn word(text: &str, schema: Schema) -> Option<Value> {
    match text {
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if schema == Schema::Yaml11 => Some(Value::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if schema == Schema::Yaml11 => Some(Value::Bool(false)),
        _ => None,
    }
}

fn special_float(text: &str) -> Option<Value> {
    let n = match text {
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => f64::INFINITY,
        "-.inf" | "-.Inf" | "-.INF" => f64::NEG_INFINITY,
        _ => return None,
    };
    Some(n.into())
}

fn number(text: &str, schema: Schema) -> Option<Value> {
    let bytes = text.as_bytes();
    // Most numbers of manifests: a few decimal digits.
    if bytes.len() <= 18 && bytes[0] != b'0' && bytes.iter().all(u8::is_ascii_digit) {
        return text.parse().ok().map(|n: i64| n.into());
    }
    // Words such as `10Gi`, `2024-01-01`, `-Xmx1g`: nothing below takes more than these characters.
    if !bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'_' | b'+' | b'-' | b'.' | b'x' | b'X' | b'o' | b'O')) {
        return None;
    }
    let joined: String;
    let text = if text.contains('_') {
        joined = text.replace('_', "");
        joined.as_str()
    } else {
        text
    };
    integer(text).or_else(|| float(text)).or_else(|| late_prefix(text, schema))
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`.
fn integer(text: &str) -> Option<Value> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (0, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let n = i128::from_str_radix(digits, radix).ok()? * if sign < 0 { -1 } else { 1 };
    whole(n, sign == 0)
}

fn whole(n: i128, unsigned_allowed: bool) -> Option<Value> {
    if let Ok(n) = i64::try_from(n) {
        return Some(n.into());
    }
    match u64::try_from(n) {
        Ok(n) if unsigned_allowed => Some(Value::Number(Number::UInt(n))),
        _ => None,
    }
}

/// go-yaml's last resort after a float did not fit: a prefix with a sign behind it, such as `0b-1`.
fn late_prefix(text: &str, schema: Schema) -> Option<Value> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (radix, digits) = match (rest.strip_prefix("0b"), rest.strip_prefix("0o")) {
        (Some(digits), _) => (2, digits),
        (_, Some(digits)) if schema == Schema::GoYaml3 => (8, digits),
        _ => return None,
    };
    if negative && digits.starts_with(['+', '-']) {
        return None;
    }
    let n = i128::from_str_radix(digits, radix).ok()?;
    whole(if negative { -n } else { n }, false)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, and in range.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(i) => (&unsigned[..i], Some(&unsigned[i + 1..])),
        None => (unsigned, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let good = digits(before)
        && digits(after)
        && !(before.is_empty() && after.is_empty())
        && exponent.is_none_or(|e| {
            let e = e.strip_prefix(['-', '+']).unwrap_or(e);
            !e.is_empty() && digits(e)
        });
    let n: f64 = if good { text.parse().ok()? } else { return None };
    n.is_finite().then(|| n.into())
}

/// The text of a map key. Under `Yaml11` a key is resolved and written back as sigs.k8s.io/yaml does; under `GoYaml3`
/// it is its source text, as kustomize's node tree has it.
///
/// # Errors
/// When the key is null, which no JSON key can be.
pub(crate) fn key_text(key: &Scalar<'_>, schema: Schema) -> Result<Option<String>, String> {
    if schema == Schema::GoYaml3 || (key.tag.is_none() && key.style != ScalarStyle::Plain) {
        return Ok(None);
    }
    if key.tag.is_none() && plain(&key.text, schema).is_none() {
        return Ok(None);
    }
    Ok(match resolve(key, schema)? {
        Value::String(s) if s == key.text.as_ref() => None,
        Value::String(s) => Some(s.into()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(Number::Int(n)) => Some(n.to_string()),
        Value::Number(Number::UInt(n)) => return Err(format!("the key {n} is too large: quote it")),
        Value::Number(Number::Float(n)) => Some(go_float32(n)),
        _ => return Err("a map key is null or empty: give it a name, or quote it".to_owned()),
    })
}

/// Go's `strconv.FormatFloat(n, 'g', -1, 32)`.
fn go_float32(n: f64) -> String {
    let n = n as f32;
    if n.is_nan() {
        return ".nan".to_owned();
    }
    if n.is_infinite() {
        return if n > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{n:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // With the shortest form Go decides as if six digits had been asked for.
    if (-4..6).contains(&exponent) {
        format!("{n}")
    } else {
        format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    }
}

fn binary(text: &str) -> Result<Value, String> {
    let bad = || "a !!binary value is not base64: correct it, or remove the tag".to_owned();
    let (mut out, mut bits, mut held) = (Vec::with_capacity(text.len() * 3 / 4), 0u32, 0u32);
    let trimmed: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let body = trimmed.strip_suffix(b"==").or_else(|| trimmed.strip_suffix(b"=")).unwrap_or(&trimmed);
    if !trimmed.len().is_multiple_of(4) {
        return Err(bad());
    }
    for &b in body {
        let six = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(bad()),
        };
        held = (held << 6 | u32::from(six)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits & 0xFF) as u8);
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned().into())
}
