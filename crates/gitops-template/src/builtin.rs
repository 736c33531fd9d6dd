//! Go's own functions.

use std::cmp::Ordering;

use crate::error::FuncError;
use crate::escape;
use crate::fmt;
use crate::function::{Body, Fun, Function, Ty};
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Elem, Kind, List, Value};

/// A function that the machine itself carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// `and`: the first argument that is false, or the last.
    And,
    /// `or`: the first argument that is true, or the last.
    Or,
    /// `call`
    Call,
    /// `len`
    Len,
}

const fn one(name: &'static str, fun: Fun) -> Function {
    Function::new(name, &[Ty::Reflect], fun)
}

const fn two(name: &'static str, fun: Fun) -> Function {
    Function::new(name, &[Ty::Reflect, Ty::Reflect], fun)
}

const fn more(name: &'static str, fun: Fun) -> Function {
    Function::variadic(name, &[Ty::Reflect], Ty::Reflect, fun)
}

const fn any(name: &'static str, fun: Fun) -> Function {
    Function::variadic(name, &[], Ty::Any, fun)
}

const fn special(name: &'static str, variadic: Option<Ty>, builtin: Builtin) -> Function {
    Function { name, params: &[Ty::Reflect], variadic, body: Body::Builtin(builtin) }
}

pub(crate) const FUNCTIONS: &[Function] = &[
    special("and", Some(Ty::Reflect), Builtin::And),
    special("or", Some(Ty::Reflect), Builtin::Or),
    special("call", Some(Ty::Reflect), Builtin::Call),
    special("len", None, Builtin::Len),
    one("not", |_, args| Ok(Value::Bool(!args[0].truth()))),
    more("index", index),
    more("slice", slice),
    any("print", |scope, args| fmt::sprint_within(scope.left(), args).map(Value::Str)),
    any("println", |scope, args| fmt::sprintln_within(scope.left(), args).map(Value::Str)),
    Function::variadic("printf", &[Ty::Str], Ty::Any, printf),
    any("html", |scope, args| escaped(scope, args, escape::html)),
    any("js", |scope, args| escaped(scope, args, escape::js)),
    any("urlquery", |scope, args| escaped(scope, args, escape::url_query)),
    more("eq", |_, args| eq(args).map(Value::Bool)),
    two("ne", |_, args| Ok(Value::Bool(!eq(args)?))),
    two("lt", |_, args| Ok(Value::Bool(lt(args)?))),
    two("le", |_, args| Ok(Value::Bool(le(args)?))),
    two("gt", |_, args| Ok(Value::Bool(!le(args)?))),
    two("ge", |_, args| Ok(Value::Bool(!lt(args)?))),
];

fn printf(scope: &mut Scope<'_>, args: &mut [Value]) -> Result<Value, FuncError> {
    match args {
        [Value::Str(format), rest @ ..] => fmt::sprintf_within(scope.left(), format, rest).map(Value::Str),
        _ => Ok(Value::Nil),
    }
}

fn escaped(scope: &mut Scope<'_>, args: &mut [Value], escape: fn(&[u8]) -> Option<Vec<u8>>) -> Result<Value, FuncError> {
    let text = match args {
        [Value::Str(text)] => text.clone(),
        _ => fmt::sprint_pointed_at(scope.left(), args)?,
    };
    Ok(Value::Str(match escape(&text) {
        Some(escaped) => Str::from(escaped),
        None => text,
    }))
}

/// An index into something of length `len`.
fn position(index: &Value, len: usize) -> Result<usize, FuncError> {
    let n = match index {
        Value::Nil => return Err("cannot index slice/array with nil".into()),
        Value::Int(n) | Value::Int64(n) => *n,
        Value::Uint8(n) => i64::from(*n),
        Value::Int32(n) => i64::from(*n),
        Value::Uint64(n) => n.cast_signed(),
        Value::Object(object) if object.int().is_some() => object.int().unwrap_or_default(),
        _ => return Err(format!("cannot index slice/array with type {}", index.type_name()).into()),
    };
    match usize::try_from(n) {
        Ok(at) if at <= len => Ok(at),
        _ => Err(format!("index out of range: {n}").into()),
    }
}

