//! The built server: its configuration, its start and end, its API and its log.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::repository::Repository;
use super::wait::{holds, until};

/// Secret of web hooks, as the server gets it by its environment.
pub(crate) const WEB_HOOK_SECRET: &str = "a-secret-between-forge-and-server";
/// Token for the forge, likewise.
pub(crate) const FORGE_TOKEN: &str = "forge-token-0123456789";

/// A place for a server: its data, its live directory, its configuration.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A file of the live directory; `""` is the directory itself.
    pub(crate) fn live(&self, path: &str) -> PathBuf {
        self.dir.path().join("live").join(path)
    }

    /// Any other file of this place.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts a server here that reads the `applications/` of a repository and never polls. `more` are further lines of
    /// the configuration, `platform` of its `targets.platform`.
    pub(crate) fn start(&self, repository: &Repository, more: &str, platform: &str) -> Server {
        let (data, live, url) = (self.data(), self.live(""), repository.url());
        let config = format!(
            "listen: 127.0.0.1:0\ndataDir: {}\npollInterval: 0\napplications:\n- {{repoURL: '{url}', path: applications, \
             targetRevision: main}}\nwebhook:\n  githubSecretEnv: E2E_WEB_HOOK_SECRET\n{more}targets:\n  platform:\n    root: {}\n{platform}",
            data.display(),
            live.display()
        );
        let file = self.file("server.yaml");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitops-server"));
        command.arg("--config").arg(&file);
        Server::run(command, &self.file("server.log"))
    }
}

/// A running server. Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    url: String,
    agent: ureq::Agent,
}

impl Server {
    /// Runs a command that is a server, and returns when it says where it is to be found.
    pub(crate) fn run(mut command: Command, log: &Path) -> Server {
        for variable in ["GITOPS_CONFIG", "GITOPS_LOG", "http_proxy", "HTTP_PROXY"] {
            command.env_remove(variable);
        }
        command.env("E2E_WEB_HOOK_SECRET", WEB_HOOK_SECRET).env("E2E_FORGE_TOKEN", FORGE_TOKEN);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let child = command.stderr(File::create(log).unwrap()).spawn().unwrap();
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60))).proxy(None).build();
        let mut server = Server { child, log: log.to_owned(), url: String::new(), agent: agent.into() };
        server.url = until("the server's start", || {
            if let Some(status) = server.child.try_wait().unwrap() {
                panic!("the server ended at its start: {status}");
            }
            let log = server.log();
            let line = log.lines().find_map(|l| l.strip_prefix("ready: ")).ok_or("no line `ready:`")?;
            let url = line.split_whitespace().next().ok_or("no address")?;
            Ok(url.trim_end_matches('/').to_owned())
        });
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Everything it said so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to end as a service supervisor does, and says how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let signalled = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status().unwrap();
        assert!(signalled.success());
        until("the server's end", || self.child.try_wait().unwrap().ok_or_else(|| "it still runs".to_owned()))
    }

    /// Status and body of a GET.
    pub(crate) fn get_text(&self, path: &str) -> (u16, String) {
        let mut answer = self.agent.get(format!("{}{path}", self.url)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    /// The JSON of a GET that succeeds.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.get_text(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Status and JSON of a POST.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        let mut request = self.agent.post(format!("{}{path}", self.url)).header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.send(body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// One application.
    pub(crate) fn application(&self, name: &str) -> Value {
        self.get(&format!("/api/v1/applications/{name}"))
    }

    /// One application, after a fetch and a comparison.
    pub(crate) fn refreshed(&self, name: &str) -> Value {
        self.get(&format!("/api/v1/applications/{name}?refresh=normal"))
    }

    /// History of an application, newest first.
    pub(crate) fn history(&self, name: &str) -> Vec<Value> {
        self.get(&format!("/api/v1/applications/{name}/history"))["items"].as_array().unwrap().clone()
    }

    /// Waits until an application is Synced to a revision, Healthy and at rest.
    pub(crate) fn wait_synced(&self, name: &str, revision: &str) -> Value {
        self.wait_for(name, |app| {
            let status = &app["status"];
            let rest = status["operationState"]["phase"] == "Succeeded";
            let good = status["sync"]["status"] == "Synced" && status["health"]["status"] == "Healthy";
            rest && good && status["sync"]["revision"] == revision && status["operationState"]["syncResult"]["revision"] == revision
        })
    }

    /// Waits until an application is as asked.
    pub(crate) fn wait_for(&self, name: &str, as_asked: impl Fn(&Value) -> bool) -> Value {
        until(name, || {
            let (status, body) = self.get_text(&format!("/api/v1/applications/{name}"));
            holds(status == 200, || format!("{status} {body}"))?;
            let app: Value = serde_json::from_str(&body).map_err(|e| e.to_string())?;
            holds(as_asked(&app), || format!("its status is {:#}", app["status"]))?;
            Ok(app)
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- log of the server ----\n{}", self.log());
        }
    }
}
