//! Sync windows: when syncs of an application may run. `application.md` §8.2.
//!
//! In: the windows of a project (and of the application itself), the time. Out: [`WindowDecision`]. Times are seconds since
//! 1970, UTC, and an argument. A window is active at t when its first start after t − duration lies before t, both shifted to
//! the zone by the zone's offset at t: so a window is as long as the clock on the wall says, and a start that daylight saving
//! skips still opens it.
//! Errors: [`WindowError`]; an unknown zone is UTC, with a warning.
//! Differences from Argo CD: a schedule that never comes (`0 0 30 2 *`) is never active, there always; the offset is that of
//! the time asked for, there of now.

use gitops_manifest::Location;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::cron::{Schedule, ScheduleError};
use crate::duration::{DurationError, GoDuration};
use crate::glob::{GlobSyntax, glob_match};
use crate::spec::Destination;
use crate::wire::is_false;

/// How many edges [`WindowClock::next_change`] looks at before it says that none is in sight.
const EDGES: usize = 4_096;
/// How far ahead it looks, in seconds: five years.
const HORIZON: i64 = 5 * 366 * 86_400;

/// A time in which syncs are allowed, or denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncWindow {
    /// `allow` or `deny`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its starts: five-field cron.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schedule: String,
    /// How long it stays open, in Go's syntax.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duration: String,
    /// Globs of application names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<String>,
    /// Globs of destination namespaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Globs of destination names or addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// Whether syncs asked for by people may run though the window blocks.
    #[serde(skip_serializing_if = "is_false")]
    pub manual_sync: bool,
    /// The zone of the schedule; empty is UTC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time_zone: String,
    /// Whether every list that is given must match, rather than any.
    #[serde(skip_serializing_if = "is_false")]
    pub and_operator: bool,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether a sync that was allowed when it began may end.
    #[serde(skip_serializing_if = "is_false")]
    pub sync_overrun: bool,
}

/// Why a window cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// Neither `allow` nor `deny`.
    #[error("kind `{0}` is neither `allow` nor `deny`")]
    Kind(String),
    /// The schedule does not read.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The duration does not read.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// Selects nothing.
    #[error("selects nothing: set one of `applications`, `namespaces`, `clusters`")]
    NoSelection,
}

/// A window whose schedule, duration and zone were read.
#[derive(Clone, Debug)]
pub struct WindowClock {
    schedule: Schedule,
    nanos: i128,
    zones: Vec<TimeZone>,
    unknown_zone: Option<String>,
}

impl SyncWindow {
    /// Whether it is about an application of that name and destination (with address and name both filled in).
    pub fn selects(&self, application: &str, to: &Destination) -> bool {
        let any = |patterns: &[String], texts: &[&str]| {
            let known = || texts.iter().filter(|t| !t.is_empty());
            patterns.iter().any(|p| known().any(|t| glob_match(p, GlobSyntax::Plain, t)))
        };
        let lists = [
            (&self.applications, any(&self.applications, &[application])),
            (&self.clusters, any(&self.clusters, &[&to.name, &to.server])),
            // A destination without a namespace matches `*`.
            (&self.namespaces, self.namespaces.iter().any(|p| glob_match(p, GlobSyntax::Plain, &to.namespace))),
        ];
        let mut given = lists.iter().filter(|(list, _)| !list.is_empty()).peekable();
        let selected = |(_, matched): &(&Vec<String>, bool)| *matched;
        given.peek().is_some() && if self.and_operator { given.all(selected) } else { given.any(selected) }
    }

    /// Reads schedule, duration and zone.
    ///
    /// # Errors
    /// When one does not read.
    pub fn clock(&self) -> Result<WindowClock, WindowError> {
        if !matches!(self.kind.as_str(), "allow" | "deny") {
            return Err(WindowError::Kind(self.kind.clone()));
        }
        let schedule = Schedule::parse(&self.schedule)?;
        let nanos = i128::from(GoDuration::parse(&self.duration)?.as_nanos());
        let mut unknown_zone = None;
        let names = [Some(self.time_zone.as_str()), schedule.zone()];
        let zones = names.into_iter().flatten().filter(|name| !name.is_empty()).filter_map(|name| {
            let zone = TimeZoneDatabase::bundled().get(name).ok();
            if zone.is_none() {
                unknown_zone = Some(name.to_owned());
            }
            zone
        });
        let zones = zones.collect();
        Ok(WindowClock { schedule, nanos, zones, unknown_zone })
    }

    pub(crate) fn key(&self) -> String {
        let SyncWindow { kind, schedule, duration, time_zone, applications, namespaces, clusters, and_operator, .. } = self;
        format!("{kind}\n{schedule}\n{duration}\n{time_zone}\n{applications:?}\n{namespaces:?}\n{clusters:?}\n{and_operator}")
    }

    fn named(&self) -> String {
        let zone = if self.time_zone.is_empty() { "UTC" } else { &self.time_zone };
        format!("{} window `{}` for {} ({zone})", self.kind, self.schedule, self.duration)
    }
}

impl WindowClock {
    /// The zone that is not known, when UTC stands in for it.
    pub fn unknown_zone(&self) -> Option<&str> {
        self.unknown_zone.as_deref()
    }

    /// Whether it is open at `now`.
    pub fn is_active(&self, now: i64) -> bool {
        self.active_on_wall(now.saturating_add(self.offset(now)))
    }

    /// The first time after `now` at which it opens or closes, if that is within five years.
    pub fn next_change(&self, now: i64) -> Option<i64> {
        let active = self.is_active(now);
        let mut at = now;
        for _ in 0..EDGES {
            at = self.next_edge(at)?;
            if at.saturating_sub(now) > HORIZON {
                return None;
            }
            if self.is_active(at) != active {
                return Some(at);
            }
        }
        None
    }

