//! A push and its signed web hook: live files, history, commit statuses; and what is changed by hand goes back.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::command_line::gitops;
use crate::support::live::wait_for_text;
use crate::support::recorder::Recorder;
use crate::support::repository::{Repository, config_map};
use crate::support::server::{FORGE_TOKEN, Place, Server, WEB_HOOK_SECRET};
use crate::support::wait::{holds, until};

const LIVE: &str = "shop/core/ConfigMap/settings.yaml";

fn repository() -> (Repository, String) {
    let repository = Repository::new();
    repository.declare("shop", "");
    repository.write("shop/settings.yaml", &config_map("settings", "greeting", "hello"));
    let revision = repository.push("first");
    (repository, revision)
}

/// Sends a push event as GitHub does, signed with `secret`.
fn pushed(server: &Server, repository: &Repository, revision: &str, secret: &str) -> (u16, Value) {
    let body = json!({
        "ref": "refs/heads/main", "before": "0".repeat(40), "after": revision, "created": false, "deleted": false, "forced": false,
        "repository": { "full_name": "acme/platform", "clone_url": repository.url(), "default_branch": "main" },
        "commits": [{ "id": revision, "added": [], "removed": [], "modified": ["shop/settings.yaml"] }],
    })
    .to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digest: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let signature = format!("sha256={digest}");
    server.post("/api/webhook", &[("X-GitHub-Event", "push"), ("X-Hub-Signature-256", &signature)], &body)
}

/// States of a commit's statuses, oldest first, and the last one.
fn statuses(forge: &Recorder, revision: &str) -> (Vec<String>, Value) {
    let target = format!("/repos/acme/platform/statuses/{revision}");
    let sent: Vec<_> = forge.seen().into_iter().filter(|r| r.target == target).collect();
    for request in &sent {
        assert_eq!((request.method.as_str(), request.authorization.as_str()), ("POST", format!("Bearer {FORGE_TOKEN}").as_str()));
        assert_eq!(request.body["context"], "gitops/shop");
    }
    let states = sent.iter().map(|r| r.body["state"].as_str().unwrap().to_owned()).collect();
    (states, sent.last().map(|r| r.body.clone()).unwrap_or_default())
}

#[test]
fn a_push_is_live_recorded_and_reported() {
    let (repository, first) = repository();
    let (place, forge) = (Place::new(), Recorder::start());
    let statuses_to = format!(
        "commitStatuses:\n- {{repoURLPrefix: '{}', kind: github, api: '{}', tokenEnv: E2E_FORGE_TOKEN}}\n",
        repository.owner_url(),
        forge.url()
    );
    let server = place.start(&repository, &statuses_to, "");
    server.wait_synced("shop", &first);
    wait_for_text(&place.live(LIVE), "greeting: hello");

    repository.write("shop/settings.yaml", &config_map("settings", "greeting", "welcome"));
    let second = repository.push("second");
    let (status, answer) = pushed(&server, &repository, &second, "not-the-secret");
    assert_eq!(status, 400, "{answer}");
    assert_eq!(server.application("shop")["status"]["sync"]["revision"], first.as_str(), "nothing polls here");
    let (status, answer) = pushed(&server, &repository, &second, WEB_HOOK_SECRET);
    assert_eq!((status, &answer), (200, &json!({ "applications": 1 })));
    wait_for_text(&place.live(LIVE), "greeting: welcome");
    server.wait_synced("shop", &second);

    let history = server.history("shop");
    let revisions: Vec<_> = history.iter().map(|h| h["revision"].as_str().unwrap()).collect();
    assert_eq!(revisions, [second.as_str(), first.as_str()]);
    assert!(history.iter().all(|h| h["status"] == "Succeeded" && h["deployedAt"].is_string()));
    assert_eq!(gitops(&server, &["app", "history", "shop", "-o", "json"]).json(), Value::Array(history));
    assert_eq!(gitops(&server, &["app", "history", "shop", "-o", "id"]).good(), "2\n1\n");

    for revision in [&first, &second] {
        let last = until("commit statuses", || {
            let (states, last) = statuses(&forge, revision);
            holds(states == ["pending", "success"], || format!("{revision}: {states:?}"))?;
            Ok(last)
        });
        assert!(last["description"].as_str().unwrap().starts_with("deployed"), "{last}");
        assert!(last["target_url"].as_str().unwrap().starts_with(server.url()), "{last}");
    }
    let log = server.log();
    assert!(!log.contains(FORGE_TOKEN) && !log.contains(WEB_HOOK_SECRET), "a secret is in the log");
}

#[test]
fn what_is_changed_by_hand_goes_back() {
    let (repository, first) = repository();
    let place = Place::new();
    let server = place.start(&repository, "", "");
    server.wait_synced("shop", &first);
    let file = place.live(LIVE);
    let good = std::fs::read_to_string(&file).unwrap();

    std::fs::write(&file, good.replace("hello", "changed by hand")).unwrap();
    wait_for_text(&file, "greeting: hello");
    std::fs::remove_file(&file).unwrap();
    wait_for_text(&file, "greeting: hello");
    server.wait_synced("shop", &first);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), good);
    assert_eq!(server.history("shop").len(), 1, "repairing drift is no deployment");
}
