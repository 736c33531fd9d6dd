//! The built command line, which is another package's: found beside the server, or built when it is not there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::SystemTime;

use serde_json::Value;

use super::server::Server;

/// The program `gitops`.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_BIN_EXE_gitops-server")).with_file_name(format!("gitops{}", std::env::consts::EXE_SUFFIX));
        // `cargo test --workspace` has just built it, because its package has tests of its own. `-p gitops-server` has not.
        if !is_newer_than_its_sources(&program) {
            build(&program);
        }
        program
    })
}

fn is_newer_than_its_sources(program: &Path) -> bool {
    let Ok(built) = program.metadata().and_then(|m| m.modified()) else { return false };
    newest(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../gitops/src")) <= built
}

fn newest(dir: &Path) -> SystemTime {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let times = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        if metadata.is_dir() { Some(newest(&entry.path())) } else { metadata.modified().ok() }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Builds it with the profile and into the target directory that the server was built with.
fn build(program: &Path) {
    let directory = program.parent().unwrap();
    let profile = match directory.file_name().and_then(|n| n.to_str()).unwrap() {
        "debug" => "dev",
        other => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "-p", "gitops", "--profile", profile, "--target-dir"])
        .arg(directory.parent().unwrap())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .status()
        .unwrap();
    assert!(status.success() && program.exists(), "`cargo build -p gitops` made no {}", program.display());
}

/// Ran to its end.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Its standard output, when it succeeded.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self.out
    }

    /// Its standard output as JSON, when it succeeded.
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.good()).unwrap()
    }
}

/// Runs `gitops` against a server.
pub(crate) fn gitops(server: &Server, arguments: &[&str]) -> Ran {
    Ran::of(command().env("GITOPS_SERVER", server.url()).args(arguments).output().unwrap())
}

/// `gitops`, with nothing of the environment that would change what it does.
pub(crate) fn command() -> Command {
    let mut command = Command::new(program());
    for variable in ["GITOPS_SERVER", "GITOPS_AUTH_TOKEN", "http_proxy", "HTTP_PROXY"] {
        command.env_remove(variable);
    }
    command
}
