//! The built command line where it needs no server: completion, render, diff, and what it says when it is used wrongly.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/gitops-engine/tests/chart_server/mod.rs"]
mod chart_server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Exit code, standard output and standard error.
fn gitops(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitops"));
    command.args(arguments).current_dir(directory).env_remove("GITOPS_SERVER").stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn git(directory: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments).current_dir(directory);
    assert!(command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").status().unwrap().success());
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}

fn secret(value: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData:\n  password: {value}\n")
}

#[test]
fn completion_scripts_are_printed_and_bash_reads_its_own() {
    let here = Path::new(".");
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = gitops(here, &["completion", shell]);
        assert_eq!(code, 0);
        assert!(script.contains("gitops") && script.contains("rollback"), "{shell}");
    }
    let (_, script, _) = gitops(here, &["completion", "bash"]);
    assert!(script.contains("complete -F _gitops"), "{script}");
    if let Ok(status) = Command::new("bash").args(["-n", "-c", &script]).status() {
        assert!(status.success());
    }
}

#[test]
fn help_is_no_error_and_wrong_usage_is() {
    let here = Path::new(".");
    let (code, help, _) = gitops(here, &["--help"]);
    assert!(code == 0 && help.contains("Exit codes:"), "{help}");
    let (code, _, error) = gitops(here, &["app", "snyc", "shop"]);
    assert!(code == 1 && error.contains("sync"), "{error}");
}

#[test]
fn remote_bases_are_read_from_copies() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let file = dir.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let addresses = "[\"https://git.invalid/org/repo//base?ref=v1\", \"https://files.invalid/more.yaml\"]";
    write("root/kustomization.yaml", &format!("resources: {addresses}\n"));
    write("copies/git.invalid/org/repo@v1/base/kustomization.yaml", "resources: [one.yaml]\n");
    write("copies/git.invalid/org/repo@v1/base/one.yaml", &config_map("one", "1"));
    let (code, output, error) = gitops(dir.path(), &["render", "root", "--fetched", "copies"]);
    assert!(code == 20 && output.is_empty() && error.contains("`files.invalid/more.yaml`"), "{error}");
    write("copies/files.invalid/more.yaml", &config_map("more", "2"));
    let (code, output, error) = gitops(dir.path(), &["render", "root", "--fetched", "copies"]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(output.contains("name: one") && output.contains("name: more"), "{output}");
    let (_, _, error) = gitops(dir.path(), &["diff", "root", "root"]);
    assert!(error.contains("--fetched"), "{error}");
}

#[test]
fn the_examples_render() {
    let (code, guestbook, error) = gitops(&examples(), &["render", "guestbook"]);
    assert_eq!(code, 0, "{error}");
    assert!(guestbook.contains("kind: Deployment") && guestbook.contains("\n---\n"), "{guestbook}");
    let (code, production, error) = gitops(&examples(), &["render", "honua", "--environment", "production"]);
    assert_eq!(code, 0, "{error}");
    let (_, staging, _) = gitops(&examples(), &["render", "honua", "--environment", "staging"]);
    assert!(production.contains("kind: Metadata") && production != staging);
    let (code, storefront, error) = gitops(&examples(), &["render", "storefront/apps/storefront/overlays/prod"]);
    assert_eq!(code, 0, "{error}");
    assert!(storefront.contains("image: registry.example.com/storefront:2.7.3") && !storefront.contains("kustomize-"), "{storefront}");
    let labelled = ["render", "--enable-managedby-label", "--reorder", "none", "storefront/apps/storefront/overlays/prod"];
    let (_, labelled, _) = gitops(&examples(), &labelled);
    assert!(
        labelled.contains("app.kubernetes.io/managed-by: kustomize-v5.8.2") && labelled.starts_with("apiVersion: apps/v1"),
        "{labelled}"
    );
    let (code, _, error) = gitops(&examples(), &["render", "honua", "--environment", "prodution"]);
    assert!(code == 20 && error.contains("did you mean `production`?"), "{error}");
}

#[test]
fn a_kustomization_that_cannot_be_built_prints_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("app")).unwrap();
    fs::write(dir.path().join("app/config.yaml"), config_map("web", "1")).unwrap();
    fs::write(dir.path().join("outside.yaml"), config_map("outside", "1")).unwrap();
    let build = |text: &str, flags: &[&str]| {
        fs::write(dir.path().join("app/kustomization.yaml"), text).unwrap();
        gitops(dir.path(), &[&["render", "app"], flags].concat())
    };
    let (code, out, error) = build("resurces: [config.yaml]\n", &[]);
    assert!(code == 20 && out.is_empty() && error.contains("app/kustomization.yaml:1:"), "{error}");
    assert!(error.contains("did you mean `resources`?"), "{error}");
    let (code, out, error) = build("resources: [config.yaml, ../outside.yaml]\n", &[]);
    assert!(code == 20 && out.is_empty() && error.contains("`../outside.yaml`"), "{error}");
    let (code, out, error) = build("resources: [config.yaml, ../outside.yaml]\n", &["--load-restrictor", "LoadRestrictionsNone"]);
    assert!(code == 0 && out.contains("name: outside"), "{error}");
}

