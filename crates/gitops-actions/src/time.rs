//! Seconds since 1970 as UTC dates.

/// A moment, field by field.
pub(crate) struct Utc {
    year: i64,
    month: i64,
    day: i64,
    second_of_day: i64,
}

impl Utc {
    /// The moment of these seconds; years outside of 0 to 9999 become the nearest.
    pub(crate) fn new(seconds: i64) -> Utc {
        let seconds = seconds.clamp(-62_167_219_200, 253_402_300_799);
        let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Counted from 0000-03-01, so that a leap day ends a year; 146097 days are 400 years.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Utc { year, month, day, second_of_day }
    }

    /// `2006-01-02T15:04:05`.
    pub(crate) fn stamp(&self) -> String {
        let (hour, minute, second) = (self.second_of_day / 3600, self.second_of_day / 60 % 60, self.second_of_day % 60);
        format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}", self.year, self.month, self.day)
    }

    /// `0601021504`.
    pub(crate) fn minutes_short(&self) -> String {
        self.minutes().split_off(2)
    }

    /// `200601021504`.
    pub(crate) fn minutes(&self) -> String {
        let (hour, minute) = (self.second_of_day / 3600, self.second_of_day / 60 % 60);
        format!("{:04}{:02}{:02}{hour:02}{minute:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::Utc;

    #[test]
    fn known_moments() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_700_000_000, "2023-11-14T22:13:20"),
            (-1, "1969-12-31T23:59:59"),
            (i64::MAX, "9999-12-31T23:59:59"),
            (i64::MIN, "0000-01-01T00:00:00"),
        ] {
            assert_eq!(Utc::new(seconds).stamp(), expected);
        }
        assert_eq!(Utc::new(1_700_000_000).minutes(), "202311142213");
        assert_eq!(Utc::new(1_700_000_000).minutes_short(), "2311142213");
    }
}
