//! Laws of the comparison by ownership, on objects made at random from the types of the built-in kinds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gitops_diff::{CompareOptions, Context, Managers, Ownership, compare_owned};
use gitops_manifest::{Map, Value, json};
use gitops_schema::{Merge, Scalar, Schema, Shape, Type, builtin};
use proptest::prelude::*;

/// Numbers without an end, the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn one_of(&mut self, texts: &[&str]) -> Value {
        Value::from(texts[self.next(texts.len() as u64) as usize])
    }
}

/// A value of a type, as people write it.
fn value(ty: Type<'_>, random: &mut Random, depth: usize) -> Value {
    match ty.shape() {
        Shape::Scalar(Scalar::Bytes) => random.one_of(&["aGVsbG8=", "aGVs\nbG8="]),
        Shape::Scalar(Scalar::Time) => random.one_of(&["2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00"]),
        Shape::Scalar(Scalar::Quantity) => random.one_of(&["1000m", "0.5", "1Gi", "1024Mi", "2"]),
        Shape::Scalar(Scalar::IntOrString) => random.one_of(&["http", "50%"]),
        Shape::Scalar(Scalar::Integer | Scalar::Number) => Value::from(random.next(5) as i64),
        Shape::Scalar(Scalar::Boolean) => Value::Bool(random.next(2) == 1),
        Shape::List { element, merge } => {
            let count = if depth > 7 { 0 } else { random.next(4) };
            let mut list: Vec<Value> = (0..count).map(|_| value(element, random, depth + 1)).collect();
            if let Merge::Keys(keys) = merge {
                let keys: Vec<&str> = keys.collect();
                for (i, element) in list.iter_mut().enumerate() {
                    let map = element.as_map_mut().unwrap();
                    for key in &keys {
                        map.insert(*key, format!("{key}{i}"));
                    }
                }
            }
            if matches!(merge, Merge::Set) {
                list.sort_by_key(json::print);
                list.dedup();
            }
            Value::List(list)
        }
        Shape::Map { values, .. } => {
            let count = if depth > 7 { 0 } else { random.next(3) };
            Value::Map((0..count).map(|i| (format!("key{i}"), value(values, random, depth + 1))).collect())
        }
        Shape::Object(object) => {
            let mut map = Map::new();
            for field in object.fields() {
                let there = random.next(10) < if depth < 3 { 4 } else { 2 };
                if there && depth < 9 {
                    map.insert(field.name, value(field.ty, random, depth + 1));
                }
            }
            Value::Map(map)
        }
        _ => random.one_of(&["a", "b", "", "c"]),
    }
}

/// The set that a server-side apply of `value` leaves.
fn fields(value: &Value, ty: Type<'_>) -> Value {
    let atomic = match ty.shape() {
        Shape::Object(object) => object.atomic,
        Shape::Map { atomic, .. } => atomic,
        _ => false,
    };
    let mut out = Map::new();
    match (value, ty.shape()) {
        (Value::Map(map), _) if !atomic => {
            for (name, value) in map.iter() {
                out.insert(format!("f:{name}"), fields(value, ty.field(name).ty));
            }
        }
        (Value::List(list), Shape::List { element, merge: Merge::Keys(keys) }) => {
            let keys: Vec<&str> = keys.collect();
            for value in list {
                let key: Map = keys.iter().map(|k| (*k, value[k].clone())).collect();
                let Value::Map(mut below) = fields(value, element) else { continue };
                below.insert(".", Value::Map(Map::new()));
                out.insert(format!("k:{}", json::print(&key.into())), below);
            }
        }
        (Value::List(list), Shape::List { merge: Merge::Set, .. }) => {
            for value in list {
                out.insert(format!("v:{}", json::print(value)), Value::Map(Map::new()));
            }
        }
        _ => {}
    }
    Value::Map(out)
}

/// What the API server makes of it: canonical texts, defaults filled in, zeros dropped, keyed lists in another order.
fn stored(value: &Value, ty: Type<'_>, random: &mut Random) -> Value {
    match (value, ty.shape()) {
        (Value::String(text), Shape::Scalar(Scalar::Quantity)) => {
            Value::from(gitops_manifest::quantity::Quantity::parse(text).unwrap().to_string())
        }
        (Value::String(_), Shape::Scalar(Scalar::Time)) => Value::from("2026-01-01T00:00:00Z"),
        (Value::String(_), Shape::Scalar(Scalar::Bytes)) => Value::from("aGVsbG8="),
        (Value::List(list), Shape::List { element, merge }) => {
            let mut list: Vec<Value> = list.iter().map(|v| stored(v, element, random)).collect();
            if !matches!(merge, Merge::Atomic) && random.next(2) == 1 {
                list.reverse();
            }
            Value::List(list)
        }
        (Value::Map(map), shape) => {
            let mut out: Map = map.iter().map(|(name, v)| (name.clone(), stored(v, ty.field(name).ty, random))).collect();
            if let Shape::Object(object) = shape {
                for field in object.fields() {
                    if let (Some(default), false) = (field.default, out.contains_key(field.name)) {
                        out.insert(field.name, default.clone());
                    }
                    let empty = out
                        .get(field.name)
                        .is_some_and(|v| matches!(v, Value::Bool(false)) || v.as_str() == Some("") || *v == Value::from(0));
                    if empty && random.next(2) == 1 {
                        out.remove(field.name);
                    }
                }
            }
            Value::Map(out)
        }
        (value, _) => value.clone(),
    }
}

