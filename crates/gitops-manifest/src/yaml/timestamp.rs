//! Timestamps: what go-yaml takes for one, and how Go's JSON writes it. An unquoted date is a moment in kustomize's output:
//! `2001-01-01` comes out as `2001-01-01T00:00:00Z`. A string that looks like one is printed in quotes.

use std::fmt;

/// A date with or without a time, as written.
pub(super) struct Moment {
    /// Year, month, day.
    date: [u32; 3],
    /// Hour, minute, second.
    time: [u32; 3],
    nanos: u32,
    /// Minutes before or behind UTC.
    zone: Option<(u8, u32)>,
}

/// What is left of a text, and the readers of its parts.
struct Clock<'t>(&'t [u8]);

impl Clock<'_> {
    fn one_of(&mut self, marks: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        marks.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    /// One or two digits, at most `max`.
    fn number(&mut self, max: u32) -> Option<u32> {
        let n = self.0.iter().take(2).take_while(|d| d.is_ascii_digit()).count();
        let value = self.0[..n].iter().fold(0, |v, d| v * 10 + u32::from(d - b'0'));
        self.0 = &self.0[n..];
        (n > 0 && value <= max).then_some(value)
    }

    /// `15:4:5`
    fn time(&mut self) -> Option<[u32; 3]> {
        let hour = self.number(23)?;
        self.one_of(b":")?;
        let minute = self.number(59)?;
        self.one_of(b":")?;
        Some([hour, minute, self.number(59)?])
    }

    /// A fraction of a second, in nanoseconds; further digits are cut off.
    fn fraction(&mut self) -> u32 {
        if !matches!(self.0, [b'.' | b',', d, ..] if d.is_ascii_digit()) {
            return 0;
        }
        let digits = self.0[1..].iter().take_while(|d| d.is_ascii_digit()).count();
        let nanos = (0..9).fold(0, |n, i| n * 10 + if i < digits { u32::from(self.0[1 + i] - b'0') } else { 0 });
        self.0 = &self.0[1 + digits..];
        nanos
    }

    /// `Z` or `+01:30`; no offset is `Z` too.
    fn zone(&mut self) -> Option<Option<(u8, u32)>> {
        let sign = self.one_of(b"Z+-")?;
        if sign == b'Z' {
            return Some(None);
        }
        let [h1, h2, b':', m1, m2, ..] = *self.0 else { return None };
        let pair = |a: u8, b: u8| (a.is_ascii_digit() && b.is_ascii_digit()).then(|| u32::from((a - b'0') * 10 + (b - b'0')));
        self.0 = &self.0[5..];
        let (hours, minutes) = (pair(h1, h2)?, pair(m1, m2)?);
        (hours <= 24 && minutes <= 60).then_some(Some((sign, hours * 60 + minutes)).filter(|(_, all)| *all > 0))
    }
}

impl Moment {
    /// What a plain scalar says, if it is a timestamp.
    pub(super) fn read(text: &str) -> Option<Moment> {
        let b = text.as_bytes();
        if b.len() < 8 || !b[..4].iter().all(u8::is_ascii_digit) || b[4] != b'-' {
            return None;
        }
        let year = b[..4].iter().fold(0, |v, d| v * 10 + u32::from(d - b'0'));
        let mut clock = Clock(&b[5..]);
        let month = clock.number(12)?;
        clock.one_of(b"-")?;
        let day = clock.number(31)?;
        if month == 0 || day == 0 || day > days_in(month, year) {
            return None;
        }
        let mut moment = Moment { date: [year, month, day], time: [0; 3], nanos: 0, zone: None };
        if clock.0.is_empty() {
            return Some(moment);
        }
        let zoned = clock.one_of(b"Tt ")? != b' ';
        while !zoned && clock.one_of(b" ").is_some() {}
        moment.time = clock.time()?;
        moment.nanos = clock.fraction();
        if zoned {
            moment.zone = clock.zone()?;
        }
        clock.0.is_empty().then_some(moment)
    }
}

/// As Go's JSON writes it.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([year, month, day], [hour, minute, second]) = (self.date, self.time);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos != 0 {
            f.write_str(format!(".{:09}", self.nanos).trim_end_matches('0'))?;
        }
        match self.zone {
            None => f.write_str("Z"),
            Some((sign, minutes)) => write!(f, "{}{:02}:{:02}", char::from(sign), minutes / 60, minutes % 60),
        }
    }
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    fn to_json(text: &str) -> Option<String> {
        Moment::read(text).map(|moment| moment.to_string())
    }

    #[test]
    fn dates_become_moments() {
        assert_eq!(to_json("2001-1-2").as_deref(), Some("2001-01-02T00:00:00Z"));
        assert_eq!(to_json("2001-01-02 3:04:05.120").as_deref(), Some("2001-01-02T03:04:05.12Z"));
        assert_eq!(to_json("2001-01-02T03:04:05+01:30").as_deref(), Some("2001-01-02T03:04:05+01:30"));
        assert_eq!(to_json("2001-01-02t03:04:05-00:00").as_deref(), Some("2001-01-02T03:04:05Z"));
    }

    #[test]
    fn others_do_not() {
        for text in ["2001-02-29", "20010102", "2001-01-02T03:04:05", "2001-01-02T", "1.2.3-4", "2001-01-02x"] {
            assert_eq!(to_json(text), None, "{text}");
        }
    }
}
