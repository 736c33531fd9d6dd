//! The recorded cases of Helm itself: `../shared/conformance/template/helm.jsonl` (env `GITOPS_CONFORMANCE`).
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads its data from the disk")]

use std::path::PathBuf;
use std::sync::Arc;

use gitops_helm::{Capabilities, Chart, KubeVersion, Limits, RenderOptions, Rendered, Values};
use gitops_manifest::{Value, json};
use gitops_tree::{MemoryTree, TreePath};

/// Cases that fail, each with the reason.
const KNOWN: &[(&str, &str)] = &[];

fn data() -> Option<PathBuf> {
    let root = std::env::var("GITOPS_CONFORMANCE")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    Some(root.join("template/helm.jsonl")).filter(|p| p.exists())
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    value.get(key).and_then(Value::as_list).unwrap_or_default().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn render(row: &Value) -> Result<Rendered, String> {
    let mut tree = MemoryTree::new();
    for (path, content) in row["files"].as_map().unwrap().iter() {
        tree = tree.with(path, content.as_str().unwrap());
    }
    let chart = Chart::load(&tree, &TreePath::root(), &Limits::default()).map_err(|e| e.to_string())?;
    let mut values = Values::from_value(&row["values"]);
    for set in texts(row, "set") {
        values.set(&set).map_err(|e| e.to_string())?;
    }
    for set in texts(row, "setString") {
        values.set_string(&set).map_err(|e| e.to_string())?;
    }
    let release = &row["release"];
    let mut options = RenderOptions::new(text(release, "name"), text(release, "namespace"));
    options.is_upgrade = release["isUpgrade"].as_bool().unwrap_or_default();
    let kube_version = KubeVersion::parse(text(&row["capabilities"], "kubeVersion")).map_err(|e| e.to_string())?;
    let mut capabilities = Capabilities { kube_version, ..Capabilities::default() };
    capabilities.api_versions.extend(texts(&row["capabilities"], "apiVersions"));
    options.capabilities = Arc::new(capabilities);
    options.include_crds = row["includeCrds"].as_bool().unwrap_or_default();
    chart.render(&values, &options).map_err(|e| e.to_string())
}

fn difference(row: &Value) -> Option<String> {
    let outcome = render(row);
    let want = match (row.get("want"), &outcome) {
        (None, Err(_)) => return None,
        (None, Ok(_)) => return Some(format!("should fail: {}", text(row, "error"))),
        (Some(_), Err(e)) => return Some(format!("fails: {e}")),
        (Some(want), Ok(_)) => want,
    };
    let rendered = outcome.unwrap();
    let expected: Vec<(String, String)> =
        want["rendered"].as_map().unwrap().iter().map(|(k, v)| (k.to_string(), v.as_str().unwrap().to_owned())).collect();
    let mut got = rendered.templates.clone();
    got.sort();
    for (a, b) in expected.iter().zip(&got) {
        if a != b {
            return Some(format!("rendered {}\n want {:?}\n got  {:?}", a.0, a, b));
        }
    }
    if expected.len() != got.len() {
        return Some(format!("rendered: {} templates, not {}", got.len(), expected.len()));
    }
    for (what, want, got) in
        [("manifests", text(want, "manifests"), rendered.manifest_text()), ("notes", text(want, "notes"), rendered.notes.clone())]
    {
        if want != got {
            return Some(format!("{what}\n want {want:?}\n got  {got:?}"));
        }
    }
    let hooks: Vec<Value> = rendered.hooks.iter().map(hook).collect();
    (want["hooks"] != Value::List(hooks.clone()))
        .then(|| format!("hooks\n want {}\n got  {}", json::print(&want["hooks"]), json::print(&Value::List(hooks))))
}

fn hook(hook: &gitops_helm::Hook) -> Value {
    let list = |items: Vec<&str>| Value::List(items.into_iter().map(Value::from).collect());
    Value::Map(
        [
            ("path", Value::from(hook.path.as_str())),
            ("name", hook.name.as_str().into()),
            ("kind", hook.kind.as_str().into()),
            ("events", list(hook.events.iter().map(|e| e.name()).collect())),
            ("weight", hook.weight.into()),
            ("deletePolicies", list(hook.delete_policies.iter().map(String::as_str).collect())),
            ("manifest", hook.text.as_str().into()),
        ]
        .into_iter()
        .collect(),
    )
}

#[test]
fn recorded_cases() {
    let Some(path) = data() else {
        assert_ne!(std::env::var("GITOPS_REQUIRE").as_deref(), Ok("all"), "no conformance data");
        eprintln!("SKIPPED: no conformance data beside the project (GITOPS_CONFORMANCE)");
        return;
    };
    let (mut passed, mut failed, mut unexpected) = (0, 0, Vec::new());
    let mut errors_equal = 0;
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let row = json::parse(line.as_bytes(), "helm.jsonl").unwrap();
        let name = text(&row, "name").to_owned();
        if let (Some(want), Err(got)) = (row.get("error").and_then(Value::as_str), render(&row)) {
            if want == got || got.ends_with(want) {
                errors_equal += 1;
            } else if std::env::var("SHOW_ERRORS").is_ok() {
                eprintln!("{name}\n  want {want}\n  got  {got}");
            }
        }
        match difference(&row) {
            None => passed += 1,
            Some(difference) => {
                failed += 1;
                if !KNOWN.iter().any(|(known, _)| *known == name) {
                    unexpected.push(format!("{name}: {difference}"));
                }
            }
        }
    }
    println!("helm: {passed} passed, {failed} failed; {errors_equal} errors in Helm's very words");
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}