    fn active_on_wall(&self, wall: i64) -> bool {
        self.schedule.next(self.before(wall)).is_some_and(|start| start < wall)
    }

    /// `wall` − duration, in whole seconds.
    fn before(&self, wall: i64) -> i64 {
        let nanos = i128::from(wall) * 1_000_000_000 - self.nanos;
        i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(i64::MIN)
    }

    /// The next time at which the answer may be another: a start, an end, or a change of the zone's offset.
    fn next_edge(&self, at: i64) -> Option<i64> {
        let offset = self.offset(at);
        let wall = at.checked_add(offset)?;
        // A window is open from the second behind its start.
        let opens = self.schedule.next(wall.checked_sub(1)?).map(|start| start + 1);
        let closes = self.schedule.next(self.before(wall)).and_then(|start| {
            let end = (i128::from(start) * 1_000_000_000 + self.nanos + 999_999_999).div_euclid(1_000_000_000);
            i64::try_from(end).ok().map(|end| end.max(wall + 1))
        });
        let on_wall = [opens, closes].into_iter().flatten().map(|edge| edge - offset);
        let moves = Timestamp::from_second(at).ok().into_iter().flat_map(|time| {
            let next = |zone: &TimeZone| zone.following(time).next().map(|t| t.timestamp().as_second());
            self.zones.iter().filter_map(next).collect::<Vec<_>>()
        });
        on_wall.chain(moves).filter(|edge| *edge > at).min()
    }

    /// How far the wall is ahead of UTC at `now`, in seconds.
    fn offset(&self, now: i64) -> i64 {
        let Ok(time) = Timestamp::from_second(now) else { return 0 };
        self.zones.iter().map(|zone| i64::from(zone.to_offset(time).seconds())).sum()
    }
}

/// What the windows say at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowDecision {
    /// Whether a sync that nobody asked for may begin.
    pub automated: bool,
    /// Whether a sync that somebody asked for may begin.
    pub manual: bool,
    /// Whether a sync that was allowed when it began may go on.
    pub overrun: bool,
    /// What blocks, by its place in the list that was given: active denies, or allows that are closed.
    pub blocking: Vec<usize>,
    /// What to tell a person; empty when all is allowed.
    pub reason: String,
    /// When to look again; none when nothing changes within five years.
    pub next_change: Option<i64>,
}

/// Decides by the windows that select an application (see [`SyncWindow::selects`]); no window allows everything.
///
/// # Errors
/// The first window that does not read, with its place in the list.
pub fn decide_windows(windows: &[&SyncWindow], now: i64) -> Result<WindowDecision, (usize, WindowError)> {
    let mut clocks = Vec::with_capacity(windows.len());
    for (i, window) in windows.iter().enumerate() {
        clocks.push(window.clock().map_err(|e| (i, e))?);
    }
    let active: Vec<bool> = clocks.iter().map(|c| c.is_active(now)).collect();
    let those = |kind: &str, open: bool| {
        let chosen = windows.iter().zip(&active).enumerate().filter(|(_, (w, is))| w.kind == kind && **is == open);
        chosen.map(|(i, _)| i).collect::<Vec<usize>>()
    };
    let denies = those("deny", true);
    let blocking = if !denies.is_empty() {
        denies
    } else if those("allow", true).is_empty() {
        those("allow", false)
    } else {
        Vec::new()
    };
    let all = |flag: fn(&SyncWindow) -> bool| blocking.iter().all(|i| flag(windows[*i]));
    Ok(WindowDecision {
        automated: blocking.is_empty(),
        manual: all(|w| w.manual_sync),
        overrun: all(|w| w.sync_overrun),
        reason: reason(windows, &blocking),
        next_change: clocks.iter().filter_map(|c| c.next_change(now)).min(),
        blocking,
    })
}

/// Whether a sync that began at `started` may go on at `now`.
///
/// # Errors
/// As [`decide_windows`].
pub fn may_continue(windows: &[&SyncWindow], manual: bool, started: i64, now: i64) -> Result<bool, (usize, WindowError)> {
    let allowed = |d: &WindowDecision| if manual { d.manual } else { d.automated };
    let decision = decide_windows(windows, now)?;
    Ok(allowed(&decision) || (decision.overrun && allowed(&decide_windows(windows, started)?)))
}

fn reason(windows: &[&SyncWindow], blocking: &[usize]) -> String {
    let Some(first) = blocking.first().map(|i| windows[*i]) else { return String::new() };
    let named: Vec<String> = blocking.iter().map(|i| windows[*i].named()).collect();
    let state = if first.kind == "deny" { "open" } else { "closed" };
    format!("blocked by sync window: {} {state}", named.join(", "))
}

/// What is wrong with a window, as rules of the object it stands in.
pub(crate) fn check(window: &SyncWindow, at: &str, broken: &mut dyn FnMut(String, String)) {
    if let Err(error) = window.clock() {
        let field = match &error {
            WindowError::Kind(_) => ".kind",
            WindowError::Schedule(_) => ".schedule",
            WindowError::Duration(_) => ".duration",
            WindowError::NoSelection => "",
        };
        broken(format!("{at}{field}"), error.to_string());
    }
    if window.applications.is_empty() && window.namespaces.is_empty() && window.clusters.is_empty() {
        broken(at.to_owned(), WindowError::NoSelection.to_string());
    }
}

/// A warning about a window that is used with UTC for want of its zone.
pub fn zone_warning(window: &SyncWindow, at: &Location) -> Option<String> {
    let clock = window.clock().ok()?;
    let zone = clock.unknown_zone()?;
    Some(format!("{at}: time zone `{zone}` of the sync window `{}` is not known; UTC is used: write an IANA name", window.schedule))
}

#[cfg(test)]
mod tests;
