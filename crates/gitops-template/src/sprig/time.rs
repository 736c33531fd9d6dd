//! `time.Time`: an instant, and the zone that it is printed in.
//!
//! The local zone is UTC: what is rendered must not depend on where. Zones by name come from a database that is compiled in.

use std::any::Any;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::args;
use super::duration::{Duration, SECOND};
use super::layout;
use crate::error::FuncError;
use crate::function::Ty;
use crate::object::{Method, Object};
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Kind, Map, Value};

pub(super) const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const RFC_3339: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// Seconds of Go's zero time, the first of January of year 1.
const ZERO: i64 = -62_135_596_800;

/// Where a time is printed for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Zone {
    Utc,
    /// A name, which may be empty, and seconds east of Greenwich.
    Fixed(String, i64),
    /// From the database, by its name.
    Named(TimeZone),
}

/// What holds in a zone at a time.
pub(super) struct ZoneInfo {
    pub(super) name: String,
    /// Seconds east of Greenwich.
    pub(super) offset: i64,
    dst: bool,
}

impl Zone {
    /// `time.LoadLocation`. Names are exact, as those of files are.
    pub(super) fn load(name: &str) -> Option<Zone> {
        if matches!(name, "" | "UTC" | "Local") {
            return Some(Zone::Utc);
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        (zone.iana_name() == Some(name)).then_some(Zone::Named(zone))
    }

    fn at(&self, secs: i64) -> ZoneInfo {
        match self {
            Zone::Utc => ZoneInfo { name: "UTC".to_owned(), offset: 0, dst: false },
            Zone::Fixed(name, offset) => ZoneInfo { name: name.clone(), offset: *offset, dst: false },
            Zone::Named(zone) => {
                let secs = secs.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
                let info = zone.to_offset_info(Timestamp::from_second(secs).unwrap_or_default());
                ZoneInfo { name: info.abbreviation().to_owned(), offset: i64::from(info.offset().seconds()), dst: info.dst().is_dst() }
            }
        }
    }

    fn name(&self) -> &str {
        match self {
            Zone::Utc => "UTC",
            Zone::Fixed(name, _) => name,
            Zone::Named(zone) => zone.iana_name().unwrap_or_default(),
        }
    }
}

/// A day of the calendar.
pub(super) struct Date {
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
    /// From Sunday, 0.
    pub(super) weekday: i64,
}

/// The date `days` after the first of January 1970.
pub(super) fn civil(days: i64) -> Date {
    // Years that begin in March have their leap day at the end; 400 of them have 146,097 days.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day = shifted.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let yearday = day - (365 * year + year / 4 - year / 100);
    let month = (5 * yearday + 2) / 153;
    Date {
        year: year + era * 400 + i64::from(month >= 10),
        month: if month < 10 { month + 3 } else { month - 9 },
        day: yearday - (153 * month + 2) / 5 + 1,
        weekday: (days + 4).rem_euclid(7),
    }
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The days of the year before `month`, which is 1 to 12.
pub(super) fn days_before(year: i64, month: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = usize::try_from(month - 1).ok().and_then(|at| BEFORE.get(at)).copied().unwrap_or(0);
    before + i64::from(month > 2 && is_leap(year))
}

pub(super) fn days_in(year: i64, month: i64) -> i64 {
    if month == 12 { 31 } else { days_before(year, month + 1) - days_before(year, month) }
}

/// An instant: seconds since 1970, and nanoseconds of that second.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Time {
    pub(super) secs: i64,
    pub(super) nanos: u32,
    pub(super) zone: Zone,
}

impl Time {
    /// What the caller says that the time is.
    pub(super) fn now(scope: &mut Scope<'_>) -> Time {
        Time::from_nanos(scope.ambient().now)
    }

    pub(super) fn from_nanos(nanos: i128) -> Time {
        let second = i128::from(SECOND);
        let secs = i64::try_from(nanos.div_euclid(second)).unwrap_or(0);
        Time { secs, nanos: u32::try_from(nanos.rem_euclid(second)).unwrap_or(0), zone: Zone::Utc }
    }

    pub(super) fn from_secs(secs: i64) -> Time {
        Time { secs, nanos: 0, zone: Zone::Utc }
    }

    /// Go's zero time.
    pub(super) fn zero() -> Time {
        Time::from_secs(ZERO)
    }

    /// Days since 1970 of a date; months and days may lie beyond their year and month.
    pub(super) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
        let year = year.saturating_add((month - 1).div_euclid(12)).clamp(-1_000_000_000, 1_000_000_000);
        let month = (month - 1).rem_euclid(12) + 1;
        let before = year - 1;
        let leaps = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
        (before * 365 + leaps - 719_162).saturating_add(days_before(year, month)).saturating_add(day - 1)
    }

    fn total(&self) -> i128 {
        i128::from(self.secs) * i128::from(SECOND) + i128::from(self.nanos)
    }

