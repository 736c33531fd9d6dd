//! Kubernetes resource quantities: `500m`, `1.5Gi`, `2e3`.
//!
//! Shape: an exact decimal, at least a nano (`1n`) fine, and the family of suffixes it was written in: binary (`Ki` to `Ei`),
//! decimal (`n` to `E`) or exponent (`e3`). Source of the rules: k8s.io/apimachinery `resource.Quantity`: finer values are
//! rounded away from zero, binary ones end at 2^63-1, and what is printed is canonical: no fraction, the largest suffix
//! that leaves a whole number, binary only for whole values of 1024 and more.
//!
//! Differences, all for values that no cluster has: at most 36 significant digits, 18 of them behind the point of a binary
//! quantity (the reference has no limit); beyond `E`
//! decimal values keep `E` with a longer number (the reference loses the suffix, and prints another value); exponents are
//! within 32 bits (the reference wraps round). And always: canonical means canonical; the reference prints some texts
//! as they were written (`+5`, `1.500`).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// An amount of something. Equality and order are by value: `1000m == 1`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    negative: bool,
    /// Without trailing zeros; 0 only with exponent 0.
    digits: u128,
    exponent: i32,
    format: Format,
}

/// The family of suffixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `n`, `u`, `m`, none, `k`, `M`, `G`, `T`, `P`, `E`.
    Decimal,
    /// `Ki`, `Mi`, `Gi`, `Ti`, `Pi`, `Ei`.
    Binary,
    /// `e3`.
    Exponent,
}

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// Not a number with a suffix.
    #[error("`{text}` is not a quantity: write a number such as 1, 0.5, 500m, 1.5Gi or 2e3")]
    Malformed {
        /// What was read.
        text: String,
    },
    /// The suffix is unknown.
    #[error("`{text}`: unknown suffix `{suffix}`; use n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent such as e3")]
    UnknownSuffix {
        /// What was read.
        text: String,
        /// The suffix.
        suffix: String,
    },
    /// More digits than we compute with.
    #[error("`{text}` has more digits than a quantity may: 36, of which 18 behind the point before Ki to Ei")]
    TooManyDigits {
        /// What was read.
        text: String,
    },
}

const NANO: i32 = -9;
const MOST_DIGITS: u128 = 10_u128.pow(36);
const BINARY_MAX: u128 = i64::MAX as u128;
const DECIMAL_SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// What a suffix multiplies with.
enum Scale {
    Ten(i32),
    Two(u32),
}

