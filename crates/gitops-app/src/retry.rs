//! How a failed sync is tried again: [`Retry`] and its growing wait. `application.md` §3, `sync.md` §1.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration::GoDuration;
use crate::wire::{is_false, is_zero};

const DURATION: Duration = Duration::from_secs(5);
const FACTOR: i64 = 2;
const MAX_DURATION: Duration = Duration::from_secs(180);

/// Whether and when a failed operation is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// Most retries: 0 is none, negative is without end.
    #[serde(skip_serializing_if = "is_zero")]
    pub limit: i64,
    /// Waits; defaults 5 s, doubled each time, at most 3 min.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// Whether a retry takes the newest revision instead of the failed one.
    #[serde(skip_serializing_if = "is_false")]
    pub refresh: bool,
}

/// How waits grow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Backoff {
    /// The first wait, as Go writes durations; a bare integer is seconds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duration: String,
    /// What each wait is multiplied by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<i64>,
    /// The longest wait.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_duration: String,
}

impl Retry {
    /// What an automated sync uses when the spec says nothing.
    pub fn automated_default() -> Retry {
        Retry { limit: 5, ..Retry::default() }
    }

    /// Whether an operation that was tried again `retry_count` times may be tried once more.
    pub fn allows(&self, retry_count: i64) -> bool {
        self.limit < 0 || retry_count < self.limit
    }

    /// The wait before the next try, after `retry_count` retries: `min(maxDuration, duration · factor^retryCount)`.
    ///
    /// A duration that does not parse counts as absent; [`crate::Application::from_manifest`] refuses it before.
    pub fn wait(&self, retry_count: u32) -> Duration {
        let read = |text: &str| GoDuration::parse(text).ok().map(GoDuration::as_duration);
        let (first, factor, max) = match &self.backoff {
            None => (DURATION, FACTOR, MAX_DURATION),
            Some(b) => (read(&b.duration).unwrap_or(DURATION), b.factor.unwrap_or(FACTOR), read(&b.max_duration).unwrap_or(MAX_DURATION)),
        };
        grow(first, factor, retry_count, max)
    }
}

/// `first · factor^times`, at most `max`. A factor below one does not shrink the wait.
pub(crate) fn grow(first: Duration, factor: i64, times: u32, max: Duration) -> Duration {
    let factor = u128::from(factor.max(1).unsigned_abs());
    let grown = factor.checked_pow(times).and_then(|f| f.checked_mul(first.as_nanos())).unwrap_or(u128::MAX);
    if grown >= max.as_nanos() { max } else { Duration::from_nanos(u64::try_from(grown).unwrap_or(u64::MAX)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest() {
        let retry = Retry::automated_default();
        let waits: Vec<u64> = (0..8).map(|n| retry.wait(n).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 180, 180]);
        assert_eq!(retry.wait(u32::MAX), MAX_DURATION);
        let backoff = Backoff { duration: "3".into(), factor: Some(3), max_duration: "1m".into() };
        let retry = Retry { limit: -1, backoff: Some(backoff), refresh: false };
        assert_eq!((0..4).map(|n| retry.wait(n).as_secs()).collect::<Vec<_>>(), [3, 9, 27, 60]);
        assert!(retry.allows(1_000_000));
        assert!(!Retry::default().allows(0));
    }
}
