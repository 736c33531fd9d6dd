//! Numbers out of anything, as spf13/cast v1.7.0 and Go's `strconv` read them.
//!
//! Surprises: `int "010"` is 8 (bases are recognised), `"08"` and `"42.7"` are 0, `"42.0"` is 42; a float beyond 64 bits becomes the
//! smallest integer, as on amd64; what is no number is 0, never an error.

use crate::value::Value;

/// `cast.ToInt64`, and `cast.ToInt`.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(n) | Value::Int64(n) => *n,
        Value::Uint8(n) => i64::from(*n),
        Value::Int32(n) => i64::from(*n),
        Value::Uint64(n) => n.cast_signed(),
        Value::Float(n) => float_to_int(*n),
        Value::Bool(b) => i64::from(*b),
        Value::Str(text) => text.to_utf8().and_then(|text| parse_int(trim_zero_decimal(text), 0).ok()).unwrap_or(0),
        Value::Object(_) => calendar_number(value).unwrap_or(0),
        _ => 0,
    }
}

/// `cast.ToFloat64`.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(n) | Value::Int64(n) => *n as f64,
        Value::Uint64(n) => *n as f64,
        Value::Float(n) => *n,
        Value::Str(text) => text.to_utf8().and_then(parse_float).unwrap_or(0.0),
        other => to_int(other) as f64,
    }
}

/// Of all named integers cast knows these two only; a `time.Duration` is 0.
fn calendar_number(value: &Value) -> Option<i64> {
    match value {
        Value::Object(object) if matches!(object.type_name(), "time.Month" | "time.Weekday") => object.int(),
        _ => None,
    }
}

/// Go's conversion of a float64 to an int64 on amd64.
pub(super) fn float_to_int(n: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&n) { n as i64 } else { i64::MIN }
}

/// Takes `.0`, `.00` and so on off the end.
fn trim_zero_decimal(text: &str) -> &str {
    let whole = text.trim_end_matches('0');
    if whole.len() < text.len() { whole.strip_suffix('.').unwrap_or(text) } else { text }
}

/// Why a text is no integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntError {
    Syntax,
    /// It is one, beyond 64 bits: the nearest that there is.
    Range(i64),
}

/// `strconv.ParseInt(text, base, 64)`. Base 0 recognises `0x`, `0o`, `0b` and `0`, and lets `_` stand between digits.
pub(super) fn parse_int(text: &str, base: u32) -> Result<i64, IntError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = parse_uint(digits, base);
    match (magnitude, negative) {
        (Ok(n), true) if n <= 1 << 63 => Ok((n.wrapping_neg()).cast_signed()),
        (Ok(n), false) if n < 1 << 63 => Ok(n.cast_signed()),
        (Err(IntError::Syntax), _) => Err(IntError::Syntax),
        (_, true) => Err(IntError::Range(i64::MIN)),
        (_, false) => Err(IntError::Range(i64::MAX)),
    }
}

fn parse_uint(text: &str, base: u32) -> Result<u64, IntError> {
    let underscores = text.contains('_');
    if underscores && base != 0 {
        return Err(IntError::Syntax);
    }
    let (base, digits, prefixed) = match (base, text.as_bytes()) {
        (0, [b'0', b'x' | b'X', _, ..]) => (16, &text[2..], true),
        (0, [b'0', b'o' | b'O', _, ..]) => (8, &text[2..], true),
        (0, [b'0', b'b' | b'B', _, ..]) => (2, &text[2..], true),
        (0, [b'0', _, ..]) => (8, &text[1..], true),
        (0, _) => (10, text, false),
        _ => (base, text, false),
    };
    if digits.is_empty() || underscores && !underscores_fit(digits, prefixed) {
        return Err(IntError::Syntax);
    }
    let mut n: u64 = 0;
    let mut over = false;
    for b in digits.bytes().filter(|b| *b != b'_') {
        let digit = char::from(b).to_digit(base).ok_or(IntError::Syntax)?;
        match n.checked_mul(u64::from(base)).and_then(|n| n.checked_add(u64::from(digit))) {
            Some(sum) => n = sum,
            None => over = true,
        }
    }
    if over { Err(IntError::Range(0)) } else { Ok(n) }
}

/// Underscores only between digits, or between a base's prefix and a digit.
fn underscores_fit(digits: &str, prefixed: bool) -> bool {
    (prefixed || !digits.starts_with('_')) && !digits.ends_with('_') && !digits.contains("__")
}

/// `strconv.Atoi` without its error: 0 for what is no number, the nearest one for what is too large.
pub(super) fn atoi(text: &str) -> i64 {
    match parse_int(text, 10) {
        Ok(n) | Err(IntError::Range(n)) => n,
        Err(IntError::Syntax) => 0,
    }
}