impl Quantity {
    /// Reads a quantity.
    ///
    /// # Errors
    /// When the text is not a number with a known suffix.
    pub fn parse(text: &str) -> Result<Quantity, QuantityError> {
        let malformed = || QuantityError::Malformed { text: text.to_owned() };
        let too_long = || QuantityError::TooManyDigits { text: text.to_owned() };
        if text.is_empty() {
            return Err(malformed());
        }
        let (negative, unsigned) = match text.as_bytes()[0] {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, rest) = split_digits(unsigned);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => split_digits(rest),
            None => ("", rest),
        };
        let (scale, format) = suffix_of(suffix).ok_or_else(|| match has_suffix_form(suffix) {
            true => QuantityError::UnknownSuffix { text: text.to_owned(), suffix: suffix.to_owned() },
            false => malformed(),
        })?;
        let value = match scale {
            Scale::Ten(power) => decimal(whole, fraction, power).ok_or_else(too_long)?,
            Scale::Two(power) => binary(whole, fraction, power).ok_or_else(too_long)?,
        };
        // The reference takes a number without digits for 0, but only on its quick path.
        if whole.is_empty() && fraction.is_empty() && !matches!(scale, Scale::Ten(NANO..) | Scale::Two(..50)) {
            return Err(malformed());
        }
        let (digits, exponent) = value;
        let value = Quantity { negative, digits, exponent, format }.rounded_up_to(NANO);
        Ok(if format == Format::Binary { value.binary_bounds() } else { value }.normal())
    }

    /// The family of suffixes that it is printed in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.digits == 0
    }

    /// The value as a float, which may lose digits.
    pub fn as_f64(&self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        // Reading it as text rounds once; multiplying would round twice.
        format!("{sign}{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// The whole number, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        let power = u32::try_from(self.exponent).ok()?;
        let size = i128::try_from(self.digits.checked_mul(10_u128.checked_pow(power)?)?).ok()?;
        i64::try_from(if self.negative { -size } else { size }).ok()
    }

    /// Away from zero, to a multiple of 10^`least`.
    fn rounded_up_to(mut self, least: i32) -> Quantity {
        if self.exponent < least && self.digits != 0 {
            // i64: the exponents may be at the ends of i32.
            let drop = i64::from(least) - i64::from(self.exponent);
            let divisor = u32::try_from(drop).ok().and_then(|d| 10_u128.checked_pow(d));
            self.digits = divisor.map_or(1, |d| self.digits.div_ceil(d));
            self.exponent = least;
        }
        self
    }

    /// Binary values end at 2^63-1; those below 1 are decimal ones.
    fn binary_bounds(mut self) -> Quantity {
        if self.digits == 0 {
            return self;
        }
        let unit = 10_u128.pow(self.exponent.unsigned_abs()); // Exponent: 0 to -9.
        if self.digits > BINARY_MAX * unit {
            (self.digits, self.exponent) = (BINARY_MAX, 0);
        } else if self.digits < unit && self.digits > 0 {
            self.format = Format::Decimal;
        }
        self
    }

    fn normal(mut self) -> Quantity {
        while self.digits != 0 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.exponent = self.exponent.saturating_add(1);
        }
        if self.digits == 0 {
            (self.negative, self.exponent) = (false, 0);
        }
        self
    }

    /// The size as a whole number of 1024 and more, if it is one.
    fn binary_size(&self) -> Option<u128> {
        let power = u32::try_from(self.exponent).ok()?;
        self.digits.checked_mul(10_u128.checked_pow(power)?).filter(|size| *size >= 1024)
    }

    fn size_cmp(&self, other: &Quantity) -> Ordering {
        if self.digits == 0 || other.digits == 0 {
            return self.digits.cmp(&other.digits);
        }
        // By the place of the first digit, then by the digits moved to the same place.
        let place = |q: &Quantity| i64::from(q.digits.ilog10()) + i64::from(q.exponent);
        place(self).cmp(&place(other)).then_with(|| {
            let (a, b) = (self.digits.ilog10(), other.digits.ilog10());
            let most = a.max(b);
            (self.digits * 10_u128.pow(most - a)).cmp(&(other.digits * 10_u128.pow(most - b)))
        })
    }
}

/// Digits and exponent of `whole.fraction` times 10^`power`; `None` when that is more than we compute with.
fn decimal(whole: &str, fraction: &str, power: i32) -> Option<(u128, i32)> {
    // Zeros at the end of a fraction say nothing, and would only use up digits.
    let fraction = fraction.trim_end_matches('0');
    let digits = whole.bytes().chain(fraction.bytes()).try_fold(0_u128, |n, d| {
        let n = n.checked_mul(10)?.checked_add(u128::from(d - b'0'))?;
        (n < MOST_DIGITS).then_some(n)
    })?;
    Some((digits, power.checked_sub(i32::try_from(fraction.len()).ok()?)?))
}

