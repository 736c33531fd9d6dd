//! `sprig.jsonl` of the template corpus: what the real sprig makes of its own tests' templates, and of some hundred more.

#![expect(clippy::disallowed_methods, reason = "door: a test reads its data")]

use std::path::PathBuf;

use gitops_manifest::{Value as Json, json};
use gitops_template::{Execution, Functions, Options, TemplateSet, Value, sprig};

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

fn render(row: &Json) -> Result<Vec<u8>, String> {
    let mut options = Options::default();
    for option in row.get("options").and_then(Json::as_list).unwrap_or_default() {
        options.set(option.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
    }
    let mut set = TemplateSet::new(Functions::builtin().with(sprig::FUNCTIONS), options);
    for extra in row.get("extra").and_then(Json::as_list).unwrap_or_default() {
        let (name, text) = (extra.str_at(&["name"]).unwrap_or_default(), extra.str_at(&["text"]).unwrap_or_default());
        set.parse(name, text).map_err(|error| error.to_string())?;
    }
    set.parse("main", row.str_at(&["template"]).unwrap_or_default()).map_err(|error| error.to_string())?;
    let data = Value::from(row.get("data").unwrap_or(&Json::Null));
    let mut execution = Execution::default();
    execution.ambient.now = 1_700_000_000_000_000_000;
    execution.ambient.seed = [7; 32];
    set.execute("main", data, &mut execution).map_err(|error| error.to_string())
}

/// What is wrong with the outcome of a row; and for an error, whether its text is the reference's.
fn fault(row: &Json) -> Result<bool, String> {
    match (row.str_at(&["want"]), row.str_at(&["error"]), render(row)) {
        (Some(want), _, Ok(out)) if out == want.as_bytes() => Ok(true),
        (Some(want), _, Ok(out)) => Err(format!("want {want:?}\n   got {:?}", String::from_utf8_lossy(&out))),
        (Some(want), _, Err(error)) => Err(format!("want {want:?}\n   got error {error}")),
        (None, Some(want), Err(error)) => {
            if want != error && std::env::var_os("SHOW_TEXTS").is_some() {
                println!("want {want}\n got {error}");
            }
            Ok(want == error)
        }
        (None, want, Ok(out)) => Err(format!("want error {want:?}\n   got {:?}", String::from_utf8_lossy(&out))),
        (None, None, Err(_)) => Err("the row has neither want nor error".to_owned()),
    }
}

#[test]
fn sprig_functions() {
    let Some(text) = corpus("sprig.jsonl") else { return };
    let (mut passed, mut failed, mut other_text, mut unexpected) = (0, 0, 0, Vec::new());
    for line in text.lines() {
        let row = json::parse(line.as_bytes(), "sprig.jsonl").expect("a row of the corpus");
        let name = row.str_at(&["name"]).unwrap_or_default();
        match fault(&row) {
            Ok(same_text) => {
                passed += 1;
                other_text += usize::from(!same_text);
            }
            Err(_) if DIFFERS.iter().any(|(known, _)| *known == name) => failed += 1,
            Err(problem) => {
                failed += 1;
                unexpected.push(format!("{name}: {:?}\n  {problem}", row.str_at(&["template"]).unwrap_or_default()));
            }
        }
    }
    println!("{passed} passed, {failed} failed ({other_text} errors in other words than the reference's)");
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}