/// The zero of an element type.
pub(crate) fn zero(elem: Elem) -> Value {
    match elem {
        Elem::Any | Elem::Object => Value::Nil,
        Elem::Str => Value::Str(Str::EMPTY),
        Elem::Bytes => Value::Bytes(std::rc::Rc::default()),
        Elem::Int => Value::Int(0),
        Elem::Int64 => Value::Int64(0),
        Elem::Float => Value::Float(0.0),
        Elem::Map => Value::Map(crate::value::Map::nil(crate::value::MapType::ANY)),
        Elem::List => Value::List(List::nil(crate::value::ListType::ANY)),
    }
}

/// A pointer's type without its star: Go's `index`, `slice` and `len` look through pointers.
fn pointed_at(value: &Value) -> &str {
    let name = value.type_name();
    if value.kind() == Kind::Ptr { name.trim_start_matches('*') } else { name }
}

fn index(_: &mut Scope<'_>, args: &mut [Value]) -> Result<Value, FuncError> {
    let mut item = args[0].take();
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    for index in &args[1..] {
        item = match &item {
            Value::Nil => return Err("index of nil pointer".into()),
            Value::Str(text) => {
                let at = position(index, text.len())?;
                Value::Uint8(*text.get(at).ok_or("reflect: string index out of range")?)
            }
            Value::Bytes(bytes) => {
                let at = position(index, bytes.len())?;
                Value::Uint8(*bytes.get(at).ok_or("reflect: slice index out of range")?)
            }
            Value::List(list) => {
                let at = position(index, list.len())?;
                list.get(at).cloned().ok_or("reflect: slice index out of range")?
            }
            Value::Map(map) => match index {
                Value::Str(key) => map.get(key).unwrap_or_else(|| zero(map.ty().elem)),
                Value::Nil => return Err("value is nil; should be of type string".into()),
                _ => return Err(format!("value has type {}; should be string", index.type_name()).into()),
            },
            _ => return Err(format!("can't index item of type {}", pointed_at(&item)).into()),
        };
    }
    Ok(item)
}

fn slice(_: &mut Scope<'_>, args: &mut [Value]) -> Result<Value, FuncError> {
    let item = args[0].take();
    let indexes = &args[1..];
    if item.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let len = match &item {
        Value::Str(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        _ => return Err(format!("can't slice item of type {}", pointed_at(&item)).into()),
    };
    let mut bounds = [0, len, len];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, len)?;
    }
    let [from, to, cap] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}").into());
    }
    if indexes.len() == 3 && to > cap {
        return Err(format!("invalid slice index: {to} > {cap}").into());
    }
    Ok(match item {
        Value::Str(text) => Value::Str(Str::from(&text[from..to])),
        Value::Bytes(bytes) => Value::Bytes(std::rc::Rc::new(bytes[from..to].to_vec())),
        Value::List(list) => Value::List(List::typed(list.ty(), list[from..to].to_vec())),
        other => other,
    })
}

/// Go's kinds as comparisons see them.
enum Basic<'v> {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Complex((f64, f64)),
    Str(&'v [u8]),
    Other,
}

impl Basic<'_> {
    fn of(value: &Value) -> Basic<'_> {
        match value {
            Value::Bool(b) => Basic::Bool(*b),
            Value::Int(n) | Value::Int64(n) => Basic::Int(*n),
            Value::Int32(n) => Basic::Int(i64::from(*n)),
            Value::Uint8(n) => Basic::Uint(u64::from(*n)),
            Value::Uint64(n) => Basic::Uint(*n),
            Value::Float(n) => Basic::Float(*n),
            Value::Complex(n) => Basic::Complex(**n),
            Value::Str(text) => Basic::Str(text),
            Value::Object(object) => object.int().map_or(Basic::Other, Basic::Int),
            Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) => Basic::Other,
        }
    }
}

