//! Go's time layouts: texts in which `2006`, `Jan`, `15` and so on stand for the parts of a time.
//!
//! Surprises: `_2006` is an underscore and a year; `.000` is a fraction only if no more digits follow; when reading, a fraction behind the
//! seconds is taken even if the layout has none, names may be in any case, and blanks match any number of blanks.

use super::duration::quote;
use super::time::{DAYS, MONTHS, Time, Zone, civil, days_before, days_in, is_leap};

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    Upper,
    Lower,
    ZoneName,
    Offset(OffsetForm),
    /// `.000` or `,000`: this many digits.
    Fraction(u8, usize),
    /// `.999`: at most this many, without zeros at the end.
    ShortFraction(u8, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OffsetForm {
    /// `Z` stands for no offset.
    zulu: bool,
    colons: bool,
    minutes: bool,
    seconds: bool,
}

/// Longer ones before their own beginnings.
const FIELDS: &[(&str, Field)] = &[
    ("January", Field::LongMonth),
    ("Monday", Field::LongWeekday),
    ("MST", Field::ZoneName),
    ("002", Field::ZeroYearDay),
    ("01", Field::ZeroMonth),
    ("02", Field::ZeroDay),
    ("03", Field::ZeroHour12),
    ("04", Field::ZeroMinute),
    ("05", Field::ZeroSecond),
    ("06", Field::Year),
    ("15", Field::Hour),
    ("1", Field::NumMonth),
    ("2006", Field::LongYear),
    ("2", Field::Day),
    ("__2", Field::UnderYearDay),
    ("_2", Field::UnderDay),
    ("3", Field::Hour12),
    ("4", Field::Minute),
    ("5", Field::Second),
    ("PM", Field::Upper),
    ("pm", Field::Lower),
    ("070000", offset(false, true, true)),
    ("07:00:00", offset(true, true, true)),
    ("0700", offset(false, true, false)),
    ("07:00", offset(true, true, false)),
    ("07", offset(false, false, false)),
];

const fn offset(colons: bool, minutes: bool, seconds: bool) -> Field {
    Field::Offset(OffsetForm { zulu: false, colons, minutes, seconds })
}

/// The field that `layout` begins with, and its length.
fn field(layout: &[u8]) -> Option<(Field, usize)> {
    let sign = layout.first()?;
    match sign {
        b'-' | b'Z' => {
            let (text, Field::Offset(form)) =
                FIELDS.iter().find(|(text, f)| matches!(f, Field::Offset(_)) && layout[1..].starts_with(text.as_bytes()))?
            else {
                return None;
            };
            Some((Field::Offset(OffsetForm { zulu: *sign == b'Z', ..*form }), text.len() + 1))
        }
        b'.' | b',' => {
            let digit = *layout.get(1).filter(|b| matches!(b, b'0' | b'9'))?;
            let count = layout[1..].iter().take_while(|b| **b == digit).count();
            let ends = !layout.get(1 + count).is_some_and(u8::is_ascii_digit);
            let make = if digit == b'0' { Field::Fraction } else { Field::ShortFraction };
            ends.then(|| (make(*sign, count), count + 1))
        }
        b'_' if layout.starts_with(b"_2006") => None,
        _ => {
            let listed = FIELDS.iter().find(|(text, f)| !matches!(f, Field::Offset(_)) && layout.starts_with(text.as_bytes()));
            let short = || {
                let small_follows = layout.get(3).is_some_and(u8::is_ascii_lowercase);
                match layout.get(..3)? {
                    b"Jan" if !small_follows => Some((Field::Month, 3)),
                    b"Mon" if !small_follows => Some((Field::Weekday, 3)),
                    _ => None,
                }
            };
            listed.map(|(text, field)| (*field, text.len())).or_else(short)
        }
    }
}

/// A layout up to its first field.
struct Step<'l> {
    /// The text before the field.
    plain: &'l [u8],
    /// The field, and how it is written.
    field: Option<(Field, &'l [u8])>,
    /// What follows.
    rest: &'l [u8],
}

fn next(layout: &[u8]) -> Step<'_> {
    for at in 0..layout.len() {
        if let Some((field, len)) = field(&layout[at..]) {
            return Step { plain: &layout[..at], field: Some((field, &layout[at..at + len])), rest: &layout[at + len..] };
        }
    }
    Step { plain: layout, field: None, rest: b"" }
}

