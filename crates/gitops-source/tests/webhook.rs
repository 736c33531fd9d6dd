//! Web hooks: every folder of `cases/webhook` is a request and what it is read as.
//!
//! `headers.yaml` and `body.json` are the request, in the shape that the provider documents. `expected.yaml` has one of
//! `push` (the fields of `Push`), `ping` and `error` (a part of the message), and may have `given`: `limit` (bytes) and
//! `secrets: false` (none is configured).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use gitops_manifest::yaml::{ParseOptions, parse};
use gitops_manifest::{Map, Value};
use gitops_source::webhook::{Event, Push, WebhookError, WebhookSecrets, receive};

const SECRETS: [&str; 8] = [
    "github-secret",
    "gitlab-secret",
    "gitea-secret",
    "{d3adbeef-1234-4c5d-8e6f-0123456789ab}",
    "bitbucket-server-secret",
    "azure-user",
    "azure-password",
    "generic-secret",
];

fn secrets() -> WebhookSecrets {
    let secret = |at: usize| Some(SECRETS[at].to_owned());
    WebhookSecrets {
        github: secret(0),
        gitlab: secret(1),
        gitea: secret(2),
        bitbucket_uuid: secret(3),
        bitbucket_server: secret(4),
        azure_user: secret(5),
        azure_password: secret(6),
        generic: secret(7),
    }
}

fn yaml(file: &Path) -> Value {
    let text = fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let parsed = parse(&text, &file.display().to_string(), &ParseOptions::default()).unwrap();
    parsed.documents.into_iter().next().unwrap().value
}

fn headers(file: &Path) -> HashMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{}: a header is no text", file.display())).to_owned();
    yaml(file).as_map().unwrap().iter().map(|(name, value)| (name.to_lowercase(), text(value))).collect()
}

fn optional(text: Option<&String>) -> Value {
    text.map_or(Value::Null, |text| text.as_str().into())
}

fn list(texts: &[String]) -> Value {
    Value::List(texts.iter().map(|text| text.as_str().into()).collect())
}

fn shown(push: &Push) -> Value {
    let mut map = Map::new();
    map.insert("provider", format!("{:?}", push.provider));
    map.insert("repositories", list(&push.repositories));
    map.insert("reference", push.reference.as_str());
    map.insert("before", optional(push.before.as_ref()));
    map.insert("after", optional(push.after.as_ref()));
    map.insert("changed", push.changed.as_deref().map_or(Value::Null, list));
    map.insert("default_branch", optional(push.default_branch.as_ref()));
    map.insert("to_default_branch", push.to_default_branch());
    map.insert("tag", push.is_tag());
    let others = push.others.iter().map(|update| {
        let mut map = Map::new();
        map.insert("reference", update.reference.as_str());
        map.insert("before", optional(update.before.as_ref()));
        map.insert("after", optional(update.after.as_ref()));
        Value::Map(map)
    });
    if !push.others.is_empty() {
        map.insert("others", Value::List(others.collect()));
    }
    Value::Map(map)
}

fn run(case: &Path) -> (Result<Event, WebhookError>, Value) {
    let expected = yaml(&case.join("expected.yaml"));
    let headers = headers(&case.join("headers.yaml"));
    let body = fs::read(case.join("body.json")).unwrap();
    let limit = expected.at(&["given", "limit"]).and_then(Value::as_i64).map_or(1 << 20, |limit| usize::try_from(limit).unwrap());
    let secrets = if expected["given"]["secrets"] == Value::Bool(false) { WebhookSecrets::default() } else { secrets() };
    let header = |name: &str| headers.get(name).map(String::as_str);
    (receive(&header, &body, &secrets, limit), expected)
}

#[test]
fn every_case_is_read_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/webhook");
    let mut cases = 0;
    for case in fs::read_dir(root).unwrap() {
        let case = case.unwrap().path();
        let (outcome, expected) = run(&case);
        let name = case.display();
        match outcome {
            Ok(Event::Push(push)) => assert_eq!(shown(&push), expected["push"], "{name}"),
            Ok(event) => assert_eq!((event, &expected["ping"]), (Event::Ping, &Value::Bool(true)), "{name}"),
            Err(error) => {
                let message = error.to_string();
                let part = expected.str_at(&["error"]).unwrap_or_else(|| panic!("{name}: {message}"));
                assert!(message.contains(part), "{name}: `{message}` lacks `{part}`");
                let all = format!("{message} {error:?}");
                assert!(SECRETS.iter().all(|secret| !all.contains(secret)), "{name}: a secret is shown");
            }
        }
        cases += 1;
    }
    assert!(cases > 50, "only {cases} cases were found");
}

#[test]
fn a_change_of_one_byte_breaks_a_signature() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/webhook");
    for case in ["github-push", "gitea-push", "forgejo-push", "gogs-push", "bitbucket-server-push", "generic-push"] {
        let headers = headers(&root.join(case).join("headers.yaml"));
        let header = |name: &str| headers.get(name).map(String::as_str);
        let mut body = fs::read(root.join(case).join("body.json")).unwrap();
        let last = body.len() - 1;
        body[last] = b' ';
        assert!(matches!(receive(&header, &body, &secrets(), 1 << 20), Err(WebhookError::BadSignature { .. })), "{case}");
    }
}

#[test]
fn lists_as_long_as_a_servers_limit_are_not_trusted() {
    let headers = |name: &str| (name == "x-github-event").then_some("push");
    let push = |commits: usize, files: usize| {
        let files: Vec<String> = (0..files).map(|file| format!("\"f{file}\"")).collect();
        let commit = format!(r#"{{"added": [{}], "modified": [], "removed": []}}"#, files.join(","));
        let body = format!(
            r#"{{"ref": "refs/heads/main", "before": "a1", "after": "b2", "repository": {{"html_url": "https://h/o/r"}}, "commits": [{}]}}"#,
            vec![commit; commits].join(",")
        );
        match receive(&headers, body.as_bytes(), &WebhookSecrets::default(), usize::MAX).unwrap() {
            Event::Push(push) => push.changed.map(|files| files.len()),
            _ => panic!("it was a push"),
        }
    };
    assert_eq!((push(2047, 1), push(2048, 1)), (Some(1), None));
    assert_eq!((push(1, 2999), push(1, 3000)), (Some(2999), None));
}

#[test]
fn secrets_are_not_shown_and_empty_ones_verify_nothing() {
    let shown = format!("{:?}", secrets());
    assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
    let empty = WebhookSecrets { gitlab: Some(String::new()), ..WebhookSecrets::default() };
    assert!(format!("{empty:?}").contains(r#"gitlab: "not set""#));
    let header = |name: &str| (name == "x-gitlab-event").then_some("Note Hook");
    assert_eq!(receive(&header, b"{}", &empty, 10).unwrap(), Event::Ping);
}