fn incompatible(a: &Value, b: &Value) -> FuncError {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name()).into()
}

fn eq(args: &[Value]) -> Result<bool, FuncError> {
    let [first, rest @ ..] = args else { return Err("missing argument for comparison".into()) };
    if rest.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in rest {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Value, b: &Value) -> Result<bool, FuncError> {
    Ok(match (Basic::of(a), Basic::of(b)) {
        (Basic::Bool(a), Basic::Bool(b)) => a == b,
        (Basic::Int(a), Basic::Int(b)) => a == b,
        (Basic::Uint(a), Basic::Uint(b)) => a == b,
        (Basic::Int(int), Basic::Uint(uint)) | (Basic::Uint(uint), Basic::Int(int)) => u64::try_from(int) == Ok(uint),
        (Basic::Float(a), Basic::Float(b)) => a == b,
        (Basic::Complex(a), Basic::Complex(b)) => a == b,
        (Basic::Str(a), Basic::Str(b)) => a == b,
        (Basic::Other, Basic::Other) => equal_others(a, b)?,
        _ if a.is_nil() || b.is_nil() => false,
        _ => return Err(incompatible(a, b)),
    })
}

fn equal_others(a: &Value, b: &Value) -> Result<bool, FuncError> {
    let (ka, kb) = (a.kind(), b.kind());
    let shown = |value: &Value| fmt::sprintf(b"%s", std::slice::from_ref(value)).map(|text| text.to_string());
    if ka != kb && !a.is_nil() && !b.is_nil() {
        let text = format!("non-comparable types {}: {}, {}: {}", shown(a)?, a.type_name(), b.type_name(), fmt::display(b)?);
        return Err(text.into());
    }
    let nil = |value: &Value| match value {
        Value::Nil => true,
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        _ => false,
    };
    if nil(a) || nil(b) {
        return Ok(nil(a) && nil(b));
    }
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let same = std::ptr::addr_eq(std::rc::Rc::as_ptr(a), std::rc::Rc::as_ptr(b));
            Ok(a.type_name() == b.type_name() && (same || a.equals(b.as_ref())))
        }
        _ => Err(format!("non-comparable type {}: {}", shown(b)?, b.type_name()).into()),
    }
}

fn lt(args: &[Value]) -> Result<bool, FuncError> {
    let [a, b] = args else { return Err("missing argument for comparison".into()) };
    let bad = || FuncError::new("invalid type for comparison");
    Ok(match (Basic::of(a), Basic::of(b)) {
        (Basic::Other, _) | (_, Basic::Other) | (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(_), Basic::Complex(_)) => {
            return Err(bad());
        }
        (Basic::Int(a), Basic::Int(b)) => a < b,
        (Basic::Uint(a), Basic::Uint(b)) => a < b,
        (Basic::Int(a), Basic::Uint(b)) => i128::from(a) < i128::from(b),
        (Basic::Uint(a), Basic::Int(b)) => i128::from(a) < i128::from(b),
        (Basic::Float(a), Basic::Float(b)) => a.partial_cmp(&b) == Some(Ordering::Less),
        (Basic::Str(a), Basic::Str(b)) => a < b,
        _ => return Err(incompatible(a, b)),
    })
}

fn le(args: &[Value]) -> Result<bool, FuncError> {
    Ok(lt(args)? || eq(args)?)
}

/// Go's `len`. `interface`: whether a nil came as an interface.
pub(crate) fn len(value: &Value, interface: bool) -> Result<Value, FuncError> {
    let len = match value {
        Value::Nil if interface => return Err("len of nil pointer".into()),
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return Err(format!("len of type {}", pointed_at(value)).into()),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}
