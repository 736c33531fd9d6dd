//! Commit statuses: one thread that hands deployments on to the forges, with retries, and never holds up the engine.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use gitops_engine::{DeployEvent, DeployState, Report};
use gitops_source::RepoUrl;
use gitops_source::forge::{Forge, ForgeKind, StatusReport, StatusState};

use crate::config::StatusRule;

/// Events that wait; beyond that they are dropped, with a line in the log.
const WAITING: usize = 10_000;
/// How often a status is tried.
const ATTEMPTS: u32 = 5;
/// The longest wait that a forge may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The engine's end.
pub(crate) struct Statuses(SyncSender<DeployEvent>);

impl Statuses {
    /// Starts the thread. It ends when the last sender is gone.
    pub(crate) fn start(rules: Vec<StatusRule>) -> anyhow::Result<Statuses> {
        let forges = rules.iter().map(forge).collect::<anyhow::Result<Vec<_>>>()?;
        let (send, receive) = sync_channel(WAITING);
        thread::Builder::new().name("commit-status".to_owned()).spawn(move || run(&receive, &forges))?;
        Ok(Statuses(send))
    }
}

impl Report for Statuses {
    fn deployed(&self, event: DeployEvent) {
        if let Err(TrySendError::Full(event)) = self.0.try_send(event) {
            tracing::warn!(app = event.app, "commit status dropped: too many wait");
        }
    }
}

fn forge(rule: &StatusRule) -> anyhow::Result<(String, Forge)> {
    let url = RepoUrl::parse(&rule.prefix).with_context(|| format!("commitStatuses: {}", rule.prefix))?;
    let kind = match rule.kind.as_deref() {
        Some("github") => ForgeKind::GitHub,
        Some("gitlab") => ForgeKind::GitLab,
        Some("gitea" | "forgejo") => ForgeKind::Gitea,
        Some(other) => bail!("commitStatuses: kind `{other}`: expected github, gitlab or gitea"),
        None => match ForgeKind::of_host(url.host()) {
            Some(kind) => kind,
            None => bail!("commitStatuses: {}: the forge cannot be told from the host: give `kind`", rule.prefix),
        },
    };
    let Some(api) = rule.api.clone().or_else(|| kind.api_base(&url)) else {
        bail!("commitStatuses: {}: the address of the API cannot be told from it: give `api`", rule.prefix)
    };
    Ok((rule.prefix.clone(), Forge::new(kind, &api, rule.token.clone())))
}

fn run(events: &Receiver<DeployEvent>, forges: &[(String, Forge)]) {
    while let Ok(event) = events.recv() {
        let fits = forges.iter().filter(|(prefix, _)| event.repo_url.starts_with(prefix)).max_by_key(|(prefix, _)| prefix.len());
        let Some((_, forge)) = fits else { continue };
        let Ok(url) = RepoUrl::parse(&event.repo_url) else { continue };
        let report = StatusReport {
            state: match event.state {
                DeployState::Pending => StatusState::Pending,
                DeployState::Success => StatusState::Success,
                DeployState::Failure => StatusState::Failure,
            },
            context: format!("gitops/{}", event.app),
            description: event.description.clone(),
            target_url: event.link.clone(),
        };
        deliver(forge, &url, &event, &report);
    }
}

fn deliver(forge: &Forge, url: &RepoUrl, event: &DeployEvent, report: &StatusReport) {
    for attempt in 1..=ATTEMPTS {
        match forge.send(url, &event.revision, report) {
            Ok(()) => return,
            Err(e) if e.is_retryable() && attempt < ATTEMPTS => {
                let wait = e.retry_after().unwrap_or(Duration::from_secs(1 << attempt));
                thread::sleep(wait.min(LONGEST_WAIT));
            }
            Err(e) => return tracing::warn!(app = event.app, revision = event.revision, "commit status: {e}"),
        }
    }
}
