//! The table against Argo CD's CRD, and serde against the table.

#![expect(clippy::disallowed_methods, reason = "door: reads the conformance data")]

use std::path::PathBuf;

use super::*;
use crate::Application;

/// One of Argo CD's CRDs, or none when the conformance data is not on this machine.
fn theirs(file: &str) -> Option<Value> {
    let root = std::env::var("GITOPS_CONFORMANCE")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    let Ok(text) = std::fs::read(root.join("argocd").join(file)) else {
        eprintln!("SKIPPED: no conformance data: {file}; set GITOPS_CONFORMANCE");
        assert!(std::env::var("GITOPS_REQUIRE").as_deref() != Ok("all"), "GITOPS_REQUIRE=all, and {file} is missing");
        return None;
    };
    let parsed = gitops_manifest::yaml::parse(&text, file, &gitops_manifest::yaml::ParseOptions::default());
    let body = parsed.expect("the CRD parses").documents.remove(0).value;
    let version = &body.at(&["spec", "versions"])?.as_list()?[0];
    version.at(&["schema", "openAPIV3Schema"]).cloned()
}

static TABLES: [(&str, &str, &Shape, usize); 3] = [
    ("application-crd.yaml", crate::KIND, &APPLICATION, 1000),
    ("appproject-crd.yaml", crate::PROJECT_KIND, &APP_PROJECT, 80),
    ("applicationset-crd.yaml", crate::SET_KIND, &APPLICATION_SET, 5000),
];

fn compare(crd: &Value, shape: &Shape, path: &str, wrong: &mut Vec<String>) -> usize {
    let kind = crd.str_at(&["type"]).unwrap_or("");
    let mut same = |ok: bool, what: &str| {
        if !ok {
            wrong.push(format!("{path}: {what}"));
        }
    };
    match shape {
        Text => same(kind == "string", kind),
        OneOf(names) => {
            same(kind == "string", kind);
            let theirs: Option<Vec<&str>> = crd["enum"].as_list().map(|l| l.iter().filter_map(Value::as_str).collect());
            same(theirs.is_none_or(|t| t == *names), "enum");
        }
        Bool => same(kind == "boolean", kind),
        Int => same(kind == "integer", kind),
        IntOrText => same(crd["x-kubernetes-int-or-string"] == Value::Bool(true), kind),
        Opaque => same(crd["x-kubernetes-preserve-unknown-fields"] == Value::Bool(true), kind),
        Any => {}
        Unchecked(_) => same(crd["x-kubernetes-preserve-unknown-fields"] == Value::Bool(true), kind),
        List(item) => {
            same(kind == "array", kind);
            return 1 + compare(&crd["items"], item, &format!("{path}[]"), wrong);
        }
        MapOf(item) => return 1 + compare(&crd["additionalProperties"], item, &format!("{path}.*"), wrong),
        Fields(_) if path == "metadata" => {}
        Fields(fields) => {
            same(kind == "object", kind);
            let theirs: Vec<&str> = crd["properties"].as_map().expect(path).keys().map(gitops_manifest::Str::as_str).collect();
            let fields: Vec<&Field> = fields.iter().filter(|f| f.ours.is_none()).collect();
            let ours: Vec<&str> = fields.iter().map(|f| f.name).collect();
            same(theirs == ours, &format!("fields {theirs:?} but ours {ours:?}"));
            let theirs: Vec<&str> = crd["required"].as_list().unwrap_or(&[]).iter().filter_map(Value::as_str).collect();
            let ours: Vec<&str> = fields.iter().filter(|f| f.required).map(|f| f.name).collect();
            same(theirs == ours, &format!("required {theirs:?} but ours {ours:?}"));
            return 1 + fields.iter().map(|f| compare(&crd["properties"][f.name], &f.shape, &join(path, f.name), wrong)).sum::<usize>();
        }
    }
    1
}

