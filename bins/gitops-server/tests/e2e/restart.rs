//! The end and the next start: nothing is lost, nothing is done twice. And the deployment document.

use crate::support::command_line::gitops;
use crate::support::live::{stamps, wait_for_text};
use crate::support::repository::{Repository, config_map};
use crate::support::server::Place;

fn repository() -> (Repository, String) {
    let repository = Repository::new();
    for name in ["shop", "billing"] {
        repository.declare(name, "");
        repository.write(&format!("{name}/settings.yaml"), &config_map("settings", "greeting", "hello"));
    }
    let revision = repository.push("first");
    (repository, revision)
}

#[test]
fn a_restart_picks_up_and_applies_nothing_again() {
    let (repository, first) = repository();
    let place = Place::new();
    let server = place.start(&repository, "", "");
    assert_eq!(server.get_text("/readyz"), (200, "ok".to_owned()));
    assert_eq!(server.get_text("/healthz"), (200, "ok".to_owned()));
    let before = ["shop", "billing"].map(|name| server.wait_synced(name, &first));
    let files = stamps(&place.live(""));
    assert_eq!(files.len(), 2, "{files:?}");
    let status = server.stop();
    assert_eq!(status.code(), Some(0), "{status}");

    let server = place.start(&repository, "", "");
    assert_eq!(server.get_text("/readyz").0, 200);
    for (name, before) in ["shop", "billing"].into_iter().zip(&before) {
        // Known at once from the store, and the same after a look at git and at the files.
        assert_eq!(server.application(name)["status"]["sync"]["revision"], first.as_str());
        let after = server.refreshed(name);
        for field in ["sync", "health", "operationState", "history"] {
            assert_eq!(after["status"][field], before["status"][field], "{name}: {field}");
        }
    }
    assert_eq!(stamps(&place.live("")), files, "a file was written again");
    assert!(!server.log().contains("Succeeded"), "{}", server.log());
    assert_eq!(server.stop().code(), Some(0));

    // What was pushed while nobody listened is live after the next start.
    repository.write("shop/settings.yaml", &config_map("settings", "greeting", "welcome"));
    let second = repository.push("second");
    let server = place.start(&repository, "", "");
    server.wait_synced("shop", &second);
    wait_for_text(&place.live("shop/core/ConfigMap/settings.yaml"), "greeting: welcome");
    let billing = place.live("billing/core/ConfigMap/settings.yaml");
    assert_eq!(stamps(&place.live(""))[&billing], files[&billing], "the other application was not touched");
    assert_eq!(server.history("shop").len(), 2);
    assert_eq!(server.history("billing").len(), 1);
}

#[test]
fn the_deployment_document_is_one_call_away() {
    let (repository, first) = repository();
    let place = Place::new();
    let server = place.start(&repository, "", "");
    server.wait_synced("shop", &first);
    let document = server.get("/api/v1/applications/shop/deployment");
    assert_eq!(gitops(&server, &["app", "deployment", "shop"]).json(), document);
    assert_eq!((&document["state"], &document["health"]), (&"Succeeded".into(), &"Healthy".into()));
    assert_eq!(document["deployedCommit"], first.as_str());
    assert!(document["lastUpdated"].as_str().unwrap().ends_with('Z'), "{document}");
    let current = &document["currentDeployment"];
    assert_eq!((&current["state"], &current["commit"]), (&"Succeeded".into(), &first.as_str().into()));
    assert!(current["id"].as_str().unwrap().starts_with("shop-"), "{current}");
    assert_eq!(document["history"].as_array().unwrap().len(), 1);
    assert_eq!(document["history"][0]["commit"], first.as_str());
}
