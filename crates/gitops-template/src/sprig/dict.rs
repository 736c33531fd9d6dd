//! Functions on maps, and `deepCopy`.
//!
//! Maps are shared: `set`, `unset` and the merges change the one that they are given, for all who hold it.

use super::args::{Outcome, map, strval, text};
use super::list::NIL_POINTER;
use super::merge::{Existing, Merged, merge_into};
use crate::convert::MAX_DEPTH;
use crate::error::FuncError;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{List, Map, MapType, Value};

type Args<'a> = &'a mut [Value];

pub(super) fn dict(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let mut entries = Vec::with_capacity(args.len().div_ceil(2));
    for pair in args.chunks_mut(2) {
        let value = pair.get_mut(1).map_or(Value::Str(Str::EMPTY), Value::take);
        entries.push((strval(&pair[0])?, value));
    }
    Ok(Value::Map(Map::typed(MapType::ANY, entries)))
}

pub(super) fn get(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(map(&args[0])?.get(text(&args[1])?).unwrap_or(Value::Str(Str::EMPTY)))
}

pub(super) fn set(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let value = args[2].take();
    let map = map(&args[0])?;
    if map.is_nil() {
        return Err("assignment to entry in nil map".into());
    }
    map.insert(text(&args[1])?.clone(), value);
    Ok(args[0].take())
}

pub(super) fn unset(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    map(&args[0])?.remove(text(&args[1])?);
    Ok(args[0].take())
}

pub(super) fn has_key(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(map(&args[0])?.contains_key(text(&args[1])?)))
}

pub(super) fn pluck(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let key = text(&args[0])?;
    let mut found = Vec::new();
    for dict in &args[1..] {
        found.extend(map(dict)?.get(key));
    }
    Ok(Value::from(found))
}

/// Go's order is another each time; ours is sorted.
pub(super) fn keys(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let mut all: Vec<Str> = Vec::new();
    for dict in args.iter() {
        let entries = map(dict)?.entries();
        scope.charge(entries.len() * size_of::<Value>())?;
        all.extend(entries.iter().map(|(key, _)| key.clone()));
    }
    Ok(Value::List(List::strings(all)))
}

pub(super) fn values(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let entries = map(&args[0])?.entries();
    scope.charge(entries.len() * size_of::<Value>())?;
    Ok(Value::from(entries.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>()))
}

pub(super) fn pick(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let from = map(&args[0])?;
    let mut picked = Vec::with_capacity(args.len());
    for key in &args[1..] {
        let key = text(key)?;
        picked.extend(from.get(key).map(|value| (key.clone(), value)));
    }
    Ok(Value::Map(Map::typed(MapType::ANY, picked)))
}

pub(super) fn omit(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let from = map(&args[0])?.entries();
    scope.charge(from.len() * size_of::<Value>())?;
    let omitted = args[1..].iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let left = from.iter().filter(|(key, _)| !omitted.contains(&key)).cloned().collect();
    Ok(Value::Map(Map::typed(MapType::ANY, left)))
}

/// The map that all are merged into; nothing if they do not fit.
fn merged(scope: &mut Scope<'_>, args: &[Value], existing: Existing) -> Result<Option<Value>, FuncError> {
    let into = map(&args[0])?;
    let wanted = args[1..].iter().any(|from| map(from).is_ok_and(|from| !from.is_nil()));
    let into = if into.is_nil() && wanted { Map::new() } else { into.clone() };
    for from in &args[1..] {
        if merge_into(scope, &into, map(from)?, existing)? == Merged::Mismatch {
            return Ok(None);
        }
    }
    Ok(Some(Value::Map(into)))
}

fn or_error(merged: Option<Value>) -> Outcome {
    merged.ok_or_else(|| "src and dst must be of same type".into())
}

pub(super) fn merge(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(merged(scope, args, Existing::Kept)?.unwrap_or(Value::Str(Str::EMPTY)))
}

pub(super) fn must_merge(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    or_error(merged(scope, args, Existing::Kept)?)
}

pub(super) fn merge_overwrite(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(merged(scope, args, Existing::Overwritten)?.unwrap_or(Value::Str(Str::EMPTY)))
}

pub(super) fn must_merge_overwrite(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    or_error(merged(scope, args, Existing::Overwritten)?)
}

pub(super) fn deep_copy(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    if args[0].is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    copy(scope, &args[0], 0)
}

fn copy(scope: &mut Scope<'_>, value: &Value, depth: usize) -> Outcome {
    if depth > MAX_DEPTH {
        return Err(FuncError::Limit { what: "levels of nested values", limit: MAX_DEPTH as u64 });
    }
    Ok(match value {
        Value::Map(map) if !map.is_nil() => {
            let entries = map.entries();
            scope.charge(entries.len() * 2 * size_of::<Value>())?;
            let copied = entries.iter().map(|(key, value)| Ok((key.clone(), copy(scope, value, depth + 1)?)));
            Value::Map(Map::typed(map.ty(), copied.collect::<Result<_, FuncError>>()?))
        }
        Value::List(list) if !list.is_nil() => {
            scope.charge(list.len() * size_of::<Value>())?;
            let copied = list.iter().map(|item| copy(scope, item, depth + 1));
            Value::List(List::typed(list.ty(), copied.collect::<Result<_, _>>()?))
        }
        other => super::version::copied(other).unwrap_or_else(|| other.clone()),
    })
}

/// `dig KEY... DEFAULT MAP`. All on the way must be plain maps: a chart's `.Values` itself is of another type, and an error.
pub(super) fn dig(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let [keys @ .., default, map] = args else {
        return Err("dig needs at least three arguments".into());
    };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut at = map.take();
    // The reference looks at the types of all keys, from the first, before it looks into the map.
    plain_map(&at)?;
    if let Some(wrong) = keys.iter().find(|key| key.as_str().is_none()) {
        return Err(conversion(wrong, "string"));
    }
    for key in keys.iter() {
        match plain_map(&at)?.get(text(key)?) {
            Some(next) => at = next,
            None => return Ok(default.take()),
        }
    }
    Ok(at)
}

fn plain_map(value: &Value) -> Result<&Map, FuncError> {
    match value {
        Value::Map(map) if map.ty().name == MapType::ANY.name => Ok(map),
        other => Err(conversion(other, MapType::ANY.name)),
    }
}

fn conversion(value: &Value, want: &str) -> FuncError {
    let name = if value.is_nil() { "nil" } else { value.type_name() };
    FuncError::new(format!("interface conversion: interface {{}} is {name}, not {want}"))
}

/// A field of the map that `urlJoin` takes: nothing for a missing one, an error for one that is no text.
pub(super) fn text_field(map: &Map, key: &str) -> Result<Str, FuncError> {
    match map.get(key) {
        None => Ok(Str::EMPTY),
        Some(Value::Str(text)) => Ok(text),
        Some(Value::Nil) => Err(NIL_POINTER.into()),
        Some(other) => Err(FuncError::new(format!("unable to parse {key} key, must be of type string, but {} found", other.kind().name()))),
    }
}
