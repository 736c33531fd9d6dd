//! Paths with slashes, as Go's package `path` treats them. The `os…` functions are the same ones: charts are rendered as on Linux.

use super::args::{Outcome, done, text};
use crate::scope::Scope;
use crate::value::Value;

type Args<'a> = &'a mut [Value];

/// The shortest path that means the same: without `.`, `..` and double slashes where that can be told from the text.
pub(super) fn cleaned(path: &[u8]) -> Vec<u8> {
    let rooted = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(last) if *last != b".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

pub(super) fn clean(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(cleaned(text(&args[0])?))
}

/// The last part.
pub(super) fn base(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let path = text(&args[0])?.as_bytes();
    if path.is_empty() {
        return done(".");
    }
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |last| last + 1);
    let start = path[..end].iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1);
    done(if end == 0 { b"/" } else { &path[start..end] })
}

/// All but the last part.
pub(super) fn dir(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let path = text(&args[0])?.as_bytes();
    done(cleaned(&path[..path.iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1)]))
}

/// From the last point of the last part on.
pub(super) fn ext(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let path = text(&args[0])?.as_bytes();
    match path.iter().rposition(|b| matches!(b, b'.' | b'/')) {
        Some(at) if path[at] == b'.' => done(&path[at..]),
        _ => done(""),
    }
}

pub(super) fn is_abs(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(text(&args[0])?.first() == Some(&b'/')))
}
