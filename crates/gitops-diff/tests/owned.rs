//! Comparison by ownership, case by case: `cases/AREA/NAME/` holds `case.yaml`, and both sides in it.
//!
//! `why`, `desired`, `live` (its `managedFields` are made from `owned`, `updated` and `others` when they are given), `rules`,
//! `options`, `crd`; and `expected`: a line per difference, then a line per doubt.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "door: reads the cases")]

use std::path::{Path, PathBuf};

use gitops_diff::{
    Change, CompareOptions, Context, Difference, IgnoreRule, IgnoreSpec, IgnoreStatus, Managers, Owned, Ownership, compare_owned,
};
use gitops_manifest::{Map, Value, json, yaml};
use gitops_schema::{Schema, from_crd};

const FIELDS: &[&str] = &["why", "desired", "live", "owned", "updated", "others", "rules", "options", "crd", "expected"];

fn read(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap();
    yaml::parse(&text, &path.display().to_string(), &yaml::ParseOptions::default()).unwrap().documents.remove(0).value
}

fn managers() -> Managers {
    Managers { applied: vec!["gitops".into(), "argocd-controller".into()], updated: vec!["kubectl-client-side-apply".into()] }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_list().unwrap_or_default().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn entry(manager: &str, operation: &str, version: &Value, fields: &Value) -> Value {
    let fields = fields.as_str().map_or_else(|| fields.clone(), |text| json::parse(text.as_bytes(), "fields").unwrap());
    let entries =
        [("manager", Value::from(manager)), ("operation", operation.into()), ("apiVersion", version.clone()), ("fieldsV1", fields)];
    Value::Map(entries.into_iter().collect())
}

fn owned_live(case: &Value) -> Value {
    let mut live = case["live"].clone();
    let mut entries = Vec::new();
    for (field, manager, operation) in
        [("owned", "gitops", "Apply"), ("updated", "kubectl-client-side-apply", "Update"), ("others", "someone", "Update")]
    {
        if let Some(fields) = case.get(field) {
            entries.push(entry(manager, operation, &live["apiVersion"], fields));
        }
    }
    if !entries.is_empty() {
        let metadata = live.as_map_mut().unwrap().entry_or_null("metadata");
        if metadata.is_null() {
            *metadata = Value::Map(Map::new());
        }
        metadata.as_map_mut().unwrap().insert("managedFields", Value::List(entries));
    }
    live
}

fn shown(difference: &Difference) -> String {
    let path = &difference.path;
    match &difference.change {
        Change::Added { value } => format!("+ {path} {}", json::print(value)),
        Change::Removed { value } => format!("- {path} {}", json::print(value)),
        Change::Changed { from, to } => format!("~ {path} {} -> {}", json::print(from), json::print(to)),
        other => format!("? {path} {other:?}"),
    }
}

fn lines(found: &Owned) -> Vec<String> {
    let doubts = found.doubts.iter().map(|d| format!("doubt {} ({})", shown(&d.difference), d.reason));
    found.differences.iter().map(shown).chain(doubts).collect()
}

fn check(dir: &Path) -> Result<(), String> {
    let case = read(&dir.join("case.yaml"));
    if let Some(unknown) = case.as_map().unwrap().keys().find(|k| !FIELDS.contains(&k.as_str())) {
        return Err(format!("unknown field `{unknown}`"));
    }
    let rules: Vec<IgnoreRule> = case["rules"]
        .as_list()
        .unwrap_or_default()
        .iter()
        .map(|rule| {
            let text = |name: &str| rule.str_at(&[name]).unwrap_or_default().to_owned();
            IgnoreRule::new(&IgnoreSpec {
                group: text("group"),
                kind: text("kind"),
                name: text("name"),
                namespace: text("namespace"),
                json_pointers: texts(&rule["jsonPointers"]),
                jq_path_expressions: texts(&rule["jqPathExpressions"]),
                managed_fields_managers: texts(&rule["managedFieldsManagers"]),
            })
            .unwrap()
        })
        .collect();
    let mut options = CompareOptions {
        ignore_status: IgnoreStatus::parse(case["options"].str_at(&["ignoreResourceStatusField"]).unwrap_or("all")),
        ignore_aggregated_roles: case["options"]["ignoreAggregatedRoles"] == Value::Bool(true),
        ..CompareOptions::default()
    };
    for known in case["options"]["knownTypeFields"].as_list().unwrap_or_default() {
        let text = |name: &str| known.str_at(&[name]).unwrap();
        assert!(options.known_types.set(text("kind"), &[(text("field"), text("type"))]).is_empty());
    }
    let mut schema = Schema::default();
    if let Some(crd) = case.get("crd") {
        schema.set("crd", from_crd(crd).unwrap());
    }
    let live = owned_live(&case);
    let ownership = Ownership::of(&live, &managers());
    let found =
        compare_owned(&case["desired"], &live, &ownership, &Context { schema: &schema, rules: &rules, system: &[], options: &options });
    let (found, expected) = (lines(&found), texts(&case["expected"]));
    if found == expected { Ok(()) } else { Err(format!("\n  found:    {found:#?}\n  expected: {expected:#?}")) }
}

fn folders(dir: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.join("case.yaml").is_file() {
            assert_eq!(std::fs::read_dir(&entry).unwrap().count(), 1, "{}: only case.yaml belongs there", entry.display());
            out.push(entry);
        } else {
            assert!(entry.is_dir(), "{}: is no case", entry.display());
            folders(&entry, out);
        }
    }
}

#[test]
fn every_case() {
    let mut all = Vec::new();
    folders(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases")), &mut all);
    let failed: Vec<String> = all.iter().filter_map(|dir| Some(format!("{}: {}", dir.display(), check(dir).err()?))).collect();
    println!("owned: {} passed, {} failed", all.len() - failed.len(), failed.len());
    assert!(failed.is_empty() && all.len() > 40, "{}", failed.join("\n"));
}
