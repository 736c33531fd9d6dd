//! The laws of the crate, on values made at random: a patch leads from one value to the other, and no difference means equal.

use gitops_diff::{compare, to_json_patch};
use gitops_manifest::{Map, Value};
use proptest::prelude::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        Just(Value::from(1.5)),
        "[a-c~/]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let map = prop::collection::vec(("[a-c~/]{0,2}", inner.clone()), 0..6).prop_map(|e| Value::Map(e.into_iter().collect()));
        let named = prop::collection::vec(("[a-d]", inner.clone()), 0..6).prop_map(|items| {
            let item = |(name, v): (String, Value)| Value::Map([("name", Value::from(name)), ("v", v)].into_iter().collect::<Map>());
            Value::List(items.into_iter().map(item).collect())
        });
        prop_oneof![map, named, prop::collection::vec(inner, 0..8).prop_map(Value::List)]
    })
}

/// A small applier: `add`, `remove` and `replace`, and nothing forgiven.
fn apply(target: &mut Value, op: &Value) {
    let path = op.str_at(&["path"]).expect("a path");
    let value = op.get("value").cloned();
    let Some((parent, last)) = path.rsplit_once('/') else {
        *target = value.expect("the root is only replaced");
        return;
    };
    let unescape = |t: &str| t.replace("~1", "/").replace("~0", "~");
    let mut at = target;
    for token in parent.split('/').skip(1).map(unescape) {
        at = match at {
            Value::Map(m) => m.get_mut(&token).expect("the member is there"),
            Value::List(l) => &mut l[token.parse::<usize>().expect("an index")],
            _ => panic!("nothing below {path}"),
        };
    }
    let last = unescape(last);
    match (at, op.str_at(&["op"]).expect("an op"), value) {
        (Value::Map(m), "add", Some(v)) => assert_eq!(m.insert(last.as_str(), v), None),
        (Value::Map(m), "replace", Some(v)) => assert!(m.insert(last.as_str(), v).is_some()),
        (Value::Map(m), "remove", None) => assert!(m.remove(&last).is_some()),
        (Value::List(l), "add", Some(v)) => l.insert(last.parse().expect("an index"), v),
        (Value::List(l), "replace", Some(v)) => l[last.parse::<usize>().expect("an index")] = v,
        (Value::List(l), "remove", None) => {
            l.remove(last.parse().expect("an index"));
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_patch_leads_from_live_to_desired(live in value(), desired in value()) {
        let mut patched = live.clone();
        for op in to_json_patch(&live, &desired).as_list().expect("a list") {
            apply(&mut patched, op);
        }
        prop_assert_eq!(patched, desired);
    }

    #[test]
    fn no_difference_means_equal(live in value(), desired in value()) {
        prop_assert_eq!(compare(&desired, &live, &[]).is_empty(), desired == live);
        prop_assert_eq!(to_json_patch(&live, &desired).as_list().map(<[_]>::is_empty), Some(desired == live));
        prop_assert!(compare(&live, &live, &[]).is_empty());
    }
}