/// Digits and exponent of `whole.fraction` times 2^`power`, which is at most 2^60; whatever is beyond the bound of binary
/// quantities becomes something just beyond it.
fn binary(whole: &str, fraction: &str, power: u32) -> Option<(u128, i32)> {
    let fraction = fraction.trim_end_matches('0');
    // 18 digits times 2^60 and 2^64 times 10^18 both fit, and so does their sum.
    let places = u32::try_from(fraction.len()).ok().filter(|n| *n <= 18)?;
    let (whole, _) = match decimal(whole, "", 0) {
        Some(whole) if whole.0 <= BINARY_MAX >> power => whole,
        _ => return Some((BINARY_MAX + 1, 0)),
    };
    let (part, _) = decimal(fraction, "", 0)?;
    Some(((whole << power) * 10_u128.pow(places) + (part << power), -(fraction.len() as i32)))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// Letters of the suffixes, a sign, digits: what is wrong with it is then the suffix, not the form.
fn has_suffix_form(suffix: &str) -> bool {
    let rest = suffix.trim_start_matches(['e', 'E', 'i', 'n', 'u', 'm', 'k', 'K', 'M', 'G', 'T', 'P']);
    rest.strip_prefix(['+', '-']).unwrap_or(rest).bytes().all(|b| b.is_ascii_digit())
}

fn suffix_of(suffix: &str) -> Option<(Scale, Format)> {
    if let Some(i) = DECIMAL_SUFFIXES.iter().position(|s| *s == suffix) {
        return Some((Scale::Ten(3 * i as i32 + NANO), Format::Decimal));
    }
    if let Some(i) = BINARY_SUFFIXES.iter().position(|s| *s == suffix) {
        return Some((Scale::Two(10 * i as u32), Format::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((Scale::Ten(exponent.parse().ok()?), Format::Exponent))
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Quantity) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Quantity) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Quantity) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.size_cmp(other),
            (true, true) => other.size_cmp(self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl std::hash::Hash for Quantity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.negative, self.digits, self.exponent).hash(state);
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Quantity, QuantityError> {
        Quantity::parse(text)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        if self.digits == 0 {
            return f.write_str("0");
        }
        if self.format == Format::Binary
            && let Some(mut size) = self.binary_size()
        {
            let mut suffix = 0;
            while size.is_multiple_of(1024) && suffix + 1 < BINARY_SUFFIXES.len() {
                size /= 1024;
                suffix += 1;
            }
            return write!(f, "{sign}{size}{}", BINARY_SUFFIXES[suffix]);
        }
        // Down to a multiple of 3.
        let spare = self.exponent.rem_euclid(3);
        let (mut exponent, mut zeros) = (i64::from(self.exponent) - i64::from(spare), spare as usize);
        if self.format == Format::Exponent {
            let number = self.digits * 10_u128.pow(spare as u32);
            return if exponent == 0 { write!(f, "{sign}{number}") } else { write!(f, "{sign}{number}e{exponent}") };
        }
        if exponent > 18 {
            zeros += (exponent - 18) as usize;
            exponent = 18;
        }
        let suffix = DECIMAL_SUFFIXES[((exponent - i64::from(NANO)) / 3) as usize];
        write!(f, "{sign}{}", self.digits)?;
        (0..zeros).try_for_each(|_| f.write_str("0"))?;
        f.write_str(suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(text: &str) -> Quantity {
        Quantity::parse(text).expect("valid quantity")
    }

    #[test]
    fn canonical_texts() {
        for (text, canonical) in [
            ("0", "0"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1e3", "1e3"),
            ("1500", "1500"),
            ("1000", "1k"),
            ("1024Ki", "1Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("1023", "1023"),
            ("0.1n", "1n"),
            ("-0.1n", "-1n"),
            ("100Ei", "9223372036854775807"),
            ("1.1Ki", "1126400m"),
            ("0.0001Ki", "102400u"),
            ("1E", "1E"),
            ("5e-1", "500e-3"),
            ("-2k", "-2k"),
            ("12e6", "12e6"),
            ("1e10", "10e9"),
            ("00.10", "100m"),
            ("1E3", "1e3"),
            ("1000E", "1000E"),
        ] {
            assert_eq!(q(text).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn order_is_by_value() {
        assert_eq!(q("1000m"), q("1"));
        assert_eq!(q("1Gi"), q("1073741824"));
        assert!(
            q("1G") < q("1Gi")
                && q("-1") < q("-1m")
                && q("-1") < q("0")
                && q("0") < q("1n")
                && q("9E") > q("999P")
                && q("1e100") > q("1Ei")
        );
        assert_eq!((q("1.5k").as_i64(), q("1m").as_i64(), q("1e400").as_i64()), (Some(1500), None, None));
        assert!((q("250m").as_f64() - 0.25).abs() < f64::EPSILON);
    }

    #[test]
    fn errors_say_what_to_write() {
        for text in ["", "a", "1 ", "1..2", "1,5", "--1", "0x1", "1e"] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
        assert!(matches!(Quantity::parse("1KB"), Err(QuantityError::Malformed { .. })));
        assert!(matches!(Quantity::parse("1mi"), Err(QuantityError::UnknownSuffix { .. })));
    }
}
