//! Functions on lists.
//!
//! Lists of any type are taken, `[]string` and `[]byte` included; what is made is `[]interface {}`, but for `slice`, which keeps the type.
//! Surprises: `rest` and `initial` of an empty list, and `concat` of nothing, are nil lists (`null` in JSON); `first` of one is nil.

use super::args::{Outcome, int, strval, text};
use crate::error::FuncError;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Elem, Kind, List, ListType, Map, MapType, Value};

type Args<'a> = &'a mut [Value];

/// What `chunk` makes.
const CHUNKS: &ListType = &ListType { name: "[][]interface {}", elem: Elem::List, methods: &[] };

/// Go's words for looking into nil.
pub(super) const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";

/// The value as a list, if its kind is slice.
fn slice_of(value: &Value) -> Option<List> {
    match value {
        Value::List(list) => Some(list.clone()),
        Value::Bytes(bytes) => Some(List::new(bytes.iter().map(|b| Value::Uint8(*b)).collect())),
        _ => None,
    }
}

/// The items of a list, or the error that `text` and the kind make.
fn items(value: &Value, text: &str) -> Result<List, FuncError> {
    match slice_of(value) {
        Some(list) => Ok(list),
        None if value.is_nil() => Err(NIL_POINTER.into()),
        None => Err(FuncError::new(format!("{text} {}", value.kind().name()))),
    }
}

fn listed(items: Vec<Value>) -> Outcome {
    Ok(Value::List(List::new(items)))
}

pub(super) fn list(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    if args.is_empty() {
        return listed(Vec::new());
    }
    listed(args.iter_mut().map(Value::take).collect())
}

pub(super) fn append(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let list = items(&args[0].take(), "Cannot push on type")?;
    scope.charge(list.len() * size_of::<Value>())?;
    let mut items = list.into_items();
    items.push(args[1].take());
    listed(items)
}

pub(super) fn prepend(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let list = items(&args[0], "Cannot prepend on type")?;
    scope.charge(list.len() * size_of::<Value>())?;
    listed(std::iter::once(args[1].take()).chain(list.iter().cloned()).collect())
}

pub(super) fn concat(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let mut all = Vec::new();
    for list in args.iter() {
        let Some(items) = slice_of(list) else {
            let kind = list.kind().name();
            return Err(if list.is_nil() { NIL_POINTER.into() } else { FuncError::new(format!("Cannot concat type {kind} as list")) });
        };
        scope.charge(items.len() * size_of::<Value>())?;
        all.extend(items.iter().cloned());
    }
    if all.is_empty() { Ok(Value::List(List::nil(ListType::ANY))) } else { listed(all) }
}

pub(super) fn first(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(items(&args[0], "Cannot find first on type")?.first().cloned().unwrap_or_default())
}

pub(super) fn last(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(items(&args[0], "Cannot find last on type")?.last().cloned().unwrap_or_default())
}

fn part(scope: &mut Scope<'_>, part: Option<&[Value]>) -> Outcome {
    match part {
        Some(items) => {
            scope.charge(size_of_val(items))?;
            listed(items.to_vec())
        }
        None => Ok(Value::List(List::nil(ListType::ANY))),
    }
}

pub(super) fn rest(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let list = items(&args[0], "Cannot find rest on type")?;
    part(scope, list.split_first().map(|(_, rest)| rest))
}

pub(super) fn initial(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let list = items(&args[0], "Cannot find initial on type")?;
    part(scope, list.split_last().map(|(_, initial)| initial))
}

pub(super) fn reverse(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let list = items(&args[0], "Cannot find reverse on type")?;
    scope.charge(list.len() * size_of::<Value>())?;
    listed(list.iter().rev().cloned().collect())
}

pub(super) fn compact(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let list = items(&args[0], "Cannot compact on type")?;
    scope.charge(list.len() * size_of::<Value>())?;
    listed(list.iter().filter(|item| item.truth()).cloned().collect())
}

