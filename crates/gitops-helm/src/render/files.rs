//! `.Files`: the files of a chart that are neither templates nor its own.

use gitops_manifest as model;
use gitops_template::{Elem, FuncError, List, Map, MapType, Method, Scope, Str, Ty, Value};

use super::encode;
use super::objects::bytes;
use crate::archive::ChartFile;
use crate::glob::Glob;

/// `engine.files`
const FILES: &MapType = &MapType {
    name: "engine.files",
    elem: Elem::Bytes,
    methods: &[
        Method { name: "Get", params: &[Ty::Str], variadic: None, body: get },
        Method { name: "GetBytes", params: &[Ty::Str], variadic: None, body: get_bytes },
        Method { name: "Glob", params: &[Ty::Str], variadic: None, body: glob },
        Method { name: "Lines", params: &[Ty::Str], variadic: None, body: lines },
        Method { name: "AsConfig", params: &[], variadic: None, body: as_config },
        Method { name: "AsSecrets", params: &[], variadic: None, body: as_secrets },
    ],
};

pub(super) fn all(files: &[ChartFile]) -> Value {
    Value::Map(Map::typed(FILES, files.iter().map(|f| (Str::from(f.name.as_str()), bytes(&f.data))).collect()))
}

/// The content of a file; nothing when there is none.
fn content(receiver: &Value, name: &Value) -> Option<Value> {
    receiver.as_map()?.get(name.as_str()?)
}

fn text(content: &Value) -> Str {
    match content {
        Value::Bytes(bytes) => Str::from(bytes.as_slice()),
        _ => Str::EMPTY,
    }
}

fn get(_: &mut Scope<'_>, receiver: &Value, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(Value::Str(content(receiver, &arguments[0]).map_or(Str::EMPTY, |c| text(&c))))
}

fn get_bytes(_: &mut Scope<'_>, receiver: &Value, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(content(receiver, &arguments[0]).unwrap_or_else(|| bytes(&[])))
}

fn glob(_: &mut Scope<'_>, receiver: &Value, arguments: &mut [Value]) -> Result<Value, FuncError> {
    let pattern = arguments[0].as_str().map(|p| p.text().into_owned()).unwrap_or_default();
    let glob = Glob::parse(&pattern);
    let Some(files) = receiver.as_map() else { return Ok(Value::Nil) };
    let matches = |name: &Str| glob.as_ref().is_none_or(|g| g.matches(&name.text()));
    let found = files.entries().iter().filter(|(name, _)| matches(name)).cloned().collect();
    Ok(Value::Map(Map::typed(FILES, found)))
}

fn lines(_: &mut Scope<'_>, receiver: &Value, arguments: &mut [Value]) -> Result<Value, FuncError> {
    let text = content(receiver, &arguments[0]).map_or(Str::EMPTY, |c| text(&c));
    if text.is_empty() {
        return Ok(Value::List(List::strings(Vec::<Str>::new())));
    }
    let body = text.strip_suffix(b"\n").unwrap_or(&text);
    Ok(Value::List(List::strings(body.split(|b| *b == b'\n').map(Str::from))))
}

/// Base name and content of each file, as YAML.
fn by_base_name(receiver: &Value, read: impl Fn(&Value) -> model::Value) -> Value {
    let entries = receiver.as_map().map(Map::entries).unwrap_or_default();
    let base = |name: &Str| {
        let name = name.text();
        name.rsplit_once('/').map_or(&*name, |(_, base)| base).to_owned()
    };
    let map: model::Map = entries.iter().map(|(name, content)| (base(name), read(content))).collect();
    Value::Str(encode::yaml_text(&model::Value::Map(map)))
}

fn as_config(_: &mut Scope<'_>, receiver: &Value, _: &mut [Value]) -> Result<Value, FuncError> {
    Ok(by_base_name(receiver, |content| text(content).text().as_ref().into()))
}

fn as_secrets(_: &mut Scope<'_>, receiver: &Value, _: &mut [Value]) -> Result<Value, FuncError> {
    // Bytes become base64 text on their way into a manifest.
    Ok(by_base_name(receiver, |content| content.to_manifest().unwrap_or_default()))
}
