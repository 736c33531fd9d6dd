//! What the Go libraries read, recorded in `tests/recorded/parse.jsonl`, against what we read: tricky scalars, keys, tags,
//! block and flow forms under both schemas.

use gitops_manifest::yaml::{DuplicateKeys, ParseOptions, Schema, parse};
use gitops_manifest::{Value, json};

/// Where we differ, and why.
fn known(text: &str, name: &str) -> Option<&'static str> {
    const DIFFER: &[(&str, &str)] = &[(" k: 1\nl: 2\n", "theirs reads the first document and does not see that the rest is wrong")];
    let lower = text.to_lowercase();
    if lower.contains(".inf") || lower.contains(".nan") {
        return Some("the reference was asked through JSON, which has no such numbers");
    }
    if name == "v3" && text.contains("2001-") {
        return Some("the reference was asked for Go values, where dates are times; kustomize keeps their text");
    }
    if name == "v3" && text.ends_with(": v\n") {
        return Some("the reference was asked for Go values; kustomize keeps the text of keys");
    }
    DIFFER.iter().find(|(known, _)| *known == text).map(|(_, why)| *why)
}

fn read(text: &str, schema: Schema) -> Option<Value> {
    // The v2 answers are those of a reader that is not strict.
    let duplicates = if schema == Schema::Yaml11 { DuplicateKeys::LastWins } else { DuplicateKeys::Refuse };
    let parsed = parse(text.as_bytes(), "f", &ParseOptions { schema, duplicates, ..ParseOptions::default() }).ok()?;
    // The recorded answers are about the first document, and know no difference between nothing and null.
    Some(parsed.documents.into_iter().next().map(|document| document.value).unwrap_or_default())
}

#[test]
fn yaml_is_read_as_by_go_yaml() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for line in include_str!("recorded/parse.jsonl").lines() {
        let case = json::parse(line.as_bytes(), "parse.jsonl").expect("every line is JSON");
        let text = case["in"].as_str().expect("a text");
        for (schema, name) in [(Schema::Yaml11, "v2"), (Schema::GoYaml3, "v3")] {
            let theirs = case.as_map().and_then(|case| case.get(name));
            let ours = read(text, schema);
            compared += 1;
            let known = known(text, name).is_some();
            if ours.as_ref() != theirs && !known {
                let show = |v: Option<&Value>| v.map_or("refused".to_owned(), json::print);
                wrong.push(format!("{name} {text:?}: ours {}, theirs {}", show(ours.as_ref()), show(theirs)));
            }
        }
    }
    assert!(compared > 800, "{compared}");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
}
