//! Laws that hold for any value: round trips, patches, pointers.

use gitops_manifest::patch::{json6902, merge};
use gitops_manifest::pointer::Pointer;
use gitops_manifest::yaml::ParseOptions;
use gitops_manifest::{Map, Number, Value, json, yaml};
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,6}",
        "[ -~]{0,12}",
        "[-+0-9a-fox:_.eE]{0,8}",
        "([a-zé中😀:#'\"-]{1,9} ){0,30}[a-z]",
        "([a-z:# ]{0,5}[a-z]\n){1,4}( x\n)?",
        prop::sample::select(vec![
            "",
            "yes",
            "null",
            "~",
            "1",
            "0x1",
            "1:20",
            "2001-01-01",
            "<<",
            "=",
            "- a",
            "a: b",
            "a #b",
            "\t",
            "\n",
            "a\n\n",
            " a\nb",
            "a\u{85}b",
            "\u{2028}",
            "\u{feff}"
        ])
        .prop_map(str::to_owned),
    ]
}

/// Any text but `<<`, which the reference, and so we, write in a way that reads as a merge.
fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "[a-z][0-9]{1,3}", text()].prop_filter("reads as a merge", |k| k != "<<")
}

fn value(null: bool) -> impl Strategy<Value = Value> {
    let nothing = if null { Value::Null } else { Value::Bool(false) };
    let leaf = prop_oneof![
        Just(nothing),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (i64::MAX as u64 + 1..).prop_map(|n| Value::Number(Number::UInt(n))),
        (-1_000_000..1_000_000_i32).prop_map(|n| Value::from(f64::from(n) / 64.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::vec((key(), inner), 0..6).prop_map(|m| Value::Map(m.into_iter().collect::<Map>())),
        ]
    })
}

/// Pointers to everything in a value.
fn places(value: &Value, at: &Pointer, found: &mut Vec<Pointer>) {
    found.push(at.clone());
    let mut below = |token: String, v: &Value| {
        let mut at = at.clone();
        at.push(token);
        places(v, &at, found);
    };
    match value {
        Value::List(items) => items.iter().enumerate().for_each(|(i, v)| below(i.to_string(), v)),
        Value::Map(map) => map.iter().for_each(|(k, v)| below(k.to_string(), v)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn yaml_reads_back_what_it_prints(v in value(true)) {
        // In a list: whether a document that is nothing but `null` counts is another matter.
        let v = Value::List(vec![v]);
        let printed = yaml::print(&v);
        let parsed = yaml::parse(printed.as_bytes(), "test", &ParseOptions::default());
        let parsed = parsed.map_err(|e| TestCaseError::fail(format!("{e}\n{printed}")))?;
        prop_assert_eq!(parsed.documents.len(), 1);
        prop_assert_eq!(&parsed.documents[0].value, &v, "{}", printed);
        prop_assert_eq!(yaml::print(&parsed.documents[0].value), printed);
    }

    #[test]
    fn json_is_yaml(v in value(true)) {
        let v = Value::List(vec![v]);
        for printed in [json::print(&v), json::print_pretty(&v)] {
            let parsed = yaml::parse(printed.as_bytes(), "test", &ParseOptions::default());
            let parsed = parsed.map_err(|e| TestCaseError::fail(format!("{e}\n{printed}")))?;
            prop_assert_eq!(&parsed.documents[0].value, &v, "{}", printed);
        }
    }

    #[test]
    fn damaged_text_never_panics_and_both_parsers_agree(
        v in value(true),
        as_json in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..3, "[ \n\t:#'\"|>\\-\\[{\\]},&*!?a\\\\]"), 1..5),
    ) {
        let mut text: Vec<char> = if as_json { json::print_pretty(&v) } else { yaml::print(&v) }.chars().collect();
        for (at, how, with) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + how).min(text.len());
            text.splice(at..end, with.chars());
        }
        let text: String = text.into_iter().collect();
        let _ = json::parse(text.as_bytes(), "test");
        let options = ParseOptions::default();
        if let Some(fast) = yaml::each::fast(text.as_bytes(), &options) {
            match yaml::each::kept(text.as_bytes(), &options) {
                Ok(kept) => prop_assert_eq!(fast.documents, kept.documents, "{}", text),
                // Only the fast parser reads these, as go-yaml does.
                Err(e) if e.message.contains("invalid indentation in multiline quoted scalar") => {}
                Err(e) if e.message.contains("unknown escape character") && text.contains("\\'") => {}
                Err(e) => return Err(TestCaseError::fail(format!("{e}\n{text}"))),
            }
        }
    }

    #[test]
    fn json_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[\\[\\]{},:\"\\\\u0-9a-f.eE+ -]{0,40}") {
        let _ = json::parse(&bytes, "test");
        let _ = json::parse(text.as_bytes(), "test");
    }

    #[test]
    fn json_reads_back_what_it_prints(v in value(true)) {
        for printed in [json::print(&v), json::print_pretty(&v), json::print_html_safe(&v)] {
            let read = json::parse(printed.as_bytes(), "test");
            prop_assert_eq!(read.as_ref(), Ok(&v), "{}", printed);
        }
    }

    #[test]
    fn a_difference_applied_gives_the_other(a in value(true), b in value(false)) {
        let mut changed = a.clone();
        merge::apply(&mut changed, &merge::diff(&a, &b));
        prop_assert_eq!(changed, b);
    }

    #[test]
    fn no_difference_no_patch(a in value(false)) {
        let patch = merge::diff(&a, &a);
        let expected = if a.as_map().is_some() { Value::Map(Map::new()) } else { a };
        prop_assert_eq!(patch, expected);
    }

    #[test]
    fn pointers_lead_where_they_say(v in value(true)) {
        let mut found = Vec::new();
        places(&v, &Pointer::root(), &mut found);
        for at in found {
            prop_assert_eq!(&Pointer::parse(&at.to_string()), &Ok(at.clone()));
            let there = at.get(&v).expect("it was found there").clone();
            let mut changed = v.clone();
            prop_assert_eq!(at.set(&mut changed, Value::from("other")).expect("it is there"), Some(there.clone()));
            if !at.is_root() {
                at.remove(&mut changed).expect("it is there");
                at.insert(&mut changed, there).expect("its parent is there");
                prop_assert_eq!(&changed, &v);
            }
        }
    }

    #[test]
    fn a_failed_patch_changes_nothing(v in value(true), which in any::<prop::sample::Index>()) {
        let mut found = Vec::new();
        places(&v, &Pointer::root(), &mut found);
        let path = found[which.index(found.len())].clone();
        let patch = json6902::Patch::new(vec![
            json6902::Operation::Replace { path: path.clone(), value: Value::from("other") },
            json6902::Operation::Test { path, value: Value::from("another") },
        ]);
        prop_assert_eq!(&json6902::parse(&patch.to_value()), &Ok(patch.clone()));
        let mut changed = v.clone();
        prop_assert!(json6902::apply(&patch, &mut changed).is_err());
        prop_assert_eq!(changed, v);
    }
}
