//! Equality as `reflect.DeepEqual` has it.

use crate::convert::MAX_DEPTH;
use crate::error::FuncError;
use crate::value::Value;

pub(crate) fn deep_equal(a: &Value, b: &Value) -> Result<bool, FuncError> {
    equal_at(a, b, 0)
}

fn equal_at(a: &Value, b: &Value, depth: usize) -> Result<bool, FuncError> {
    if depth > MAX_DEPTH {
        return Err(FuncError::Limit { what: "levels of nested values", limit: MAX_DEPTH as u64 });
    }
    Ok(match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        (Value::Uint8(a), Value::Uint8(b)) => a == b,
        (Value::Int32(a), Value::Int32(b)) => a == b,
        (Value::Uint64(a), Value::Uint64(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Complex(a), Value::Complex(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Object(a), Value::Object(b)) => a.equals(b.as_ref()),
        (Value::List(a), Value::List(b)) => {
            if a.ty().name != b.ty().name || a.is_nil() != b.is_nil() || a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal_at(a, b, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.ty().name != b.ty().name || a.is_nil() != b.is_nil() || a.len() != b.len() {
                return Ok(false);
            }
            if a.same(b) {
                return Ok(true);
            }
            for ((ka, a), (kb, b)) in a.entries().iter().zip(b.entries().iter()) {
                if ka != kb || !equal_at(a, b, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        _ => false,
    })
}
