//! The emergency: a bad deployment, the operations team's script, and the way forward again.

use std::process::Command;

use crate::support::command_line::{self, Ran, gitops};
use crate::support::live::wait_for_text;
use crate::support::repository::{Repository, config_map};
use crate::support::server::{Place, Server};

const APP: &str = "platform-production";

/// A smoke test after the sync, which the server's configuration runs as a command that fails.
const SMOKE_TEST: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: smoke-test\n  annotations:\n    \
                          argocd.argoproj.io/hook: PostSync\nspec: {template: {spec: {restartPolicy: Never}}}\n";
const FAILING: &str =
    "    hooks:\n    - {match: batch/Job, name: smoke-test, command: {argv: [/bin/sh, -c, 'echo no answer from the shop; exit 1']}}\n";

/// Whether a program is there. Says so loudly when it is not.
fn has(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    if !there {
        eprintln!("SKIPPED: the emergency rollback needs `{program}`, which is not installed");
        assert_ne!(std::env::var("GITOPS_REQUIRE").as_deref(), Ok("all"), "`{program}` is required");
    }
    there
}

/// Runs the script with `gitops` on its PATH.
fn emergency_rollback(server: &Server) -> Ran {
    let mut path = command_line::program().parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/fixtures/emergency-rollback.sh");
    let output = Command::new("bash")
        .arg(script)
        .env("PATH", path)
        .env("GITOPS_SERVER", server.url())
        .env("APP_NAME", APP)
        .env_remove("GITOPS_AUTH_TOKEN")
        .output();
    Ran::of(output.unwrap())
}

#[test]
fn the_emergency_script_goes_back_and_resume_goes_forward() {
    if !(has("bash") && has("jq")) {
        return;
    }
    let (repository, place) = (Repository::new(), Place::new());
    let live = place.live(&format!("{APP}/core/ConfigMap/settings.yaml"));
    let settings = |value: &str| repository.write(&format!("{APP}/settings.yaml"), &config_map("settings", "mode", value));
    repository.declare(APP, "");
    settings("good");
    let good = repository.push("good");
    let server = place.start(&repository, "", FAILING);
    server.wait_synced(APP, &good);

    settings("broken");
    repository.write(&format!("{APP}/smoke-test.yaml"), SMOKE_TEST);
    let broken = repository.push("broken");
    server.refreshed(APP);
    let app = server.wait_for(APP, |app| app["status"]["operationState"]["phase"] == "Failed");
    assert_eq!(app["status"]["operationState"]["syncResult"]["revision"], broken.as_str());
    wait_for_text(&live, "mode: broken");

    let ran = emergency_rollback(&server);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains(&format!("Rolling back to: {good}")) && ran.out.contains("Rollback successful"), "{}", ran.out);
    wait_for_text(&live, "mode: good");
    let app = server.application(APP);
    assert_eq!((&app["status"]["sync"]["status"], &app["status"]["health"]["status"]), (&"Synced".into(), &"Healthy".into()));
    assert_eq!(app["status"]["sync"]["revision"], good.as_str());
    assert!(app["status"]["hold"]["reason"].as_str().unwrap().contains("rolled back"), "{}", app["status"]["hold"]);

    // Held: what is pushed meanwhile waits.
    settings("mended");
    repository.remove(&format!("{APP}/smoke-test.yaml"));
    let mended = repository.push("mended");
    assert_eq!(server.refreshed(APP)["status"]["sync"]["revision"], good.as_str());
    wait_for_text(&live, "mode: good");

    gitops(&server, &["app", "resume", APP]).good();
    server.wait_synced(APP, &mended);
    wait_for_text(&live, "mode: mended");
    assert!(server.application(APP)["status"]["hold"].is_null());
    let revisions: Vec<String> = server.history(APP).iter().map(|h| h["revision"].as_str().unwrap().to_owned()).collect();
    assert_eq!(revisions, [mended, good.clone(), good]);
}
