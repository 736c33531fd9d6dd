//! The order of a map's keys: letters after everything else, runs of digits by their number (`a2` before `a10`).
//!
//! Source of the rule: go-yaml v2's key list. It is not transitive (`a1b` < `a9` < `a10` < `a1b`), so that neither
//! `Ord` nor `slice::sort_by` (which may panic on such) fit; our merge sort ends with any answers, starts from byte order,
//! and so always prints the same.
//! Known difference: outside ASCII "letter" is Unicode's `Alphabetic`, which has a few marks and numerals more than
//! Go's category L; "digit" is ASCII only.

use crate::{Map, Str, Value};

type Entry<'v> = (&'v Str, &'v Value);

/// Whether the map's byte order is the natural order already, as it nearly always is.
pub(super) fn is_natural(map: &Map) -> bool {
    let mut keys = map.keys();
    let Some(mut previous) = keys.next() else { return true };
    for key in keys {
        if !in_order(previous.as_bytes(), key.as_bytes()) && less(key, previous) {
            return false;
        }
        previous = key;
    }
    true
}

/// A quick yes for `a`, `b` in byte order; `false` means: ask [`less`].
fn in_order(a: &[u8], b: &[u8]) -> bool {
    match a.iter().zip(b).find(|(x, y)| x != y) {
        None => true,
        Some((x, y)) => y.is_ascii_alphabetic() && x.is_ascii() || x < y && is_mark(*x) && is_mark(*y),
    }
}

fn is_mark(b: u8) -> bool {
    b.is_ascii() && !b.is_ascii_alphanumeric()
}

/// Whether `a` is printed before `b`.
pub(super) fn less(a: &str, b: &str) -> bool {
    let common = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    // Step back to where a character starts, in case only the tails of two characters differ.
    let common = (0..=common).rev().find(|i| a.is_char_boundary(*i) && b.is_char_boundary(*i)).unwrap_or(0);
    let (x, y) = match (a[common..].chars().next(), b[common..].chars().next()) {
        (Some(x), Some(y)) => (x, y),
        (x, _) => return x.is_none() && b.len() > common,
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x < y,
        (false, false) => {}
        (_, y_is_letter) => return y_is_letter,
    }
    // Behind a digit other than 0 a zero is worth a place: 1 stands before the rest of both.
    let behind_number = (x == '0' || y == '0') && a[..common].bytes().rev().take_while(u8::is_ascii_digit).any(|d| d != b'0');
    let (x_value, x_digits) = number(&a[common..], behind_number);
    let (y_value, y_digits) = number(&b[common..], behind_number);
    (x_value, x_digits, x) < (y_value, y_digits, y)
}

/// The number that `text` starts with (0 if none), and how many digits it has. Wraps round as the reference's `int64`.
fn number(text: &str, behind_number: bool) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((i64::from(behind_number), 0), |(value, n), d| (value.wrapping_mul(10).wrapping_add(i64::from(d - b'0')), n + 1))
}

/// Stable merge sort by [`less`].
pub(super) fn sort(entries: &mut [Entry<'_>]) {
    if entries.len() <= 12 {
        for i in 1..entries.len() {
            let mut j = i;
            while j > 0 && less(entries[j].0, entries[j - 1].0) {
                entries.swap(j, j - 1);
                j -= 1;
            }
        }
        return;
    }
    let middle = entries.len() / 2;
    sort(&mut entries[..middle]);
    sort(&mut entries[middle..]);
    let left: Vec<Entry<'_>> = entries[..middle].to_vec();
    let (mut l, mut r) = (0, middle);
    for to in 0..entries.len() {
        if l == left.len() {
            break; // The rest of the right half stands where it belongs.
        }
        if r < entries.len() && less(entries[r].0, left[l].0) {
            entries[to] = entries[r];
            r += 1;
        } else {
            entries[to] = left[l];
            l += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(keys: &[&str]) -> Vec<String> {
        let map: Map = keys.iter().map(|k| (*k, Value::Null)).collect();
        let mut entries: Vec<Entry<'_>> = map.iter().collect();
        sort(&mut entries);
        entries.into_iter().map(|(k, _)| k.to_string()).collect()
    }

    #[test]
    fn numbers_within_keys() {
        assert_eq!(sorted(&["a10", "a2", "a1", "a01", "a"]), ["a", "a1", "a01", "a2", "a10"]);
        assert_eq!(sorted(&["x-1", "x1", "xa", "x_"]), ["x-1", "x_", "x1", "xa"]);
    }

    #[test]
    fn long_lists_and_circles_end() {
        let keys: Vec<String> = (0..300).map(|i| format!("k{}{}", i % 17, if i % 3 == 0 { "b".into() } else { i.to_string() })).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let distinct: std::collections::BTreeSet<&&str> = keys.iter().collect();
        assert_eq!(sorted(&keys).len(), distinct.len());
    }

    #[test]
    fn characters_with_equal_first_bytes() {
        assert!(less("é", "ê") && !less("ê", "é") && less("a", "aé") && less("1", "é"));
    }
}