#[test]
fn charts_of_a_kustomization_are_rendered_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("app/charts/web/templates")).unwrap();
    fs::write(dir.path().join("app/kustomization.yaml"), "helmCharts: [{name: web, releaseName: rel}]\n").unwrap();
    fs::write(dir.path().join("app/charts/web/Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0\n").unwrap();
    fs::write(dir.path().join("app/charts/web/values.yaml"), "value: 5\n").unwrap();
    fs::write(dir.path().join("app/charts/web/templates/a.yaml"), config_map("{{ .Release.Name }}", "{{ .Values.value }}")).unwrap();
    let (code, out, error) = gitops(dir.path(), &["render", "app"]);
    assert!(code == 20 && out.is_empty() && error.contains("must specify --enable-helm"), "{error}");
    let (code, out, error) = gitops(dir.path(), &["render", "app", "--enable-helm"]);
    assert!(code == 0 && out.contains("name: rel"), "{error}");
}

#[test]
fn what_helm_can_and_this_does_not_is_said_with_the_way_round() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("web/templates")).unwrap();
    fs::write(dir.path().join("web/Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0\n").unwrap();
    fs::write(dir.path().join("web/templates/a.yaml"), config_map("{{ .Release.Name }}", "x")).unwrap();
    for (flags, want) in [
        (&["--validate"][..], "asks a cluster"),
        (&["--dependency-update"], "helm dependency build"),
        (&["-g"], "--release-name"),
        (&["--output-dir", "out"], "standard output"),
        (&["--post-renderer", "cat"], "pipe the output"),
    ] {
        let (code, out, error) = gitops(dir.path(), &[&["render", "web"], flags].concat());
        assert!(code == 20 && out.is_empty() && error.contains("is not supported") && error.contains(want), "{flags:?}: {error}");
    }
    let (code, out, error) = gitops(dir.path(), &["render", "web", "--name-template", "a-{{ lower \"B\" }}"]);
    assert!(code == 0 && out.contains("name: a-b"), "{error}");
    let (code, _, error) = gitops(dir.path(), &["render", "web", "--name-template", "{{ fail \"no\" }}"]);
    assert!(code == 20 && error.contains("name-template"), "{error}");
}

#[test]
fn charts_are_fetched_from_repositories_and_registries() {
    let server = chart_server::ChartServer::start();
    for (version, value) in [("1.2.0", "old"), ("1.3.0", "new")] {
        server.publish("web", version, &[("templates/a.yaml", &config_map("{{ .Release.Name }}", value))]);
    }
    let here = Path::new(".");
    let repository = server.web.url("charts");
    let (code, newest, error) = gitops(here, &["render", "web", "--repo", &repository, "--version", "^1", "--release-name", "rel"]);
    assert!(code == 0 && newest.contains("name: rel") && newest.contains("key: new"), "{error}");
    let address = format!("oci://{}/team/web", server.web.host());
    let (code, older, error) = gitops(here, &["render", &address, "--version", "1.2.0"]);
    assert!(code == 0 && older.contains("key: old"), "{error}");
    let (code, out, error) = gitops(here, &["render", "web", "--repo", &repository, "--version", "^3"]);
    assert!(code == 20 && out.is_empty() && error.contains("the highest there is 1.3.0"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let kustomization = format!("helmCharts: [{{name: web, repo: '{repository}', version: 1.2.0, releaseName: rel}}]\n");
    fs::write(dir.path().join("kustomization.yaml"), kustomization).unwrap();
    let (code, out, error) = gitops(dir.path(), &["render", ".", "--enable-helm"]);
    assert!(code == 0 && out.contains("key: old"), "{error}");
}

#[test]
fn a_diff_of_directories_and_of_revisions() {
    let dir = tempfile::tempdir().unwrap();
    let (top, web) = (dir.path(), dir.path().join("web"));
    fs::create_dir(&web).unwrap();
    fs::write(web.join("config.yaml"), config_map("settings", "one")).unwrap();
    fs::write(web.join("secret.yaml"), secret("hunter-one")).unwrap();
    git(top, &["init", "-q"]);
    git(top, &["add", "-A"]);
    git(top, &["commit", "-q", "-m", "first"]);
    assert_eq!(gitops(top, &["diff", "HEAD:web", "web"]), (0, String::new(), String::new()));

    fs::write(web.join("config.yaml"), config_map("settings", "two")).unwrap();
    fs::write(web.join("secret.yaml"), secret("hunter-two")).unwrap();
    let (code, diff, error) = gitops(top, &["diff", "HEAD:web", "web"]);
    assert_eq!((code, error.as_str()), (1, ""));
    assert!(diff.contains("-  key: one") && diff.contains("+  key: two"), "{diff}");
    assert!(diff.contains("password") && !diff.contains("hunter"), "a secret is shown: {diff}");
    let (code, before, _) = gitops(top, &["render", "HEAD:web"]);
    assert!(code == 0 && before.contains("key: one"), "{before}");
    let (code, _, error) = gitops(top, &["render", "no-such-revision:web"]);
    assert!(code == 20 && error.contains("no-such-revision"), "{error}");
}

#[test]
fn an_error_names_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bad.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x\ndata: [\n").unwrap();
    let (code, out, error) = gitops(dir.path(), &["render", "."]);
    assert_eq!((code, out.as_str()), (20, ""));
    assert!(error.contains("bad.yaml:"), "{error}");
}

#[test]
fn a_back_up_needs_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, error) = gitops(dir.path(), &["backup", "--to", "copy.db"]);
    assert!(code == 20 && error.contains("there is no store here"), "{error}");
    let (code, _, error) = gitops(dir.path(), &["restore", "--from", "missing.db"]);
    assert!(code == 20 && error.contains("missing.db"), "{error}");
    assert!(!dir.path().join(".gitops/state.db").exists());
}