    /// What lies between, at most what a duration holds.
    pub(super) fn since(&self, earlier: &Time) -> i64 {
        let between = self.total() - earlier.total();
        i64::try_from(between).unwrap_or(if between < 0 { i64::MIN } else { i64::MAX })
    }

    pub(super) fn plus(&self, nanos: i64) -> Time {
        Time { zone: self.zone.clone(), ..Time::from_nanos(self.total() + i128::from(nanos)) }
    }

    pub(super) fn within(&self, zone: Zone) -> Time {
        Time { zone, ..self.clone() }
    }

    pub(super) fn zone_info(&self) -> ZoneInfo {
        self.zone.at(self.secs)
    }

    fn local(&self) -> i64 {
        self.secs.saturating_add(self.zone_info().offset)
    }

    fn date(&self) -> Date {
        civil(self.local().div_euclid(86_400))
    }

    fn clock(&self) -> i64 {
        self.local().rem_euclid(86_400)
    }

    fn yearday(&self) -> i64 {
        let date = self.date();
        days_before(date.year, date.month) + date.day
    }

    fn add_date(&self, years: i64, months: i64, days: i64) -> Time {
        let date = self.date();
        let months = date.month.saturating_add(months).clamp(-1_000_000_000, 1_000_000_000);
        let days = Time::days_from_civil(date.year.saturating_add(years), months, date.day.saturating_add(days));
        let local = days.saturating_mul(86_400).saturating_add(self.clock());
        let first = self.zone.at(local).offset;
        let offset = self.zone.at(local.saturating_sub(first)).offset;
        Time { secs: local.saturating_sub(offset), nanos: self.nanos, zone: self.zone.clone() }
    }

    /// Rounded down to a multiple of `unit` since Go's zero time, and what was cut off.
    fn truncated(&self, unit: i64) -> (Time, i64) {
        if unit <= 0 {
            return (self.clone(), 0);
        }
        let since_zero = self.total() - i128::from(ZERO) * i128::from(SECOND);
        let rest = i64::try_from(since_zero.rem_euclid(i128::from(unit))).unwrap_or(0);
        (self.plus(-rest), rest)
    }

    fn print(&self, layout: &str) -> Vec<u8> {
        layout::format(self, layout.as_bytes())
    }
}

impl Object for Time {
    fn type_name(&self) -> &str {
        "time.Time"
    }

