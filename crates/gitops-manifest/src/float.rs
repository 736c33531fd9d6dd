//! Floats as Go writes them: `strconv`'s shortest `%g` for YAML, `encoding/json`'s form for JSON.

use std::fmt::Write as _;

/// The shortest digits that read back as `n`, without point or sign, and the power of ten of the first.
fn shortest(n: f64, digits: &mut String) -> i32 {
    let mut text = String::with_capacity(32);
    // Writing to a String cannot fail, here and below.
    let _ = write!(text, "{:e}", n.abs());
    let places = text.find('e').unwrap_or(text.len()).saturating_sub(2);
    if places > 13 {
        // Half way between two shortest texts Go takes the even one, Rust the greater; rounding to as many places as the
        // shortest has is exact in Rust too, and takes the even one.
        text.clear();
        let _ = write!(text, "{:.places$e}", n.abs());
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    digits.extend(mantissa.chars().filter(char::is_ascii_digit));
    exponent.parse().unwrap_or(0)
}

/// As sigs.k8s.io/yaml prints a number: first as JSON, read back as the integer that it then looks like, else as `%g`.
pub(crate) fn push_yaml(n: f64, out: &mut String) {
    if n.is_nan() {
        return out.push_str(".nan");
    }
    if n.is_infinite() {
        return out.push_str(if n > 0.0 { ".inf" } else { "-.inf" });
    }
    // Whole numbers that 64 bits hold have no point in JSON, and so become integers.
    if n.trunc() == n && n.abs() < 1e20 {
        let start = out.len();
        push_json(n + 0.0, out); // `+ 0.0` takes the sign off -0.
        if out[start..].parse::<i64>().is_ok() || out[start..].parse::<u64>().is_ok() {
            return;
        }
        out.truncate(start);
    }
    let mut digits = String::with_capacity(20);
    let exponent = shortest(n, &mut digits);
    if n < 0.0 {
        out.push('-');
    }
    if (-4..6).contains(&exponent) {
        push_positional(&digits, exponent, out);
    } else {
        push_scientific(&digits, exponent, 2, out);
    }
}

/// As `encoding/json` prints a float. JSON has neither NaN nor infinities: they become `null`.
pub(crate) fn push_json(n: f64, out: &mut String) {
    if !n.is_finite() {
        return out.push_str("null");
    }
    if n.is_sign_negative() {
        out.push('-');
    }
    let mut digits = String::with_capacity(20);
    let exponent = shortest(n, &mut digits);
    if n == 0.0 || (-6..21).contains(&exponent) {
        push_positional(&digits, exponent, out);
    } else {
        push_scientific(&digits, exponent, 1, out);
    }
}

fn push_positional(digits: &str, exponent: i32, out: &mut String) {
    let Ok(point) = usize::try_from(exponent + 1) else {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', (-exponent - 1).unsigned_abs() as usize));
        return out.push_str(digits);
    };
    if point == 0 {
        out.push_str("0.");
        out.push_str(digits);
    } else if digits.len() <= point {
        out.push_str(digits);
        out.extend(std::iter::repeat_n('0', point - digits.len()));
    } else {
        out.push_str(&digits[..point]);
        out.push('.');
        out.push_str(&digits[point..]);
    }
}

fn push_scientific(digits: &str, exponent: i32, exponent_digits: usize, out: &mut String) {
    let (first, rest) = digits.split_at(1);
    out.push_str(first);
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "e{sign}{:0exponent_digits$}", exponent.unsigned_abs());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_prints() {
        for (n, yaml, json) in [
            (1.5, "1.5", "1.5"),
            (-0.0, "0", "-0"),
            (1e6, "1000000", "1000000"),
            (1_234_567.5, "1.2345675e+06", "1234567.5"),
            (123_456.5, "123456.5", "123456.5"),
            (1e-5, "1e-05", "0.00001"),
            (0.000_12, "0.00012", "0.00012"),
            (1e-7, "1e-07", "1e-7"),
            (1e20, "1e+20", "100000000000000000000"),
            (1e21, "1e+21", "1e+21"),
            (-2.5e-10, "-2.5e-10", "-2.5e-10"),
            (f64::NAN, ".nan", "null"),
            (f64::NEG_INFINITY, "-.inf", "null"),
            (0.1, "0.1", "0.1"),
        ] {
            let (mut y, mut j) = (String::new(), String::new());
            push_yaml(n, &mut y);
            push_json(n, &mut j);
            assert_eq!((y.as_str(), j.as_str()), (yaml, json), "{n:e}");
        }
    }
}
