//! `helm-templates`: our rendering of charts beside the real helm, process to process, on the same charts; and in process,
//! the same chart again and again.
//!
//! `cargo run --release -p gitops-benches --bin helm-templates [-- PART...]`, with PART of `scaffold`, `templates`,
//! `subcharts`, `large` and `process`; all without one. `GITOPS_HELM` names the real helm (else `helm` of the PATH),
//! `GITOPS_BIN` a `gitops` to measure instead of one built here, `GITOPS_BENCH_SECONDS` how long one run of helm may take
//! (default 300).
//!
//! The outputs must be equal; the program ends with an error where they are not. Linux: memory is read from `/proc`.

mod charts;
#[path = "../kustomize/measure.rs"]
mod measure;
mod process;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use measure::{Figures, Outcome};

const PARTS: &[&str] = &["scaffold", "templates", "subcharts", "large", "process"];

/// What charts are rendered for, the same for both whatever Kubernetes a helm was built with.
const FLAGS: [&str; 4] = ["--namespace", "shop", "--kube-version", "v1.37.0"];

fn main() -> anyhow::Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let Some(wrong) = asked.iter().find(|a| !PARTS.contains(&a.as_str())) {
        bail!("`{wrong}` is no part: choose of {}", PARTS.join(", "));
    }
    let is_asked = |part: &str| asked.is_empty() || asked.iter().any(|a| a == part);
    let dir = tempfile::tempdir()?;
    if PARTS.iter().any(|part| *part != "process" && is_asked(part)) {
        let helm = std::env::var_os("GITOPS_HELM").map_or("helm".into(), PathBuf::from);
        let programs = Programs { ours: our_binary()?, helm };
        println!("| Chart | Output | helm | ours | times faster | helm's memory | ours | of it |");
        println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
        if is_asked("scaffold") {
            let chart = dir.path().join("scaffold");
            let status = Command::new(&programs.helm).arg("create").arg(&chart).stdout(std::process::Stdio::null()).status();
            ensure!(status.context("helm create")?.success(), "helm create failed");
            programs.compare("scaffold of `helm create`", &chart)?;
        }
        for (part, size, name) in
            [("templates", 20, "20 templates"), ("subcharts", 100, "100 sub-charts"), ("large", 1000, "1,000 templates")]
        {
            if is_asked(part) {
                let chart = dir.path().join(part);
                charts::make(part, size, &chart)?;
                programs.compare(name, &chart)?;
            }
        }
    }
    if is_asked("process") {
        process::run(dir.path())?;
    }
    Ok(())
}

struct Programs {
    ours: PathBuf,
    helm: PathBuf,
}

impl Programs {
    fn compare(&self, name: &str, chart: &Path) -> anyhow::Result<()> {
        let seconds = std::env::var("GITOPS_BENCH_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(300);
        let limit = Duration::from_secs(seconds);
        let mut ours = Command::new(&self.ours);
        ours.arg("render").arg(chart).args(["--release-name", "rel"]).args(FLAGS);
        let mut helm = Command::new(&self.helm);
        helm.args(["template", "rel"]).arg(chart).args(FLAGS);
        let Outcome::Done(ours, output) = measure::measure(&mut ours, limit)? else { bail!("{name}: ours took more than {seconds} s") };
        let Outcome::Done(helm, wanted) = measure::measure(&mut helm, limit)? else {
            println!("| {name} | {} | > {seconds} s | {} | | | {} | |", bytes(output.len()), time(&ours), bytes(ours.memory));
            return Ok(());
        };
        ensure!(output == wanted, "{name}: the outputs differ ({} and {} bytes)", output.len(), wanted.len());
        println!(
            "| {name} | {} | {} | {} | {:.1} | {} | {} | {:.0} % |",
            bytes(output.len()),
            time(&helm),
            time(&ours),
            helm.wall.as_secs_f64() / ours.wall.as_secs_f64(),
            bytes(helm.memory),
            bytes(ours.memory),
            ours.memory as f64 / helm.memory as f64 * 100.0,
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
