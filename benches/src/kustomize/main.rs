//! `kustomize-builds`: our build of kustomizations beside the real kustomize, process to process, on the same trees.
//!
//! `cargo run --release -p gitops-benches --bin kustomize-builds [-- PART...]`, with PART of `overlays`, `patches`,
//! `references`, `generators`, `crds` and `corpus`; all without one. `GITOPS_KUSTOMIZE` names the real kustomize (else
//! `kustomize` of the PATH), `GITOPS_BIN` a `gitops` to measure instead of one built here, `GITOPS_CONFORMANCE` the
//! conformance data (for `corpus`), `GITOPS_BENCH_SIZES` the sizes (default `10 100 1000 10000`), `GITOPS_BENCH_SECONDS` how
//! long one build of kustomize may take (default 120).
//!
//! The outputs must be equal; the program ends with an error where they are not. Linux: memory is read from `/proc`.

mod measure;
mod trees;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use measure::{Figures, Outcome};

const PARTS: &[&str] = &["overlays", "patches", "references", "generators", "crds", "corpus"];

fn main() -> anyhow::Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let Some(wrong) = asked.iter().find(|a| !PARTS.contains(&a.as_str())) {
        bail!("`{wrong}` is no part: choose of {}", PARTS.join(", "));
    }
    let programs = Programs { ours: our_binary()?, theirs: std::env::var_os("GITOPS_KUSTOMIZE").map_or("kustomize".into(), PathBuf::from) };
    let dir = tempfile::tempdir()?;
    println!(
        "| Tree | Output | kustomize | ours | times faster | kustomize's memory | ours | of it |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for part in PARTS.iter().filter(|part| asked.is_empty() || asked.iter().any(|a| a == *part)) {
        if *part == "corpus" {
            for (name, root) in trees::largest_of_the_corpus()? {
                programs.compare(&name, &root)?;
            }
            continue;
        }
        for size in sizes()? {
            let root = dir.path().join(format!("{part}-{size}"));
            let start = trees::make(part, size, &root)?;
            programs.compare(&format!("{part}, {}", trees::unit(part, size)), &start)?;
            std::fs::remove_dir_all(&root)?;
        }
    }
    Ok(())
}

fn sizes() -> anyhow::Result<Vec<usize>> {
    let text = std::env::var("GITOPS_BENCH_SIZES").unwrap_or_else(|_| "10 100 1000 10000".to_owned());
    text.split_whitespace().map(|size| size.parse().with_context(|| format!("`{size}` is no number"))).collect()
}

struct Programs {
    ours: PathBuf,
    theirs: PathBuf,
}

impl Programs {
    fn compare(&self, name: &str, root: &Path) -> anyhow::Result<()> {
        let seconds = std::env::var("GITOPS_BENCH_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(120);
        let limit = Duration::from_secs(seconds);
        let mut theirs = Command::new(&self.theirs);
        theirs.arg("build").arg(root);
        let mut ours = Command::new(&self.ours);
        ours.arg("render").arg(root);
        let ours = measure::measure(&mut ours, limit)?;
        let theirs = measure::measure(&mut theirs, limit)?;
        let (Outcome::Done(ours, output), theirs) = (ours, theirs) else { bail!("{name}: ours took more than {seconds} s") };
        let Outcome::Done(theirs, wanted) = theirs else {
            println!("| {name} | {} | > {seconds} s | {} | | | {} | |", bytes(output.len()), time(&ours), bytes(ours.memory));
            return Ok(());
        };
        ensure!(output == wanted, "{name}: the outputs differ ({} and {} bytes)", output.len(), wanted.len());
        println!(
            "| {name} | {} | {} | {} | {:.1} | {} | {} | {:.0} % |",
            bytes(output.len()),
            time(&theirs),
            time(&ours),
            theirs.wall.as_secs_f64() / ours.wall.as_secs_f64(),
            bytes(theirs.memory),
            bytes(ours.memory),
            ours.memory as f64 / theirs.memory as f64 * 100.0,
        );
        Ok(())
    }
}

fn time(figures: &Figures) -> String {
    let ms = figures.wall.as_secs_f64() * 1000.0;
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{:.2} s", ms / 1000.0) }
}

fn bytes(bytes: usize) -> String {
    match bytes as f64 {
        b if b < 1e4 => format!("{b} B"),
        b if b < 1e6 => format!("{:.0} kB", b / 1e3),
        b => format!("{:.1} MB", b / 1e6),
    }
}

/// The release build of the command line program, beside this one; built now.
fn our_binary() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("GITOPS_BIN") {
        return Ok(given.into());
    }
    ensure!(!cfg!(debug_assertions), "figures are of the release build: add `--release`");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--release", "-p", "gitops"]).status().context("cargo build")?;
    ensure!(status.success(), "cargo build --release -p gitops failed");
    let own = std::env::current_exe()?;
    Ok(own.with_file_name("gitops"))
}
