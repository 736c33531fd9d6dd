//! Functions on dates. Layouts are Go's (see `layout`).

use super::args::{Outcome, done, text};
use super::duration::{self, SECOND};
use super::layout;
use super::time::{Time, Zone, time_of};
use crate::error::FuncError;
use crate::scope::Scope;
use crate::value::Value;

type Args<'a> = &'a mut [Value];

/// A time, or seconds since 1970 as `int` or `int64`. Anything else, a float too, is the present.
fn moment(scope: &mut Scope<'_>, value: &Value, function: &'static str) -> Time {
    match value {
        Value::Int(secs) | Value::Int64(secs) => Time::from_secs(*secs),
        Value::Int32(secs) => Time::from_secs(i64::from(*secs)),
        other => other.as_object::<Time>().cloned().unwrap_or_else(|| {
            scope.note_drift(function);
            Time::now(scope)
        }),
    }
}

fn formatted(time: &Time, layout: &[u8], zone: &str) -> Outcome {
    done(layout::format(&time.within(Zone::load(zone).unwrap_or(Zone::Utc)), layout))
}

pub(super) fn now(scope: &mut Scope<'_>, _: Args<'_>) -> Outcome {
    scope.note_drift("now");
    Ok(Value::object(Time::now(scope)))
}

pub(super) fn date(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    formatted(&moment(scope, &args[1], "date"), text(&args[0])?, "Local")
}

pub(super) fn html_date(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    formatted(&moment(scope, &args[0], "htmlDate"), b"2006-01-02", "Local")
}

pub(super) fn html_date_in_zone(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    formatted(&moment(scope, &args[0], "htmlDateInZone"), b"2006-01-02", &text(&args[1])?.text())
}

pub(super) fn date_in_zone(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    formatted(&moment(scope, &args[1], "dateInZone"), text(&args[0])?, &text(&args[2])?.text())
}

pub(super) fn must_date_modify(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let by = duration::parse(text(&args[0])?).map_err(FuncError::new)?;
    Ok(Value::object(time_of(&args[1]).plus(by)))
}

pub(super) fn date_modify(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    must_date_modify(scope, args).or_else(|_| Ok(args[1].take()))
}

pub(super) fn ago(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    // The reference does not take an `int32` here.
    let then = if matches!(args[0], Value::Int32(_)) { Time::now(scope) } else { moment(scope, &args[0], "ago") };
    scope.note_drift("ago");
    done(duration::print(duration::rounded(Time::now(scope).since(&then), SECOND)))
}

pub(super) fn must_to_date(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::object(layout::parse(text(&args[0])?, text(&args[1])?).map_err(FuncError::new)?))
}

pub(super) fn to_date(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    must_to_date(scope, args).or_else(|_| Ok(Value::object(Time::zero())))
}

pub(super) fn unix_epoch(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(time_of(&args[0]).secs.to_string())
}
