//! Bad input: a clear error on the application that has it, and every other application goes on.

use crate::support::live::{stamps, wait_for_text};
use crate::support::repository::{Repository, config_map};
use crate::support::server::{Place, Server};

const SCHEMA: &str = r#"{"type": "object", "required": ["image"], "properties": {"replicas": {"type": "integer"}}}"#;

fn bomb() -> String {
    let mut text = config_map("bomb", "a", "b") + "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for i in 1..12 {
        text += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(","));
    }
    text
}

/// A platform layout with one agent.
fn platform(repository: &Repository, app: &str, environment: &str) {
    let plugin = format!("    plugin:\n      name: environment\n      parameters:\n      - {{name: environment, string: {environment}}}\n");
    repository.declare(app, &plugin);
    repository.write(&format!("{app}/platform.yaml"), "environments: {production: {}, staging: {}}\nlogLevel: info\n");
    repository.write(&format!("{app}/schemas/agent.json"), SCHEMA);
    repository.write(&format!("{app}/agents/monitor/manifest.json"), "{\n  \"image\": \"monitor:1\",\n  \"replicas\": 1\n}\n");
}

/// Applications with what their error must say: the file, and what is wrong.
const BAD: [(&str, &[&str]); 5] = [
    ("schema", &["schema/agents/monitor/manifest.json:", "/replicas", "schemas/agent.json"]),
    ("bomb", &["bomb/bomb.yaml", "alias"]),
    ("link", &["link/outside.yaml", "leaves the repository"]),
    ("environment", &["environment/platform.yaml", "no environment `prodution`", "did you mean `production`?"]),
    ("override", &["override/agents/monitor/config.yaml:", "no environment `stagin`", "did you mean `staging`?"]),
];

fn repository() -> Repository {
    let repository = Repository::new();
    repository.declare("good", "");
    repository.write("good/settings.yaml", &config_map("settings", "greeting", "hello"));
    platform(&repository, "good-platform", "production");

    platform(&repository, "schema", "production");
    repository.write("schema/agents/monitor/manifest.json", "{\n  \"image\": \"monitor:1\",\n  \"replicas\": \"three\"\n}\n");
    repository.declare("bomb", "");
    repository.write("bomb/a.yaml", &config_map("a", "a", "b"));
    repository.write("bomb/bomb.yaml", &bomb());
    repository.declare("link", "");
    repository.write("link/a.yaml", &config_map("a", "a", "b"));
    repository.link("link/outside.yaml", "../../../../../../etc/passwd");
    platform(&repository, "environment", "prodution");
    platform(&repository, "override", "production");
    repository.write("override/agents/monitor/config.yaml", "default:\n  replicas: 2\nstagin:\n  replicas: 3\n");
    repository
}

fn wait_for_error(server: &Server, name: &str, parts: &[&str]) {
    let app = server.wait_for(name, |app| !app["status"]["conditions"][0].is_null());
    let condition = &app["status"]["conditions"][0];
    let message = condition["message"].as_str().unwrap();
    assert_eq!(condition["type"], "ComparisonError", "{name}: {message}");
    for part in parts {
        assert!(message.contains(part), "{name}: no `{part}` in: {message}");
    }
    assert_eq!(app["status"]["sync"]["status"], "Unknown", "{name}");
}

#[test]
fn one_application_s_bad_input_is_its_own_affair() {
    let repository = repository();
    let first = repository.push("much that is wrong");
    let place = Place::new();
    let server = place.start(&repository, "", "");
    for (name, parts) in BAD {
        wait_for_error(&server, name, parts);
    }
    for name in ["good", "good-platform"] {
        server.wait_synced(name, &first);
    }

    // Still so with the next commit.
    repository.write("good/settings.yaml", &config_map("settings", "greeting", "welcome"));
    let second = repository.push("good goes on");
    server.refreshed("good");
    server.wait_synced("good", &second);
    wait_for_text(&place.live("good/core/ConfigMap/settings.yaml"), "greeting: welcome");
    for (name, parts) in BAD {
        server.refreshed(name);
        wait_for_error(&server, name, parts);
        assert!(!place.live(name).exists(), "{name}: something was applied");
        assert!(server.history(name).is_empty(), "{name}");
    }

    // An error that is mended is gone, and what was deployed before stays while there is one.
    platform(&repository, "schema", "production");
    repository.write("good/settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings\n");
    let third = repository.push("one mended, one broken");
    let files = stamps(&place.live("good"));
    server.refreshed("good");
    wait_for_error(&server, "good", &["good/settings.yaml:"]);
    assert_eq!(stamps(&place.live("good")), files);
    let app = server.wait_synced("schema", &third);
    assert!(app["status"]["conditions"].is_null(), "{}", app["status"]["conditions"]);
}