/// `strconv.ParseFloat(text, 64)`, nothing for an error; one beyond the doubles is an error too.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = body.to_ascii_lowercase();
    let sign = if negative { -1.0 } else { 1.0 };
    match lower.as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" if body.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let magnitude = match lower.strip_prefix("0x") {
        Some(hex) => hex_float(hex)?,
        // Rust's own reader takes `inf` and `nan` too, which are gone by now.
        None if lower.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-' | b'_')) => {
            without_underscores(&lower, false)?.parse::<f64>().ok()?
        }
        None => return None,
    };
    magnitude.is_finite().then_some(sign * magnitude)
}

/// Takes underscores out, which may stand between digits only; `prefixed` says that `0x` stands before.
fn without_underscores(text: &str, prefixed: bool) -> Option<String> {
    let is_digit = |b: u8| if prefixed { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
    let bytes = text.as_bytes();
    let fits = |at: usize| {
        let before = if at == 0 { prefixed } else { is_digit(bytes[at - 1]) };
        before && bytes.get(at + 1).copied().is_some_and(is_digit)
    };
    text.match_indices('_').all(|(at, _)| fits(at)).then(|| text.replace('_', ""))
}

/// `1.8p3`, behind `0x`: the exponent is a must.
fn hex_float(text: &str) -> Option<f64> {
    let text = without_underscores(text, true)?;
    let (mantissa, exponent) = text.split_once('p')?;
    let digits_of_exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if digits_of_exponent.is_empty() || !digits_of_exponent.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let exponent = parse_int(exponent, 10).unwrap_or(if exponent.starts_with('-') { -100_000 } else { 100_000 }).clamp(-100_000, 100_000);
    let (mut value, mut places, mut sticky, mut point, mut any) = (0u64, 0i64, false, false, false);
    for b in mantissa.bytes() {
        match b {
            b'.' if !point => point = true,
            _ => {
                let digit = u64::from(char::from(b).to_digit(16)?);
                any = true;
                if value < 1 << 59 {
                    value = value << 4 | digit;
                    places += if point { -4 } else { 0 };
                } else {
                    sticky |= digit != 0;
                    places += if point { 0 } else { 4 };
                }
            }
        }
    }
    // A bit far below the double's 53 stands for all that was cut off, so that rounding is right.
    any.then(|| scale(value | u64::from(sticky), exponent + places))
}

/// `value × 2^exponent`, rounded once.
fn scale(value: u64, exponent: i64) -> f64 {
    if value == 0 {
        return 0.0;
    }
    let bits = i64::from(64 - value.leading_zeros());
    // Bits that the result has room for: 53, fewer if it is subnormal.
    let room = 53.min(bits + exponent + 1074).max(0);
    let drop = bits - room;
    let rounded = if drop <= 0 {
        value
    } else if drop > 64 {
        0
    } else {
        let kept = if drop == 64 { 0 } else { value >> drop };
        let rest = u128::from(value) - (u128::from(kept) << drop);
        let half = 1u128 << (drop - 1);
        kept + u64::from(rest > half || rest == half && kept & 1 == 1)
    };
    // In two steps, so that neither power leaves the doubles.
    let exponent = (exponent + drop.max(0)).clamp(-2000, 2000);
    let step = |by: i64| 2f64.powi(i32::try_from(by).unwrap_or(0));
    rounded as f64 * step(exponent / 2) * step(exponent - exponent / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_out_of_text() {
        for (text, want) in [
            ("010", 8),
            ("08", 0),
            ("42.7", 0),
            ("42.0", 42),
            ("0x1F", 31),
            ("0b11", 3),
            ("1_000", 1000),
            ("_1", 0),
            ("0_7", 7),
            ("+5", 5),
            ("-0x8000000000000000", i64::MIN),
            ("9223372036854775808", 0),
            (" 1", 0),
            ("1e3", 0),
            ("0", 0),
            (".0", 0),
            ("00", 0),
            ("é", 0),
        ] {
            assert_eq!(to_int(&Value::from(text)), want, "{text}");
        }
        assert_eq!([atoi("99999999999999999999"), atoi("-7"), atoi("7x"), atoi("0x7")], [i64::MAX, -7, 0, 0]);
        assert_eq!([1e30, f64::NAN, -3.9].map(float_to_int), [i64::MIN, i64::MIN, -3]);
    }

    #[test]
    fn floats_out_of_text() {
        for (text, want) in [
            ("1.5", Some(1.5)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("0x1.8p1", Some(3.0)),
            ("0x1p-1074", Some(5e-324)),
            ("1e400", None),
            ("x", None),
            ("1_0", Some(10.0)),
            ("1__0", None),
            ("1_.5", None),
            ("-Inf", Some(f64::NEG_INFINITY)),
            (".", None),
            ("0x.8", None),
        ] {
            assert_eq!(parse_float(text), want, "{text}");
        }
    }
}
