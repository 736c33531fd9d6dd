//! When to poll a repository next. Pure: the time is an argument, and so is the seed of the jitter.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often a repository is polled unless its own setting says otherwise.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// The next time to poll: `interval` after `now`, and up to `jitter` more. Different seeds spread, so that a thousand
/// repositories found at start are not all polled in the same second; the jitter also differs from one round to the next.
pub fn next_poll(now: SystemTime, interval: Duration, jitter: Duration, seed: u64) -> SystemTime {
    let mut hash = DefaultHasher::new();
    (seed, now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).hash(&mut hash);
    // The upper 32 bits as a fraction of 2^32.
    let share = (hash.finish() >> 32) as f64 / f64::from(u32::MAX);
    now + interval + jitter.mul_f64(share.min(1.0))
}

/// A seed for [`next_poll`] that is the same for one address each time.
pub fn poll_seed(address: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    address.hash(&mut hash);
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_spreads_within_its_bound() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let (interval, jitter) = (DEFAULT_INTERVAL, Duration::from_secs(10));
        let waits: Vec<Duration> = (0..1000).map(|seed| next_poll(now, interval, jitter, seed).duration_since(now).unwrap()).collect();
        assert!(waits.iter().all(|w| *w >= interval && *w <= interval + jitter));
        let early = waits.iter().filter(|w| **w < interval + jitter / 2).count();
        assert!((400..600).contains(&early), "{early}");
        assert_eq!(next_poll(now, interval, jitter, 7), next_poll(now, interval, jitter, 7));
        assert_eq!(next_poll(now, interval, Duration::ZERO, 7), now + interval);
    }
}
