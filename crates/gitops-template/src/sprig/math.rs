//! Arithmetic.
//!
//! Integers wrap around at 64 bits, as Go's do. `add`, `sub`, `max` and their like make `int64` of anything (see `cast`); the ones that
//! end in `f` compute in decimals (see `decimal`).

use super::args::{Outcome, done, float, int, text};
use super::cast::{atoi, parse_int, to_float, to_int};
use super::decimal::Decimal;
use crate::error::FuncError;
use crate::scope::Scope;
use crate::value::{List, ListType, Value};

type Args<'a> = &'a mut [Value];

pub(super) fn as_int(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Int(to_int(&args[0])))
}

pub(super) fn as_int64(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Int64(to_int(&args[0])))
}

pub(super) fn as_float64(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Float(to_float(&args[0])))
}

pub(super) fn parse_decimal(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Int(text(&args[0])?.to_utf8().map_or(0, atoi)))
}

/// Octal to decimal, for file modes.
pub(super) fn to_decimal(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let text = crate::fmt::display(&args[0])?;
    Ok(Value::Int64(text.to_utf8().and_then(|text| parse_int(text, 8).ok()).unwrap_or(0)))
}

/// `first` and the rest of the arguments, put together from left to right.
fn folded(first: i64, args: &[Value], step: impl Fn(i64, i64) -> i64) -> Outcome {
    Ok(Value::Int64(args.iter().map(to_int).fold(first, step)))
}

pub(super) fn add(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    folded(0, args, i64::wrapping_add)
}

pub(super) fn add1(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    folded(1, args, i64::wrapping_add)
}

pub(super) fn sub(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    folded(to_int(&args[0]), &args[1..], i64::wrapping_sub)
}

pub(super) fn mul(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    folded(to_int(&args[0]), &args[1..], i64::wrapping_mul)
}

pub(super) fn max(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    folded(to_int(&args[0]), &args[1..], i64::max)
}

pub(super) fn min(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    folded(to_int(&args[0]), &args[1..], i64::min)
}

fn divisor(value: &Value) -> Result<i64, FuncError> {
    match to_int(value) {
        0 => Err("runtime error: integer divide by zero".into()),
        n => Ok(n),
    }
}

pub(super) fn div(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Int64(to_int(&args[0]).wrapping_div(divisor(&args[1])?)))
}

pub(super) fn modulo(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Int64(to_int(&args[0]).wrapping_rem(divisor(&args[1])?)))
}

fn decimal(value: &Value) -> Result<Decimal, FuncError> {
    Decimal::from_float(to_float(value))
}

fn decimals(first: Decimal, args: &[Value], step: impl Fn(Decimal, Decimal) -> Result<Decimal, FuncError>) -> Outcome {
    let sum = args.iter().try_fold(first, |sum, value| step(sum, decimal(value)?))?;
    Ok(Value::Float(sum.to_float()))
}

pub(super) fn addf(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    decimals(Decimal::from_float(0.0)?, args, |a, b| Ok(a.add(b)))
}

pub(super) fn add1f(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    decimals(decimal(&args[0])?, &[Value::Int(1)], |a, b| Ok(a.add(b)))
}

pub(super) fn subf(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    decimals(decimal(&args[0])?, &args[1..], |a, b| Ok(a.sub(b)))
}

pub(super) fn mulf(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    decimals(decimal(&args[0])?, &args[1..], Decimal::mul)
}

pub(super) fn divf(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    decimals(decimal(&args[0])?, &args[1..], Decimal::div)
}

/// `math.Max`: NaN wins over all but +Inf, and 0 is greater than -0.
fn greater(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else if a > b {
        a
    } else {
        b
    }
}

pub(super) fn maxf(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Float(args[1..].iter().map(to_float).fold(to_float(&args[0]), greater)))
}

pub(super) fn minf(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Float(args[1..].iter().map(to_float).fold(to_float(&args[0]), |a, b| -greater(-a, -b))))
}

