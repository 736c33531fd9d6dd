//! Real programs (`sh`) as plug-ins: what they find, what they may not find, and how they are ended.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use gitops_plugin::{Plugin, PluginConfig, PluginConfigError};
use gitops_render::{Context, CustomOptions, EngineChoice, Limits, Renderer, Source, render};
use gitops_tree::{MemoryTree, TreePath};

fn shell(script: &str) -> PluginConfig {
    PluginConfig::new("sh", ["/bin/sh", "-c", script].map(str::to_owned).to_vec())
}

fn tree() -> MemoryTree {
    MemoryTree::new().with("app/value.txt", "from a file").with("shared.txt", "shared").with_link("app/link.txt", "../shared.txt")
}

fn rendered_in(tree: &MemoryTree, config: PluginConfig, name: &str) -> Result<Vec<(String, String)>, String> {
    let renderers: [Arc<dyn Renderer>; 1] = [Arc::new(Plugin::new(config).unwrap())];
    let environment = vec![("ARGOCD_APP_NAME".to_owned(), "web".to_owned())];
    let options = CustomOptions { name: name.to_owned(), environment, ..CustomOptions::default() };
    let engine = if name == "detect" { EngineChoice::Detect } else { EngineChoice::Custom(options) };
    let source = Source { path: TreePath::parse("app").unwrap(), engine };
    let limits = Limits::default();
    let rendered = render(tree, &source, &Context { renderers: &renderers, ..Context::new("web", "web", &limits) });
    let data = |m: &gitops_manifest::Manifest| m.body().str_at(&["data", "v"]).unwrap_or_default().to_owned();
    rendered.map(|r| r.manifests.iter().map(|m| (m.id().name.clone(), data(m))).collect()).map_err(|e| e.to_string())
}

fn rendered(config: PluginConfig) -> Result<Vec<(String, String)>, String> {
    rendered_in(&tree(), config, "sh")
}

/// Prints a ConfigMap with the text that follows.
const OBJECT: &str = r#"object() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {v: "%s"}\n---\n' "$1" "$2"; }; "#;

#[test]
fn a_program_finds_the_files_and_its_environment() {
    let script = format!("{OBJECT} object a \"$(cat value.txt)\"; object b \"$(cat link.txt)\"; object \"$ARGOCD_APP_NAME\" \"$EXTRA\"");
    let mut config = shell(&script);
    config.env = vec![("EXTRA".to_owned(), "x".to_owned()), ("ARGOCD_APP_NAME".to_owned(), "not this".to_owned())];
    let wanted = [("a", "from a file"), ("b", "shared"), ("web", "x")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(rendered(config).unwrap(), wanted);
}

#[test]
fn init_runs_before_and_may_write_at_home_only() {
    let mut config = shell(&format!("{OBJECT} object a \"$(cat $HOME/made)\""));
    config.init = ["/bin/sh", "-c", "echo made > $HOME/made"].map(str::to_owned).to_vec();
    assert_eq!(rendered(config.clone()).unwrap(), [("a".to_owned(), "made".to_owned())]);
    config.init = ["/bin/sh", "-c", "echo no network >&2; exit 3"].map(str::to_owned).to_vec();
    let error = rendered(config).unwrap_err();
    assert!(error.contains("plugin `sh`: init `/bin/sh` ended with exit code 3: no network"), "{error}");
}

#[test]
fn nothing_of_the_server_is_handed_down() {
    // Cargo sets these for the test itself; whatever else there is must be gone as well.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let script = format!("{OBJECT} object a \"$(env | cut -d= -f1 | sort | tr '\\n' ' ')\"");
    let found = rendered(shell(&script)).unwrap().remove(0).1;
    let extra: Vec<&str> = found.split(' ').filter(|name| !["", "_", "PWD", "OLDPWD", "SHLVL"].contains(name)).collect();
    assert_eq!(extra, ["ARGOCD_APP_NAME", "HOME", "PATH", "TMPDIR"]);
}

#[test]
fn whoever_takes_too_long_is_ended_with_what_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("child");
    let mut config = shell(&format!("(echo $$ > {}; exec sleep 600) & sleep 600", mark.display()));
    config.timeout = Duration::from_millis(400);
    let begun = Instant::now();
    let error = rendered(config).unwrap_err();
    assert!(error.contains("did not end within 0.4 s"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(60));
    // Everything of the group is gone: no `sleep` of ours holds the directory's file open, and none is listed.
    let alive = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| std::fs::read(e.path().join("cmdline")).ok());
    let mark = mark.display().to_string();
    let left: Vec<_> = alive.filter(|line| String::from_utf8_lossy(line).contains(&mark)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn whoever_writes_too_much_is_ended() {
    let mut config = shell("yes");
    config.output_limit = 100_000;
    let error = rendered(config).unwrap_err();
    assert!(error.contains("wrote more than 100000 bytes"), "{error}");
}

#[test]
fn an_error_shows_the_end_of_what_was_said() {
    let error = rendered(shell("yes first | head -n 5000 >&2; echo last words >&2; exit 1")).unwrap_err();
    assert!(error.ends_with("last words") && error.len() < 5000, "{error}");
    let error = rendered(shell("echo 'a: ['")).unwrap_err();
    assert!(error.contains("sh.out:"), "{error}");
    let error = rendered(PluginConfig::new("sh", vec!["/does/not/exist".to_owned()])).unwrap_err();
    assert!(error.contains("generate `/does/not/exist` does not start"), "{error}");
}

#[test]
fn a_name_that_is_not_configured_is_told_and_nothing_runs() {
    let error = rendered_in(&tree(), shell("exit 9"), "other").unwrap_err();
    assert!(error.contains("no plugin `other` (there are: sh)") && error.contains("`plugins`"), "{error}");
}

#[test]
fn discovery_looks_at_names() {
    let mut config = shell(&format!("{OBJECT} object found x"));
    config.discover = Some("./*.txt".to_owned());
    assert_eq!(rendered_in(&tree(), config.clone(), "detect").unwrap()[0].0, "found");
    config.discover = Some("**/deep.cue".to_owned());
    assert!(rendered_in(&tree(), config.clone(), "detect").unwrap().is_empty(), "a plain directory without manifests");
    assert_eq!(rendered_in(&tree().with("app/a/b/deep.cue", ""), config, "detect").unwrap()[0].0, "found");
}

#[test]
fn what_is_too_large_or_leads_out_is_not_written() {
    let mut config = shell("true");
    config.tree_limit = 1000;
    let error = rendered_in(&tree().with("big", vec![b'x'; 2000]), config, "sh").unwrap_err();
    assert!(error.contains("larger than the limit of 1000 bytes"), "{error}");
    let error = rendered_in(&tree().with_link("out", "../../etc/passwd"), shell("true"), "sh").unwrap_err();
    assert!(error.contains("leaves the repository"), "{error}");
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let error = |config: PluginConfig| Plugin::new(config).err().unwrap();
    assert!(matches!(error(PluginConfig::new("", vec![])), PluginConfigError::Name { .. }));
    assert!(matches!(error(PluginConfig::new("environment", vec!["/x".into()])), PluginConfigError::Name { .. }));
    assert!(matches!(error(PluginConfig::new("a", vec![])), PluginConfigError::Command { field: "generate", .. }));
    assert!(matches!(error(PluginConfig::new("a", vec!["cue".into()])), PluginConfigError::Command { .. }));
    let glob = PluginConfig { discover: Some("[".to_owned()), ..PluginConfig::new("a", vec!["/x".into()]) };
    assert!(matches!(error(glob), PluginConfigError::Glob { .. }));
}
