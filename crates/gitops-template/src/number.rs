//! Number literals: what Go's `strconv` reads of them, and which of Go's types they can have.

use crate::fmt::quote::{Piece, unquote_char};
use crate::lex::Tok;

/// A literal may be several of these at once: `1` is an integer and a float.
#[derive(Clone, Debug, Default)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
}

impl Number {
    pub(crate) fn parse(text: &str, tok: Tok) -> Result<Number, String> {
        match tok {
            Tok::CharConstant => rune(text),
            Tok::Complex => {
                let at = split_complex(text);
                let (real, imaginary) = (parse_float(&text[..at]), parse_float(text[at..].trim_end_matches('i')));
                match (real, imaginary) {
                    (Some(real), Some(imaginary)) => Ok(complex(real, imaginary)),
                    _ => Err("syntax error scanning complex number".to_owned()),
                }
            }
            _ => plain(text),
        }
    }

    /// Written as a float: with a point or an exponent, and neither a rune nor a hexadecimal integer.
    pub(crate) fn written_as_float(text: &str) -> bool {
        let hex = text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
        !hex && !text.starts_with('\'') && text.contains(['.', 'e', 'E', 'p', 'P'])
    }
}

fn rune(text: &str) -> Result<Number, String> {
    let inner = text.get(1..).unwrap_or_default();
    let Some((piece, rest)) = unquote_char(inner, '\'') else { return Err("invalid syntax".to_owned()) };
    if rest != "'" {
        return Err(format!("malformed character constant: {text}"));
    }
    let code = match piece {
        Piece::Char(c) => u32::from(c),
        Piece::Byte(b) => u32::from(b),
    };
    Ok(Number { int: Some(i64::from(code)), uint: Some(u64::from(code)), float: Some(f64::from(code)), complex: None })
}

/// Where the imaginary part begins: the last sign that belongs to no exponent.
fn split_complex(text: &str) -> usize {
    let bytes = text.as_bytes();
    let hex = text.contains(['x', 'X']);
    let exponent = |b: u8| if hex { matches!(b, b'p' | b'P') } else { matches!(b, b'e' | b'E') };
    (1..bytes.len()).rev().find(|&at| matches!(bytes[at], b'+' | b'-') && !exponent(bytes[at - 1])).unwrap_or(0)
}

fn complex(real: f64, imaginary: f64) -> Number {
    let mut number = Number { complex: Some((real, imaginary)), ..Number::default() };
    if imaginary == 0.0 {
        number.float = Some(real);
        number.int = whole(real);
        number.uint = whole_unsigned(real);
    }
    number
}

fn whole(n: f64) -> Option<i64> {
    (n.trunc() == n && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&n)).then_some(n as i64)
}

fn whole_unsigned(n: f64) -> Option<u64> {
    (n.trunc() == n && (0.0..18_446_744_073_709_551_616.0).contains(&n)).then_some(n as u64)
}

fn plain(text: &str) -> Result<Number, String> {
    if let Some(imaginary) = text.strip_suffix('i').and_then(parse_float) {
        return Ok(complex(0.0, imaginary));
    }
    let mut number = Number { int: parse_int(text), uint: parse_uint(text), ..Number::default() };
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    if let Some(n) = number.int {
        number.float = Some(n as f64);
    } else if let Some(n) = number.uint {
        number.float = Some(n as f64);
    } else if let Some(n) = parse_float(text) {
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", crate::fmt::quote(text.as_bytes())));
        }
        number.float = Some(n);
        number.int = whole(n);
        number.uint = whole_unsigned(n);
    }
    if number.float.is_none() {
        return Err(format!("illegal number syntax: {}", crate::fmt::quote(text.as_bytes())));
    }
    Ok(number)
}

/// Underscores stand between digits only; a base prefix counts as a digit.
fn underscores_are_good(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, hex, mut last) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], true, '0'),
        [b'0', b'b' | b'B' | b'o' | b'O', ..] => (&text[2..], false, '0'),
        _ => (text, false, '^'),
    };
    for c in digits.chars() {
        if c.is_ascii_digit() || (hex && c.is_ascii_hexdigit()) {
            last = '0';
        } else if c == '_' {
            if last != '0' {
                return false;
            }
            last = '_';
        } else if last == '_' {
            return false;
        } else {
            last = '!';
        }
    }
    last != '_'
}

/// `strconv.ParseUint(text, 0, 64)`
fn parse_uint(text: &str) -> Option<u64> {
    if text.is_empty() || (text.contains('_') && !underscores_are_good(text)) {
        return None;
    }
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (&text[2..], 16),
        [b'0', b'o' | b'O', _, ..] => (&text[2..], 8),
        [b'0', b'b' | b'B', _, ..] => (&text[2..], 2),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    let mut n: u64 = 0;
    for c in digits.chars().filter(|c| *c != '_') {
        n = n.checked_mul(u64::from(radix))?.checked_add(u64::from(c.to_digit(radix)?))?;
    }
    Some(n)
}

/// `strconv.ParseInt(text, 0, 64)`
fn parse_int(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(rest) => 0i64.checked_sub_unsigned(parse_uint(rest)?),
        None => i64::try_from(parse_uint(text.strip_prefix('+').unwrap_or(text))?).ok(),
    }
}

/// `strconv.ParseFloat(text, 64)`, but for infinities and NaN, which are no literals.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    if text.contains('_') && !underscores_are_good(text) {
        return None;
    }
    let text = text.replace('_', "");
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text.as_str()),
    };
    let n = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => parse_hex_float(&digits[2..])?,
        [b'0'..=b'9' | b'.', ..] => digits.parse::<f64>().ok()?,
        _ => return None,
    };
    n.is_finite().then_some(if negative { -n } else { n })
}

fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i64 = exponent.parse::<i64>().ok()?.clamp(-100_000, 100_000);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (mut bits, mut shift, mut sticky) = (0u64, 0i64, false);
    for (at, c) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(c.to_digit(16)?);
        if bits >> 60 == 0 {
            bits = bits << 4 | digit;
            shift -= if at >= whole.len() { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            shift += if at < whole.len() { 4 } else { 0 };
        }
    }
    Some(scale(bits | u64::from(sticky), exponent + shift))
}

/// `bits × 2^exponent`, rounded once, to even.
fn scale(bits: u64, exponent: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let top = 63 - i64::from(bits.leading_zeros());
    // The lowest bit that the result can hold.
    let lowest = (top + exponent - 52).max(-1074);
    let drop = lowest - exponent;
    if drop <= 0 {
        return times_power_of_two(bits as f64, exponent);
    }
    if drop > 64 {
        return 0.0;
    }
    let wide = u128::from(bits);
    let (kept, rest) = (wide >> drop, wide & ((1 << drop) - 1));
    let half = 1u128 << (drop - 1);
    let kept = kept + u128::from(rest > half || (rest == half && kept & 1 == 1));
    times_power_of_two(kept as f64, lowest)
}

/// `n × 2^exponent`, which is exact, infinite, or an exact subnormal: the caller has rounded.
fn times_power_of_two(n: f64, exponent: i64) -> f64 {
    // In parts that a double can hold each.
    let part = |exponent: i64| f64::from_bits((exponent.clamp(-1022, 1023) + 1023).cast_unsigned() << 52);
    let (half, rest) = (exponent / 2, exponent - exponent / 2);
    n * part(half) * part(rest)
}
