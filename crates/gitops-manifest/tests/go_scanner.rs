//! What go-yaml's scanner refuses and what it reads, as kustomize v5.8.2 answered for a resource with this at its end.

use gitops_manifest::yaml::{ParseOptions, Schema, parse};

const REFUSED: &[&str] = &[
    // Tabs where a key could begin.
    "a: b\n\t\nc: d\n",
    "a: b\n\t",
    "a: b\n\t\n",
    "a: 'b'\n\t\nc: d\n",
    "a: b # c\n  \t\nc: d\n",
    "a: b\t# c\n\t# d\nc: d\n",
    "x:\n-\ta\n-\tb\n",
    "x:\n- \ta\n",
    "x:\n- \ta: b\n",
    "a:\n  ?\tb\n  : c\n",
    "a: b\n\tc\n",
    "x: {\n\ta: b\n\t}\n",
    // Tabs where the indentation of a block is looked for.
    "a: |\n    \tb\n",
    "a: |\n\tb\n",
    "a: |\n   \tb\n   c\n",
    "a: |\n\t\n    b\n",
    "a: |\n    b\n\t\n    c\n",
    "a: |\n    b\n  \t\n    c\n",
    "a: |\n    b\n\t\nc: d\n",
    // Escapes and characters.
    "a: \"b\\/c\"\n",
    "a: \"\\ud83d\\ude00\"\n",
    "a: \"\\U00110000\"\n",
    "a: b\u{2028}c\n",
    "a: b\u{85}c\n",
    "a: |\n  b\u{2029}c\n",
    "# foo \u{2028} bar\na: b\n",
    "a: \"b\u{81}c\"\n",
    "a: \"b\u{FFFE}c\"\n",
    // Indicators between brackets, and names of anchors.
    "x: [a?b, c]\n",
    "x: {a: ?b}\n",
    "x: [::1]\n",
    "x: {a: :b}\n",
    "a: &x.y b\nc: *x.y\n",
];

const READ: &[&str] = &[
    "a: b\n    \t\nc: d\n",
    "a:\tb\n",
    "a: 'b' \t # c\nc: d\n",
    "a: b\t\nc: d \t\n",
    "a:\t\n  b: c\n",
    "a: b\n    \tc\n",
    "a: |\t\n    b\nc: |-\t# x\n    d\n",
    "a: |\n    b\n    \tc\n",
    "a: |\n    b\n    \t\nc: d\n",
    "a: >\n    b\n    \tc\n    d\n",
    "a: \"b\n\tc\"\nd: 'e\n\t f'\n",
    "a: \"b\t\n\t\n\tc\"\n",
    "a: {b: 'c',\n\td: e}\n",
    "a: {\n\t\"b\": [\n\t\t\"c\",\t\"d\"\n\t]\n}\n",
    "a: {\nb: c\n}\n",
    "a: \"b\nc\"\n",
    "a: \"b\\'c\"\n",
    "a: \"b\\\tc\"\n",
    "a: \"\\U0001F600 \\x41 \\N \\_ \\L \\P \\e\"\n",
    "a: \"b\u{2028}c\"\n",
    "a: {b: c\u{2028}d}\n",
    "# foo \u{2028}\na: b\n",
    "a: \"b\u{FEFF}c\"\n",
    "x: ['a?b', \"c?\", http://d/e]\n",
    "a?b: c?d\n",
    "---\t\na: b\n",
    "x: &a b\ny:\n  *a : c\n",
];

fn is_read(text: &str) -> bool {
    let resource = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n{text}");
    let options = ParseOptions { schema: Schema::GoYaml3, ..ParseOptions::default() };
    // What begins a document cannot stand at the end of one.
    parse(if text.starts_with("---") { text.as_bytes() } else { resource.as_bytes() }, "f", &options).is_ok()
}

#[test]
fn what_the_scanner_refuses_is_refused() {
    let read: Vec<_> = REFUSED.iter().filter(|text| is_read(text)).collect();
    assert!(read.is_empty(), "{read:#?}");
}

#[test]
fn what_it_reads_is_read() {
    let refused: Vec<_> = READ.iter().filter(|text| !is_read(text)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}
