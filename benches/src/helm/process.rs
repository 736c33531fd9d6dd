//! In process: a chart that is loaded once and rendered with new values again and again.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use gitops_helm::{Chart, Limits, RenderOptions, Values};
use gitops_tree::{DiskTree, TreePath};

use crate::charts;

/// How often a chart is rendered.
const RENDERS: usize = 1000;

pub(crate) fn run(dir: &Path) -> anyhow::Result<()> {
    println!("\n| In process | load and first render | each of {RENDERS} more, new values: median | slowest |");
    println!("| --- | --- | --- | --- |");
    for (part, size, name) in [("templates", 20, "20 templates"), ("subcharts", 100, "100 sub-charts")] {
        let root = dir.join(format!("process-{part}"));
        charts::make(part, size, &root)?;
        let tree = DiskTree::open(&root)?;
        let began = Instant::now();
        let chart = Chart::load(&tree, &TreePath::root(), &Limits::default())?;
        let options = RenderOptions::new("rel", "shop");
        ensure!(!chart.render(&Values::default(), &options)?.manifests.is_empty(), "{name}: nothing was rendered");
        let first = began.elapsed();
        let mut walls = Vec::with_capacity(RENDERS);
        for at in 0..RENDERS {
            let began = Instant::now();
            let mut values = Values::default();
            values.set(&format!("replicas={at},image.tag=v{at}"))?;
            let text = chart.render(&values, &options)?.to_text();
            walls.push(began.elapsed());
            ensure!(text.contains(&format!("web:v{at}")), "{name}: the values have no effect");
        }
        walls.sort();
        println!("| {name} | {} | {} | {} |", time(first), time(walls[RENDERS / 2]), time(walls[RENDERS - 1]));
    }
    Ok(())
}

fn time(wall: Duration) -> String {
    format!("{:.3} ms", wall.as_secs_f64() * 1000.0)
}