fn object(kind: usize, seed: u64) -> (Value, Value) {
    // Endpoints are sorted before they are compared, so their indexes are others: `cases/normal/endpoints-sorted`.
    let kinds: Vec<_> = builtin().kinds().filter(|(_, _, kind, _)| *kind != "Endpoints").collect();
    let (group, version, kind, _) = kinds[kind % kinds.len()];
    let ty = builtin().kind(group, version, kind).unwrap().ty;
    let mut random = Random(seed);
    let mut desired = value(ty, &mut random, 0);
    let root = desired.as_map_mut().unwrap();
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    root.insert("apiVersion", api_version.as_str());
    root.insert("kind", kind);
    root.remove("status");
    root.remove("stringData");
    let metadata = ty.field("metadata").ty;
    let mut kept = value(metadata, &mut random, 1);
    kept.as_map_mut().unwrap().retain(|name, _| matches!(name, "labels" | "annotations" | "finalizers"));
    kept.as_map_mut().unwrap().insert("name", "a");
    root.insert("metadata", kept);
    let mut live = stored(&desired, ty, &mut random);
    let entry: Map = [
        ("manager", Value::from("gitops")),
        ("operation", "Apply".into()),
        ("apiVersion", api_version.into()),
        ("fieldsV1", fields(&desired, ty)),
    ]
    .into_iter()
    .collect();
    live.as_map_mut().unwrap().get_mut("metadata").unwrap().as_map_mut().unwrap().insert("managedFields", Value::List(vec![entry.into()]));
    (desired, live)
}

fn found(desired: &Value, live: &Value) -> gitops_diff::Owned {
    let managers = Managers { applied: vec!["gitops".into()], updated: Vec::new() };
    let (schema, options) = (Schema::default(), CompareOptions::default());
    compare_owned(desired, live, &Ownership::of(live, &managers), &Context { schema: &schema, rules: &[], system: &[], options: &options })
}

/// Single values in an object that are not keys, by pointer.
fn leaves(value: &Value, at: &str, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Map(map) => map.iter().for_each(|(k, v)| leaves(v, &format!("{at}/{}", k.replace('~', "~0").replace('/', "~1")), out)),
        Value::List(_) => {}
        Value::String(text) if !text.is_empty() => out.push((at.to_owned(), value.clone())),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_was_applied_is_in_sync(kind in 0_usize..100, seed in any::<u64>()) {
        let (desired, live) = object(kind, seed);
        let found = self::found(&desired, &live);
        prop_assert!(found.differences.is_empty() && found.doubts.is_empty(), "{}\n{}\n{found:#?}", json::print(&desired), json::print(&live));
    }

    #[test]
    fn one_changed_value_is_the_one_difference(kind in 0_usize..100, seed in any::<u64>()) {
        let (mut desired, live) = object(kind, seed);
        let mut all = Vec::new();
        leaves(&desired, "", &mut all);
        all.retain(|(at, _)| !["/apiVersion", "/kind", "/metadata/name"].contains(&at.as_str()));
        prop_assume!(!all.is_empty());
        let (at, old) = &all[seed as usize % all.len()];
        let pointer = gitops_manifest::pointer::Pointer::parse(at).unwrap();
        pointer.set(&mut desired, Value::from("changed")).unwrap();
        let found = self::found(&desired, &live);
        prop_assert_eq!(found.differences.len(), 1, "{} {:?} {:#?}", at, old, found);
        prop_assert_eq!(&found.differences[0].pointer, at);
        // What is made good is in sync.
        let after = gitops_diff::predicted(&live, &found.differences);
        prop_assert!(self::found(&desired, &after).differences.is_empty());
    }

    #[test]
    fn one_field_removed_in_git_is_seen(kind in 0_usize..100, seed in any::<u64>()) {
        let (mut desired, live) = object(kind, seed);
        let mut all = Vec::new();
        leaves(&desired, "", &mut all);
        all.retain(|(at, _)| !["/apiVersion", "/kind", "/metadata/name"].contains(&at.as_str()));
        prop_assume!(!all.is_empty());
        let (at, _) = &all[seed as usize % all.len()];
        gitops_manifest::pointer::Pointer::parse(at).unwrap().remove(&mut desired).unwrap();
        let found = self::found(&desired, &live);
        let places = found.differences.iter().map(|d| &d.pointer).chain(found.doubts.iter().map(|d| &d.difference.pointer));
        let places: Vec<_> = places.collect();
        // A value that is the default is what the API server would fill in again.
        prop_assert!(places.is_empty() || places == [at], "{at} {found:#?}");
    }

    #[test]
    fn anything_is_compared_without_a_panic(kind in 0_usize..100, a in any::<u64>(), b in any::<u64>()) {
        let (desired, _) = object(kind, a);
        let (_, live) = object(kind, b);
        let _ = found(&desired, &live);
        let _ = found(&live, &desired);
    }
}

#[test]
fn lists_in_lists_of_other_lengths_are_not_slow() {
    let nested = |more: bool| {
        let mut list = Value::List(Vec::new());
        for _ in 0..60 {
            let mut outer = vec![list];
            outer.extend(more.then(|| Value::from("x")));
            list = Value::List(outer);
        }
        let object = r#"{"apiVersion":"x.io/v1","kind":"Thing","metadata":{"name":"a"}}"#;
        let mut object = json::parse(object.as_bytes(), "case").unwrap();
        object.as_map_mut().unwrap().insert("spec", list);
        object
    };
    assert!(!found(&nested(false), &nested(true)).differences.is_empty());
}
