//! What a person or an automated sync asked for, and the engine's settings.
//!
//! Rules: sync operation and retry fields of Argo CD's Application (`operation.sync`, `operation.retry`). Times are
//! durations; a bare number in a manifest is seconds, and is converted before it comes here.

use std::time::Duration;

use gitops_manifest::ObjectId;

use crate::target::NamespaceMetadata;

/// What one operation is to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncRequest {
    /// Remove what is live, owned by the application and no longer desired. Otherwise such objects are only reported.
    pub prune: bool,
    /// Report what would happen, change nothing, run no hook.
    pub dry_run: bool,
    /// Only these objects (a selective sync: no hooks). `None` for all.
    pub resources: Option<Vec<ResourceSelector>>,
    /// A selective sync runs the hooks too.
    pub with_hooks: bool,
    /// With hooks or without.
    pub strategy: Strategy,
    /// Application-level sync options, `Name=value` each; unknown ones are ignored. An object's annotation
    /// `argocd.argoproj.io/sync-options` overrides them where the option allows it.
    pub options: Vec<String>,
    /// The sync repairs drift at an unchanged revision: as a selective sync it runs no hooks.
    pub self_heal: bool,
    /// What happens after a failure.
    pub retry: Retry,
    /// [`crate::Target::takes_part`].
    pub target_takes_part: bool,
    /// `syncPolicy.managedNamespaceMetadata`.
    pub managed_namespace: Option<NamespaceMetadata>,
}

/// One entry of a selective sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSelector {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; `None` for any.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ResourceSelector {
    /// Whether it names this object. No wildcards: whoever takes them from a person expands them.
    pub fn matches(&self, id: &ObjectId) -> bool {
        self.name == id.name
            && self.kind == id.kind
            && self.group == id.group
            && self.namespace.as_deref().is_none_or(|n| n.is_empty() || n == id.namespace)
    }
}

/// `syncStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Objects only.
    Apply {
        /// Delete and create again what cannot be changed in place.
        force: bool,
    },
    /// Objects and hooks.
    Hook {
        /// Delete and create again what cannot be changed in place.
        force: bool,
    },
}

impl Strategy {
    /// Whether objects may be deleted and created again.
    pub fn force(self) -> bool {
        let (Strategy::Apply { force } | Strategy::Hook { force }) = self;
        force
    }
}

impl Default for Strategy {
    fn default() -> Strategy {
        Strategy::Hook { force: false }
    }
}

/// `retry`.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Retry {
    /// How many further attempts there may be: 0 for none, negative for no limit.
    pub limit: i64,
    /// How long to wait before each.
    pub backoff: Backoff,
    /// Resolve the revision again for each further attempt. The state machine then ends instead of waiting, and says
    /// when to begin again: [`crate::Outcome::again_at`].
    pub refresh: bool,
}

/// `retry.backoff`: the wait before attempt n+1 is `min(max, duration * factor^(n-1))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first wait.
    pub duration: Duration,
    /// What each further wait is multiplied with.
    pub factor: f64,
    /// The longest wait.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { duration: Duration::from_secs(5), factor: 2.0, max: Duration::from_secs(180) }
    }
}

impl Backoff {
    /// The wait after the attempt that had `retries` attempts before it.
    pub fn wait(&self, retries: u32) -> Duration {
        let factor = if self.factor.is_finite() && self.factor > 0.0 { self.factor } else { 1.0 };
        let seconds = self.duration.as_secs_f64() * factor.powi(i32::try_from(retries).unwrap_or(i32::MAX));
        // Beyond what a duration holds, the longest wait decides.
        Duration::try_from_secs_f64(seconds).map_or(self.max, |wait| wait.min(self.max))
    }
}

/// How the engine runs operations; the server's settings, not the request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long to wait before health is asked for again while a wave waits for it.
    pub health_poll: Duration,
    /// Pause between two waves, so that what reacts to the first has begun to do so when its health is looked at.
    /// Argo CD's default is 2 s (`ARGOCD_SYNC_WAVE_DELAY`); a target that answers at once needs none.
    pub wave_delay: Duration,
    /// An operation older than this is terminated; `None` for no limit.
    pub timeout: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { health_poll: Duration::from_secs(1), wave_delay: Duration::ZERO, timeout: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let b = Backoff::default();
        let waits: Vec<u64> = [0, 1, 2, 5, 6, 5000, u32::MAX].into_iter().map(|n| b.wait(n).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 160, 180, 180, 180]);
        assert_eq!(Backoff { factor: f64::NAN, ..b }.wait(3).as_secs(), 5);
    }
}
