//! What a server with 1,000 applications costs while nothing happens: with the default intervals, and with a resync
//! interval so short that every application is looked at once within the measured time (about five times the default's
//! rate).

use std::path::Path;
use std::time::{Duration, Instant};

use crate::mono::{APPLICATIONS, FILES};
use crate::repository::pair;
use crate::server::{Server, configure};
use crate::table::Table;

pub(crate) fn measure(binary: &Path, table: &mut Table) -> anyhow::Result<()> {
    let seconds = std::env::var("GITOPS_IDLE_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(75);
    let dir = tempfile::tempdir()?;
    let _repositories = pair(dir.path(), APPLICATIONS, FILES)?;
    let config = configure(dir.path(), "")?;
    let first = Server::start(binary, &config)?;
    first.wait_until_settled(APPLICATIONS as u64)?;
    let (share, looks) = watch(&first, seconds)?;
    table.below(&format!("Idle, 1,000 applications, {seconds} s, default intervals ({looks} looks): of one core"), share, 0.5, "%");
    first.stop()?;
    let config = configure(dir.path(), "resyncInterval: 55s\n")?;
    let second = Server::start(binary, &config)?;
    second.wait_until_settled(APPLICATIONS as u64)?;
    let (share, looks) = watch(&second, seconds)?;
    table.note(&format!("… each looked at again every 55 to 66 s ({looks} looks)"), format!("{share:.2} %"));
    second.stop()
}

/// Per cent of one core, and how many applications were looked at meanwhile.
fn watch(server: &Server, seconds: u64) -> anyhow::Result<(f64, u64)> {
    std::thread::sleep(Duration::from_secs(3));
    let looks = server.metrics()?.value("gitops_app_reconcile_total")?;
    let (began, before) = (Instant::now(), server.processor_time()?);
    std::thread::sleep(Duration::from_secs(seconds));
    let used = server.processor_time()? - before;
    let share = used.as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    Ok((share, server.metrics()?.value("gitops_app_reconcile_total")? - looks))
}
