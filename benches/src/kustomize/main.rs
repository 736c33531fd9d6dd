//! `kustomize-builds`: our build of kustomizations beside the real kustomize, process to process, on the same trees.
//!
//! `cargo run --release -p gitops-benches --bin kustomize-builds [-- PART...]`, with PART of `one`, `overlays`, `patches`,
//! `references`, `generators`, `crds`, `corpus` and `linear`; all without one. `GITOPS_KUSTOMIZE` names the real kustomize
//! (else `kustomize` of the PATH), `GITOPS_BIN` a `gitops` to measure instead of one built here, `GITOPS_CONFORMANCE` the
//! conformance data (for `corpus`), `GITOPS_BENCH_SIZES` the sizes (default `10 100 1000 10000`), `GITOPS_BENCH_SECONDS` how
//! long one build of kustomize may take (default 120).
//!
//! The outputs must be equal; the program ends with an error where they are not. `linear` measures ours alone.

mod trees;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use gitops_benches::beside::{self, Beside, Figures, Outcome, bytes, time};

const PARTS: &[&str] = &["one", "overlays", "patches", "references", "generators", "crds", "corpus", "linear"];

/// How many runs' processor time a figure of `linear` is the least of.
const RUNS: usize = 9;

fn main() -> anyhow::Result<()> {
    let parts = beside::parts(PARTS)?;
    let programs = Programs { ours: beside::our_binary()?, theirs: beside::other("GITOPS_KUSTOMIZE", "kustomize") };
    let dir = tempfile::tempdir()?;
    let beside = Beside::new("kustomize", 120);
    if parts.iter().any(|part| *part != "linear") {
        beside.head("Tree");
    }
    for part in &parts {
        match *part {
            "linear" => {}
            "one" => {
                let start = trees::make("one", 1, &dir.path().join("one"))?;
                programs.compare(&beside, "one resource", &start)?;
            }
            "corpus" => {
                for (name, root) in trees::largest_of_the_corpus()? {
                    programs.compare(&beside, &name, &root)?;
                }
            }
            _ => {
                for size in sizes()? {
                    let root = dir.path().join(format!("{part}-{size}"));
                    let start = trees::make(part, size, &root)?;
                    programs.compare(&beside, &format!("{part}, {}", trees::unit(part, size)), &start)?;
                    std::fs::remove_dir_all(&root)?;
                }
            }
        }
    }
    if parts.contains(&"one") {
        programs.start(dir.path())?;
    }
    if parts.contains(&"linear") {
        programs.linear(dir.path())?;
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
    fn compare(&self, beside: &Beside, name: &str, root: &Path) -> anyhow::Result<()> {
        beside.compare(name, Command::new(&self.ours).arg("render").arg(root), Command::new(&self.theirs).arg("build").arg(root))
    }

    /// The whole process for one resource, beside a program that does nothing.
    fn start(&self, dir: &Path) -> anyhow::Result<()> {
        println!("\n| Process | median | least | processor time | memory |\n| --- | --- | --- | --- | --- |");
        let root = trees::make("one", 1, &dir.join("start"))?;
        let mut ours = Command::new(&self.ours);
        ours.arg("render").arg(&root);
        for (name, command) in [("one resource", &mut ours), ("`/bin/true`", &mut Command::new("/bin/true"))] {
            let Figures { wall, least, processor, memory } = figures(command)?;
            println!("| {name} | {} | {} | {} | {} |", time(wall), time(least), time(processor), bytes(memory));
        }
        Ok(())
    }

    /// How processor time grows from 1,000 to 10,000 resources.
    fn linear(&self, dir: &Path) -> anyhow::Result<()> {
        println!("\n| Tree | 1,000 | 10,000 | times |\n| --- | --- | --- | --- |");
        for part in ["overlays", "patches", "references", "generators", "crds"] {
            let mut times = Vec::new();
            for size in [1000, 10_000] {
                let root = dir.join(format!("linear-{part}-{size}"));
                let start = trees::make(part, size, &root)?;
                let mut ours = Command::new(&self.ours);
                ours.arg("render").arg(start);
                let all = (0..RUNS).map(|_| beside::processor_time(&ours)).collect::<anyhow::Result<Vec<_>>>()?;
                times.push(all.into_iter().min().unwrap_or_default());
                std::fs::remove_dir_all(&root)?;
            }
            let ratio = times[1].as_secs_f64() / times[0].as_secs_f64();
            println!("| {part} | {} | {} | {ratio:.1} |", time(times[0]), time(times[1]));
        }
        Ok(())
    }
}

fn figures(command: &mut Command) -> anyhow::Result<Figures> {
    match beside::measure(command, Duration::from_secs(5))? {
        Outcome::Done(figures, _) => Ok(figures),
        Outcome::TooSlow => bail!("{command:?} took more than 5 s"),
    }
}
