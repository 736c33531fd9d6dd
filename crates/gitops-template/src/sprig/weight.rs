//! How much there is in a value, counted before it is walked for good.
//!
//! Values share their parts: a few steps of `list $x $x` make one of which a walk would never come to an end. Weighing walks too, but
//! draws on the execution's allowance of bytes at each step, and so stops where that ends.

use crate::convert::MAX_DEPTH;
use crate::error::FuncError;
use crate::scope::Scope;
use crate::value::Value;

/// What a value holds in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// About as many as its text has.
    pub(super) bytes: usize,
    /// Whether some text in it is no UTF-8.
    pub(super) broken_text: bool,
}

/// Weighs `value`, at the cost of its weight.
pub(super) fn weigh(scope: &mut Scope<'_>, value: &Value) -> Result<Weight, FuncError> {
    let mut weight = Weight::default();
    add(scope, value, &mut weight, 0)?;
    Ok(weight)
}

fn add(scope: &mut Scope<'_>, value: &Value, weight: &mut Weight, depth: usize) -> Result<(), FuncError> {
    if depth > MAX_DEPTH {
        return Err(FuncError::Limit { what: "levels of nested values", limit: MAX_DEPTH as u64 });
    }
    // What is one number or flag costs a little too.
    let own = match value {
        Value::Str(text) => {
            weight.broken_text |= text.to_utf8().is_none();
            text.len() + 2
        }
        Value::Bytes(bytes) => bytes.len() + 2,
        _ => 4,
    };
    weight.bytes = weight.bytes.saturating_add(own);
    match value {
        Value::List(list) => {
            scope.charge(own)?;
            list.iter().try_for_each(|item| add(scope, item, weight, depth + 1))
        }
        Value::Map(map) => {
            let entries = map.entries();
            scope.charge(own)?;
            entries.iter().try_for_each(|(key, value)| {
                weight.bytes = weight.bytes.saturating_add(key.len() + 4);
                weight.broken_text |= key.to_utf8().is_none();
                add(scope, value, weight, depth + 1)
            })
        }
        _ => scope.charge(own),
    }
}
