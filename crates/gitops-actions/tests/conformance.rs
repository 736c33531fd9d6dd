//! Argo CD's own cases of resource actions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "door: reads the conformance data")]

use std::fs;
use std::path::{Path, PathBuf};

use gitops_actions::{Action, Actions, Impact, Input, Param};
use gitops_manifest::Value;
use gitops_manifest::yaml::{self, DuplicateKeys, ParseOptions};

fn root() -> Option<PathBuf> {
    let root = std::env::var_os("GITOPS_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    let folder = root.join("actions");
    if folder.is_dir() {
        return Some(folder);
    }
    let message = format!("no {}: set GITOPS_CONFORMANCE to the conformance data", folder.display());
    assert!(std::env::var("GITOPS_REQUIRE").as_deref() != Ok("all"), "{message}");
    eprintln!("SKIPPED: {message}");
    None
}

fn read(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
    yaml::parse(&text, &path.display().to_string(), &options).unwrap().documents.remove(0).value
}

fn field<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.as_map()?.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v)
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    field(value, key).and_then(Value::as_str)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    field(value, key).and_then(Value::as_list).unwrap_or(&[])
}

fn folders(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            folders(&path, found);
        } else if path.ends_with("action_test.yaml") {
            found.push(folder.to_owned());
        }
    }
}

fn action_of(value: &Value) -> Action {
    Action {
        name: text(value, "name").unwrap().to_owned(),
        disabled: field(value, "disabled").and_then(Value::as_bool).unwrap_or(false),
        display_name: text(value, "displayName").unwrap_or("").to_owned(),
        icon_class: text(value, "iconClass").unwrap_or("").to_owned(),
        params: list(value, "params")
            .iter()
            .map(|p| Param { name: text(p, "name").unwrap().to_owned(), default: text(p, "default").unwrap_or("").to_owned() })
            .collect(),
    }
}

fn remove(value: &mut Value, path: &[&str]) {
    let (last, parents) = path.split_last().unwrap();
    let parent = parents.iter().try_fold(value, |at, key| at.as_map_mut()?.get_mut(key));
    if let Some(map) = parent.and_then(Value::as_map_mut) {
        map.remove(last);
    }
}

/// Takes away what depends on the time, on both sides alike; see the README of the data.
fn blank(value: &mut Value) {
    let kind = value.str_at(&["kind"]).unwrap_or("").to_owned();
    let annotations = ["metadata", "annotations"];
    if matches!(kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet") {
        remove(value, &["spec", "template", "metadata", "annotations"]);
    }
    if kind == "Deployment" {
        for path in [&["status"][..], &["metadata", "creationTimestamp"], &["metadata", "generation"]] {
            remove(value, path);
        }
    }
    let whole = ["force-sync", "reconcile.fluxcd.io/requestedAt"];
    if value.at(&annotations).and_then(Value::as_map).is_some_and(|map| whole.iter().any(|key| map.contains_key(key))) {
        remove(value, &annotations);
    }
    for key in ["cnpg.io/reloadedAt", "kubectl.kubernetes.io/restartedAt", "workflows.argoproj.io/scheduled-time"] {
        if value.str_at(&["metadata", "annotations", key]).is_some() {
            remove(value, &["metadata", "annotations", key]);
        }
    }
    remove(value, &["spec", "restartAt"]);
    remove(value, &["status", "targetPrimaryTimestamp"]);
    let conditions = value.as_map_mut().and_then(|m| m.get_mut("status")?.as_map_mut()?.get_mut("conditions")?.as_list_mut());
    for condition in conditions.into_iter().flatten() {
        if condition.str_at(&["type"]) == Some("FailureTarget") {
            remove(condition, &["lastTransitionTime"]);
        }
    }
}

