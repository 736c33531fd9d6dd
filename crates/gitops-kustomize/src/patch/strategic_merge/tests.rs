//! Pure cases: resource, patch, result, all as kustomize 5.8.2 has them.

use super::*;
use crate::node::read_documents;

fn node(text: &str) -> Node {
    read_documents(text.as_bytes(), "test").expect("YAML").remove(0).node
}

fn merged(target: &str, patch: &str) -> Result<String, String> {
    let mut target = node(target);
    match apply(&mut target, &node(patch), &Schemas::builtin()).map_err(|error| error.to_string())? {
        Merged::Deleted => Ok("deleted".to_owned()),
        Merged::Kept => target.to_value().map(|value| gitops_manifest::json::print(&value)).map_err(|error| error.to_string()),
    }
}

fn pod(spec: &str) -> String {
    format!("{{apiVersion: v1, kind: Pod, spec: {spec}}}")
}

/// The result's `spec`, of a pod.
fn spec(target: &str, patch: &str) -> String {
    let all = merged(&pod(target), &pod(patch)).unwrap_or_else(|error| error);
    all.strip_prefix(r#"{"apiVersion":"v1","kind":"Pod","spec":"#)
        .and_then(|rest| rest.strip_suffix('}'))
        .map_or(all.clone(), str::to_owned)
}

#[test]
fn maps_and_scalars() {
    for (target, patch, result) in [
        ("{a: 1, b: 2}", "{b: 3, c: 4}", r#"{"a":1,"b":3,"c":4}"#),
        ("{a: 1, b: {c: 2}}", "{a: null, b: {c: null}}", r#"{"b":{}}"#),
        ("{a: {b: 1}}", "{a: {$patch: replace, c: 2}}", r#"{"a":{"c":2}}"#),
        ("{a: {b: 1}}", "{a: {$patch: delete}}", "{}"),
        ("{a: {b: 1}}", "{a: {$patch: merge, c: 2}}", r#"{"a":{"b":1,"c":2}}"#),
        ("{}", "{a: {b: null, c: {d: null}, $patch: merge, e: {$patch: delete}}}", r#"{"a":{"c":{}}}"#),
        ("{}", "{a: {$patch: other}}", r#"{"a":{"$patch":"other"}}"#),
        ("{a: [1, 2]}", "{a: [3]}", r#"{"a":[3]}"#),
        ("{a: null, b: ~, c: , d: {e: }}", "{x: 1}", r#"{"a":null,"b":null,"d":{},"x":1}"#),
        ("{a: null}", "{a: {b: 1}}", r#"{"a":{"b":1}}"#),
        ("{a: '80', b: 80}", "{a: 8080, b: '8080'}", r#"{"a":"8080","b":"8080"}"#),
        ("{$retainKeys: [a], a: 1}", "{$retainKeys: [b], b: 2}", r#"{"$retainKeys":["b"],"a":1,"b":2}"#),
        ("{a: 1}", "{'80': x, \"90\": y}", r#"{"80":"x","90":"y","a":1}"#),
    ] {
        assert_eq!(spec(target, patch), result, "{target} + {patch}");
    }
}

#[test]
fn lists_with_one_key() {
    let two = "{containers: [{name: a, image: a}, {name: b, image: b}]}";
    for (target, patch, result) in [
        (two, "{containers: [{name: b, image: x}, {name: c}]}", r#"[{"image":"x","name":"b"},{"name":"c"},{"image":"a","name":"a"}]"#),
        (two, "{containers: [{name: b, $patch: delete}]}", r#"[{"image":"a","name":"a"}]"#),
        (two, "{containers: [{name: b, $patch: replace, tty: true}]}", r#"[{"image":"b","name":"b"},{"image":"a","name":"a"}]"#),
        (two, "{containers: [{$patch: replace}, {name: z}]}", r#"[{"name":"z"}]"#),
        (two, "{containers: [{$patch: merge}, {name: z}]}", r#"[{"name":"z"},{"image":"a","name":"a"},{"image":"b","name":"b"}]"#),
        (two, "{containers: [{image: new}]}", "[]"),
        (two, "{containers: [{name: b, image: b2}, {image: new}]}", r#"[{"image":"b2","name":"b"}]"#),
        (two, "{containers: []}", r#"[{"image":"a","name":"a"},{"image":"b","name":"b"}]"#),
        ("{}", "{containers: [{name: x, $patch: delete}, {name: y, env: null}]}", r#"[{"name":"y"}]"#),
    ] {
        assert_eq!(spec(target, patch), format!(r#"{{"containers":{result}}}"#), "{target} + {patch}");
    }
    assert_eq!(spec(two, "{containers: [{$patch: delete}]}"), "{}");
    assert_eq!(spec(two, "{containers: null}"), "{}");
}

#[test]
fn many_elements_are_found_by_hash() {
    let list = |from: usize, to: usize, value: &str| {
        let items: Vec<String> = (from..to).map(|n| format!("{{name: v{n}, value: {value}}}")).collect();
        format!("{{containers: [{{name: c, env: [{}]}}]}}", items.join(", "))
    };
    let result = spec(&list(0, 40, "old"), &list(20, 60, "new"));
    let names: Vec<&str> = result.split("\"name\":\"v").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let wanted: Vec<String> = (20..60).chain(0..20).map(|n| n.to_string()).collect();
    assert_eq!(names, wanted);
    assert_eq!(result.matches("new").count(), 40);
}

#[test]
fn lists_with_two_keys() {
    let ports = |ports: &str| format!("{{containers: [{{name: c, ports: {ports}}}]}}");
    for (target, patch, result) in [
        ("[{containerPort: 80, protocol: TCP}]", "[{containerPort: 80, protocol: UDP}]", "[80 UDP][80 TCP]"),
        (
            "[{containerPort: 80}, {containerPort: 80, protocol: UDP}]",
            "[{containerPort: 80, protocol: TCP, name: h}, {containerPort: 81}]",
            "[81 -][80 -][80 UDP]",
        ),
        ("[{containerPort: 80}]", "[{containerPort: 80, name: http}]", "[80 -]"),
        ("[{containerPort: 80}, {containerPort: 81, protocol: UDP}]", "[]", "[80 -][81 UDP]"),
    ] {
        let all = spec(&ports(target), &ports(patch));
        let value = gitops_manifest::json::parse(all.as_bytes(), "test").expect("JSON");
        let list = value.get("containers").and_then(|c| c.as_list()?[0].get("ports")?.as_list()).unwrap_or_default();
        let text = |port: &gitops_manifest::Value| {
            let number = port.get("containerPort").and_then(gitops_manifest::Value::as_i64).unwrap_or_default();
            format!("[{number} {}]", port.get("protocol").and_then(gitops_manifest::Value::as_str).unwrap_or("-"))
        };
        assert_eq!(list.iter().map(text).collect::<String>(), result, "{target} + {patch}");
    }
}

#[test]
fn plain_values() {
    let finalizers = |list: &str| format!("{{apiVersion: v1, kind: Pod, metadata: {{finalizers: {list}}}}}");
    let result = merged(&finalizers("[a, '1', a]"), &finalizers("[b, a]"));
    assert_eq!(result.as_deref(), Ok(r#"{"apiVersion":"v1","kind":"Pod","metadata":{"finalizers":["b","a","1"]}}"#));
}

#[test]
fn whole_resources() {
    assert_eq!(merged("{a: 1}", "{$patch: delete}").as_deref(), Ok("deleted"));
    assert_eq!(merged("{a: 1}", "{$patch: replace, b: 2}").as_deref(), Ok(r#"{"b":2}"#));
    // A part that is an object of a known kind is merged by that kind's keys.
    let part = "{kind: X, apiVersion: x, part: {apiVersion: v1, kind: Pod, spec: {volumes: [{name: NAME}]}}}";
    let result = merged(&part.replace("NAME", "a"), &part.replace("NAME", "b"));
    assert_eq!(result.unwrap_or_default().matches("name").count(), 2);
}

#[test]
fn what_does_not_merge() {
    for (target, patch, error) in [
        ("{a: {b: 1}}", "{a: 1}", "`spec.a`: a ScalarNode cannot be merged into a MappingNode"),
        ("{a: 1}", "{a: [1]}", "`spec.a`: a SequenceNode cannot be merged into a ScalarNode"),
        ("{a: {b: 1}}", "{a: {$patch: x}}", "`spec.a`: unknown directive `$patch: x`; there are delete, replace and merge"),
        (
            "{containers: [{name: a, image: x}]}",
            "{containers: [{name: a, image: {}}]}",
            "`spec.containers[name=a].image`: a MappingNode cannot be merged into a ScalarNode",
        ),
    ] {
        assert_eq!(spec(target, patch), error);
    }
}