/// Prints `time` in its own zone.
pub(super) fn format(time: &Time, mut layout: &[u8]) -> Vec<u8> {
    let zone = time.zone_info();
    let local = time.secs.saturating_add(zone.offset);
    let (date, clock) = (civil(local.div_euclid(86_400)), local.rem_euclid(86_400));
    let mut out = Vec::with_capacity(layout.len() + 16);
    while !layout.is_empty() {
        let Step { plain, field, rest } = next(layout);
        out.extend_from_slice(plain);
        let Some((field, _)) = field else { break };
        layout = rest;
        let (hour, minute, second) = (clock / 3600, clock % 3600 / 60, clock % 60);
        let hour12 = (hour + 11) % 12 + 1;
        let yearday = days_before(date.year, date.month) + date.day;
        let text = match field {
            Field::LongYear => padded(date.year, 4),
            Field::Year => padded(date.year.abs() % 100, 2),
            Field::LongMonth => MONTHS[index(date.month - 1)].to_owned(),
            Field::Month => MONTHS[index(date.month - 1)][..3].to_owned(),
            Field::NumMonth => date.month.to_string(),
            Field::ZeroMonth => padded(date.month, 2),
            Field::LongWeekday => DAYS[index(date.weekday)].to_owned(),
            Field::Weekday => DAYS[index(date.weekday)][..3].to_owned(),
            Field::Day => date.day.to_string(),
            Field::UnderDay => format!("{:2}", date.day),
            Field::ZeroDay => padded(date.day, 2),
            Field::UnderYearDay => format!("{yearday:3}"),
            Field::ZeroYearDay => padded(yearday, 3),
            Field::Hour => padded(hour, 2),
            Field::Hour12 => hour12.to_string(),
            Field::ZeroHour12 => padded(hour12, 2),
            Field::Minute => minute.to_string(),
            Field::ZeroMinute => padded(minute, 2),
            Field::Second => second.to_string(),
            Field::ZeroSecond => padded(second, 2),
            Field::Upper => if hour >= 12 { "PM" } else { "AM" }.to_owned(),
            Field::Lower => if hour >= 12 { "pm" } else { "am" }.to_owned(),
            Field::Offset(form) => print_offset(zone.offset, form),
            Field::ZoneName if zone.name.is_empty() => {
                print_offset(zone.offset, OffsetForm { zulu: false, colons: false, minutes: true, seconds: false })
            }
            Field::ZoneName => zone.name.clone(),
            Field::Fraction(point, digits) => fraction(point, time.nanos, digits),
            Field::ShortFraction(point, digits) => {
                let text = fraction(point, time.nanos, digits);
                text.trim_end_matches('0').trim_end_matches(['.', ',']).to_owned()
            }
        };
        out.extend_from_slice(text.as_bytes());
    }
    out
}

