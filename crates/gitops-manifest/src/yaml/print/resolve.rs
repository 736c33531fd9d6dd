//! Whether a plain scalar would read back as something other than a string.
//!
//! Source of the rules: YAML 1.1 as go-yaml v2 resolves it, with numbers and dates as Go's `strconv` and `time` read them.
//! Base 60 (`1:20`) is a number for other YAML 1.1 readers only, and is quoted for their sake. `<<` and `=` stay plain: the
//! reference does not look at scalars that start with them.

use crate::yaml::timestamp::Moment;

/// Whether `text`, written plain, reads as a string in every YAML 1.1 reader that the reference cares for.
pub(super) fn is_string(text: &str) -> bool {
    match text.as_bytes().first() {
        None => false,
        Some(b'~' | b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => !is_word(text),
        Some(b'.') => !is_infinity(text) && !matches!(text, ".nan" | ".NaN" | ".NAN") && !is_finite_float(text),
        Some(b'+' | b'-') => !is_infinity(&text[1..]) && !is_number(text) && !is_base60(text),
        Some(b'0'..=b'9') => !is_number(text) && Moment::read(text).is_none() && !is_base60(text),
        Some(_) => true,
    }
}

fn is_word(text: &str) -> bool {
    matches!(
        text,
        "~" | "null"
            | "Null"
            | "NULL"
            | "y"
            | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "true"
            | "True"
            | "TRUE"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "false"
            | "False"
            | "FALSE"
            | "off"
            | "Off"
            | "OFF"
    )
}

fn is_infinity(text: &str) -> bool {
    matches!(text, ".inf" | ".Inf" | ".INF")
}

fn is_number(text: &str) -> bool {
    let mut buffer = [0_u8; 64];
    let without: &str = if !text.contains('_') {
        text
    } else if text.len() <= buffer.len() {
        let mut n = 0;
        for b in text.bytes().filter(|b| *b != b'_') {
            buffer[n] = b;
            n += 1;
        }
        // Bytes of a UTF-8 text without some ASCII ones are UTF-8.
        std::str::from_utf8(&buffer[..n]).unwrap_or(text)
    } else {
        return is_number(&text.replace('_', ""));
    };
    is_prefixed_integer(without) || is_finite_float(without)
}

/// `0x1f`, `-0b11`, `0o17`, and the reference's own `0b+1`, if 64 bits hold it. Decimal and old octal numbers (`017`) look
/// like floats and are found there.
fn is_prefixed_integer(text: &str) -> bool {
    let (sign, digits) = match text.as_bytes().first() {
        Some(s @ (b'+' | b'-')) => (Some(*s), &text[1..]),
        _ => (None, text),
    };
    let Some((prefix, digits)) = digits.split_at_checked(2) else { return false };
    let radix = match prefix {
        "0x" | "0X" => 16,
        "0o" | "0O" => 8,
        "0b" | "0B" => 2,
        _ => return false,
    };
    let (sign, digits) = match (sign, prefix, digits.as_bytes().first()) {
        (None, "0b", Some(s @ (b'+' | b'-'))) => (Some(*s), &digits[1..]),
        _ => (sign, digits),
    };
    if !digits.bytes().all(|d| char::from(d).is_digit(radix)) {
        return false;
    }
    let limit = match sign {
        None => u128::from(u64::MAX),
        Some(b'-') => 1 << 63,
        Some(_) => (1 << 63) - 1,
    };
    // More than 128 bits of zeros in front would be refused otherwise.
    let significant = digits.trim_start_matches('0');
    match significant {
        "" => !digits.is_empty(),
        _ => u128::from_str_radix(significant, radix).is_ok_and(|n| n <= limit),
    }
}

/// `[-+]? ( .5 | 5 | 5. | 5.5 ) ( e[-+]?5 )?`, not beyond what a double holds.
fn is_finite_float(text: &str) -> bool {
    let b = text.as_bytes();
    let digits = |from: usize| b[from.min(b.len())..].iter().take_while(|d| d.is_ascii_digit()).count();
    let mut i = usize::from(matches!(b.first(), Some(b'+' | b'-')));
    let whole = digits(i);
    i += whole;
    let mut fraction = 0;
    if b.get(i) == Some(&b'.') {
        fraction = digits(i + 1);
        i += 1 + fraction;
    }
    if whole + fraction == 0 {
        return false;
    }
    if matches!(b.get(i), Some(b'e' | b'E')) {
        i += 1;
        i += usize::from(matches!(b.get(i), Some(b'+' | b'-')));
        let exponent = digits(i);
        if exponent == 0 {
            return false;
        }
        i += exponent;
    }
    i == b.len() && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `[-+]?1[0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base60(text: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::is_string;

    #[test]
    fn what_is_not_a_string() {
        for text in [
            "",
            "~",
            "y",
            "NO",
            "off",
            "1",
            "-1",
            "+1_000",
            "0x1F",
            "-0b11",
            "0o17",
            "017",
            "08",
            "1e3",
            "1.",
            ".5",
            "-.inf",
            ".NaN",
            "1:20",
            "-1_0:59.5",
        ] {
            assert!(!is_string(text), "{text}");
        }
        for text in ["2001-01-01", "2024-2-29", "2001-1-1T1:2:3Z", "2001-1-1t01:02:03.123456789012+01:30", "2001-01-01   1:2:3,5"] {
            assert!(!is_string(text), "{text}");
        }
    }

    #[test]
    fn what_is() {
        for text in [
            "<<",
            "=",
            "yess",
            "nUll",
            "-.",
            ".",
            "+",
            "-a",
            "1:60",
            "1:",
            "0x",
            "0xg",
            "0xfffffffffffffffff",
            "1e999",
            "1e",
            "_1",
            "1.2.3",
            "é",
            "-.nan",
            "1.5Gi",
        ] {
            assert!(is_string(text), "{text}");
        }
        for text in ["2001-02-29", "2001-13-01", "2001-1-1T1:2:3", "2001-1-1 1:2", "2001-1-1 24:0:0", "20010101-", "2001-1-1T1:2:3+25:00"] {
            assert!(is_string(text), "{text}");
        }
    }
}
