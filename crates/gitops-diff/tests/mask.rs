//! Masks: secrets are in no output, and what is equal or changed still shows.

use gitops_diff::{Change, Masked, Masker};
use gitops_manifest::{Value, json};

fn value(text: &str) -> Value {
    json::parse(text.as_bytes(), "test").expect("JSON")
}

/// Everything a person could see.
fn everything(masked: &Masked) -> String {
    let (diff, patch, text) = (masked.compare(&[]), masked.json_patch(), masked.unified(("live", "desired"), 3));
    format!("{diff:?}\n{}\n{text}\n{}\n{}", json::print(&patch), json::print(&masked.desired), json::print(&masked.live))
}

#[test]
fn secrets_show_change_and_nothing_else() {
    // `czNjcmV0` is `s3cret`.
    let live =
        value(r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"same":"czNjcmV0","new":"b2xkZXI=","num":"eA=="}}"#);
    let desired = value(
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"same":"s3cret","new":"newer"},"data":{"num":918273}}"#,
    );
    let masked = Masker::new().mask(&desired, &live);
    let differences = masked.compare(&[]);
    let paths: Vec<&str> = differences.iter().map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["data.new", "data.num"]);
    let change = Change::Changed { from: "++++++++++++".into(), to: "++++++++".into() };
    assert_eq!(differences[0].change, change);
    let seen = everything(&masked);
    for secret in ["s3cret", "czNjcmV0", "older", "b2xkZXI", "newer", "eA==", "918273"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
}

#[test]
fn the_last_applied_annotation_hides_nothing_less() {
    let applied = |v: &str| format!(r#"{{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{{\"k\":\"{v}\"}}}}"#);
    let secret = |v: &str, annotation: &str| {
        value(&format!(
            r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"s","annotations":{{"kubectl.kubernetes.io/last-applied-configuration":"{annotation}"}}}},"data":{{"k":"{v}"}}}}"#
        ))
    };
    let masked = Masker::new().mask(&secret("AAAA", &applied("BBBB")), &secret("CCCC", &applied("AAAA")));
    let seen = everything(&masked);
    for hidden in ["AAAA", "BBBB", "CCCC"] {
        assert!(!seen.contains(hidden), "{hidden} in {seen}");
    }
    let last =
        |v: &Value| v.str_at(&["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"]).expect("there").to_owned();
    // In order: desired 8, live 12, desired's last-applied 16; live's is desired's value again.
    assert!(last(&masked.desired).contains(&format!("\"{}\"", "+".repeat(16))));
    assert!(last(&masked.live).contains(&format!("\"{}\"", "+".repeat(8))));
    let masked = Masker::new().mask(&secret("AAAA", "AAAA, torn"), &Value::Null);
    assert_eq!(last(&masked.desired), "++++++++");
}

#[test]
fn named_places_are_hidden_in_every_kind_and_references_are_not() {
    let masker = Masker::new().with_pointers(["/spec/users/*/password", "/spec/tls"]).expect("pointers");
    let live = value(
        r#"{"kind":"Db","spec":{"users":[{"name":"a","password":"hunter2"},{"name":"b","password":"vault://db/b"}],"tls":{"key":["k1"]}}}"#,
    );
    let desired = value(
        r#"{"kind":"Db","spec":{"users":[{"name":"a","password":"hunter3"},{"name":"b","password":"vault://db/c"}],"tls":{"key":["k1"]}}}"#,
    );
    let masked = masker.mask(&desired, &live);
    let paths: Vec<String> = masked.compare(&[]).into_iter().map(|d| d.path).collect();
    assert_eq!(paths, ["spec.users[name=a].password", "spec.users[name=b].password"]);
    let seen = everything(&masked);
    assert!(!seen.contains("hunter") && !seen.contains("k1"), "{seen}");
    assert!(seen.contains("vault://db/b") && seen.contains("vault://db/c"));
    let disguised = value(r#"{"kind":"Db","spec":{"tls":"vault://user:word@host"}}"#);
    assert!(!everything(&masker.mask(&disguised, &Value::Null)).contains("word"));
    assert!(Masker::new().with_pointers(["spec"]).is_err());
}

#[test]
fn a_change_of_kind_bares_nothing() {
    let secret = value(r#"{"apiVersion":"v1","kind":"Secret","data":{"k":"AAAA"}}"#);
    let map = value(r#"{"apiVersion":"v1","kind":"ConfigMap","data":{"k":"AAAA"}}"#);
    assert!(!everything(&Masker::new().mask(&map, &secret)).contains("AAAA"));
    assert!(everything(&Masker::new().mask(&map, &Value::Null)).contains("AAAA"));
}

#[test]
fn chosen_annotations_of_secrets_are_hidden() {
    let secret = value(r#"{"apiVersion":"v1","kind":"Secret","metadata":{"annotations":{"token":"AAAA","note":"plain"}}}"#);
    let seen = everything(&Masker::new().with_annotations(["token"]).mask(&secret, &Value::Null));
    assert!(!seen.contains("AAAA") && seen.contains("plain"));
}
