//! Arguments of functions, out of values that the caller has checked against the declared types already.

use crate::error::FuncError;
use crate::text::Str;
use crate::value::{Map, Value};

pub(super) type Outcome = Result<Value, FuncError>;

/// A checked argument has another type: cannot happen through the machine, and is an error like any other if it does.
pub(super) fn mistyped(value: &Value, want: &str) -> FuncError {
    FuncError::new(format!("wrong type for value; expected {want}; got {}", value.type_name()))
}

pub(super) fn text(value: &Value) -> Result<&Str, FuncError> {
    match value {
        Value::Str(text) => Ok(text),
        other => Err(mistyped(other, "string")),
    }
}

pub(super) fn int(value: &Value) -> Result<i64, FuncError> {
    match value {
        Value::Int(n) => Ok(*n),
        other => Err(mistyped(other, "int")),
    }
}

pub(super) fn float(value: &Value) -> Result<f64, FuncError> {
    match value {
        Value::Float(n) => Ok(*n),
        other => Err(mistyped(other, "float64")),
    }
}

pub(super) fn boolean(value: &Value) -> Result<bool, FuncError> {
    match value {
        Value::Bool(b) => Ok(*b),
        other => Err(mistyped(other, "bool")),
    }
}

pub(super) fn map(value: &Value) -> Result<&Map, FuncError> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(mistyped(other, "map[string]interface {}")),
    }
}

/// `strval`: strings and bytes as they are, all else as `%v` prints it.
pub(super) fn strval(value: &Value) -> Result<Str, FuncError> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        Value::Bytes(bytes) => Ok(Str::from(bytes.as_slice())),
        other => crate::fmt::display(other),
    }
}

/// A text as the result.
pub(super) fn done(text: impl Into<Str>) -> Outcome {
    Ok(Value::Str(text.into()))
}
