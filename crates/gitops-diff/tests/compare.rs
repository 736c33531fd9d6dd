//! Paths, list keys and ignore rules.

use gitops_diff::{Change, IgnoreRule, IgnoreRuleError, IgnoreSpec, compare, to_json_patch};
use gitops_manifest::{Value, json};

fn value(text: &str) -> Value {
    json::parse(text.as_bytes(), "test").expect("JSON")
}

/// `path: what`, one for each difference.
fn told(live: &str, desired: &str, rules: &[IgnoreRule]) -> Vec<String> {
    let show = |v: &Value| json::print(v);
    let line = |d: gitops_diff::Difference| match &d.change {
        Change::Added { value } => format!("{} {} + {}", d.pointer, d.path, show(value)),
        Change::Removed { value } => format!("{} {} - {}", d.pointer, d.path, show(value)),
        Change::Changed { from, to } => format!("{} {} {} > {}", d.pointer, d.path, show(from), show(to)),
        Change::Reordered { from, to } => format!("{} {} {} > {}", d.pointer, d.path, from.join(","), to.join(",")),
        other => format!("{other:?}"),
    };
    compare(&value(desired), &value(live), rules).into_iter().map(line).collect()
}

fn rule(kind: &str, pointers: &[&str]) -> IgnoreSpec {
    IgnoreSpec {
        group: "*".into(),
        kind: kind.into(),
        json_pointers: pointers.iter().map(|p| (*p).to_owned()).collect(),
        ..IgnoreSpec::default()
    }
}

#[test]
fn maps_by_key_and_lists_by_name() {
    let live = r#"{"m":{"a":1,"b":2,"x/y":0},"l":[{"name":"p","v":1},{"name":"q","v":1}]}"#;
    let desired = r#"{"m":{"a":1.0,"c":3,"x/y":1},"l":[{"name":"q","v":2},{"name":"r"}]}"#;
    assert_eq!(
        told(live, desired, &[]),
        [
            r#"/l/0 l[name=p] - {"name":"p","v":1}"#,
            "/l/1/v l[name=q].v 1 > 2",
            r#"/l/1 l[name=r] + {"name":"r"}"#,
            "/m/b m.b - 2",
            "/m/c m.c + 3",
            r#"/m/x~1y m["x/y"] 0 > 1"#,
        ]
    );
}

#[test]
fn order_of_named_elements_is_told_apart() {
    let live = r#"[{"name":"a"},{"name":"b"},{"name":"c","v":1}]"#;
    let desired = r#"[{"name":"c","v":2},{"name":"a"},{"name":"b"}]"#;
    assert_eq!(told(live, desired, &[]), ["/2/v [name=c].v 1 > 2", "  a,b,c > c,a,b"]);
}

#[test]
fn other_lists_by_content_then_position() {
    assert_eq!(told("[1,2,3,4]", "[0,1,2,4]", &[]), ["/0 [0] + 0", "/2 [2] - 3"]);
    assert_eq!(told(r#"["a","b","c"]"#, r#"["a","x","c"]"#, &[]), [r#"/1 [1] "b" > "x""#]);
    assert_eq!(told("1", "[1]", &[]), ["  1 > [1]"]);
}

#[test]
fn rules_take_out_what_they_name_on_both_sides() {
    let live = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"n"},"spec":{"replicas":3,"a~b":1}}"#;
    let desired = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":1}}"#;
    let compile = |spec: &IgnoreSpec| [IgnoreRule::new(spec).expect("compiles")];
    let pointers = ["/spec/replicas", "/spec/a~0b", "/nothing/here", "/metadata/namespace"];
    assert_eq!(told(live, desired, &compile(&rule("Dep*", &pointers))), [""; 0]);
    assert_eq!(told(live, desired, &compile(&rule("{Service,Deployment}", &pointers))).len(), 0);
    assert_eq!(told(live, desired, &compile(&rule("Service", &pointers))).len(), 3);
    assert_eq!(told(live, desired, &compile(&IgnoreSpec { group: String::new(), ..rule("*", &pointers) })).len(), 3);
    assert_eq!(told(live, desired, &compile(&IgnoreSpec { name: "other".into(), ..rule("*", &pointers) })).len(), 3);
    assert_eq!(told(live, desired, &compile(&IgnoreSpec { name: "web".into(), ..rule("*", &pointers) })).len(), 0);
}

#[test]
fn rules_that_cannot_be_honoured_are_refused() {
    let said = |spec: IgnoreSpec| IgnoreRule::new(&spec).expect_err("refused").to_string();
    assert_eq!(
        said(IgnoreSpec { jq_path_expressions: vec![".spec".into(), "input".into()], ..rule("Job", &[]) }),
        "ignore rule for kind `Job`: jqPathExpressions[1]: `input` `input` is not supported in ignore rules; write a path with `select`"
    );
    assert!(said(rule("Job", &["/a", "spec"])).contains("jsonPointers[1]: `spec`"));
    assert!(said(rule("Job", &[""])).contains("jsonPointers[0]"));
    assert!(matches!(IgnoreRule::new(&rule("[", &[])), Err(IgnoreRuleError::Glob { field: "kind", .. })));
    assert_eq!(IgnoreRule::new(&rule("", &[])).err(), Some(IgnoreRuleError::NoKind));
}

#[test]
fn a_long_list_without_anything_in_common_is_not_slow() {
    let list = |from: i64| Value::List((from..from + 200_000).map(Value::from).collect());
    assert_eq!(compare(&list(0), &list(1_000_000), &[]).len(), 200_000);
    assert_eq!(compare(&list(0), &list(1), &[]).len(), 2);
    let patch = to_json_patch(&list(0), &list(1));
    assert_eq!(patch.as_list().map(<[_]>::len), Some(2));
}
