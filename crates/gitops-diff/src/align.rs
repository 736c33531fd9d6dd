//! Which elements of two lists belong together.
//!
//! Each element gets an identity that is unique in its list: a key, or its content and how often that came before. Elements
//! of equal identity are matched as far as their order allows (longest increasing subsequence). `O(n log n)`, whatever
//! the lists hold: unlike Myers' algorithm it has no bad case.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use gitops_manifest::{Number, Value};

/// A stretch of two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// `a[i]` and `b[j]` belong together.
    Match(usize, usize),
    /// Between matches: `a[from.0..to.0]` stands where `b[from.1..to.1]` stands on the other side. One may be empty.
    Gap { from: (usize, usize), to: (usize, usize) },
}

/// The pieces, in order, from identities that are unique in each list.
pub(crate) fn pieces<I: Hash + Eq>(a: &[I], b: &[I]) -> Vec<Piece> {
    let matched = ordered_matches(a, b);
    let mut out = Vec::with_capacity(matched.len() + 1);
    let mut at = (0, 0);
    for (i, j) in matched.into_iter().chain([(a.len(), b.len())]) {
        if at != (i, j) {
            out.push(Piece::Gap { from: at, to: (i, j) });
        }
        if i < a.len() {
            out.push(Piece::Match(i, j));
        }
        at = (i + 1, j + 1);
    }
    out
}

/// The longest set of equal identities whose order is the same on both sides.
fn ordered_matches<I: Hash + Eq>(a: &[I], b: &[I]) -> Vec<(usize, usize)> {
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a_rest, b_rest) = (&a[prefix..], &b[prefix..]);
    let suffix = a_rest.iter().rev().zip(b_rest.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a_middle, b_middle) = (&a_rest[..a_rest.len() - suffix], &b_rest[..b_rest.len() - suffix]);
    let places: HashMap<&I, usize> = b_middle.iter().enumerate().map(|(j, id)| (id, j)).collect();
    let pairs: Vec<(usize, usize)> = a_middle.iter().enumerate().filter_map(|(i, id)| Some((i, *places.get(id)?))).collect();
    let middle = increasing(&pairs).into_iter().map(|(i, j)| (i + prefix, j + prefix));
    let (a_end, b_end) = (a.len() - suffix, b.len() - suffix);
    (0..prefix).map(|i| (i, i)).chain(middle).chain((0..suffix).map(|k| (a_end + k, b_end + k))).collect()
}

/// The longest subsequence of `pairs` (ascending on the left) that also ascends on the right.
fn increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // `tails[k]`: index of the pair with the smallest right side that ends a subsequence of length k + 1.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (n, (_, j)) in pairs.iter().enumerate() {
        let length = tails.partition_point(|t| pairs[*t].1 < *j);
        before.push(length.checked_sub(1).map(|k| tails[k]));
        if length == tails.len() {
            tails.push(n);
        } else {
            tails[length] = n;
        }
    }
    let mut out = Vec::with_capacity(tails.len());
    let mut at = tails.last().copied();
    while let Some(n) = at {
        out.push(pairs[n]);
        at = before[n];
    }
    out.reverse();
    out
}

/// An identity by content.
pub(crate) type Numbered = (usize, usize);

/// Identities by content: a number for each distinct value, and how often it came before in its list.
pub(crate) fn by_content(a: &[Value], b: &[Value]) -> (Vec<Numbered>, Vec<Numbered>) {
    let mut buckets: HashMap<u64, Vec<(usize, &Value)>> = HashMap::new();
    let mut count = 0;
    let names = a.iter().chain(b).map(|value| {
        let mut hasher = DefaultHasher::new();
        hash(value, &mut hasher);
        let bucket = buckets.entry(hasher.finish()).or_default();
        if let Some((name, _)) = bucket.iter().find(|(_, v)| *v == value) {
            return *name;
        }
        bucket.push((count, value));
        count += 1;
        count - 1
    });
    let names: Vec<usize> = names.collect();
    let (a_names, b_names) = names.split_at(a.len());
    (numbered(a_names.iter().copied()), numbered(b_names.iter().copied()))
}

/// Makes identities unique: each with how often it came before.
pub(crate) fn numbered<I: Hash + Eq + Copy>(ids: impl Iterator<Item = I>) -> Vec<(I, usize)> {
    let mut seen: HashMap<I, usize> = HashMap::new();
    ids.map(|id| {
        let n = seen.entry(id).or_default();
        *n += 1;
        (id, *n)
    })
    .collect()
}

/// Equal values hash alike: numbers by value.
fn hash(value: &Value, h: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(h),
        Value::Bool(b) => (1_u8, b).hash(h),
        // Adding zero makes -0.0 and 0.0 one.
        Value::Number(Number::Float(f)) if f.is_nan() => 2_u8.hash(h),
        Value::Number(n) => (3_u8, (n.as_f64() + 0.0).to_bits()).hash(h),
        Value::String(s) => (4_u8, s.as_str()).hash(h),
        Value::List(l) => {
            (5_u8, l.len()).hash(h);
            l.iter().for_each(|v| hash(v, h));
        }
        Value::Map(m) => {
            (6_u8, m.len()).hash(h);
            for (k, v) in m.iter() {
                k.as_str().hash(h);
                hash(v, h);
            }
        }
    }
}

/// A key of a list element, as it is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key<'a> {
    Text(&'a str),
    Number(i64),
}

impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Text(t) => f.write_str(t),
            Key::Number(n) => write!(f, "{n}"),
        }
    }
}

/// The keys of both lists.
pub(crate) struct Keyed<'a> {
    pub(crate) name: &'a str,
    pub(crate) a: Vec<Key<'a>>,
    pub(crate) b: Vec<Key<'a>>,
}

/// The first of `names` that every element of both lists has, as text or whole number, and no two of a list share.
pub(crate) fn by_key<'a>(a: &'a [Value], b: &'a [Value], names: &[&'a str]) -> Option<Keyed<'a>> {
    let all_maps = a.iter().chain(b).all(|v| v.as_map().is_some());
    if !all_maps || (a.is_empty() && b.is_empty()) {
        return None;
    }
    names.iter().find_map(|name| Some(Keyed { name, a: unique_keys(a, name)?, b: unique_keys(b, name)? }))
}

fn unique_keys<'a>(list: &'a [Value], name: &str) -> Option<Vec<Key<'a>>> {
    let mut seen = std::collections::HashSet::with_capacity(list.len());
    list.iter()
        .map(|v| {
            let key = match v.get(name)? {
                Value::String(s) => Key::Text(s.as_str()),
                Value::Number(n) => Key::Number(n.as_i64()?),
                _ => return None,
            };
            seen.insert(key.clone()).then_some(key)
        })
        .collect()
}
