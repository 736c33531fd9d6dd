//! The table against Argo CD's CRD, and serde against the table.

#![expect(clippy::disallowed_methods, reason = "door: reads the conformance data")]

use std::path::PathBuf;

use super::*;
use crate::Application;

/// The CRD, or none when the conformance data is not on this machine.
fn crd() -> Option<Value> {
    let root = std::env::var("GITOPS_CONFORMANCE")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    let text = std::fs::read(root.join("argocd/application-crd.yaml")).ok()?;
    let parsed = gitops_manifest::yaml::parse(&text, "application-crd.yaml", &gitops_manifest::yaml::ParseOptions::default());
    let body = parsed.expect("the CRD parses").documents.remove(0).value;
    let version = &body.at(&["spec", "versions"])?.as_list()?[0];
    version.at(&["schema", "openAPIV3Schema"]).cloned()
}

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
        List(item) => {
            same(kind == "array", kind);
            return 1 + compare(&crd["items"], item, &format!("{path}[]"), wrong);
        }
        MapOf(item) => return 1 + compare(&crd["additionalProperties"], item, &format!("{path}.*"), wrong),
        Fields(_) if path == "metadata" => {}
        Fields(fields) => {
            same(kind == "object", kind);
            let theirs: Vec<&str> = crd["properties"].as_map().expect(path).keys().map(gitops_manifest::Str::as_str).collect();
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
fn the_table_is_the_crd() {
    let Some(crd) = crd() else {
        eprintln!("skipped: no conformance data; set GITOPS_CONFORMANCE");
        return;
    };
    let mut wrong = Vec::new();
    let compared = compare(&crd, &APPLICATION, "", &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 1000, "only {compared} paths compared");
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
fn every_field_says_its_type_when_it_is_wrong() {
    fn walk(shape: &Shape) {
        let mut problems = Vec::new();
        let _ = check(&Value::Number(Number::Float(0.5)), shape, "here", &mut problems);
        assert_eq!(problems.len(), usize::from(!matches!(shape, Any)));
        match shape {
            List(s) | MapOf(s) => walk(s),
            Fields(fields) => fields.iter().for_each(|f| walk(&f.shape)),
            _ => {}
        }
    }
    walk(&APPLICATION);
}
