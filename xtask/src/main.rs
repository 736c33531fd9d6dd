//! `cargo xtask CHECK`: the checks of the workspace itself. `cargo xtask check` runs all of them, and what `.ci/run` runs.

mod control_plane;
mod layers;
mod licences;
mod metadata;
mod openapi;
mod schema;
mod tidy;

use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask <check>

  check      everything below, then format, lints, docs and tests: what CI runs
  layers     crates depend on lower layers only; a library that does I/O is used by its door only
  tidy       files, names, headers and left-overs
  licences   every dependency's licence is on deny.toml's list
  control-plane  builds the Kubernetes control plane that tests run against, once, into the cache (needs Go)
  openapi    makes the table of patch keys that kustomize builds with anew (needs Go; no part of `check`)
  schema     makes the table of built-in kinds that the diff goes by anew (needs Go; no part of `check`)

example: cargo xtask layers";

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("layers") => report("layers", &layers::wrong()),
        Some("tidy") => report("tidy", &tidy::wrong()),
        Some("licences") => report("licences", &licences::wrong()),
        Some("control-plane") => report("control-plane", &control_plane::build()),
        Some("openapi") => report("openapi", &openapi::write()),
        Some("schema") => report("schema", &schema::write()),
        Some("check") => check(),
        _ => {
            eprintln!("{USAGE}");
            false
        }
    };
    if result { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(name: &str, wrong: &[String]) -> bool {
    for line in wrong {
        eprintln!("{name}: {line}");
    }
    if wrong.is_empty() {
        println!("{name}: ok");
    }
    wrong.is_empty()
}

fn check() -> bool {
    report("layers", &layers::wrong())
        && report("tidy", &tidy::wrong())
        && report("licences", &licences::wrong())
        && cargo(&["fmt", "--all", "--check"])
        && cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
        && cargo(&["doc", "--workspace", "--no-deps"])
        && cargo(&["test", "--workspace"])
}

fn cargo(arguments: &[&str]) -> bool {
    println!("cargo {}", arguments.join(" "));
    Command::new("cargo").args(arguments).env("RUSTDOCFLAGS", "-D warnings").status().is_ok_and(|status| status.success())
}
