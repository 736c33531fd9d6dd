//! Argo CD's own cases: what it says of an object, we say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "door: reads the conformance data")]

use std::fs;
use std::path::{Path, PathBuf};

use gitops_health::{Health, HealthStatus};
use gitops_manifest::Value;
use gitops_manifest::yaml::{self, DuplicateKeys, ParseOptions};

fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("GITOPS_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    let folder = root.join(name);
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
    // One file of the data holds two documents; the reference reads the first.
    // Some files have a key twice; the reference's YAML library takes the last.
    let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
    yaml::parse(&text, &path.display().to_string(), &options).unwrap().documents.remove(0).value
}

/// Go's YAML library finds keys without regard to case, and the data makes use of it.
fn field<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.as_map()?.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v)
}

fn folders_with(name: &str, folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            folders_with(name, &path, found);
        } else if path.ends_with(name) {
            found.push(folder.to_owned());
        }
    }
}

struct Case {
    name: String,
    object: Value,
    expected: Health,
}

fn cases() -> Vec<Case> {
    let Some(root) = folder("health") else { return Vec::new() };
    let mut folders = Vec::new();
    folders_with("health_test.yaml", &root, &mut folders);
    folders.sort();
    let mut cases = Vec::new();
    for folder in folders {
        let tests = read(&folder.join("health_test.yaml"));
        for test in field(&tests, "tests").and_then(Value::as_list).unwrap() {
            let input = field(test, "inputPath").and_then(Value::as_str).unwrap();
            let expected = field(test, "healthStatus").unwrap();
            let status = HealthStatus::parse(field(expected, "status").and_then(Value::as_str).unwrap()).unwrap();
            let message = field(expected, "message").and_then(Value::as_str).unwrap_or("");
            let path = folder.join(input);
            let name = path.strip_prefix(&root).unwrap().display().to_string().replace("/testdata/", " ");
            cases.push(Case { name, object: read(&path), expected: Health::new(status, message) });
        }
    }
    cases
}

fn show(health: Option<&Health>) -> String {
    health.map_or_else(|| "none".to_owned(), |h| format!("{} {:?}", h.status, h.message))
}

#[test]
fn custom_kinds() {
    let cases = cases();
    let mut failed = Vec::new();
    for case in &cases {
        // The reference's cases ask the kind's own check, also of objects that are being deleted.
        let found = gitops_health::of_known(&case.object).or_else(|| gitops_health::by_convention(&case.object));
        if found.as_ref() != Some(&case.expected) {
            failed.push(format!("{}\n    expected {}\n    found    {}", case.name, show(Some(&case.expected)), show(found.as_ref())));
        }
    }
    println!("health: {} passed, {} failed", cases.len() - failed.len(), failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn custom_kinds_by_convention_alone() {
    let cases = cases();
    if cases.is_empty() {
        return;
    }
    let mut failed = Vec::new();
    for case in &cases {
        let found = gitops_health::by_convention(&case.object);
        if found.as_ref().map(|h| h.status) != Some(case.expected.status) {
            failed.push(format!("{}: expected {}, found {}", case.name, show(Some(&case.expected)), show(found.as_ref())));
        }
    }
    let passed = cases.len() - failed.len();
    println!("health by conventions alone, by status: {passed} passed, {} failed", failed.len());
    if std::env::var_os("GITOPS_SHOW").is_some() {
        println!("{}", failed.join("\n"));
    }
    assert!(passed * 100 >= cases.len() * 60, "fewer than 60 %:\n{}", failed.join("\n"));
}

#[test]
fn built_in_kinds() {
    let Some(root) = folder("health-builtin") else { return };
    let (mut passed, mut failed) = (0, Vec::new());
    for line in fs::read_to_string(root.join("expected.tsv")).unwrap().lines().skip(1) {
        let mut columns = line.split('\t');
        let (file, status, message) = (columns.next().unwrap(), columns.next().unwrap(), columns.next().unwrap_or(""));
        let object = read(&root.join(file));
        let found = gitops_health::pending_deletion(&object).or_else(|| gitops_health::of_builtin(&object));
        let right = match &found {
            None => status == "none",
            Some(health) => health.status.as_str() == status && (message.is_empty() || message == health.message),
        };
        if right {
            passed += 1;
        } else {
            failed.push(format!("{file}: expected {status} {message:?}, found {}", show(found.as_ref())));
        }
    }
    println!("built-in health: {passed} passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
