//! From the start of the process to ready with 100 applications in the store, and memory when idle.

use std::path::Path;
use std::time::Duration;

use crate::repository::pair;
use crate::server::{Server, configure};
use crate::table::{Table, median_and_worst};

const APPLICATIONS: usize = 100;
const STARTS: usize = 15;

pub(crate) fn measure(binary: &Path, table: &mut Table) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let _repositories = pair(dir.path(), APPLICATIONS, 10)?;
    let config = configure(dir.path(), "")?;
    let first = Server::start(binary, &config)?;
    first.wait_until_settled(APPLICATIONS as u64)?;
    first.stop()?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let server = Server::start(binary, &config)?;
        times.push(server.ready_after);
        server.stop()?;
    }
    let (median, worst) = median_and_worst(times);
    table.below("Start to ready, 100 applications in the store: median of 15", median, 150.0, "ms");
    table.note("… the slowest", format!("{worst:.2} ms"));
    let server = Server::start(binary, &config)?;
    server.wait_until_settled(APPLICATIONS as u64)?;
    // Threads for blocking work end after 5 idle seconds; from then on the server is idle.
    std::thread::sleep(Duration::from_secs(8));
    let (resident, private) = server.memory()?;
    table.below("Resident memory, idle, 100 applications of 10 files", resident, 40.0, "MB");
    table.note("… of it private", format!("{private:.2} MB"));
    server.stop()
}
