//! Merging maps, as dario.cat/mergo v1.0.1 does it for `merge` and `mergeOverwrite`.
//!
//! Surprises: what is empty (`""`, 0, false, null, `[]`, `{}`) counts as not set, in the map that is merged into; `mergeOverwrite` takes
//! empty values over all the same; lists are never joined; maps that are taken over are shared, not copied, so that a later merge into
//! one shows in the other.

use crate::convert::MAX_DEPTH;
use crate::error::FuncError;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Elem, Kind, Map, Value};

/// What becomes of values that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    Kept,
    Overwritten,
}

/// How a merge ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    Whole,
    /// A value of some type was to be merged into a pointer: the reference's one error that is no panic.
    Mismatch,
}

/// Merges `from` into `into`, maps within maps.
///
/// # Errors
/// Where the reference panics, and at limits.
pub(super) fn merge_into(scope: &mut Scope<'_>, into: &Map, from: &Map, existing: Existing) -> Result<Merged, FuncError> {
    merge_at(scope, into, from, existing, 0)
}

fn merge_at(scope: &mut Scope<'_>, into: &Map, from: &Map, existing: Existing, depth: usize) -> Result<Merged, FuncError> {
    if depth > MAX_DEPTH {
        return Err(FuncError::Limit { what: "levels of nested values", limit: MAX_DEPTH as u64 });
    }
    if into.is_nil() {
        return Ok(Merged::Whole);
    }
    let overwrite = existing == Existing::Overwritten;
    let entries = from.entries();
    scope.charge(entries.len() * size_of::<Value>())?;
    for (key, value) in entries.iter() {
        if value.is_nil() {
            if overwrite {
                put(into, key, value)?;
            }
            continue;
        }
        let held = into.get(key);
        if let Some(held) = &held
            && descend(scope, held, value, existing, depth)? == Merged::Mismatch
        {
            return Ok(Merged::Mismatch);
        }
        // Looked at after merging: a map that was empty may not be so any more.
        if held.as_ref().is_some_and(|held| held.truth() && matches!((held, value), (Value::Map(_), Value::Map(_)))) {
            continue;
        }
        if overwrite || !held.is_some_and(|held| held.truth()) {
            put(into, key, value)?;
        }
    }
    Ok(Merged::Whole)
}

/// Merges into a value that is there already, if it and the new one can hold others.
fn descend(scope: &mut Scope<'_>, held: &Value, value: &Value, existing: Existing, depth: usize) -> Result<Merged, FuncError> {
    match (held, value) {
        (Value::Map(held), Value::Map(value)) => merge_at(scope, held, value, existing, depth + 1),
        (Value::Object(held), Value::Map(_) | Value::Object(_))
            if held.kind() == Kind::Ptr && value.kind() != Kind::Ptr && existing == Existing::Kept =>
        {
            Ok(Merged::Mismatch)
        }
        (Value::Object(held), Value::Map(_)) if held.kind() == Kind::Struct && !held.fields().is_empty() => {
            Err("reflect: call of reflect.Value.Field on map Value".into())
        }
        _ => Ok(Merged::Whole),
    }
}

fn put(into: &Map, key: &Str, value: &Value) -> Result<(), FuncError> {
    if into.ty().elem != Elem::Any && !matches!((into.ty().elem, value), (Elem::Str, Value::Str(_))) {
        return Err("reflect.Value.SetMapIndex: value of type interface {} is not assignable to another".into());
    }
    into.insert(key.clone(), value.clone());
    Ok(())
}