    fn method(&self, name: &str) -> Option<&'static Method> {
        METHODS.iter().find(|method| method.name == name)
    }

    fn string(&self) -> Option<Str> {
        Some(self.print("2006-01-02 15:04:05.999999999 -0700 MST").into())
    }

    fn plain(&self) -> Value {
        Value::Str(self.print(RFC_3339).into())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Time>().is_some_and(|other| self == other)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A `time.Month` or `time.Weekday`: a number with a name.
struct Named {
    type_name: &'static str,
    number: i64,
    name: &'static str,
}

impl Object for Named {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn method(&self, name: &str) -> Option<&'static Method> {
        static STRING: Method = Method {
            name: "String",
            params: &[],
            variadic: None,
            body: |_, receiver, _| Ok(receiver.as_object::<Named>().map(|named| Value::from(named.name)).unwrap_or_default()),
        };
        (name == "String").then_some(&STRING)
    }

    fn string(&self) -> Option<Str> {
        Some(Str::from_static(self.name))
    }

    fn plain(&self) -> Value {
        Value::Int(self.number)
    }

    fn int(&self) -> Option<i64> {
        Some(self.number)
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Named>().is_some_and(|other| (self.type_name, self.number) == (other.type_name, other.number))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A `*time.Location`, which only prints its name.
struct Location(Zone);

impl Object for Location {
    fn type_name(&self) -> &str {
        "*time.Location"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn method(&self, name: &str) -> Option<&'static Method> {
        static STRING: Method = Method {
            name: "String",
            params: &[],
            variadic: None,
            body: |_, receiver, _| Ok(receiver.as_object::<Location>().map(|location| Value::from(location.0.name())).unwrap_or_default()),
        };
        (name == "String").then_some(&STRING)
    }

    fn plain(&self) -> Value {
        Value::Map(Map::new())
    }

    fn string(&self) -> Option<Str> {
        Some(self.0.name().into())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Location>().is_some_and(|other| self.0 == other.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn named(type_name: &'static str, names: &[&'static str], number: i64, at: i64) -> Value {
    Value::object(Named { type_name, number, name: usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default() })
}

/// The time in a value; Go's zero time for a value that is none, which the check of arguments has excluded.
pub(super) fn time_of(value: &Value) -> Time {
    value.as_object::<Time>().cloned().unwrap_or_else(Time::zero)
}

fn nanos_of(value: &Value) -> i64 {
    match value {
        Value::Object(object) => object.int().unwrap_or(0),
        _ => 0,
    }
}

macro_rules! methods {
    ($($name:literal ($($param:expr),*) |$t:ident, $args:ident| $body:expr;)*) => {
        &[$(Method {
            name: $name,
            params: &[$($param),*],
            variadic: None,
            body: |_, receiver, $args| {
                let $t = time_of(receiver);
                Ok::<Value, FuncError>($body)
            },
        }),*]
    };
}

const TIME: Ty = Ty::Object("time.Time");
const DURATION: Ty = Ty::Object("time.Duration");

static METHODS: &[Method] = methods! {
    "Format" (Ty::Str) |t, args| Value::Str(layout::format(&t, args::text(&args[0])?).into());
    "String" () |t, _args| Value::Str(t.string().unwrap_or_default());
    "Unix" () |t, _args| Value::Int64(t.secs);
    "UnixMilli" () |t, _args| Value::Int64(t.secs.wrapping_mul(1_000).wrapping_add(i64::from(t.nanos / 1_000_000)));
    "UnixMicro" () |t, _args| Value::Int64(t.secs.wrapping_mul(1_000_000).wrapping_add(i64::from(t.nanos / 1_000)));
    "UnixNano" () |t, _args| Value::Int64(t.secs.wrapping_mul(SECOND).wrapping_add(i64::from(t.nanos)));
    "Year" () |t, _args| Value::Int(t.date().year);
    "Month" () |t, _args| named("time.Month", &MONTHS, t.date().month, t.date().month - 1);
    "Day" () |t, _args| Value::Int(t.date().day);
    "Weekday" () |t, _args| named("time.Weekday", &DAYS, t.date().weekday, t.date().weekday);
    "YearDay" () |t, _args| Value::Int(t.yearday());
    "Hour" () |t, _args| Value::Int(t.clock() / 3600);
    "Minute" () |t, _args| Value::Int(t.clock() % 3600 / 60);
    "Second" () |t, _args| Value::Int(t.clock() % 60);
    "Nanosecond" () |t, _args| Value::Int(i64::from(t.nanos));
    "UTC" () |t, _args| Value::object(t.within(Zone::Utc));
    "Local" () |t, _args| Value::object(t.within(Zone::Utc));
    "Location" () |t, _args| Value::object(Location(t.zone));
    "In" (Ty::Object("*time.Location")) |t, args| match args[0].as_object::<Location>() {
        Some(location) => Value::object(t.within(location.0.clone())),
        None => return Err("time: missing Location in call to Time.In".into()),
    };
    "MarshalText" () |t, _args| Value::Bytes(Rc::new(t.print(RFC_3339)));
    "IsZero" () |t, _args| Value::Bool(t.secs == ZERO && t.nanos == 0);
    "IsDST" () |t, _args| Value::Bool(t.zone_info().dst);
    "Add" (DURATION) |t, args| Value::object(t.plus(nanos_of(&args[0])));
    "AddDate" (Ty::Int, Ty::Int, Ty::Int) |t, args| {
        Value::object(t.add_date(args::int(&args[0])?, args::int(&args[1])?, args::int(&args[2])?))
    };
    "Sub" (TIME) |t, args| Value::object(Duration(t.since(&time_of(&args[0]))));
    "Before" (TIME) |t, args| Value::Bool(t.total() < time_of(&args[0]).total());
    "After" (TIME) |t, args| Value::Bool(t.total() > time_of(&args[0]).total());
    "Equal" (TIME) |t, args| Value::Bool(t.total() == time_of(&args[0]).total());
    "Compare" (TIME) |t, args| Value::Int(t.total().cmp(&time_of(&args[0]).total()) as i64);
    "Truncate" (DURATION) |t, args| Value::object(t.truncated(nanos_of(&args[0])).0);
    "Round" (DURATION) |t, args| {
        let unit = nanos_of(&args[0]);
        let (down, rest) = t.truncated(unit);
        Value::object(if unit > 0 && rest >= unit - rest { down.plus(unit) } else { down })
    };
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_there_and_back() {
        for (days, want) in [
            (0, (1970, 1, 1, 4)),
            (-719_162, (1, 1, 1, 1)),
            (19_782, (2024, 2, 29, 4)),
            (-719_528, (0, 1, 1, 6)),
            (-800_000, (-221, 9, 4, 0)),
        ] {
            let date = civil(days);
            assert_eq!(
                ((date.year, date.month, date.day), Time::days_from_civil(date.year, date.month, date.day)),
                ((want.0, want.1, want.2), days)
            );
        }
    }

    #[test]
    fn zones_by_name() {
        let at =
            |zone: &str| Zone::load(zone).map(|zone| Time::from_secs(1_700_000_000).within(zone).string().unwrap_or_default().to_string());
        assert_eq!(at("America/New_York").as_deref(), Some("2023-11-14 17:13:20 -0500 EST"));
        assert_eq!(at("UTC").as_deref(), Some("2023-11-14 22:13:20 +0000 UTC"));
        assert_eq!((at("america/new_york"), at("Nowhere")), (None, None));
    }
}
