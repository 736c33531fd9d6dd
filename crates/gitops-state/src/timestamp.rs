//! A moment, as the store keeps it.
//!
//! Unit: milliseconds since 1970-01-01T00:00:00Z, UTC, no leap seconds. Text is RFC 3339 in whole seconds, which is how
//! Kubernetes writes its times.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// UTC milliseconds since the epoch. Serialises as RFC 3339 text, for instance `2026-11-21T05:10:11Z`.
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

    /// The system's clock; a clock before 1970 reads as the epoch.
    pub fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// RFC 3339 in whole seconds, UTC.
    pub fn rfc3339(self) -> String {
        self.to_string()
    }

    /// Digits only (`20261121T051011.123Z`), which sorts by time and may stand in a file name.
    pub(crate) fn compact(self) -> String {
        let c = self.civil();
        let millis = self.0.rem_euclid(1000);
        format!("{:04}{:02}{:02}T{:02}{:02}{:02}.{millis:03}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }

    /// Days to a date in the proleptic Gregorian calendar, by counting from 1 March of year 0 so that the leap day ends a year.
    fn civil(self) -> Civil {
        let seconds = self.0.div_euclid(1000);
        let (days, rest) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }
}

struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(f, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_the_calendar_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_795_237_811, "2026-11-21T05:10:11Z"),
        ] {
            assert_eq!(Timestamp::from_millis(seconds * 1000).rfc3339(), text);
        }
        assert_eq!(Timestamp::from_millis(1_795_237_811_123).compact(), "20261121T051011.123Z");
    }
}
