//! What the Go libraries answered, recorded in `tests/recorded/`, against what we answer.

use gitops_manifest::quantity::Quantity;
use gitops_manifest::{Value, json, yaml};

fn lines(text: &str, file: &str) -> Vec<Value> {
    text.lines().map(|line| json::parse(line.as_bytes(), file).expect("every line is JSON")).collect()
}

#[test]
fn yaml_is_printed_as_by_sigs_yaml() {
    let cases = lines(include_str!("recorded/print.jsonl"), "print.jsonl");
    assert!(cases.len() > 500);
    for case in cases {
        assert_eq!(Some(yaml::print(&case["in"]).as_str()), case["out"].as_str(), "for {}", json::print(&case["in"]));
    }
}

#[test]
fn quantities_are_canonical_as_in_apimachinery() {
    let cases = lines(include_str!("recorded/quantities.jsonl"), "quantities.jsonl");
    assert!(cases.len() > 1000);
    let mut previous = None;
    for case in cases {
        let [text, canonical] = case.as_list().expect("a pair") else { panic!("a pair") };
        let text = text.as_str().expect("a string");
        let quantity = Quantity::parse(text).ok();
        assert_eq!(quantity.map(|q| q.to_string()).as_deref(), canonical.as_str(), "for {text:?}");
        let Some(quantity) = quantity else { continue };
        let again = Quantity::parse(&quantity.to_string()).expect("canonical forms are quantities");
        assert_eq!(again, quantity, "{text} does not survive its canonical form");
        if let Some(previous) = previous.replace(quantity) {
            assert_eq!(quantity < previous, previous > quantity);
            assert_eq!(quantity == previous, previous.cmp(&quantity).is_eq());
        }
    }
}
