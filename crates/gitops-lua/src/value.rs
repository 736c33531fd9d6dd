//! Values into Lua and out of it.

use gitops_manifest::{Map, Number, Str, Value};
use mlua::{Lua, Table};

/// How deep a table may nest on its way out: one that holds itself ends here.
const MAX_DEPTH: usize = 200;

pub(crate) fn into_lua(lua: &Lua, value: &Value) -> mlua::Result<mlua::Value> {
    Ok(match value {
        Value::Null => mlua::Value::Nil,
        Value::Bool(b) => mlua::Value::Boolean(*b),
        Value::Number(n) => mlua::Value::Number(n.as_f64()),
        Value::String(s) => mlua::Value::String(lua.create_string(s.as_bytes())?),
        Value::List(list) => {
            let table = lua.create_table_with_capacity(list.len(), 0)?;
            for (index, item) in list.iter().enumerate() {
                table.raw_set(index + 1, into_lua(lua, item)?)?;
            }
            mlua::Value::Table(table)
        }
        Value::Map(map) => {
            let table = lua.create_table_with_capacity(0, map.len())?;
            for (key, item) in map.iter() {
                table.raw_set(lua.create_string(key.as_bytes())?, into_lua(lua, item)?)?;
            }
            mlua::Value::Table(table)
        }
    })
}

/// Why a result cannot be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// A function, a thread: of this type.
    Type(&'static str),
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
    /// Keys that are neither all texts nor 1 to n.
    Keys,
    Lua(mlua::Error),
}

impl From<mlua::Error> for Unusable {
    fn from(error: mlua::Error) -> Unusable {
        Unusable::Lua(error)
    }
}

pub(crate) fn from_lua(value: &mlua::Value) -> Result<Value, Unusable> {
    read(value, 0)
}

fn read(value: &mlua::Value, depth: usize) -> Result<Value, Unusable> {
    if depth > MAX_DEPTH {
        return Err(Unusable::TooDeep);
    }
    Ok(match value {
        mlua::Value::Nil => Value::Null,
        mlua::Value::Boolean(b) => Value::Bool(*b),
        mlua::Value::Integer(i) => Value::from(*i),
        mlua::Value::Number(n) => Value::Number(number(*n)),
        mlua::Value::String(s) => Value::String(Str::from(&*s.to_string_lossy())),
        mlua::Value::Table(table) => read_table(table, depth)?,
        other => return Err(Unusable::Type(other.type_name())),
    })
}

fn read_table(table: &Table, depth: usize) -> Result<Value, Unusable> {
    let length = table.raw_len();
    let mut list = Vec::new();
    let mut entries = Vec::new();
    for pair in table.pairs::<mlua::Value, mlua::Value>() {
        let (key, value) = pair?;
        match key {
            mlua::Value::String(key) => entries.push((Str::from(&*key.to_string_lossy()), read(&value, depth + 1)?)),
            mlua::Value::Integer(_) | mlua::Value::Number(_) => list.push(()),
            _ => return Err(Unusable::Keys),
        }
    }
    if entries.is_empty() {
        if list.len() != length {
            return Err(Unusable::Keys);
        }
        let items = (1..=length).map(|i| read(&table.raw_get(i)?, depth + 1));
        return Ok(Value::List(items.collect::<Result<_, _>>()?));
    }
    if list.is_empty() { Ok(Value::Map(Map::from_entries(entries))) } else { Err(Unusable::Keys) }
}

/// Lua knows one kind of number; what is whole was an integer.
fn number(n: f64) -> Number {
    if n.fract() == 0.0 && n.abs() < 9_007_199_254_740_992.0 { Number::Int(n as i64) } else { Number::Float(n) }
}
