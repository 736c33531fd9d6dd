//! Renders, diffs and applies a directory without the server: `cargo run -p gitops-engine --example embed -- DIR LIVE`.
//!
//! DIR holds manifests (default `examples/guestbook`); LIVE is the directory that is made to match (default: a new one below
//! the system's temporary directory).

use std::error::Error;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use gitops_apply::{
    Clock, Control, Driven, Journal, JournalError, PlanInput, Settings, SyncRequest, SyncState, Target, Timestamp, drive, equal_bodies,
    plan,
};
use gitops_manifest::Value;
use gitops_render::{Context, EngineChoice, Limits, Source, render};
use gitops_target_platform::{PlatformConfig, PlatformTarget};
use gitops_tree::{DiskTree, TreePath};

/// The system's clock, on tokio's timer.
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(gitops_state::now().as_millis())
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(tokio::time::sleep(at.since(self.now())))
    }
}

/// This program remembers nothing: killed in between, it is simply run again.
struct NoJournal;

impl Journal for NoJournal {
    fn save(&self, _state: &SyncState) -> Result<(), JournalError> {
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().unwrap_or_else(|| "examples/guestbook".to_owned()));
    let live = arguments.next().map_or_else(|| std::env::temp_dir().join(format!("embed-{}", std::process::id())), PathBuf::from);

    // Render: files in, objects out.
    let tree = DiskTree::open(&directory)?;
    let limits = Limits::default();
    let source = Source { path: TreePath::root(), engine: EngineChoice::Detect };
    let rendered = render(&tree, &source, &Context::new("embedded", "", &limits))?;

    // Diff: what is live, against what is desired.
    let target = PlatformTarget::open(PlatformConfig::new(&live))?;
    let before = target.live("embedded", &rendered.manifests).await?;
    for manifest in &rendered.manifests {
        let found = before.get(manifest.id()).map_or(&Value::Null, |o| o.manifest.body());
        print!("{}", gitops_diff::Masker::new().mask(manifest.body(), found).unified(("live", "desired"), 3));
    }

    // Apply: a plan, carried out in order.
    let now = SystemClock.now();
    let plan = plan(&PlanInput {
        operation: "embed-1",
        app: "embedded",
        namespace: "",
        desired: &rendered.manifests,
        live: &before,
        unchanged: &equal_bodies,
        activation: &|id| target.activation_group(id),
        activate_also: &[],
        request: &SyncRequest { prune: true, ..SyncRequest::default() },
        revision: "",
        started_at: now,
        deletion_approved: None,
    })?;
    let (_controller, mut control) = Control::new();
    match drive(&target, &NoJournal, &SystemClock, SyncState::new(plan, Settings::default()), &mut control, 4).await {
        Driven::Done(outcome, _) => {
            for result in &outcome.results {
                println!("{}: {}", result.subject, result.message);
            }
            println!("{}: {} (live: {})", outcome.phase, outcome.message, live.display());
        }
        other => println!("{other:?}"),
    }
    Ok(())
}