/// What differs as upstream's three-way diff sees it: what the expected object says must be so in the result; what it does not
/// mention may stay as it was in the input, but nothing may be added.
fn differences(expected: &Value, result: &Value, input: &Value, at: &str, out: &mut Vec<String>) {
    match (expected, result) {
        (Value::Null, Value::Null) => {}
        (Value::Map(wanted), Value::Map(found)) => {
            let empty = Value::Null;
            for (key, value) in wanted.iter() {
                let nested = input.get(key).unwrap_or(&empty);
                differences(value, found.get(key).unwrap_or(&empty), nested, &format!("{at}.{key}"), out);
            }
            for (key, value) in found.iter().filter(|(k, v)| !wanted.contains_key(k) && !v.is_null()) {
                // Two of the expected files leave out labels and annotations that the reference adds all the same.
                let marks = at.ends_with(".labels") || at.ends_with(".annotations") || (at == ".metadata" && key == "annotations");
                if !marks && input.get(key).is_none_or(Value::is_null) && !matches!(value, Value::Map(m) if m.is_empty()) {
                    out.push(format!("{at}.{key}: added"));
                }
            }
        }
        (Value::List(wanted), Value::List(found)) if wanted.len() == found.len() => {
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                let nested = input.as_list().and_then(|l| l.get(index)).unwrap_or(&Value::Null);
                differences(wanted, found, nested, &format!("{at}[{index}]"), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{at}: expected {a:?}, found {b:?}")),
    }
}

fn compare(expected: &Value, result: &Value, input: &Value) -> Vec<String> {
    let (mut expected, mut result, mut input) = (expected.clone(), result.clone(), input.clone());
    for value in [&mut expected, &mut result, &mut input] {
        blank(value);
    }
    let mut out = Vec::new();
    differences(&expected, &result, &input, "", &mut out);
    out
}

/// A created object's name ends with the time.
fn without_time(object: &Value) -> Value {
    let mut object = object.clone();
    let name = object.str_at(&["metadata", "name"]).unwrap_or("").to_owned();
    let stem = name.rsplit_once('-').map_or(name.as_str(), |(stem, _)| stem).to_owned();
    if let Some(metadata) = object.as_map_mut().and_then(|m| m.get_mut("metadata")?.as_map_mut()) {
        metadata.insert("name", stem);
    }
    object
}

fn check_discovery(folder: &Path, test: &Value) -> Vec<String> {
    let live = read(&folder.join(text(test, "inputPath").unwrap()));
    let expected: Vec<Action> = list(test, "result").iter().map(action_of).collect();
    let found = Actions::default().discover(&live).unwrap();
    let mut wrong: Vec<String> = found.iter().filter(|a| !expected.contains(a)).map(|a| format!("not expected: {a:?}")).collect();
    wrong.extend(expected.iter().filter(|e| !found.contains(e)).map(|e| format!("missing: {e:?}")));
    wrong
}

fn check_action(folder: &Path, test: &Value) -> Vec<String> {
    let live = read(&folder.join(text(test, "inputPath").unwrap()));
    let params = field(test, "parameters").and_then(Value::as_map);
    let params = params.into_iter().flat_map(|m| m.iter()).map(|(k, v)| (k.to_string(), v.as_str().unwrap().to_owned())).collect();
    let result = Actions::default().run(&live, text(test, "action").unwrap(), &Input { params, now: 1_700_000_000 });
    let impacts = match (result, text(test, "expectedErrorMessage")) {
        (Err(error), Some(expected)) if error.to_string() == expected => return Vec::new(),
        (Ok(impacts), None) => impacts,
        (found, expected) => return vec![format!("expected error {expected:?}, found {found:?}")],
    };
    let expected = read(&folder.join(text(test, "expectedOutputPath").unwrap()));
    let Value::List(entries) = &expected else {
        return match impacts.as_slice() {
            [Impact::Patch(result)] => compare(&expected, result, &live),
            other => vec![format!("expected one patch, found {other:?}")],
        };
    };
    if entries.len() != impacts.len() {
        return vec![format!("expected {} impacts, found {impacts:?}", entries.len())];
    }
    let mut wrong = Vec::new();
    for (entry, impact) in entries.iter().zip(&impacts) {
        let object = field(entry, "unstructuredObj").unwrap();
        match (text(entry, "k8sOperation").unwrap(), impact) {
            ("create", Impact::Create(made)) => wrong.extend(compare(&without_time(object), &without_time(made), &live)),
            ("patch", Impact::Patch(made)) => wrong.extend(compare(object, made, &live)),
            (operation, other) => wrong.push(format!("expected {operation}, found {other:?}")),
        }
    }
    wrong
}

#[test]
fn actions() {
    let Some(root) = root() else { return };
    let mut all = Vec::new();
    folders(&root, &mut all);
    all.sort();
    let (mut passed, mut failed) = (0, Vec::new());
    for folder in all {
        let tests = read(&folder.join("action_test.yaml"));
        let kind = folder.strip_prefix(&root).unwrap().display().to_string();
        let discoveries = list(&tests, "discoveryTests").iter().map(|t| ("discovery".to_owned(), t, check_discovery(&folder, t)));
        let runs = list(&tests, "actionTests").iter().map(|t| (text(t, "action").unwrap().to_owned(), t, check_action(&folder, t)));
        for (what, test, wrong) in discoveries.chain(runs) {
            if wrong.is_empty() {
                passed += 1;
            } else {
                failed.push(format!("{kind} {what} {}: {}", text(test, "inputPath").unwrap(), wrong.join("; ")));
            }
        }
    }
    println!("actions: {passed} passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
