//! To and from the values of manifests. Numbers come in as float64, the way Helm reads its values.

use gitops_manifest as manifest;

use crate::error::FuncError;
use crate::value::{List, Map, MapType, Value};

/// How deep values may nest before walking them is refused. Deeper ones can be built, but neither printed nor converted.
pub(crate) const MAX_DEPTH: usize = 256;

impl From<&manifest::Value> for Value {
    /// As sigs.k8s.io/yaml decodes into `interface{}`: every number is a float64.
    fn from(value: &manifest::Value) -> Value {
        match value {
            manifest::Value::Null => Value::Nil,
            manifest::Value::Bool(b) => Value::Bool(*b),
            manifest::Value::Number(n) => Value::Float(n.as_f64()),
            manifest::Value::String(text) => Value::from(text.as_str()),
            manifest::Value::List(items) => Value::List(List::new(items.iter().map(Value::from).collect())),
            manifest::Value::Map(map) => Value::Map(Map::from(map)),
        }
    }
}

impl From<&manifest::Map> for Map {
    fn from(map: &manifest::Map) -> Map {
        Map::typed(MapType::ANY, map.iter().map(|(k, v)| (k.as_str().into(), v.into())).collect())
    }
}

impl Value {
    /// As a value of manifests: what `toYaml` and `toJson` print. Bytes become base64 text, host objects what they say.
    /// Fails if the value nests more than 256 deep, as one that holds itself does.
    pub fn to_manifest(&self) -> Result<manifest::Value, FuncError> {
        to_manifest(self, 0)
    }
}

fn to_manifest(value: &Value, depth: usize) -> Result<manifest::Value, FuncError> {
    if depth > MAX_DEPTH {
        return Err(FuncError::Limit { what: "levels of nested values", limit: MAX_DEPTH as u64 });
    }
    Ok(match value {
        Value::Nil => manifest::Value::Null,
        Value::Bool(b) => manifest::Value::Bool(*b),
        Value::Int(n) | Value::Int64(n) => manifest::Value::Number(manifest::Number::Int(*n)),
        Value::Uint8(n) => manifest::Value::Number(manifest::Number::Int(i64::from(*n))),
        Value::Int32(n) => manifest::Value::Number(manifest::Number::Int(i64::from(*n))),
        Value::Uint64(n) => manifest::Value::Number(match i64::try_from(*n) {
            Ok(n) => manifest::Number::Int(n),
            Err(_) => manifest::Number::UInt(*n),
        }),
        Value::Float(n) => manifest::Value::Number(manifest::Number::Float(*n)),
        Value::Complex(_) => return Err(FuncError::new("json: unsupported type: complex128")),
        Value::Str(text) => manifest::Value::String(text.text().as_ref().into()),
        Value::Bytes(bytes) => manifest::Value::String(base64(bytes).into()),
        Value::List(list) if list.is_nil() => manifest::Value::Null,
        Value::List(list) => manifest::Value::List(list.iter().map(|v| to_manifest(v, depth + 1)).collect::<Result<_, _>>()?),
        Value::Map(map) if map.is_nil() => manifest::Value::Null,
        Value::Map(map) => {
            let entries = map.entries();
            let entries = entries.iter().map(|(k, v)| Ok((k.text().as_ref().into(), to_manifest(v, depth + 1)?)));
            manifest::Value::Map(manifest::Map::from_entries(entries.collect::<Result<_, FuncError>>()?))
        }
        Value::Object(object) => to_manifest(&object.plain(), depth + 1)?,
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, b| word << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}
