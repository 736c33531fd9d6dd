//! `strconv.FormatFloat`.

use std::fmt::Write as _;

/// More places than any double has: what comes after is zeros. Rust's own formatting takes no more than 65,535.
const ALL_PLACES: usize = 1100;

/// Significant digits without trailing zeros, and where the point stands: `0.DIGITS × 10^point`.
struct Digits {
    text: Vec<u8>,
    point: i32,
}

impl Digits {
    /// From Rust's `1.25e-7`.
    fn from_scientific(text: &str) -> Digits {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        let kept = digits.iter().rposition(|d| *d != b'0').map_or(0, |last| last + 1);
        digits.truncate(kept);
        let point = if digits.is_empty() { 0 } else { exponent.parse::<i32>().unwrap_or(0) + 1 };
        Digits { text: digits, point }
    }

    /// The fewest digits that read back as `n`.
    fn shortest(n: f64) -> Digits {
        let mut text = format!("{n:e}");
        let places = text.find('e').unwrap_or(text.len()).saturating_sub(2);
        if places > 13 {
            // Half way between two shortest texts Go takes the even one, Rust the greater. Rounding to as many places as the
            // shortest has takes the even one in Rust too.
            text = format!("{n:.places$e}");
        }
        Digits::from_scientific(&text)
    }

    fn len(&self) -> i32 {
        i32::try_from(self.text.len()).unwrap_or(i32::MAX)
    }

    fn at(&self, index: i32) -> u8 {
        usize::try_from(index).ok().and_then(|i| self.text.get(i)).copied().unwrap_or(b'0')
    }
}

/// Appends `n` as `format` (`e E f g G b x X`) says; no precision means as many digits as are needed.
pub(crate) fn push(n: f64, format: u8, precision: Option<usize>, out: &mut Vec<u8>) {
    if n.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if n.is_infinite() {
        return out.extend_from_slice(if n > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    if format == b'g' && precision.is_none() && n.trunc() == n && n.abs() < 1e6 && (n != 0.0 || n.is_sign_positive()) {
        // Nearly every number in a chart.
        let _ = write!(Text(out), "{}", n as i64);
        return;
    }
    if n.is_sign_negative() {
        out.push(b'-');
    }
    let n = n.abs();
    match format {
        b'b' => push_binary(n, out),
        b'x' | b'X' => push_hex(n, format, precision, out),
        b'e' | b'E' => {
            let digits = match precision {
                None => Digits::shortest(n),
                Some(places) => Digits::from_scientific(&format!("{n:.places$e}", places = places.min(ALL_PLACES))),
            };
            let places = precision.unwrap_or_else(|| digits.text.len().saturating_sub(1));
            push_scientific(&digits, places, format, out);
        }
        b'f' => match precision {
            None => {
                let digits = Digits::shortest(n);
                let places = usize::try_from(digits.len() - digits.point).unwrap_or(0);
                push_positional(&digits, places, out);
            }
            Some(places) => {
                let _ = write!(Text(out), "{n:.shown$}", shown = places.min(ALL_PLACES));
                out.resize(out.len() + places.saturating_sub(ALL_PLACES), b'0');
            }
        },
        b'g' | b'G' => push_general(n, format, precision, out),
        other => out.extend_from_slice(&[b'%', other]),
    }
}

fn push_general(n: f64, format: u8, precision: Option<usize>, out: &mut Vec<u8>) {
    let (digits, precision, threshold) = match precision {
        None => {
            let digits = Digits::shortest(n);
            let all = digits.text.len();
            (digits, all, 6)
        }
        Some(precision) => {
            let precision = precision.max(1);
            let digits = Digits::from_scientific(&format!("{n:.places$e}", places = (precision - 1).min(ALL_PLACES)));
            let whole = precision > digits.text.len() && digits.len() >= digits.point;
            let threshold = if whole { digits.text.len() } else { precision };
            (digits, precision, i32::try_from(threshold).unwrap_or(i32::MAX))
        }
    };
    let exponent = digits.point - 1;
    if exponent < -4 || exponent >= threshold {
        let shown = precision.min(digits.text.len());
        return push_scientific(&digits, shown.saturating_sub(1), format - 2, out);
    }
    let shown = if i64::try_from(precision).unwrap_or(i64::MAX) > i64::from(digits.point) {
        digits.len()
    } else {
        i32::try_from(precision).unwrap_or(i32::MAX)
    };
    push_positional(&digits, usize::try_from(shown - digits.point).unwrap_or(0), out);
}

fn push_scientific(digits: &Digits, places: usize, e: u8, out: &mut Vec<u8>) {
    out.push(digits.at(0));
    if places > 0 {
        out.push(b'.');
        let rest = digits.text.get(1..).unwrap_or_default();
        let shown = rest.len().min(places);
        out.extend_from_slice(&rest[..shown]);
        out.resize(out.len() + places - shown, b'0');
    }
    let exponent = if digits.text.is_empty() { 0 } else { digits.point - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(Text(out), "{}{sign}{:02}", char::from(e), exponent.abs());
}

fn push_positional(digits: &Digits, places: usize, out: &mut Vec<u8>) {
    if digits.point > 0 {
        out.extend((0..digits.point).map(|i| digits.at(i)));
    } else {
        out.push(b'0');
    }
    if places > 0 {
        out.push(b'.');
        let places = i32::try_from(places).unwrap_or(i32::MAX - 2000);
        out.extend((0..places).map(|i| digits.at(digits.point + i)));
    }
}

/// Mantissa and exponent, `n = mantissa × 2^exponent`.
fn parts(n: f64) -> (u64, i32) {
    let bits = n.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    let mantissa = bits & ((1 << 52) - 1);
    if exponent == 0 { (mantissa, -1074) } else { (mantissa | 1 << 52, exponent - 1075) }
}

fn push_binary(n: f64, out: &mut Vec<u8>) {
    let (mantissa, exponent) = parts(n);
    let _ = write!(Text(out), "{mantissa}p{exponent:+}");
}

fn push_hex(n: f64, format: u8, precision: Option<usize>, out: &mut Vec<u8>) {
    let (mut mantissa, mut exponent) = parts(n);
    if mantissa == 0 {
        exponent = 0;
    } else {
        exponent += 52;
    }
    // 1.xxx with the leading 1 in bit 60.
    mantissa <<= 8;
    while mantissa != 0 && mantissa & 1 << 60 == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(places) = precision.filter(|p| *p < 15) {
        let shift = places * 4;
        let extra = mantissa << shift & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & 1 << 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digit = |value: u64| {
        let lower = b"0123456789abcdef"[usize::try_from(value & 15).unwrap_or(0)];
        if format == b'X' { lower.to_ascii_uppercase() } else { lower }
    };
    out.extend_from_slice(&[b'0', format, b'0' + u8::try_from(mantissa >> 60 & 1).unwrap_or(0)]);
    mantissa <<= 4;
    if precision.is_none() && mantissa != 0 {
        out.push(b'.');
        while mantissa != 0 {
            out.push(digit(mantissa >> 60));
            mantissa <<= 4;
        }
    } else if let Some(places) = precision.filter(|p| *p > 0) {
        out.push(b'.');
        for _ in 0..places {
            out.push(digit(mantissa >> 60));
            mantissa <<= 4;
        }
    }
    let p = if format == b'X' { 'P' } else { 'p' };
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(Text(out), "{p}{sign}{:02}", exponent.abs());
}

/// `write!` into bytes.
struct Text<'o>(&'o mut Vec<u8>);

impl std::fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
