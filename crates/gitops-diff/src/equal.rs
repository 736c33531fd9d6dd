//! Equality as the API server has it: by what a text means, not by how it is written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_manifest::quantity::Quantity;
use gitops_manifest::{Number, Value};
use gitops_schema::{Scalar, Shape, Type};

/// Whether two single values are one and the same to the API server.
pub(crate) fn same(scalar: Scalar, a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    match scalar {
        Scalar::Quantity => both(a, b, quantity).is_some_and(|(a, b)| a == b || rounded(&a) == rounded(&b)),
        Scalar::Duration => both(a, b, |v| duration(v.as_str()?)).is_some_and(|(a, b)| a == b),
        Scalar::Time => both(a, b, |v| rfc3339(v.as_str()?)).is_some_and(|(a, b)| a == b),
        Scalar::Bytes => both(a, b, |v| bytes(v.as_str()?)).is_some_and(|(a, b)| a == b),
        _ => false,
    }
}

/// Whether two texts of an unknown type could be one and the same: only the API server can say.
pub(crate) fn may_be_same(a: &Value, b: &Value) -> bool {
    const GUESSES: &[Scalar] = &[Scalar::Quantity, Scalar::Duration, Scalar::Time];
    GUESSES.iter().any(|scalar| same(*scalar, a, b))
}

fn both<'v, T>(a: &'v Value, b: &'v Value, read: impl Fn(&'v Value) -> Option<T>) -> Option<(T, T)> {
    Some((read(a)?, read(b)?))
}

fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => Quantity::parse(text).ok(),
        Value::Number(Number::Int(n)) => Quantity::parse(&n.to_string()).ok(),
        Value::Number(Number::UInt(n)) => Quantity::parse(&n.to_string()).ok(),
        Value::Number(Number::Float(n)) if n.is_finite() => Quantity::parse(&n.to_string()).ok(),
        _ => None,
    }
}

/// The thousandths that a quantity takes up: resource lists are rounded up to these.
fn rounded(quantity: &Quantity) -> Option<i64> {
    let thousandths = (quantity.as_f64() * 1000.0).ceil();
    // Beyond 2^53 a float says nothing exact.
    (thousandths.abs() < 9e15).then_some(thousandths as i64)
}

/// Nanoseconds of a duration as Go writes it: `1h30m`, `1.5s`, `-2ms`.
fn duration(text: &str) -> Option<i128> {
    const UNITS: &[(&str, i128)] = &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let number = &rest[..rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count()];
        rest = &rest[number.len()..];
        let unit = &rest[..rest.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count()];
        rest = &rest[unit.len()..];
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if number.len() > 24 || whole.len() + fraction.len() == 0 {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        total += digits * size / 10_i128.pow(fraction.len() as u32);
    }
    (!text.is_empty()).then_some(sign * total)
}

/// RFC 3339 as seconds since the epoch and microseconds.
fn rfc3339(text: &str) -> Option<(i64, i64)> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let bytes = text.as_bytes();
    if !matches!(bytes.get(10), Some(b'T' | b't')) || separators.iter().any(|(i, c)| bytes.get(*i) != Some(c)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let of_day = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let rest = text.get(19..)?;
    let digits = rest.strip_prefix('.').map_or("", |r| &r[..r.bytes().take_while(u8::is_ascii_digit).count()]);
    let zone = &rest[if rest.starts_with('.') { digits.len() + 1 } else { 0 }..];
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), ..] if zone.len() == 6 && zone.is_ascii() => {
            let seconds = zone[1..3].parse::<i64>().ok()? * 3600 + zone[4..6].parse::<i64>().ok()? * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let micros = format!("{digits:0<6}").get(..6)?.parse().ok()?;
    Some((days(year, month, day)? * 86_400 + of_day - offset, micros))
}

/// Days from the epoch to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March have the leap day at their end.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468)
}

/// What base64 stands for; the API server does not mind line ends in it.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    STANDARD.decode(text).ok()
}

/// Whether a value is what a field holds that was never set.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(n) => n.as_f64() == 0.0,
        Value::String(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
    }
}

/// Whether a value is what the API server fills in by itself: its default, or made of nothing but defaults. An empty value that
/// is no default may have been meant.
pub(crate) fn is_filled_in(value: &Value, ty: Type<'_>, default: Option<&Value>) -> bool {
    let typed = !matches!(ty.shape(), Shape::Any);
    if (value.is_null() && typed) || default == Some(value) {
        return true;
    }
    match (value, ty.shape()) {
        (Value::Map(map), Shape::Object(object)) if !map.is_empty() => {
            map.iter().all(|(name, value)| object.field(name).is_some_and(|f| is_filled_in(value, f.ty, f.default)))
        }
        (value, Shape::Scalar(scalar)) => default.is_some_and(|default| same(scalar, value, default)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_mean_the_same() {
        for (scalar, a, b, equal) in [
            (Scalar::Quantity, Value::from("1000m"), Value::from(1), true),
            (Scalar::Quantity, "0.5".into(), "500m".into(), true),
            (Scalar::Quantity, "1Gi".into(), "1024Mi".into(), true),
            (Scalar::Quantity, "0.0001".into(), "1m".into(), true),
            (Scalar::Quantity, "1G".into(), "1Gi".into(), false),
            (Scalar::Quantity, "1500m".into(), "2".into(), false),
            (Scalar::Duration, "60m".into(), "1h0m0s".into(), true),
            (Scalar::Duration, "1.5s".into(), "1500ms".into(), true),
            (Scalar::Duration, "1h".into(), "1m".into(), false),
            (Scalar::Duration, "".into(), "0s".into(), false),
            (Scalar::Time, "2026-03-01T02:00:00+02:00".into(), "2026-03-01T00:00:00Z".into(), true),
            (Scalar::Time, "2024-02-29T23:59:59.5Z".into(), "2024-02-29T23:59:59.500000Z".into(), true),
            (Scalar::Time, "2024-02-29T23:59:59Z".into(), "2024-03-01T23:59:59Z".into(), false),
            (Scalar::Bytes, "aGVs\nbG8=\n".into(), "aGVsbG8=".into(), true),
            (Scalar::IntOrString, Value::from(80), Value::from("80"), false),
            (Scalar::String, "1".into(), "1.0".into(), false),
        ] {
            assert_eq!(same(scalar, &a, &b), equal, "{scalar:?} {a:?} {b:?}");
            assert_eq!(same(scalar, &b, &a), equal, "{scalar:?} {b:?} {a:?}");
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(rfc3339("2100-03-01T00:00:00Z"), Some((4_107_542_400, 0)));
        assert_eq!(rfc3339("2000-02-28T23:59:59Z"), Some((951_782_399, 0)));
        for text in ["", "2026", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00é1:00"] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