/// Whether `needle` is among `items`, by `reflect.DeepEqual`.
fn holds(scope: &mut Scope<'_>, items: &[Value], needle: &Value) -> Result<bool, FuncError> {
    // Comparing is work that makes no text: each comparison costs what the needle weighs, so that endless ones end.
    let weight = super::weight::weigh(scope, needle)?.bytes;
    scope.charge(items.len().saturating_mul(1 + weight / 64))?;
    for item in items {
        if needle.deep_equal(item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn uniq(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let list = items(&args[0], "Cannot find uniq on type")?;
    let mut unique: Vec<Value> = Vec::new();
    for item in list.iter() {
        if !holds(scope, &unique, item)? {
            unique.push(item.clone());
        }
    }
    listed(unique)
}

pub(super) fn without(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let list = items(&args[0], "Cannot find without on type")?;
    let mut left = Vec::new();
    for item in list.iter() {
        if !holds(scope, &args[1..], item)? {
            left.push(item.clone());
        }
    }
    listed(left)
}

pub(super) fn has(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    if args[1].is_nil() {
        return Ok(Value::Bool(false));
    }
    let list = items(&args[1], "Cannot find has on type")?;
    Ok(Value::Bool(holds(scope, &list, &args[0])?))
}

/// The end is the list's end if it is not given; one beyond the end is an error (Go would look into spare memory first).
pub(super) fn slice(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let list = items(&args[0], "list should be type of slice or array but")?;
    if list.is_empty() {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, super::cast::to_int);
    let end = args.get(2).map_or(i64::try_from(list.len()).unwrap_or(i64::MAX), super::cast::to_int);
    let bounds = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = bounds.and_then(|(start, end)| list.get(start..end)).ok_or("reflect.Value.Slice: slice index out of bounds")?;
    Ok(match &args[0] {
        Value::Bytes(bytes) => Value::Bytes(std::rc::Rc::new(bytes[bounds.map_or(0..0, |(start, end)| start..end)].to_vec())),
        _ if part.len() == list.len() => Value::List(list),
        _ => Value::List(List::typed(list.ty(), part.to_vec())),
    })
}

/// Lists of `size` items, the last one shorter. The number of lists is computed in floats, as the reference does, which tells what
/// sizes below 1 make.
pub(super) fn chunk(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let size = int(&args[0])?;
    let list = items(&args[1], "Cannot chunk type")?;
    let len = list.len() as f64;
    let count = super::cast::float_to_int(((len - 1.0) / size as f64).floor() + 1.0);
    if count < 0 {
        return Err("runtime error: makeslice: len out of range".into());
    }
    let mut chunks = Vec::new();
    for i in 0..count {
        let mut take = if i == count - 1 { super::cast::float_to_int((len % size as f64).floor()) } else { size };
        if take == 0 {
            take = size;
        }
        let take = usize::try_from(take).map_err(|_| FuncError::new("runtime error: makeslice: len out of range"))?;
        let start = usize::try_from(i.wrapping_mul(size)).unwrap_or(usize::MAX);
        let items = list.get(start..start.saturating_add(take)).ok_or("reflect: slice index out of range")?;
        scope.charge(size_of_val(items) + size_of::<List>())?;
        chunks.push(Value::List(List::new(items.to_vec())));
    }
    Ok(Value::List(List::typed(CHUNKS, chunks)))
}

/// `strslice`: each item that is not nil as text; of what is no list, its own text.
pub(super) fn strings(value: &Value) -> Result<Vec<Str>, FuncError> {
    match slice_of(value) {
        Some(list) => list.iter().filter(|item| !item.is_nil()).map(strval).collect(),
        None if value.is_nil() => Ok(Vec::new()),
        None => Ok(vec![strval(value)?]),
    }
}

pub(super) fn to_strings(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    match &args[0] {
        Value::List(list) if list.ty().elem == Elem::Str => Ok(args[0].take()),
        value => Ok(Value::List(List::strings(strings(value)?))),
    }
}

pub(super) fn join(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let separator = text(&args[0])?;
    let parts = strings(&args[1])?;
    let size: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
    scope.charge(size)?;
    let mut out = Vec::with_capacity(size);
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(part);
    }
    super::args::done(out)
}

pub(super) fn sort_alpha(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    if args[0].kind() != Kind::Slice {
        return Ok(Value::List(List::strings([strval(&args[0])?])));
    }
    let mut all = strings(&args[0])?;
    scope.charge(all.len() * size_of::<Value>())?;
    all.sort_unstable();
    Ok(Value::List(List::strings(all)))
}

/// `strings.SplitN`: `n` parts at most, all for a negative one; an empty separator splits into runes.
fn split_parts(scope: &mut Scope<'_>, separator: &Str, text: &Str, n: i64) -> Result<Vec<Str>, FuncError> {
    let most = if n < 0 { usize::MAX } else { usize::try_from(n).unwrap_or(usize::MAX) };
    let mut parts = Vec::new();
    let mut rest: &[u8] = text;
    if most == 0 || separator.is_empty() && rest.is_empty() {
        return Ok(parts);
    }
    while parts.len() + 1 < most {
        let at = if separator.is_empty() {
            Some(super::rune::first(rest).1).filter(|len| *len < rest.len())
        } else {
            memchr::memmem::find(rest, separator)
        };
        let Some(at) = at else { break };
        parts.push(Str::from(&rest[..at]));
        rest = &rest[at + separator.len()..];
    }
    parts.push(Str::from(rest));
    scope.charge(parts.len() * size_of::<Value>())?;
    Ok(parts)
}

/// `_0`, `_1` and so on: `map[string]string`.
fn numbered(parts: Vec<Str>) -> Outcome {
    let entries = parts.into_iter().enumerate().map(|(i, part)| (Str::from(format!("_{i}")), Value::Str(part)));
    Ok(Value::Map(Map::typed(MapType::STRINGS, entries.collect())))
}

pub(super) fn split(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    numbered(split_parts(scope, text(&args[0])?, text(&args[1])?, -1)?)
}

pub(super) fn splitn(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    numbered(split_parts(scope, text(&args[0])?, text(&args[2])?, int(&args[1])?)?)
}

pub(super) fn split_list(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::List(List::strings(split_parts(scope, text(&args[0])?, text(&args[1])?, -1)?)))
}
