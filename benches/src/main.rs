//! `main-job`: measures what the main job must reach, on the release build of the server.
//!
//! `cargo run --release -p gitops-benches --bin main-job [-- PART...]`, with PART of `start`, `webhook`, `mono`, `idle` and
//! `store`; all without one. `GITOPS_SERVER` names a server binary to measure instead of one built here;
//! `GITOPS_IDLE_SECONDS` is how long the idle server is watched (default 75: a whole round of looks falls into it).
//! The program ends with an error when a part does not work or an assertion about renders does not hold; a figure that
//! misses its aim is marked and no error, because machines differ.

mod idle;
mod mono;
mod repository;
mod server;
mod start;
mod store;
mod table;
mod webhook;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::table::Table;

fn main() -> anyhow::Result<()> {
    let known = ["start", "webhook", "mono", "idle", "store"];
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let Some(wrong) = asked.iter().find(|a| !known.contains(&a.as_str())) {
        bail!("`{wrong}` is no part: choose of {}", known.join(", "));
    }
    let wanted = |part: &str| asked.is_empty() || asked.iter().any(|a| a == part);
    let binary = if known[..4].iter().any(|part| wanted(part)) { server_binary()? } else { PathBuf::new() };
    let mut table = Table::default();
    if wanted("start") {
        start::measure(&binary, &mut table).context("start and memory")?;
    }
    if wanted("webhook") {
        webhook::measure(&binary, &mut table).context("web hook to live")?;
    }
    if wanted("mono") {
        mono::measure(&binary, &mut table).context("mono-repository")?;
    }
    if wanted("idle") {
        idle::measure(&binary, &mut table).context("idle")?;
    }
    if wanted("store") {
        store::measure(&mut table).context("store")?;
    }
    print!("{table}");
    Ok(())
}

/// The release build of the server, beside this program; built now.
fn server_binary() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("GITOPS_SERVER") {
        return Ok(given.into());
    }
    ensure!(!cfg!(debug_assertions), "figures are of the release build: add `--release`");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--release", "-p", "gitops-server"]).status().context("cargo build")?;
    ensure!(status.success(), "the server does not build");
    let here = std::env::current_exe()?;
    let binary = here.with_file_name("gitops-server");
    ensure!(binary.exists(), "{} is not there: name it in GITOPS_SERVER", binary.display());
    Ok(binary)
}