fn index(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

/// Zeros before, behind the sign.
fn padded(n: i64, width: usize) -> String {
    format!("{}{:0width$}", if n < 0 { "-" } else { "" }, n.unsigned_abs())
}

fn fraction(point: u8, nanos: u32, digits: usize) -> String {
    format!("{}{}", char::from(point), &format!("{nanos:09}")[..digits.min(9)])
}

fn print_offset(offset: i64, form: OffsetForm) -> String {
    if offset == 0 && form.zulu {
        return "Z".to_owned();
    }
    let minutes = offset / 60; // toward zero: an offset of less than a minute has no sign
    let sign = if minutes < 0 { '-' } else { '+' };
    let colon = if form.colons { ":" } else { "" };
    let mut out = format!("{sign}{:02}", (minutes / 60).abs());
    if form.minutes {
        out += &format!("{colon}{:02}", (minutes % 60).abs());
    }
    if form.seconds {
        out += &format!("{colon}{:02}", if minutes < 0 { -offset % 60 } else { offset % 60 });
    }
    out
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    yearday: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    morning: bool,
    evening: bool,
    utc: bool,
    offset: Option<i64>,
    zone: String,
}

/// Why a field could not be read.
enum Wrong {
    Form,
    Range(&'static str),
}

/// Reads a time. Without a zone in it, it is UTC.
pub(super) fn parse(layout: &[u8], text: &[u8]) -> Result<Time, String> {
    let (mut rest_of_layout, mut value) = (layout, text);
    let mut reading = Reading::default();
    loop {
        let Step { plain, field: found, rest: after } = next(rest_of_layout);
        value = skip(value, plain).map_err(|at| cannot(layout, text, plain, at))?;
        let Some((field, field_text)) = found else {
            if value.is_empty() {
                break;
            }
            return Err(format!("parsing time {}: extra text: {}", quote(text), quote(value)));
        };
        rest_of_layout = after;
        let held = value;
        reading.field(field, &mut value, after).map_err(|wrong| match wrong {
            Wrong::Form => cannot(layout, text, field_text, held),
            Wrong::Range(what) => format!("parsing time {}: {what} out of range", quote(text)),
        })?;
    }
    reading.finish().map_err(|what| format!("parsing time {}: {what}", quote(text)))
}

fn cannot(layout: &[u8], text: &[u8], field: &[u8], value: &[u8]) -> String {
    format!("parsing time {} as {}: cannot parse {} as {}", quote(text), quote(layout), quote(value), quote(field))
}

/// Skips text of the layout; a blank skips blanks, or the end.
fn skip<'t>(mut value: &'t [u8], mut plain: &[u8]) -> Result<&'t [u8], &'t [u8]> {
    while let Some(want) = plain.first() {
        if *want == b' ' {
            if value.first().is_some_and(|b| *b != b' ') {
                return Err(value);
            }
            plain = trim_blanks(plain);
            value = trim_blanks(value);
        } else if value.first() == Some(want) {
            (plain, value) = (&plain[1..], &value[1..]);
        } else {
            return Err(value);
        }
    }
    Ok(value)
}

fn trim_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|b| **b == b' ').count()..]
}

fn digits(value: &[u8]) -> usize {
    value.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn number(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |n: i64, b| n.saturating_mul(10).saturating_add(i64::from(b - b'0')))
}

/// Takes `min` to `max` digits.
fn take_number(value: &mut &[u8], min: usize, max: usize) -> Result<i64, Wrong> {
    let count = digits(value).min(max);
    if count < min {
        return Err(Wrong::Form);
    }
    Ok(number(take(value, count)))
}

fn take<'t>(value: &mut &'t [u8], count: usize) -> &'t [u8] {
    let (taken, rest) = value.split_at(count.min(value.len()));
    *value = rest;
    taken
}

fn take_name(value: &mut &[u8], names: &[&str], short: bool) -> Result<i64, Wrong> {
    for (i, name) in (0..).zip(names) {
        let name = if short { &name[..3] } else { name };
        if value.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes())) {
            take(value, name.len());
            return Ok(i);
        }
    }
    Err(Wrong::Form)
}

/// Takes a point or comma and `count - 1` digits, of which nine count.
fn take_fraction(value: &mut &[u8], count: usize) -> Result<u32, Wrong> {
    let text = take(value, count);
    let [b'.' | b',', fraction @ ..] = text else { return Err(Wrong::Form) };
    let fraction = &fraction[..fraction.len().min(9)];
    if digits(fraction) < fraction.len() || fraction.is_empty() {
        return Err(Wrong::Form);
    }
    let nanos = number(fraction) * 10i64.pow(9 - u32::try_from(fraction.len()).unwrap_or(9));
    u32::try_from(nanos).map_err(|_| Wrong::Range("fractional second"))
}

