//! Decimal arithmetic of `addf` and its kin, as shopspring/decimal v1.4.0 does it: floats become the decimals that they print as, sums
//! and products are exact, quotients have 16 places, and the outcome is the nearest float. So `addf 0.1 0.2` is 0.3.

use num_bigint::{BigInt, Sign};

use crate::error::FuncError;

/// `digits × 10^exponent`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i64,
}

/// Digits that a quotient has behind the point.
const PLACES: i64 = 16;
/// What many factors of 1e-308 may add up to. The reference goes on to 2^31, and to gigabytes of digits.
const MAX_EXPONENT: i64 = 1_000_000;

impl Decimal {
    /// The decimal that `n` is printed as.
    pub(super) fn from_float(n: f64) -> Result<Decimal, FuncError> {
        if !n.is_finite() {
            return Err(FuncError::new(format!("Cannot create a Decimal from {}", crate::fmt::float(n, 'g', None))));
        }
        let text = format!("{n:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().unwrap_or_default();
        let exponent = exponent.parse::<i64>().unwrap_or(0) - i64::try_from(fraction.len()).unwrap_or(0);
        Ok(Decimal { digits, exponent })
    }

    pub(super) fn add(self, other: Decimal) -> Decimal {
        let exponent = self.exponent.min(other.exponent);
        Decimal { digits: self.rescaled(exponent) + other.rescaled(exponent), exponent }
    }

    pub(super) fn sub(self, other: Decimal) -> Decimal {
        self.add(Decimal { digits: -other.digits, exponent: other.exponent })
    }

    pub(super) fn mul(self, other: Decimal) -> Result<Decimal, FuncError> {
        let exponent = self.exponent + other.exponent;
        if exponent.abs() > MAX_EXPONENT {
            return Err(FuncError::new(format!("exponent {exponent} overflows an int32!")));
        }
        Ok(Decimal { digits: self.digits * other.digits, exponent })
    }

    /// Rounded to 16 places, half away from zero.
    pub(super) fn div(self, other: Decimal) -> Result<Decimal, FuncError> {
        if other.digits.sign() == Sign::NoSign {
            return Err(FuncError::new("decimal division by 0"));
        }
        let shift = self.exponent - other.exponent + PLACES;
        let power = ten_to(shift.unsigned_abs());
        let (over, under) = if shift < 0 { (self.digits, other.digits * power) } else { (self.digits * power, other.digits) };
        let (quotient, rest) = (&over / &under, &over % &under);
        let up = rest.magnitude() * 2u32 >= *under.magnitude();
        let away = if over.sign() == under.sign() || over.sign() == Sign::NoSign { 1 } else { -1 };
        Ok(Decimal { digits: if up { quotient + away } else { quotient }, exponent: -PLACES })
    }

    fn rescaled(&self, exponent: i64) -> BigInt {
        &self.digits * ten_to(self.exponent.abs_diff(exponent))
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }
}

fn ten_to(power: u64) -> BigInt {
    BigInt::from(10u32).pow(u32::try_from(power).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(n: f64) -> Decimal {
        Decimal::from_float(n).expect("a finite float")
    }

    #[test]
    fn no_binary_dust() {
        assert_eq!(of(0.1).add(of(0.2)).to_float(), 0.3);
        assert_eq!(of(10.0).sub(of(9.9)).to_float(), 0.1);
        assert_eq!(of(1.1).mul(of(1.1)).map(|d| d.to_float()).ok(), Some(1.21));
        assert_eq!(of(2.0).div(of(3.0)).map(|d| d.to_float()).ok(), Some(0.6666666666666667));
        assert_eq!(of(-1.0).div(of(8.0)).map(|d| d.to_float()).ok(), Some(-0.125));
        assert_eq!(of(1e300).mul(of(1e300)).map(|d| d.to_float()).ok(), Some(f64::INFINITY));
        assert!(of(1.0).div(of(0.0)).is_err() && Decimal::from_float(f64::NAN).is_err());
    }
}
