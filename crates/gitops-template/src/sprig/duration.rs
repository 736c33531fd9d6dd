//! `time.Duration`: reading, printing and rounding. Nanoseconds in an `i64`.

use std::any::Any;

use super::args::{Outcome, done};
use super::cast::{IntError, parse_int};
use super::time::Time;
use crate::function::Ty;
use crate::object::{Method, Object};
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Kind, Value};

type Args<'a> = &'a mut [Value];

pub(super) const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// As package `time` quotes in errors: anything but printable ASCII by its bytes.
pub(super) fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for b in text {
        match b {
            b'"' | b'\\' => out.extend(['\\', char::from(*b)]),
            b' '..=0x7f => out.push(char::from(*b)),
            _ => out += &format!("\\x{b:02x}"),
        }
    }
    out + "\""
}

/// `time.ParseDuration`: `1h30m`, `-1.5s`, `0`.
pub(super) fn parse(text: &[u8]) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = take_while(rest, |b| b.is_ascii_digit());
        let (fraction, after) = match after {
            [b'.', after @ ..] => take_while(after, |b| b.is_ascii_digit()),
            _ => (&after[..0], after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let (name, after) = take_while(after, |b| b != b'.' && !b.is_ascii_digit());
        if name.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let unit = unit(name).ok_or_else(|| format!("time: unknown unit {} in duration {}", quote(name), quote(text)))?;
        let part = part(whole, fraction, unit).ok_or_else(invalid)?;
        total = total.checked_add(part).filter(|total| *total <= 1 << 63).ok_or_else(invalid)?;
        rest = after;
    }
    match (negative, i64::try_from(total)) {
        (true, _) => Ok(total.wrapping_neg().cast_signed()),
        (false, Ok(total)) => Ok(total),
        (false, Err(_)) => Err(invalid()),
    }
}

fn take_while(text: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|b| belongs(**b)).count())
}

