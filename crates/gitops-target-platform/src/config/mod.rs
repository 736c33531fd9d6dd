//! What the server's own configuration says about the live directory, read from a [`Value`].
//!
//! In: the value under `targets.platform` of the server's configuration file. Out: [`PlatformConfig`]. Every key, its
//! values and its default is one line of [`SETTINGS`], and the reader knows no key that is not there.
//! Units: seconds (fractions allowed), bytes. Errors: [`ConfigError`], with the path of the key and, for a misspelt
//! key, the nearest known one. Nothing here is ever read from git: commands and addresses are the operator's choice.

mod call;
mod fields;
mod rule;
mod settings;

use std::path::PathBuf;
use std::time::Duration;

use gitops_manifest::Value;

pub use call::{CommandCall, HttpCall, Probe, ProbeKind, Reload, SignalCall};
pub use rule::{Content, Format, HookAction, HookRule, KindPattern, KindRule, PathTemplate, SecretHandling};
pub use settings::{SETTINGS, Setting};

pub(crate) use rule::wildcard;

use fields::Fields;

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("{at}: unknown key `{key}`{}", similar.as_ref().map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default())]
    UnknownKey {
        /// Path of the map that holds it.
        at: String,
        /// The key.
        key: String,
        /// The nearest key that exists.
        similar: Option<String>,
    },
    /// A key that must be there.
    #[error("{at}: `{key}` is missing: {needed}")]
    Missing {
        /// Path of the map that should hold it.
        at: String,
        /// The key.
        key: &'static str,
        /// What belongs there.
        needed: &'static str,
    },
    /// A value of the wrong kind, or out of range.
    #[error("{at}: {reason}")]
    Invalid {
        /// Path of the value.
        at: String,
        /// What is wrong and what belongs there.
        reason: String,
    },
}

/// Which secrets objects may refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretsPolicy {
    /// Names of environment variables that `env://NAME` may read; `*` stands for any text.
    pub env: Vec<String>,
    /// Folders (or files) that `file:///path` may read from, after symlinks are followed.
    pub files: Vec<PathBuf>,
}

/// How changes by others are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchMode {
    /// By inotify; by polling where that is not to be had.
    #[default]
    Auto,
    /// By walking the directory every [`PlatformConfig::poll`].
    Poll,
}

/// A live directory and what is to be done for the kinds in it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformConfig {
    /// The live directory. Made when it is not there.
    pub root: PathBuf,
    /// Whether every file and its folder entry is flushed to the disk before an apply counts as done.
    pub durable: bool,
    /// Permission bits of files, such as `0o644`.
    pub file_mode: u32,
    /// Permission bits of files that hold a resolved secret.
    pub secret_file_mode: u32,
    /// Most bytes of one live file that are read back.
    pub max_file_bytes: u64,
    /// How many probes of one call run at once.
    pub probe_concurrency: usize,
    /// How changes by others are noticed.
    pub watch: WatchMode,
    /// Between two walks when polling.
    pub poll: Duration,
    /// Which secrets objects may refer to.
    pub secrets: SecretsPolicy,
    /// What to do for which kinds; the first rule that matches counts.
    pub kinds: Vec<KindRule>,
    /// How hooks run; the first rule that matches counts.
    pub hooks: Vec<HookRule>,
}

impl PlatformConfig {
    /// The defaults of [`SETTINGS`] for a live directory: every object is a YAML file, with no reload, probe or hook.
    pub fn new(root: impl Into<PathBuf>) -> PlatformConfig {
        PlatformConfig {
            root: root.into(),
            durable: true,
            file_mode: 0o644,
            secret_file_mode: 0o600,
            max_file_bytes: 16 << 20,
            probe_concurrency: 8,
            watch: WatchMode::Auto,
            poll: Duration::from_secs(2),
            secrets: SecretsPolicy::default(),
            kinds: Vec::new(),
            hooks: Vec::new(),
        }
    }

