//! Waiting for an application, with a line of progress on a terminal.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::EXIT_FOUND;
use crate::app::path;
use crate::client::Client;
use crate::output;

/// How long to sleep between looks at the server.
const INTERVAL: Duration = Duration::from_millis(200);

/// `gitops app wait`.
#[derive(clap::Args)]
pub(crate) struct WaitArguments {
    /// The applications.
    #[arg(required = true)]
    names: Vec<String>,
    /// Until it is Synced.
    #[arg(long)]
    sync: bool,
    /// Until it is Healthy.
    #[arg(long)]
    health: bool,
    /// Until no operation runs.
    #[arg(long)]
    operation: bool,
    /// Until it is gone.
    #[arg(long)]
    delete: bool,
    /// Seconds to wait; 0 waits for ever.
    #[arg(long, default_value_t = 0)]
    timeout: u64,
}

/// `gitops app wait`. With no condition given, all of sync, health and operation.
pub(super) fn run(client: &Client, arguments: &WaitArguments) -> anyhow::Result<u8> {
    let all = !(arguments.sync || arguments.health || arguments.operation || arguments.delete);
    for name in &arguments.names {
        let missing = |app: &Value| {
            if arguments.delete {
                return vec!["still there".to_owned()];
            }
            let mut missing = Vec::new();
            let (sync, health) = (status(app, "sync"), status(app, "health"));
            if (all || arguments.sync) && sync != "Synced" {
                missing.push(format!("sync status is {sync}"));
            }
            if (all || arguments.health) && health != "Healthy" {
                missing.push(format!("health is {health}"));
            }
            if (all || arguments.operation) && running(app) {
                missing.push(operation(app));
            }
            missing
        };
        let code = until(client, name, arguments.timeout, arguments.delete, missing)?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

/// Waits for the operation that the server just began; 0 when it succeeded.
pub(super) fn for_operation(client: &Client, name: &str, begun: &Value, timeout: u64) -> anyhow::Result<u8> {
    let id = begun["operationId"].as_str().unwrap_or_default().to_owned();
    let mut last = Value::Null;
    let code = until(client, name, timeout, false, |app| {
        let state = &app["status"]["operationState"];
        let ours = id.is_empty() || state["id"].as_str() == Some(&id);
        last = state.clone();
        if ours && !running(app) { Vec::new() } else { vec![operation(app)] }
    })?;
    if code != 0 {
        return Ok(code);
    }
    let phase = last["phase"].as_str().unwrap_or_default();
    eprintln!("{name}: {phase}: {}", last["message"].as_str().unwrap_or_default());
    for resource in last["syncResult"]["resources"].as_array().into_iter().flatten() {
        let field = |key: &str| resource[key].as_str().unwrap_or_default();
        eprintln!("  {:<12} {}/{} {}", field("status"), field("kind"), field("name"), field("message"));
    }
    Ok(if phase == "Succeeded" { 0 } else { EXIT_FOUND })
}

fn until(
    client: &Client,
    name: &str,
    timeout: u64,
    gone_is_done: bool,
    mut missing: impl FnMut(&Value) -> Vec<String>,
) -> anyhow::Result<u8> {
    let began = Instant::now();
    loop {
        let app = match client.get(&path(name, "")) {
            Ok(app) => app,
            Err(e) if gone_is_done && e.to_string().contains("not found") => return Ok(0),
            Err(e) => return Err(e),
        };
        let missing = missing(&app);
        if missing.is_empty() {
            output::progress_done();
            return Ok(0);
        }
        let seconds = began.elapsed().as_secs();
        if timeout > 0 && seconds >= timeout {
            output::progress_done();
            eprintln!("error: {name}: timed out after {timeout} s: {}", missing.join("; "));
            return Ok(EXIT_FOUND);
        }
        output::progress(&format!("{name}: {} ({seconds} s)", missing.join("; ")));
        std::thread::sleep(INTERVAL);
    }
}

fn status<'a>(app: &'a Value, which: &str) -> &'a str {
    app["status"][which]["status"].as_str().unwrap_or("Unknown")
}

fn running(app: &Value) -> bool {
    app["operation"].is_object() || matches!(app["status"]["operationState"]["phase"].as_str(), Some("Running" | "Terminating"))
}

fn operation(app: &Value) -> String {
    let state = &app["status"]["operationState"];
    format!("operation is {}: {}", state["phase"].as_str().unwrap_or("waiting"), state["message"].as_str().unwrap_or("not begun yet"))
}
