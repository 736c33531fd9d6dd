//! Whatever the text, parsing and executing it ends, with a result or an error.

use gitops_template::{Execution, Functions, Limits, Options, TemplateSet, Value};
use proptest::prelude::*;

fn render(text: &str) -> usize {
    let mut set = TemplateSet::new(Functions::builtin(), Options::default());
    if let Err(error) = set.parse("main", text) {
        return error.to_string().len();
    }
    let limits = Limits { steps: 100_000, bytes: 1 << 20, depth: 1000 };
    let data = Value::from(vec![Value::from("a"), Value::from(1), Value::Nil, Value::from(1.5)]);
    match set.execute("main", data, &mut Execution { limits, ..Execution::default() }) {
        Ok(out) => out.len(),
        Err(error) => error.to_string().len(),
    }
}

/// Pieces that templates are made of, whole and broken.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{-",
    "-}}",
    " -}}",
    "{{- ",
    "/*",
    "*/",
    "{{/*",
    "*/}}",
    "if ",
    "else ",
    "end",
    "with ",
    "range ",
    "define ",
    "block ",
    "template ",
    "break",
    "continue",
    "{{end}}",
    "{{else}}",
    "$x",
    "$",
    ":=",
    "=",
    ",",
    "|",
    "(",
    ")",
    ".",
    ".a",
    ".a.b",
    "nil",
    "true",
    "1",
    "1.5",
    "0x1p4",
    "'a'",
    "1i",
    "1+2i",
    "\"a\"",
    "`b`",
    "\"",
    "'",
    "`",
    "print ",
    "printf ",
    "\"%5.3[2]*d%!\"",
    "index ",
    "slice ",
    "and ",
    "or ",
    "not ",
    "len ",
    "call ",
    "html ",
    "eq ",
    "lt ",
    " ",
    "\n",
    "\t",
    "é",
    "\u{2028}",
    "x",
    "\\",
    "{{if .}}",
    "{{range .}}",
    "{{range $i, $v := .}}",
    "{{define \"a\"}}",
    "{{template \"a\" .}}",
    "{{block \"b\" .}}",
    "{{.}}",
    "{{$x := .}}",
    "{{$x}}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        render(&pieces.concat());
    }

    #[test]
    fn characters(text in "(\\{\\{-? ?|[ -~\\n\u{e9}\u{65e5}]{0,12}| ?-?\\}\\}){0,12}") {
        render(&text);
    }

    #[test]
    fn formats(format in "(%[-+# 0]{0,3}[0-9*]{0,4}(\\.[0-9*]{0,4})?(\\[[0-9]{0,2}\\]?)?[a-zA-Z%\u{e9}]?[a-z]{0,2}){0,4}") {
        render(&format!("{{{{printf {} 1 \"a\" 2.5 . nil true 1i}}}}", gitops_template::fmt::quote(format.as_bytes())));
    }
}