    /// Reads a configuration; `at` names the place of `value` in errors, such as `server.yaml: targets.platform`.
    ///
    /// # Errors
    /// On the first key that is unknown, missing or wrong.
    pub fn parse(value: &Value, at: &str) -> Result<PlatformConfig, ConfigError> {
        let fields = Fields::new(value, at, "")?;
        let root = fields.needed_text("root", "the path of the live directory")?;
        let mut config = PlatformConfig::new(root);
        fields.boolean("durable", &mut config.durable)?;
        fields.mode("fileMode", &mut config.file_mode)?;
        fields.mode("secretFileMode", &mut config.secret_file_mode)?;
        config.max_file_bytes = fields.count("maxFileBytes", config.max_file_bytes)?;
        config.probe_concurrency = fields.count("probeConcurrency", config.probe_concurrency as u64)?.min(1024) as usize;
        config.watch = match fields.text("watch")? {
            None | Some("auto") => WatchMode::Auto,
            Some("poll") => WatchMode::Poll,
            Some(other) => return Err(fields.invalid("watch", format!("`{other}` is neither `auto` nor `poll`"))),
        };
        config.poll = fields.seconds("pollSeconds", config.poll)?;
        if let Some(secrets) = fields.section("secrets", "secrets")? {
            config.secrets =
                SecretsPolicy { env: secrets.texts("env")?, files: secrets.texts("files")?.into_iter().map(PathBuf::from).collect() };
            if let Some(relative) = config.secrets.files.iter().find(|f| !f.is_absolute()) {
                return Err(secrets.invalid("files", format!("`{}` is not an absolute path", relative.display())));
            }
        }
        config.kinds = fields.sections("kinds", "kinds[]")?.iter().map(KindRule::parse).collect::<Result<_, _>>()?;
        config.hooks = fields.sections("hooks", "hooks[]")?.iter().map(HookRule::parse).collect::<Result<_, _>>()?;
        // One activation group has one reload: two rules of one name would make the second unreachable.
        for (index, rule) in config.kinds.iter().enumerate() {
            if config.kinds[..index].iter().any(|earlier| earlier.name == rule.name) {
                let reason = format!("two kind rules have the name `{}`: give one of them a `name` of its own", rule.name);
                return Err(ConfigError::Invalid { at: format!("{at}.kinds[{index}]"), reason });
            }
        }
        Ok(config)
    }

    /// The first rule that matches a kind.
    pub(crate) fn rule_for(&self, group: &str, kind: &str) -> Option<&KindRule> {
        self.kinds.iter().find(|rule| rule.matches.matches(group, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PlatformConfig, ConfigError> {
        let parsed = gitops_manifest::yaml::parse(text.as_bytes(), "c.yaml", &gitops_manifest::yaml::ParseOptions::default());
        PlatformConfig::parse(&parsed.unwrap().documents[0].value, "c.yaml: targets.platform")
    }

    #[test]
    fn a_full_configuration() {
        let config = parse(
            r#"
root: /srv/live
durable: false
fileMode: "0640"
secrets: { env: [APP_*], files: [/etc/secrets] }
kinds:
- match: platform.gitops.dev/Agent
  name: agents
  content: spec
  path: agents/{name}/manifest.json
  reload: { http: { url: "http://127.0.0.1:9/reload", secret: "env://APP_KEY", timeoutSeconds: 1.5 } }
  probe: { graceSeconds: 0, http: { url: "http://127.0.0.1:9/{name}", jsonField: /status, equals: ok } }
- match: core/*
  secrets: keep
  reload: { signal: { pidFile: /run/x.pid, signal: USR1 } }
hooks:
- match: batch/Job
  name: migrate-*
  command: { argv: [/bin/true, "{name}"], env: { A: b } }
"#,
        )
        .unwrap();
        assert_eq!(config.kinds[0].format, Format::Json);
        assert_eq!(config.kinds[1].format, Format::Yaml);
        assert_eq!(config.kinds[1].name, "core/*");
        assert_eq!(config.file_mode, 0o640);
        assert!(config.rule_for("", "ConfigMap").is_some_and(|r| r.secrets == SecretHandling::Keep));
        assert!(config.rule_for("apps", "Deployment").is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("rot: /x", "c.yaml: targets.platform: unknown key `rot` (did you mean `root`?)"),
            ("durable: true", "c.yaml: targets.platform: `root` is missing: the path of the live directory"),
            ("root: 3", "c.yaml: targets.platform.root: expected a text, found a number"),
            ("root: /x\nfileMode: '999'", "c.yaml: targets.platform.fileMode: `999` is not an octal mode such as \"0644\""),
            (
                "root: /x\nkinds: [{match: a/B, reload: {http: {url: 'http://x', timeoutSecond: 1}}}]",
                "c.yaml: targets.platform.kinds[0].reload.http: unknown key `timeoutSecond` (did you mean `timeoutSeconds`?)",
            ),
            (
                "root: /x\nkinds: [{match: a/B, path: '../{name}'}]",
                "c.yaml: targets.platform.kinds[0].path: `../{name}`: a path may not hold empty parts, `.` or `..`",
            ),
            (
                "root: /x\nkinds: [{match: a/B, reload: {}}]",
                "c.yaml: targets.platform.kinds[0].reload: expected exactly one of `http`, `signal`, `command`",
            ),
            (
                "root: /x\nkinds: [{match: a/B}, {match: a/B}]",
                "c.yaml: targets.platform.kinds[1]: two kind rules have the name `a/B`: give one of them a `name` of its own",
            ),
        ] {
            assert_eq!(parse(text).expect_err(text).to_string(), expected);
        }
    }
}
