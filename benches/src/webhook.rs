//! From a web hook to the changed file in the live directory: one application, one file of its ten changed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::repository::{config_map, pair};
use crate::server::{Server, configure};
use crate::table::{Table, median_and_worst};

const ROUNDS: usize = 100;

pub(crate) fn measure(binary: &Path, table: &mut Table) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (files, _applications) = pair(dir.path(), 1, 10)?;
    let config = configure(dir.path(), "")?;
    let server = Server::start(binary, &config)?;
    server.wait_until_settled(1)?;
    let live = live_file(&server.live, "app-0000-3").context("app-0000-3 is not in the live directory")?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let value = format!("round {round}.");
        files.commit(&[config_map(0, 3, &value)])?;
        let began = Instant::now();
        server.web_hook()?;
        server.wait(Duration::from_micros(100), "the live file", |_| Ok(std::fs::read_to_string(&live)?.contains(&value)))?;
        times.push(began.elapsed());
        server.wait_until_settled(1)?;
    }
    let (median, worst) = median_and_worst(times);
    table.below("Web hook to live, one changed file: median of 100", median, 50.0, "ms");
    table.note("… the slowest", format!("{worst:.2} ms"));
    server.stop()
}

/// The file below `dir` whose path has `name` in its last part.
pub(crate) fn live_file(dir: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = live_file(&path, name) {
                return Some(found);
            }
        } else if entry.file_name().to_string_lossy().contains(name) {
            return Some(path);
        }
    }
    None
}
