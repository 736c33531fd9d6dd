//! YAML in: documents, positions, equal keys, merge keys, budgets, hostile text. What the Go libraries read is compared in
//! `go_yaml.rs`; here stand the expectations that are ours.
#![allow(clippy::unwrap_used, reason = "tests")]

use gitops_manifest::yaml::{DuplicateKeys, ParseOptions, Schema, locate, parse};
use gitops_manifest::{Value, json};

fn read(text: &str, schema: Schema) -> Value {
    parse(text.as_bytes(), "f.yaml", &ParseOptions { schema, ..ParseOptions::default() }).unwrap().documents.remove(0).value
}

fn refused(text: &[u8]) -> String {
    parse(text, "f.yaml", &ParseOptions::default()).unwrap_err().to_string()
}

#[test]
fn schemas_differ_where_go_yaml_does() {
    let text = "[on, yes, 010, 0o10, 0x1F, 1_000, 1:30, 2001-01-01, ~, .5, 1e3, 08, '1']";
    let v2 = json::parse(br#"[true,true,8,8,31,1000,"1:30","2001-01-01",null,0.5,1000,8,"1"]"#, "").unwrap();
    let v3 = json::parse(br#"["on","yes",8,8,31,1000,"1:30","2001-01-01",null,0.5,1000,8,"1"]"#, "").unwrap();
    assert_eq!(read(text, Schema::Yaml11), v2);
    assert_eq!(read(text, Schema::GoYaml3), v3);
}

#[test]
fn keys_become_strings() {
    let v = read("yes: 1\n1.5e10: 2\n1: 3\n", Schema::Yaml11);
    assert_eq!((&v["true"], &v["1.5e+10"], &v["1"]), (&1.into(), &2.into(), &3.into()));
}

#[test]
fn merge_keys_follow_each_library() {
    let text = "b: &x {a: 1}\nc: {a: 2, <<: *x}\n";
    assert_eq!(read(text, Schema::Yaml11)["c"]["a"], 1.into());
    assert_eq!(read(text, Schema::GoYaml3)["c"]["a"], 2.into());
}

#[test]
fn equal_keys_are_found_with_both_places() {
    assert!(refused(b"a: 1\nb: 2\na: 3\n").starts_with("f.yaml:3:1: the key `a` stands twice, first at line 1, column 1"));
    let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
    let parsed = parse(b"a: 1\na: 3\n", "f.yaml", &options).unwrap();
    assert_eq!(parsed.documents[0].value["a"], 3.into());
    assert_eq!(parsed.warnings.len(), 1);
}

#[test]
fn empty_documents_are_left_out_and_null_is_kept() {
    let parsed = parse(b"# only a comment\n---\n---\nnull\n---\na: 1\n", "f", &ParseOptions::default()).unwrap();
    let at: Vec<usize> = parsed.documents.iter().map(|d| d.at.line).collect();
    assert_eq!(at, [4, 6]);
}

#[test]
fn hostile_text_is_refused_with_its_place() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (before, now) in ('a'..'i').zip('b'..'j') {
        bomb += &format!("{now}: &{now} [*{before},*{before},*{before},*{before},*{before},*{before},*{before},*{before},*{before}]\n");
    }
    assert!(refused(bomb.as_bytes()).contains("more than 100000 values"));
    assert!(refused(&b"[".repeat(100_000)).contains("nest"), "{}", refused(&b"[".repeat(100_000)));
    assert!(refused(b"a: 1\nb: \xFF\n").starts_with("f.yaml:2:4: not UTF-8"));
    assert!(refused(b"a:\n\tb: 1\n").starts_with("f.yaml:2:"));
}

#[test]
fn a_pointer_is_located() {
    assert_eq!(locate(b"a: 1\n---\nb:\n  - c\n  - d: e\n", 1, "/b/1/d"), Some((5, 8)));
}
