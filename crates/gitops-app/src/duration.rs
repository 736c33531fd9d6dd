//! Durations as Go writes them: `1h30m`, `1.5s`, `300ms`. A bare integer is seconds, as Argo CD reads it.

use std::fmt;
use std::time::Duration;

/// A signed length of time in nanoseconds, with Go's syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct GoDuration(i64);

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: write a number with a unit, e.g. `30s`, `5m` or `1h30m`")]
pub struct DurationError {
    text: String,
}

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl GoDuration {
    /// From nanoseconds.
    pub fn from_nanos(nanos: i64) -> GoDuration {
        GoDuration(nanos)
    }

    /// In nanoseconds.
    pub fn as_nanos(self) -> i64 {
        self.0
    }

    /// As a length of time; below zero counts as zero.
    pub fn as_duration(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Reads Go's syntax, or a bare integer of seconds.
    ///
    /// # Errors
    /// When it is neither, or longer than about 292 years.
    pub fn parse(text: &str) -> Result<GoDuration, DurationError> {
        read(text).map(GoDuration).ok_or_else(|| DurationError { text: text.to_owned() })
    }
}

fn read(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let sign = if negative { -1 } else { 1 };
    if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) {
        return rest.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_mul(sign);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at(digits);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(*scale)?)?.checked_add(part(fraction, *scale)?)?;
        rest = after;
    }
    total.checked_mul(sign)
}

/// `0.fraction · scale`, digits beyond a nanosecond dropped.
fn part(fraction: &str, scale: i64) -> Option<i64> {
    let digits = &fraction[..fraction.len().min(18)];
    if digits.is_empty() {
        return Some(0);
    }
    let value: i128 = digits.parse().ok()?;
    let over = 10_i128.checked_pow(u32::try_from(digits.len()).ok()?)?;
    i64::try_from(value * i128::from(scale) / over).ok()
}

impl fmt::Display for GoDuration {
    /// As Go's `Duration.String` prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if n == 0 {
            return f.write_str("0s");
        }
        let second = 1_000_000_000;
        if n < second {
            let (unit, scale) = if n < 1_000 {
                ("ns", 1)
            } else if n < 1_000_000 {
                ("\u{b5}s", 1_000)
            } else {
                ("ms", 1_000_000)
            };
            return write!(f, "{}{unit}", decimal(n, scale));
        }
        let (hours, minutes) = (n / (3_600 * second), n / (60 * second) % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", decimal(n % (60 * second), second))
    }
}

fn decimal(n: u64, scale: u64) -> String {
    let (whole, rest) = (n / scale, n % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_as_go_does() {
        for (text, printed) in [
            ("5s", "5s"),
            ("90", "1m30s"),
            ("1h", "1h0m0s"),
            ("1h2m3.5s", "1h2m3.5s"),
            ("300ms", "300ms"),
            ("1.5ms", "1.5ms"),
            ("10us", "10\u{b5}s"),
            ("10\u{3bc}s", "10\u{b5}s"),
            ("7ns", "7ns"),
            ("-1.5h", "-1h30m0s"),
            ("+3m", "3m0s"),
            (".5s", "500ms"),
            ("0", "0s"),
        ] {
            assert_eq!(GoDuration::parse(text).map(|d| d.to_string()).as_deref(), Ok(printed), "{text}");
        }
        for bad in ["", "-", "s", "5x", "1h2", "1 h", ".s", "5 s", "99999999999999999999s", "9999999999h"] {
            assert!(GoDuration::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(GoDuration::parse("-5s").expect("valid").as_duration(), Duration::ZERO);
    }
}
