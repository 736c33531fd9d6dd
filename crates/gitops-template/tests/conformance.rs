//! `go.jsonl` of the template corpus: what Go's own text/template makes of some hundred templates.

#![expect(clippy::disallowed_methods, reason = "door: reads the corpus, and where it is")]

use std::path::PathBuf;

use gitops_manifest::{Value as Json, json};
use gitops_template::{Execution, Functions, Options, TemplateSet, Value};

/// Cases that are known to differ, and why.
const DIFFERS: &[(&str, &str)] = &[];

fn corpus(file: &str) -> Option<String> {
    let root = std::env::var_os("GITOPS_CONFORMANCE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    let path = root.join("template").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            assert!(
                std::env::var("GITOPS_REQUIRE").as_deref() != Ok("all"),
                "the conformance data is required, and {} cannot be read: {error}",
                path.display()
            );
            eprintln!("SKIPPED: no conformance data at {}: {error}", path.display());
            None
        }
    }
}

fn run(row: &Json) -> Result<Vec<u8>, String> {
    let mut options = Options::default();
    for option in row.get("options").and_then(Json::as_list).unwrap_or_default() {
        options.set(option.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
    }
    let mut set = TemplateSet::new(Functions::builtin(), options);
    for extra in row.get("extra").and_then(Json::as_list).unwrap_or_default() {
        let (name, text) = (extra.str_at(&["name"]).unwrap_or_default(), extra.str_at(&["text"]).unwrap_or_default());
        set.parse(name, text).map_err(|error| error.to_string())?;
    }
    set.parse("main", row.str_at(&["template"]).unwrap_or_default()).map_err(|error| error.to_string())?;
    let data = Value::from(row.get("data").unwrap_or(&Json::Null));
    set.execute("main", data, &mut Execution::default()).map_err(|error| error.to_string())
}

#[test]
fn go_templates() {
    let Some(text) = corpus("go.jsonl") else { return };
    let (mut passed, mut failed, mut other_text, mut unexpected) = (0, 0, 0, Vec::new());
    for line in text.lines() {
        let row = json::parse(line.as_bytes(), "go.jsonl").expect("a row of the corpus");
        let name = row.str_at(&["name"]).unwrap_or_default();
        let result = run(&row);
        let problem = match (row.str_at(&["want"]), row.str_at(&["error"]), result) {
            (Some(want), _, Ok(out)) if out == want.as_bytes() => None,
            (Some(want), _, Ok(out)) => Some(format!("want {want:?}\n   got {:?}", String::from_utf8_lossy(&out))),
            (Some(want), _, Err(error)) => Some(format!("want {want:?}\n   got error {error}")),
            (None, Some(want), Err(error)) => {
                if want != error {
                    other_text += 1;
                    if std::env::var_os("SHOW_TEXTS").is_some() {
                        println!("{name}: {:?}\n  want {want}\n   got {error}", row.str_at(&["template"]).unwrap_or_default());
                    }
                }
                None
            }
            (_, want, Ok(out)) => Some(format!("want error {want:?}\n   got {:?}", String::from_utf8_lossy(&out))),
            (None, None, Err(_)) => Some("the row has neither want nor error".to_owned()),
        };
        match problem {
            None => passed += 1,
            Some(_) if DIFFERS.iter().any(|(known, _)| *known == name) => failed += 1,
            Some(problem) => {
                failed += 1;
                unexpected.push(format!("{name}: {:?}\n  {problem}", row.str_at(&["template"]).unwrap_or_default()));
            }
        }
    }
    println!("{passed} passed, {failed} failed ({other_text} errors in other words than Go's)");
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}
