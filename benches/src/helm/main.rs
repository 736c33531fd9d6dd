//! `helm-templates`: our rendering of charts beside the real helm, process to process, on the same charts; and in process,
//! the same chart again and again.
//!
//! `cargo run --release -p gitops-benches --bin helm-templates [-- PART...]`, with PART of `scaffold`, `median`, `templates`,
//! `subcharts`, `library`, `large` and `process`; all without one. `GITOPS_HELM` names the real helm (else `helm` of the PATH),
//! `GITOPS_BIN` a `gitops` to measure instead of one built here, `GITOPS_BENCH_SECONDS` how long one run of helm may take
//! (default 300).
//!
//! The outputs must be equal; the program ends with an error where they are not.

mod charts;
mod process;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use gitops_benches::beside::{self, Beside};

const PARTS: &[&str] = &["scaffold", "median", "templates", "subcharts", "library", "large", "process"];

/// What charts are rendered for, the same for both whatever Kubernetes a helm was built with.
const FLAGS: [&str; 4] = ["--namespace", "shop", "--kube-version", "v1.37.0"];

fn main() -> anyhow::Result<()> {
    let parts = beside::parts(PARTS)?;
    let dir = tempfile::tempdir()?;
    if parts.iter().any(|part| *part != "process") {
        let programs = Programs { ours: beside::our_binary()?, helm: beside::other("GITOPS_HELM", "helm") };
        let beside = Beside::new("helm", 300);
        beside.head("Chart");
        if parts.contains(&"scaffold") {
            let chart = dir.path().join("scaffold");
            let status = Command::new(&programs.helm).arg("create").arg(&chart).stdout(std::process::Stdio::null()).status();
            ensure!(status.context("helm create")?.success(), "helm create failed");
            programs.compare(&beside, "scaffold of `helm create`", &chart)?;
        }
        for (part, size, name) in [
            ("median", 12, "median: 12 templates, a sub-chart with 6, a library in both"),
            ("templates", 20, "20 templates"),
            ("subcharts", 100, "100 sub-charts"),
            ("library", 20, "20 sub-charts, the same library in each"),
            ("large", 1000, "1,000 templates"),
        ] {
            if parts.contains(&part) {
                let chart = dir.path().join(part);
                charts::make(part, size, &chart)?;
                programs.compare(&beside, name, &chart)?;
            }
        }
    }
    if parts.contains(&"process") {
        process::run(dir.path())?;
    }
    Ok(())
}

struct Programs {
    ours: PathBuf,
    helm: PathBuf,
}

impl Programs {
    fn compare(&self, beside: &Beside, name: &str, chart: &Path) -> anyhow::Result<()> {
        let mut ours = Command::new(&self.ours);
        ours.arg("render").arg(chart).args(["--release-name", "rel"]).args(FLAGS);
        let mut helm = Command::new(&self.helm);
        helm.args(["template", "rel"]).arg(chart).args(FLAGS);
        beside.compare(name, &mut ours, &mut helm)
    }
}