pub(super) fn floor(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Float(to_float(&args[0]).floor()))
}

pub(super) fn ceil(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Float(to_float(&args[0]).ceil()))
}

/// Rounds to places behind the point, up from a fraction of `0.5` or of the third argument; toward +∞ for negative numbers too, whose
/// fraction is negative and so never reaches it.
pub(super) fn round(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (value, places) = (to_float(&args[0]), int(&args[1])?);
    let from = args.get(2).map_or(Ok(0.5), float)?;
    let power = power_of_ten(places);
    let shifted = power * value;
    // Infinity has no fraction in Go: it is NaN, which reaches nothing.
    let fraction = if shifted.is_infinite() { f64::NAN } else { shifted.fract() };
    let rounded = if fraction >= from { shifted.ceil() } else { shifted.floor() };
    Ok(Value::Float(rounded / power))
}

/// Go's `math.Pow(10, places)`, with its very rounding errors: by repeated squares of a fraction and its power of two.
fn power_of_ten(places: i64) -> f64 {
    let (mut power, mut exponent) = (1.0, 0i64);
    let (mut square, mut square_exponent) = (0.625, 4i64); // 10 = 0.625 × 2⁴
    let mut bits = places.unsigned_abs();
    while bits != 0 {
        if square_exponent.abs() > 1 << 12 {
            // Far beyond a float in either direction.
            exponent += square_exponent;
            break;
        }
        if bits & 1 == 1 {
            power *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent <<= 1;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        bits >>= 1;
    }
    if places < 0 {
        (power, exponent) = (1.0 / power, -exponent);
    }
    times_power_of_two(power, exponent)
}

/// `math.Ldexp`, for fractions between a quarter and two.
fn times_power_of_two(fraction: f64, exponent: i64) -> f64 {
    let exponent = i32::try_from(exponent.clamp(-2400, 2400)).unwrap_or(0);
    // In steps that no intermediate result overflows or rounds in, but for the last.
    let first = exponent.clamp(-1000, 1000);
    let rest = exponent - first;
    fraction * 2f64.powi(first) * 2f64.powi(rest.clamp(-1000, 1000)) * 2f64.powi(rest - rest.clamp(-1000, 1000))
}

/// `start`, `start + step` and so on, before `stop`; nothing if the step leads away from it.
fn steps(scope: &mut Scope<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    let forward = stop >= start;
    if step == 0 || forward != (step > 0) {
        return Ok(Vec::new());
    }
    let count = usize::try_from(start.abs_diff(stop).div_ceil(step.unsigned_abs())).unwrap_or(usize::MAX);
    scope.charge(count.saturating_mul(size_of::<Value>()))?;
    Ok((0..count).map(|i| start.wrapping_add(step.wrapping_mul(i as i64))).collect())
}

fn ints(numbers: Vec<i64>) -> Outcome {
    Ok(Value::List(List::typed(ListType::INTS, numbers.into_iter().map(Value::Int).collect())))
}

pub(super) fn until(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let count = int(&args[0])?;
    ints(steps(scope, 0, count, if count < 0 { -1 } else { 1 })?)
}

pub(super) fn until_step(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    ints(steps(scope, int(&args[0])?, int(&args[1])?, int(&args[2])?)?)
}

/// As the program `seq`: from 1 or the first argument to the last, both included.
pub(super) fn seq(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let numbers = args.iter().map(int).collect::<Result<Vec<_>, _>>()?;
    let toward = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let (start, end, step) = match numbers[..] {
        [end] => (1, end, toward(1, end)),
        [start, end] => (start, end, toward(start, end)),
        [start, step, end] if end >= start || step <= 0 => (start, end, step),
        _ => return done(""),
    };
    let stop = end.wrapping_add(toward(start, end));
    let numbers: Vec<String> = steps(scope, start, stop, step)?.iter().map(i64::to_string).collect();
    done(numbers.join(" "))
}
