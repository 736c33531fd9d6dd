//! Counters, and their text for Prometheus. Names are Argo CD's where it has the same thing.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts since the start of the process.
#[derive(Default)]
pub struct Metrics {
    /// Passes over one application.
    pub reconciles: AtomicU64,
    /// Sources rendered; a pass whose inputs are unchanged renders nothing.
    pub renders: AtomicU64,
    /// Passes that needed no render, because nothing that was read has changed.
    pub renders_saved: AtomicU64,
    /// Applications that moved on to a new commit without a pass, because it changed nothing that they read.
    pub unconcerned: AtomicU64,
    /// Passes that ended in an error or a panic.
    pub failures: AtomicU64,
    /// Operations begun.
    pub operations: AtomicU64,
    /// Operations that ended without success.
    pub operations_failed: AtomicU64,
    /// ApplicationSets expanded; a pass over one whose inputs are unchanged expands nothing.
    pub expansions: AtomicU64,
    /// Fetches of repositories.
    pub fetches: AtomicU64,
    /// Fetches that failed.
    pub fetches_failed: AtomicU64,
    /// Web hooks received.
    pub webhooks: AtomicU64,
    /// Web hooks refused.
    pub webhooks_refused: AtomicU64,
    /// Commit statuses that could not be delivered.
    pub statuses_failed: AtomicU64,
    reconcile_micros: AtomicU64,
}

impl Metrics {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn reconciled(&self, took: Duration) {
        Metrics::count(&self.reconciles);
        self.reconcile_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Everything in Prometheus' text format. `applications` are (sync status, health, how many).
    /// `charts_parsed` is counted where parsed charts are kept.
    pub fn text(&self, applications: &[(String, String, u64)], queued: usize, charts_parsed: u64) -> String {
        let mut out = String::new();
        let mut counter = |name: &str, help: &str, value: &AtomicU64| {
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}\n", value.load(Ordering::Relaxed));
        };
        counter("gitops_app_reconcile_total", "Passes over one application.", &self.reconciles);
        counter("gitops_render_total", "Sources rendered.", &self.renders);
        counter("gitops_render_saved_total", "Passes that needed no render.", &self.renders_saved);
        counter("gitops_chart_parsed_total", "Charts parsed; applications of one chart share its parse.", &AtomicU64::new(charts_parsed));
        counter("gitops_app_unconcerned_total", "Applications whose files a fetched commit did not touch.", &self.unconcerned);
        counter("gitops_app_reconcile_failed_total", "Passes that ended in an error.", &self.failures);
        counter("argocd_app_sync_total", "Operations begun.", &self.operations);
        counter("gitops_app_sync_failed_total", "Operations that ended without success.", &self.operations_failed);
        counter("gitops_appset_expansions_total", "ApplicationSets expanded.", &self.expansions);
        counter("argocd_git_request_total", "Fetches of repositories.", &self.fetches);
        counter("argocd_git_fetch_fail_total", "Fetches that failed.", &self.fetches_failed);
        counter("argocd_webhook_requests_total", "Web hooks received.", &self.webhooks);
        counter("gitops_webhook_refused_total", "Web hooks refused.", &self.webhooks_refused);
        counter("gitops_commit_status_failed_total", "Commit statuses that could not be delivered.", &self.statuses_failed);
        let seconds = Duration::from_micros(self.reconcile_micros.load(Ordering::Relaxed)).as_secs_f64();
        let _ = write!(
            out,
            "# HELP gitops_app_reconcile_seconds_total Time spent in passes.\n# TYPE gitops_app_reconcile_seconds_total counter\ngitops_app_reconcile_seconds_total {seconds}\n"
        );
        let _ = write!(
            out,
            "# HELP gitops_queue_length Applications that wait or are being looked at.\n# TYPE gitops_queue_length gauge\ngitops_queue_length {queued}\n"
        );
        out.push_str("# HELP gitops_applications Applications by sync status and health.\n# TYPE gitops_applications gauge\n");
        for (sync, health, n) in applications {
            let _ = writeln!(out, "gitops_applications{{sync_status=\"{sync}\",health_status=\"{health}\"}} {n}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_type_for_each_name() {
        let m = Metrics::default();
        m.reconciled(Duration::from_millis(1500));
        let text = m.text(&[("Synced".into(), "Healthy".into(), 3)], 0, 0);
        assert!(text.contains("\ngitops_app_reconcile_total 1\n"), "{text}");
        assert!(text.contains("gitops_app_reconcile_seconds_total 1.5\n"));
        assert!(text.contains("gitops_applications{sync_status=\"Synced\",health_status=\"Healthy\"} 3\n"));
    }
}