#[test]
fn the_tables_are_the_crds() {
    for (file, kind, shape, least) in TABLES {
        let Some(crd) = theirs(file) else { return };
        let mut wrong = Vec::new();
        let compared = compare(&crd, shape, "", &mut wrong);
        println!("{kind}: {compared} paths, {} failed", wrong.len());
        assert!(wrong.is_empty(), "{kind}: {} wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert!(compared > least, "{kind}: only {compared} paths compared");
    }
}

/// Whatever `theirs` accepts, `ours` accepts.
fn accepts(ours: &Value, theirs: &Value, path: &str, wrong: &mut Vec<String>) -> usize {
    let has = |schema: &Value, key: &str| schema.get(key).is_some();
    for narrowing in ["enum", "pattern", "maxLength", "minLength", "maximum", "minimum", "maxItems", "minItems", "oneOf", "not"] {
        if has(ours, narrowing) {
            wrong.push(format!("{path}: ours has {narrowing}"));
        }
    }
    let open = ours.get("x-kubernetes-preserve-unknown-fields").is_some();
    if open && !has(ours, "type") {
        return 1;
    }
    if ours.get("type") != theirs.get("type") || has(ours, "x-kubernetes-int-or-string") != has(theirs, "x-kubernetes-int-or-string") {
        wrong.push(format!("{path}: ours is {:?}, theirs {:?}", ours.get("type"), theirs.get("type")));
        return 1;
    }
    let names = |schema: &Value, key: &str| {
        let list = schema.get(key).and_then(Value::as_list).unwrap_or(&[]);
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    for required in names(ours, "required") {
        if !names(theirs, "required").contains(&required) {
            wrong.push(format!("{path}.{required}: ours requires it"));
        }
    }
    let mut compared = 1;
    for (name, theirs) in theirs.get("properties").and_then(Value::as_map).into_iter().flat_map(gitops_manifest::Map::iter) {
        match ours.get("properties").and_then(|p| p.get(name)) {
            Some(ours) => compared += accepts(ours, theirs, &join(path, name), wrong),
            None if open || path == "metadata" => {}
            None => wrong.push(format!("{path}.{name}: ours does not know it")),
        }
    }
    for key in ["items", "additionalProperties"] {
        match (ours.get(key), theirs.get(key)) {
            (Some(ours), Some(theirs)) => compared += accepts(ours, theirs, &format!("{path}[]"), wrong),
            (None, Some(_)) if !open => wrong.push(format!("{path}: ours has no {key}")),
            _ => {}
        }
    }
    compared
}

#[test]
fn our_crds_accept_whatever_theirs_accept() {
    for (file, kind, _, _) in TABLES {
        let Some(theirs) = theirs(file) else { return };
        let ours = crate::crd(kind).expect("a CRD");
        let ours = &ours.at(&["spec", "versions"]).and_then(Value::as_list).expect("versions")[0];
        let mut wrong = Vec::new();
        let compared = accepts(&ours["schema"]["openAPIV3Schema"], &theirs, "", &mut wrong);
        assert!(wrong.is_empty(), "{kind}:\n{}", wrong.join("\n"));
        assert!(compared > 80, "{kind}: only {compared} paths compared");
    }
}

#[test]
fn our_crds_mark_what_is_ours() {
    let crd = gitops_manifest::yaml::print(&crate::crd(crate::KIND).expect("a CRD"));
    assert_eq!(crd.matches("this engine only.").count(), 2, "spec.health and spec.syncPolicy.syncWindows");
    assert!(crd.contains("name: applications.argoproj.io\n") && crd.contains("jsonPath: .status.sync.status\n"));
    assert!(crate::crd("Pod").is_none());
}

#[test]
fn what_other_programs_write_to_the_status_is_kept() {
    let text = br#"{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"},
        "spec": {"project": "", "destination": {"name": "x"}, "source": {"repoURL": "u", "path": "p"}},
        "status": {"newField": {"a": [1]}, "health": {"status": "Sleeping", "future": 1}, "sync": {"status": "Synced"},
            "operationState": {"operation": {}, "phase": "Paused", "startedAt": "t"}}}"#;
    let body = gitops_manifest::json::parse(text, "a.json").expect("JSON");
    let manifest = Manifest::from_value(body, gitops_manifest::Location::file("a.json")).expect("a manifest");
    let app = Application::from_manifest(&manifest).expect("accepted");
    let status = app.to_value()["status"].clone();
    assert_eq!(gitops_manifest::json::print(&status["newField"]), r#"{"a":[1]}"#);
    assert_eq!(status.str_at(&["sync", "status"]), Some("Synced"));
    assert_eq!(app.status.and_then(|s| s.health).and_then(|h| h.status), None);
}

#[test]
fn unknown_fields_can_be_taken_out() {
    let text = br#"{"spec": {"projct": "x", "sources": [{"repoURL": "u", "foo": {}}], "source": {"helm": {"valuesObject": {"any": 1}}}}}"#;
    let mut body = gitops_manifest::json::parse(text, "a.json").expect("JSON");
    assert_eq!(Application::prune_unknown(&mut body), ["spec.projct", "spec.sources[0].foo"]);
    let left = r#"{"spec":{"source":{"helm":{"valuesObject":{"any":1}}},"sources":[{"repoURL":"u"}]}}"#;
    assert_eq!(gitops_manifest::json::print(&body), left);
}

/// A value with every field set.
fn full(shape: &Shape) -> Value {
    match shape {
        Text | IntOrText => "x".into(),
        OneOf(names) => names[0].into(),
        Bool => true.into(),
        Int => 7.into(),
        Opaque => Value::Map([("deep", Value::List(vec![Value::Null, 1.5.into()]))].into_iter().collect()),
        Any => Value::List(vec![]),
        Unchecked(inner) => full(inner),
        List(item) => Value::List(vec![full(item)]),
        MapOf(item) => Value::Map([("k", full(item))].into_iter().collect()),
        Fields(fields) => Value::Map(fields.iter().map(|f| (f.name, full(&f.shape))).collect()),
    }
}

/// A value with only what is required.
fn least(shape: &Shape) -> Value {
    match shape {
        Fields(fields) => Value::Map(fields.iter().filter(|f| f.required).map(|f| (f.name, least(&f.shape))).collect()),
        other => full(other),
    }
}

#[test]
fn everything_in_the_table_round_trips() {
    for mut value in [full(&APPLICATION), least(&APPLICATION)] {
        let map = value.as_map_mut().expect("a map");
        map.insert("apiVersion", crate::API_VERSION);
        map.insert("kind", crate::KIND);
        let mut problems = Vec::new();
        let json = check(&value, &APPLICATION, "", &mut problems);
        assert_eq!(problems, []);
        let app: Application = serde_json::from_value(json).expect("what the table accepts, serde accepts");
        assert_eq!(app.to_value(), value);
    }
}

#[test]
fn projects_and_sets_round_trip() {
    fn read(shape: &'static Shape, kind: &str, value: &mut Value) -> Json {
        let map = value.as_map_mut().expect("a map");
        map.insert("apiVersion", crate::API_VERSION);
        map.insert("kind", kind);
        let (json, problems) = check_manifest(value, shape);
        assert_eq!(problems, []);
        json
    }
    for mut value in [full(&APP_PROJECT), least(&APP_PROJECT)] {
        let json = read(&APP_PROJECT, crate::PROJECT_KIND, &mut value);
        let project: crate::AppProject = serde_json::from_value(json).expect("what the table accepts, serde accepts");
        assert_eq!(project.to_value(), value);
    }
    for mut value in [full(&APPLICATION_SET), least(&APPLICATION_SET)] {
        let json = read(&APPLICATION_SET, crate::SET_KIND, &mut value);
        let set: crate::ApplicationSet = serde_json::from_value(json).expect("what the table accepts, serde accepts");
        assert_eq!(set.to_value(), value);
    }
}

#[test]
fn every_field_says_its_type_when_it_is_wrong() {
    fn walk(shape: &Shape) {
        let mut problems = Vec::new();
        let _ = check(&Value::Number(Number::Float(0.5)), shape, "here", &mut problems);
        assert_eq!(problems.len(), usize::from(!matches!(shape, Any)));
        match shape {
            List(s) | MapOf(s) | Unchecked(s) => walk(s),
            Fields(fields) => fields.iter().for_each(|f| walk(&f.shape)),
            _ => {}
        }
    }
    walk(&APPLICATION);
    walk(&APP_PROJECT);
    walk(&APPLICATION_SET);
}
