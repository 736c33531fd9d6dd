//! Points in time, as arguments: nothing here reads a clock.
//!
//! Unit: milliseconds since 1970-01-01T00:00:00Z, UTC, leap seconds ignored. Text is RFC 3339 in whole seconds, which is how
//! Kubernetes writes its times.

use std::fmt;
use std::time::Duration;

/// UTC milliseconds since the Unix epoch. Shown as RFC 3339 in whole seconds, for instance `2026-11-21T05:10:11Z`; what lies
/// beyond the years -9999 and 9999 is shown as the nearest time that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From UTC milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// UTC milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The point `wait` later; the last representable one when that is too far away.
    #[must_use]
    pub fn after(self, wait: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nearest = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_second(self.as_seconds()).unwrap_or(nearest).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_795_237_811, "2026-11-21T05:10:11Z"),
        ] {
            assert_eq!(Timestamp::from_millis(seconds * 1000 + 7).to_string(), text);
        }
        assert!(Timestamp::from_millis(i64::MAX).to_string().starts_with("9999-12-30T"));
    }
}
