//! The command line against a server: output forms, exit codes, back-ups.

use serde_json::Value;

use crate::support::command_line::{Ran, command, gitops};
use crate::support::live::wait_for_text;
use crate::support::repository::{Repository, config_map};
use crate::support::server::{Place, Server};

/// A server with `shop`, which is synced, and `billing`, which waits to be synced by hand.
fn running() -> (Repository, Place, Server, String) {
    let (repository, place) = (Repository::new(), Place::new());
    repository.declare("shop", "");
    repository.write("applications/billing.yaml", &repository.application("billing", "", ""));
    for name in ["shop", "billing"] {
        repository.write(&format!("{name}/settings.yaml"), &config_map("settings", "greeting", "hello"));
    }
    let revision = repository.push("first");
    let server = place.start(&repository, "", "");
    server.wait_synced("shop", &revision);
    server.wait_for("billing", |app| app["status"]["sync"]["status"] == "OutOfSync");
    (repository, place, server, revision)
}

#[test]
fn a_list_in_every_form() {
    let (_repository, _place, server, revision) = running();
    assert_eq!(gitops(&server, &["app", "list", "-o", "name"]).good(), "billing\nshop\n");
    let list = gitops(&server, &["app", "list", "-o", "json"]).json();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|a| a["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["billing", "shop"]);
    assert_eq!(list[1]["status"]["sync"]["revision"], revision.as_str());
    let yaml = gitops(&server, &["app", "list", "-o", "yaml"]).good();
    assert!(yaml.starts_with("- apiVersion: argoproj.io/v1alpha1\n  kind: Application\n  metadata:\n    name: billing\n"), "{yaml}");
    let wide = gitops(&server, &["app", "list"]).good();
    assert_eq!(wide, gitops(&server, &["app", "list", "-o", "wide"]).good());
    let row = |name: &str| wide.lines().find(|l| l.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(row("NAME").starts_with("NAME CLUSTER NAMESPACE PROJECT STATUS HEALTH SYNCPOLICY CONDITIONS REPO PATH TARGET"), "{wide}");
    assert!(row("shop").starts_with("shop platform shop default Synced Healthy Auto-Prune <none> http://"), "{wide}");
    assert!(row("billing").starts_with("billing platform billing default OutOfSync Missing Manual <none> http://"), "{wide}");
    assert_eq!(gitops(&server, &["app", "list", "--search", "sho", "-o", "name"]).good(), "shop\n");
    assert_eq!(gitops(&server, &["app", "list", "-p", "other", "-o", "name"]).good(), "");
    let one = gitops(&server, &["app", "get", "shop", "-o", "json"]).json();
    assert_eq!(one["metadata"]["name"], "shop");
}

#[test]
fn exit_codes_diff_and_sync() {
    let (_repository, place, server, revision) = running();
    let unknown = gitops(&server, &["app", "get", "no-such-thing"]);
    assert_eq!(unknown.code, 20);
    assert!(unknown.err.contains("no-such-thing"), "{}", unknown.err);
    assert_eq!(gitops(&server, &["app", "no-such-verb"]).code, 1);
    let unreachable = Ran::of(command().args(["--server", "127.0.0.1:1", "app", "list"]).output().unwrap());
    assert_eq!(unreachable.code, 20);
    assert!(unreachable.err.contains("cannot reach the server"), "{}", unreachable.err);

    assert_eq!(gitops(&server, &["app", "diff", "shop"]).code, 0);
    let diff = gitops(&server, &["app", "diff", "billing"]);
    assert_eq!(diff.code, 1, "{}", diff.err);
    assert!(diff.out.contains("+  greeting: hello"), "{}", diff.out);
    assert_eq!(gitops(&server, &["app", "diff", "billing", "--exit-code", "false"]).code, 0);
    assert_eq!(gitops(&server, &["app", "wait", "billing", "--sync", "--timeout", "1"]).code, 1);

    let live = place.live("billing/core/ConfigMap/settings.yaml");
    gitops(&server, &["app", "sync", "billing", "--dry-run"]).good();
    assert!(!live.exists(), "a dry run applies nothing");
    gitops(&server, &["app", "sync", "billing", "--timeout", "60"]).good();
    gitops(&server, &["app", "wait", "billing", "--timeout", "60"]).good();
    wait_for_text(&live, "greeting: hello");
    assert_eq!(gitops(&server, &["app", "diff", "billing"]).code, 0);
    let history = gitops(&server, &["app", "history", "billing", "-o", "json"]).json();
    let revisions: Vec<&Value> = history.as_array().unwrap().iter().map(|h| &h["revision"]).collect();
    assert_eq!(revisions, [revision.as_str()]);
    let manifests = gitops(&server, &["app", "manifests", "billing"]).good();
    assert!(manifests.contains("greeting: hello") && !manifests.contains("---"), "{manifests}");
}

#[test]
fn a_back_up_of_a_running_server_is_restored_elsewhere() {
    let (repository, place, server, revision) = running();
    let copy = place.file("copy.db");
    let backup =
        |to: &std::path::Path| Ran::of(command().arg("backup").arg("--data-dir").arg(place.data()).arg("--to").arg(to).output().unwrap());
    assert_eq!(backup(&copy).good().trim(), copy.to_str().unwrap());
    assert_eq!(backup(&copy).code, 20, "a back-up is not written over");
    let restore = |from: &std::path::Path| {
        Ran::of(command().arg("restore").arg("--from").arg(from).arg("--data-dir").arg(place.data()).output().unwrap())
    };
    let refused = restore(&copy);
    assert_eq!(refused.code, 20, "the server runs");
    assert!(refused.err.contains("in use"), "{}", refused.err);
    let history = server.history("shop");

    gitops(&server, &["app", "sync", "billing", "--timeout", "60"]).good();
    assert_eq!(server.history("billing").len(), 1);
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(restore(&place.file("server.yaml")).code, 20, "that is no back-up");
    let elsewhere = place.file("a/new/machine");
    let fresh = command().arg("restore").arg("--from").arg(&copy).arg("--data-dir").arg(&elsewhere).output().unwrap();
    assert_eq!(Ran::of(fresh).good().trim(), elsewhere.join("state.db").to_str().unwrap());
    let restored = restore(&copy);
    assert_eq!(restored.code, 0, "{}", restored.err);
    assert!(restored.err.contains("state.db.replaced-1"), "{}", restored.err);
    let server = place.start(&repository, "", "");
    assert_eq!(server.history("shop"), history);
    assert_eq!(server.history("billing").len(), 0, "the back-up is from before that");
    server.wait_synced("shop", &revision);
}
