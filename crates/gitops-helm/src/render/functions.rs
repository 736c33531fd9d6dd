//! The functions that Helm adds to sprig's: include, tpl, required, fail, lookup, and YAML, JSON and TOML in and out.

use std::collections::HashMap;
use std::sync::Arc;

use gitops_template::{FuncError, Function, Map, Render, Scope, Str, Target, TemplateError, Ty, Value, fmt};

use super::compile::{WARNING_END, WARNING_START};
use super::{Lookup, NO_VALUE, encode};

/// Helm's functions, over sprig's.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::render("include", &[Ty::Str, Ty::Any], include),
    Function::render("tpl", &[Ty::Str, Ty::Any], tpl),
    Function::new("required", &[Ty::Str, Ty::Any], required),
    Function::new("fail", &[Ty::Str], fail),
    Function::new("lookup", &[Ty::Str, Ty::Str, Ty::Str, Ty::Str], lookup),
    Function::new("getHostByName", &[Ty::Str], host_by_name),
    Function::new("toYaml", &[Ty::Any], encode::to_yaml),
    Function::new("toYamlPretty", &[Ty::Any], encode::to_yaml_pretty),
    Function::new("fromYaml", &[Ty::Str], encode::from_yaml),
    Function::new("fromYamlArray", &[Ty::Str], encode::from_yaml_array),
    Function::new("toJson", &[Ty::Any], encode::to_json),
    Function::new("fromJson", &[Ty::Str], encode::from_json),
    Function::new("fromJsonArray", &[Ty::Str], encode::from_json_array),
    Function::new("toToml", &[Ty::Any], encode::to_toml),
    Function::new("fromToml", &[Ty::Str], encode::from_toml),
];

/// Deepest nesting of one name in `include`.
const MAX_NESTED: u32 = 1000;

/// What functions share during one rendering.
pub(super) struct State {
    /// How often each name is being included now.
    nested: HashMap<Str, u32>,
    /// How many `include` and `tpl` are open.
    depth: u32,
    lookup: Option<Arc<dyn Lookup>>,
}

impl State {
    pub(super) fn new(lookup: Option<Arc<dyn Lookup>>) -> State {
        State { nested: HashMap::new(), depth: 0, lookup }
    }
}

fn text_of(value: &Value) -> Str {
    value.as_str().cloned().unwrap_or_default()
}

fn include(scope: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Render, FuncError> {
    let name = text_of(&arguments[0]);
    if let Some(state) = scope.host::<State>() {
        let nested = state.nested.entry(name.clone()).or_insert(0);
        if *nested > MAX_NESTED {
            let reason = format!("rendering template has a nested reference name: {}: unable to execute template", name.text());
            return Err(FuncError::new(reason));
        }
        *nested += 1;
        state.depth += 1;
    }
    Ok(Render { target: Target::Named(name.clone()), dot: arguments[1].take(), tag: Value::Str(name), finish: included })
}

fn included(scope: &mut Scope<'_>, tag: Value, outcome: Result<Str, TemplateError>) -> Result<Value, FuncError> {
    if let (Some(state), Some(name)) = (scope.host::<State>(), tag.as_str())
        && let Some(nested) = state.nested.get_mut(name)
    {
        *nested = nested.saturating_sub(1);
    }
    let outcome = outcome.map(Value::Str).map_err(|error| close(scope, error).into_func());
    if let Some(state) = scope.host::<State>() {
        state.depth = state.depth.saturating_sub(1);
    }
    outcome
}

/// Errors of templates in templates are kept as a chain only so far: a long chain would be walked by recursion.
const MAX_CHAIN: u32 = 32;

enum Closed {
    Chain(TemplateError),
    Text(String),
}

impl Closed {
    fn into_func(self) -> FuncError {
        match self {
            Closed::Chain(error) => FuncError::from(error),
            Closed::Text(text) => FuncError::new(text),
        }
    }
}

fn close(scope: &mut Scope<'_>, error: TemplateError) -> Closed {
    let depth = scope.host::<State>().map_or(0, |state| state.depth);
    if depth > 0 && depth.is_multiple_of(MAX_CHAIN) { Closed::Text(error.to_string()) } else { Closed::Chain(error) }
}

fn tpl(scope: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Render, FuncError> {
    if let Some(state) = scope.host::<State>() {
        state.depth += 1;
    }
    let text = text_of(&arguments[0]);
    let target = Target::Text { name: Str::from_static("gotpl"), text: text.clone() };
    Ok(Render { target, dot: arguments[1].take(), tag: Value::Str(text), finish: templated })
}

fn templated(scope: &mut Scope<'_>, tag: Value, outcome: Result<Str, TemplateError>) -> Result<Value, FuncError> {
    let outcome = match outcome {
        Ok(text) => Ok(Value::Str(without_no_value(text))),
        Err(error) => {
            let what = match &error {
                TemplateError::Parse { .. } => "cannot parse template",
                _ => "error during tpl function execution for",
            };
            Err(close(scope, error).into_func().wrapped(format!("{what} {}", fmt::quote(&text_of(&tag)))))
        }
    };
    if let Some(state) = scope.host::<State>() {
        state.depth = state.depth.saturating_sub(1);
    }
    outcome
}

fn without_no_value(text: Str) -> Str {
    if memchr::memmem::find(&text, NO_VALUE.as_bytes()).is_none() {
        return text;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(&text, NO_VALUE) {
        out.extend_from_slice(&text[from..at]);
        from = at + NO_VALUE.len();
    }
    out.extend_from_slice(&text[from..]);
    Str::from(out)
}

fn warning(message: &Value) -> FuncError {
    FuncError::new(format!("{WARNING_START}{}{WARNING_END}", text_of(message).text()))
}

fn required(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    let missing = match &arguments[1] {
        Value::Nil => true,
        Value::Str(text) => text.is_empty(),
        _ => false,
    };
    if missing { Err(warning(&arguments[0])) } else { Ok(arguments[1].take()) }
}

fn fail(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Err(warning(&arguments[0]))
}

fn lookup(scope: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    let empty = Value::Map(Map::new());
    let Some(lookup) = scope.host::<State>().and_then(|state| state.lookup.clone()) else { return Ok(empty) };
    scope.note_drift("lookup");
    let [version, kind, namespace, name] = [0, 1, 2, 3].map(|i| text_of(&arguments[i]).text().into_owned());
    let found = lookup.lookup(&version, &kind, &namespace, &name).map_err(FuncError::new)?;
    Ok(found.as_ref().map_or(empty, Value::from))
}

/// Helm asks no name server unless it is told to.
fn host_by_name(_: &mut Scope<'_>, _: &mut [Value]) -> Result<Value, FuncError> {
    Ok(Value::Str(Str::EMPTY))
}