fn within(n: i64, range: std::ops::Range<i64>, what: &'static str) -> Result<i64, Wrong> {
    if range.contains(&n) { Ok(n) } else { Err(Wrong::Range(what)) }
}

impl Reading {
    fn field(&mut self, field: Field, value: &mut &[u8], after: &[u8]) -> Result<(), Wrong> {
        let zero = |fixed: bool| if fixed { 2 } else { 1 };
        match field {
            Field::Year => {
                let year = take_number(value, 2, 2)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Field::LongYear => self.year = take_number(value, 4, 4)?,
            Field::Month => self.month = Some(take_name(value, &MONTHS, true)? + 1),
            Field::LongMonth => self.month = Some(take_name(value, &MONTHS, false)? + 1),
            Field::NumMonth | Field::ZeroMonth => {
                self.month = Some(within(take_number(value, zero(field == Field::ZeroMonth), 2)?, 1..13, "month")?);
            }
            Field::Weekday => drop(take_name(value, &DAYS, true)?),
            Field::LongWeekday => drop(take_name(value, &DAYS, false)?),
            Field::Day | Field::UnderDay | Field::ZeroDay => {
                if field == Field::UnderDay && value.first() == Some(&b' ') {
                    take(value, 1);
                }
                self.day = Some(take_number(value, zero(field == Field::ZeroDay), 2)?);
            }
            Field::UnderYearDay => {
                let blanks = value.iter().take(2).take_while(|b| **b == b' ').count();
                take(value, blanks);
                self.yearday = Some(take_number(value, 1, 3)?);
            }
            Field::ZeroYearDay => self.yearday = Some(take_number(value, 3, 3)?),
            Field::Hour => self.hour = within(take_number(value, 1, 2)?, 0..24, "hour")?,
            Field::Hour12 | Field::ZeroHour12 => {
                self.hour = within(take_number(value, zero(field == Field::ZeroHour12), 2)?, 0..13, "hour")?;
            }
            Field::Minute | Field::ZeroMinute => {
                self.minute = within(take_number(value, zero(field == Field::ZeroMinute), 2)?, 0..60, "minute")?;
            }
            Field::Second | Field::ZeroSecond => self.second(value, zero(field == Field::ZeroSecond), after)?,
            Field::Upper | Field::Lower => match (field, take(value, 2)) {
                (Field::Upper, b"PM") | (Field::Lower, b"pm") => self.evening = true,
                (Field::Upper, b"AM") | (Field::Lower, b"am") => self.morning = true,
                _ => return Err(Wrong::Form),
            },
            Field::Offset(form) if form.zulu && value.first() == Some(&b'Z') => {
                take(value, 1);
                self.utc = true;
            }
            Field::Offset(form) => self.offset = Some(take_offset(value, form)?),
            Field::ZoneName if value.starts_with(b"UTC") => {
                take(value, 3);
                self.utc = true;
            }
            Field::ZoneName => {
                let name = take(value, zone_name(value).ok_or(Wrong::Form)?);
                self.zone = String::from_utf8_lossy(name).into_owned();
            }
            Field::Fraction(_, count) => {
                if value.len() < count + 1 {
                    return Err(Wrong::Form);
                }
                self.nanos = take_fraction(value, count + 1)?;
            }
            Field::ShortFraction(..) => {
                if let [b'.' | b',', b'0'..=b'9', ..] = value {
                    self.nanos = take_fraction(value, 1 + digits(&value[1..]))?;
                }
            }
        }
        Ok(())
    }

    fn second(&mut self, value: &mut &[u8], min: usize, after: &[u8]) -> Result<(), Wrong> {
        self.second = within(take_number(value, min, 2)?, 0..60, "second")?;
        let next_is_fraction = matches!(next(after).field, Some((Field::Fraction(..) | Field::ShortFraction(..), _)));
        if let ([b'.' | b',', b'0'..=b'9', ..], false) = (&value[..], next_is_fraction) {
            self.nanos = take_fraction(value, 1 + digits(&value[1..]))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Time, &'static str> {
        if self.evening && self.hour < 12 {
            self.hour += 12;
        } else if self.morning && self.hour == 12 {
            self.hour = 0;
        }
        if let Some(yearday) = self.yearday {
            let days = if is_leap(self.year) { 366 } else { 365 };
            if !(1..=days).contains(&yearday) {
                return Err("day-of-year out of range");
            }
            let month = (1..=12).rev().find(|m| days_before(self.year, *m) < yearday).unwrap_or(1);
            let day = yearday - days_before(self.year, month);
            if self.month.is_some_and(|m| m != month) {
                return Err("day-of-year does not match month");
            }
            if self.day.is_some_and(|d| d != day) {
                return Err("day-of-year does not match day");
            }
            (self.month, self.day) = (Some(month), Some(day));
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if !(1..=days_in(self.year, month)).contains(&day) {
            return Err("day out of range");
        }
        let clock = (self.hour * 60 + self.minute) * 60 + self.second;
        let secs = Time::days_from_civil(self.year, month, day) * 86_400 + clock;
        let (secs, zone) = if self.utc {
            (secs, Zone::Utc)
        } else if let Some(offset) = self.offset.filter(|offset| *offset != -1) {
            (secs - offset, if offset == 0 && self.zone.is_empty() { Zone::Utc } else { Zone::Fixed(self.zone, offset) })
        } else if self.zone.is_empty() {
            (secs, Zone::Utc)
        } else {
            // A name says nothing about the offset, but for `GMT+3`. The clock is not moved all the same.
            let hours = self.zone.strip_prefix("GMT").and_then(|hours| hours.parse::<i64>().ok()).unwrap_or(0);
            (secs, Zone::Fixed(self.zone, hours * 3600))
        };
        Ok(Time { secs, nanos: self.nanos, zone })
    }
}

fn take_offset(value: &mut &[u8], form: OffsetForm) -> Result<i64, Wrong> {
    let parts = 1 + usize::from(form.minutes) + usize::from(form.seconds);
    let len = 1 + 2 * parts + if form.colons { parts - 1 } else { 0 };
    if value.len() < len {
        return Err(Wrong::Form);
    }
    let text = take(value, len);
    let step = if form.colons { 3 } else { 2 };
    let mut numbers = [0; 3];
    for (i, number) in numbers.iter_mut().enumerate().take(parts) {
        let at = 1 + i * step;
        if form.colons && i > 0 && text[at - 1] != b':' {
            return Err(Wrong::Form);
        }
        *number = take_number(&mut &text[at..at + 2], 2, 2)?;
    }
    let [hours, minutes, seconds] = numbers;
    within(hours, 0..25, "time zone offset hour")?;
    within(minutes, 0..61, "time zone offset minute")?;
    within(seconds, 0..61, "time zone offset second")?;
    let offset = (hours * 60 + minutes) * 60 + seconds;
    match text[0] {
        b'+' => Ok(offset),
        b'-' => Ok(-offset),
        _ => Err(Wrong::Form),
    }
}

/// The length of what looks like a zone's name: three capitals, four or five that end in T, `GMT+3`, `+03`.
fn zone_name(value: &[u8]) -> Option<usize> {
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if value.starts_with(b"GMT") {
        return Some(3 + signed_hours(&value[3..]));
    }
    if let Some(b'+' | b'-') = value.first().filter(|_| value.len() >= 3) {
        return Some(signed_hours(value)).filter(|len| *len > 0);
    }
    let capitals = value.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count();
    match capitals {
        3 => Some(3),
        4 if value[3] == b'T' || value.starts_with(b"WITA") => Some(4),
        5 if value[4] == b'T' => Some(5),
        _ => None,
    }
}

/// The length of `+3`, `-11`; 0 if it is none, or beyond 23 hours.
fn signed_hours(value: &[u8]) -> usize {
    let [b'+' | b'-', rest @ ..] = value else { return 0 };
    match digits(rest) {
        0 => 0,
        count if number(&rest[..count]) > 23 => 0,
        count => count + 1,
    }
}
