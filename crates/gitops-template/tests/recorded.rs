//! `recorded/sprig.jsonl`: some thousand calls of sprig's functions, and what the real ones made of them.

use gitops_manifest::{Value as Json, json};
use gitops_template::{Execution, Functions, Options, TemplateSet, Value, sprig};

const DOT: &str = r#"{"m":{"a":1,"b":{"c":"x","d":[1,2]},"e":""},"n":null,"x":{},"f":2.5,"i":7,"big":1000000,"l":[1,"a",null]}"#;

fn render(functions: &Functions, template: &str) -> Result<String, String> {
    let mut set = TemplateSet::new(functions.clone(), Options::default());
    set.parse("main", template).map_err(|e| e.to_string())?;
    let dot = json::parse(DOT.as_bytes(), "dot").expect("JSON");
    let out = set.execute("main", Value::from(&dot), &mut Execution::default()).map_err(|e| e.to_string())?;
    String::from_utf8(out).map_err(|e| e.to_string())
}

#[test]
fn sprig_as_recorded() {
    let functions = Functions::builtin().with(sprig::FUNCTIONS);
    let (mut passed, mut failed) = (0, Vec::new());
    for line in include_str!("recorded/sprig.jsonl").lines() {
        let row = json::parse(line.as_bytes(), "sprig.jsonl").expect("a row");
        let template = row.str_at(&["template"]).unwrap_or_default();
        match (row.get("want").and_then(Json::as_str), render(&functions, template)) {
            (Some(want), Ok(got)) if want == got => passed += 1,
            (None, Err(_)) => passed += 1,
            (want, got) => failed.push(format!("{template}\n  want {want:?}\n  got  {got:?}")),
        }
    }
    println!("{passed} passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
