//! A mono-repository of 10,000 files and 1,000 applications: what a commit costs that touches one application, or none.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::repository::{Repository, config_map, pair};
use crate::server::{Metrics, Server, configure};
use crate::table::{Table, median_and_worst};
use crate::webhook::live_file;

pub(crate) const APPLICATIONS: usize = 1000;
pub(crate) const FILES: usize = 10;
const ROUNDS: usize = 15;

pub(crate) fn measure(binary: &Path, table: &mut Table) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (files, _applications) = pair(dir.path(), APPLICATIONS, FILES)?;
    let config = configure(dir.path(), "")?;
    let began = Instant::now();
    let server = Server::start(binary, &config)?;
    server.wait_until_settled(APPLICATIONS as u64)?;
    table.note("1,000 applications of 10 files brought live, from nothing", format!("{:.1} s", began.elapsed().as_secs_f64()));
    let live = live_file(&server.live, "app-0500-3").context("app-0500-3 is not in the live directory")?;
    let (mut live_after, mut one, mut none) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let value = format!("round {round}.");
        let pass = commit(&server, &files, &[config_map(500, 3, &value)], &|| Ok(std::fs::read_to_string(&live)?.contains(&value)))?;
        ensure!(pass.renders == 1, "a commit to one application's files rendered {} applications, not 1", pass.renders);
        live_after.push(pass.live);
        one.push(pass.whole);
        let pass = commit(&server, &files, &[("docs/notes.md".to_owned(), value.clone())], &|| Ok(true))?;
        ensure!(pass.renders == 0, "a commit to no application's files rendered {} applications", pass.renders);
        none.push(pass.whole);
    }
    let (median, worst) = median_and_worst(one);
    table.below("Mono-repository, one application's file: all 1,000 looked at, 1 render; median of 15", median, 200.0, "ms");
    table.note("… the slowest", format!("{worst:.2} ms"));
    let (median, _) = median_and_worst(live_after);
    table.note("… the changed file live after: median", format!("{median:.2} ms"));
    let (median, worst) = median_and_worst(none);
    table.below("Mono-repository, no application's file: all 1,000 looked at, 0 renders; median of 15", median, 200.0, "ms");
    table.note("… the slowest", format!("{worst:.2} ms"));
    std::thread::sleep(Duration::from_secs(8));
    let (resident, private) = server.memory()?;
    table.note("Resident memory, idle, 1,000 applications of 10 files", format!("{resident:.2} MB, {private:.2} of it private"));
    server.stop()
}

struct Pass {
    live: Duration,
    whole: Duration,
    renders: u64,
}

/// Passes, and applications that needed none: they were looked at and read nothing that changed.
fn looked_at(metrics: &Metrics) -> anyhow::Result<u64> {
    Ok(metrics.value("gitops_app_reconcile_total")? + metrics.value("gitops_app_unconcerned_total")?)
}

/// Commits, sends the web hook, and waits until it is live and every application was looked at.
fn commit(
    server: &Server,
    repository: &Repository,
    files: &[(String, String)],
    live: &dyn Fn() -> anyhow::Result<bool>,
) -> anyhow::Result<Pass> {
    const PAUSE: Duration = Duration::from_millis(1);
    repository.commit(files)?;
    let before = server.metrics()?;
    let looked = looked_at(&before)? + APPLICATIONS as u64;
    let began = Instant::now();
    server.web_hook()?;
    server.wait(PAUSE, "the live file", |_| live())?;
    let live = began.elapsed();
    server.wait(PAUSE, "every application", |server| {
        let now = server.metrics()?;
        Ok(looked_at(&now)? >= looked && now.value("gitops_queue_length")? == 0)
    })?;
    let whole = began.elapsed();
    server.wait_until_settled(APPLICATIONS as u64)?;
    let renders = server.metrics()?.value("gitops_render_total")? - before.value("gitops_render_total")?;
    Ok(Pass { live, whole, renders })
}