fn unit(name: &[u8]) -> Option<u64> {
    Some(match name {
        b"ns" => 1,
        b"us" | [0xc2, 0xb5, b's'] | [0xce, 0xbc, b's'] => 1_000, // micro sign, Greek mu
        b"ms" => 1_000_000,
        b"s" => 1_000_000_000,
        b"m" => 60_000_000_000,
        b"h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// `1.5` of a unit. The fraction is computed in floats, as in Go; its digits beyond 64 bits do not count.
fn part(whole: &[u8], fraction: &[u8], unit: u64) -> Option<u64> {
    let whole = whole.iter().try_fold(0u64, |n, b| n.checked_mul(10)?.checked_add(u64::from(b - b'0')).filter(|n| *n <= 1 << 63))?;
    let (mut numerator, mut scale) = (0u64, 1.0f64);
    for b in fraction {
        match numerator.checked_mul(10).and_then(|n| n.checked_add(u64::from(b - b'0'))).filter(|n| *n <= 1 << 63) {
            Some(n) => (numerator, scale) = (n, scale * 10.0),
            None => break,
        }
    }
    if whole > (1 << 63) / unit {
        return None;
    }
    let nanos = whole * unit + if numerator > 0 { (numerator as f64 * (unit as f64 / scale)) as u64 } else { 0 };
    (nanos <= 1 << 63).then_some(nanos)
}

/// As Go prints it: `1h2m3.5s`, `1.5ms`, `0s`.
pub(super) fn print(nanos: i64) -> String {
    let n = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let fraction = |n: u64, unit: u64, name: &str| {
        let digits = format!("{:0width$}", n % unit, width = unit.ilog10() as usize);
        let digits = digits.trim_end_matches('0');
        let point = if digits.is_empty() || unit == 1 { String::new() } else { format!(".{digits}") };
        format!("{}{point}{name}", n / unit)
    };
    match n {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{n}ns"),
        1_000..1_000_000 => format!("{sign}{}", fraction(n, 1_000, "µs")),
        1_000_000..1_000_000_000 => format!("{sign}{}", fraction(n, 1_000_000, "ms")),
        _ => {
            let (minute, hour) = (MINUTE.unsigned_abs(), HOUR.unsigned_abs());
            let hours = if n >= hour { format!("{}h", n / hour) } else { String::new() };
            let minutes = if n >= minute { format!("{}m", n % hour / minute) } else { String::new() };
            format!("{sign}{hours}{minutes}{}", fraction(n % minute, SECOND.unsigned_abs(), "s"))
        }
    }
}

/// `Duration.Round`: half away from zero, at most what there is.
pub(super) fn rounded(nanos: i64, to: i64) -> i64 {
    if to <= 0 {
        return nanos;
    }
    let (n, to) = (i128::from(nanos), i128::from(to));
    let rest = (n % to).abs();
    let down = n.abs() - rest;
    let up = if rest * 2 < to { down } else { down + to };
    i64::try_from(up * n.signum()).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// A `time.Duration`, which methods of times return.
pub(super) struct Duration(pub(super) i64);

impl Object for Duration {
    fn type_name(&self) -> &str {
        "time.Duration"
    }

    fn kind(&self) -> Kind {
        Kind::Int64
    }

    fn method(&self, name: &str) -> Option<&'static Method> {
        METHODS.iter().find(|method| method.name == name)
    }

    fn string(&self) -> Option<Str> {
        Some(print(self.0).into())
    }

    fn plain(&self) -> Value {
        Value::Int64(self.0)
    }

    fn int(&self) -> Option<i64> {
        Some(self.0)
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Duration>().is_some_and(|other| self.0 == other.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

macro_rules! method {
    ($name:literal, $params:expr, |$d:ident, $args:ident| $body:expr) => {
        Method {
            name: $name,
            params: $params,
            variadic: None,
            body: |_, receiver, $args| {
                let $d = receiver.as_object::<Duration>().map_or(0, |d| d.0);
                Ok($body)
            },
        }
    };
}

/// A duration as a float of `unit`: the whole part and the fraction are converted apart, as in Go.
fn in_unit(nanos: i64, unit: i64) -> Value {
    Value::Float((nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64)
}

fn duration_of(value: &Value) -> i64 {
    match value {
        Value::Object(object) => object.int().unwrap_or(0),
        _ => 0,
    }
}

static METHODS: &[Method] = &[
    method!("String", &[], |d, _args| Value::from(print(d))),
    method!("Hours", &[], |d, _args| in_unit(d, HOUR)),
    method!("Minutes", &[], |d, _args| in_unit(d, MINUTE)),
    method!("Seconds", &[], |d, _args| in_unit(d, SECOND)),
    method!("Milliseconds", &[], |d, _args| Value::Int64(d / 1_000_000)),
    method!("Microseconds", &[], |d, _args| Value::Int64(d / 1_000)),
    method!("Nanoseconds", &[], |d, _args| Value::Int64(d)),
    method!("Abs", &[], |d, _args| Value::object(Duration(d.saturating_abs()))),
    method!("Round", &[Ty::Object("time.Duration")], |d, args| Value::object(Duration(rounded(d, duration_of(&args[0]))))),
    method!("Truncate", &[Ty::Object("time.Duration")], |d, args| Value::object(Duration(match duration_of(&args[0]) {
        unit if unit > 0 => d - d % unit,
        _ => d,
    }))),
];

/// Seconds as a duration. Only texts and `int64` count: an `int` is 0s.
pub(super) fn duration(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let seconds = match &args[0] {
        Value::Str(text) => match text.to_utf8().map_or(Err(IntError::Syntax), |text| parse_int(text, 10)) {
            Ok(n) | Err(IntError::Range(n)) => n,
            Err(IntError::Syntax) => 0,
        },
        Value::Int64(n) => *n,
        _ => 0,
    };
    done(print(seconds.wrapping_mul(SECOND)))
}

/// The greatest unit alone: `2h10m` is `2h`. A time stands for what has passed since.
pub(super) fn duration_round(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let nanos = match &args[0] {
        Value::Str(text) => parse(text).unwrap_or(0),
        Value::Int64(n) => *n,
        other => match other.as_object::<Time>() {
            Some(time) => {
                scope.note_drift("durationRound");
                Time::now(scope).since(time)
            }
            None => 0,
        },
    };
    let day = 24 * HOUR;
    let units = [(365 * day, "y"), (30 * day, "mo"), (day, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")];
    let n = nanos.unsigned_abs();
    done(match units.iter().find(|(unit, _)| n > unit.unsigned_abs()) {
        Some((unit, name)) => format!("{}{name}", n / unit.unsigned_abs()),
        None => "0s".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_printed() {
        for (text, printed) in [
            ("1h30m", "1h30m0s"),
            ("-1.5s", "-1.5s"),
            ("100us", "100µs"),
            ("1.000001ms", "1.000001ms"),
            ("0", "0s"),
            ("2562047h47m16.854775807s", "2562047h47m16.854775807s"),
            ("-2562047h47m16.854775808s", "-2562047h47m16.854775808s"),
            (".5h", "30m0s"),
            ("61s", "1m1s"),
        ] {
            assert_eq!(parse(text.as_bytes()).map(print).as_deref(), Ok(printed));
        }
        for text in ["", "1", "h", "1x", "9223372036854775808ns", "-", ".s", "1h x"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(
            (rounded(1500, 1000), rounded(-1500, 1000), rounded(1499, 1000), rounded(i64::MAX, 1000)),
            (2000, -2000, 1000, i64::MAX)
        );
    }
}
