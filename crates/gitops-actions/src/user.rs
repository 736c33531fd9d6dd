//! Users' actions: Lua in Argo CD's API.

use gitops_lua::{Libraries, Limits, Script};
use gitops_manifest::{Map, Value};

use crate::action::{Action, ActionError, Impact, Input, Param};

/// The actions a user has written for a kind.
#[derive(Clone, Debug, Default)]
pub struct UserActions {
    discovery: Vec<Script>,
    definitions: Vec<(String, Script)>,
    merges_built_in: bool,
    limits: Limits,
}

impl UserActions {
    /// No actions yet. With `merges_built_in` the shipped ones of the kind stay.
    pub fn new(merges_built_in: bool) -> UserActions {
        UserActions { merges_built_in, ..UserActions::default() }
    }

    /// Sets the script that finds the actions, `discovery.lua`; `name` names it in errors.
    ///
    /// # Errors
    /// When the text is not Lua.
    pub fn set_discovery(&mut self, name: &str, text: &str) -> Result<(), ActionError> {
        self.discovery = vec![Script::new(name, text, Libraries::Reduced)?.with_limits(self.limits)];
        Ok(())
    }

    /// Adds the script that runs an action, `action.lua`.
    ///
    /// # Errors
    /// When the text is not Lua.
    pub fn define(&mut self, action: &str, name: &str, text: &str) -> Result<(), ActionError> {
        let script = Script::new(name, text, Libraries::Reduced)?.with_limits(self.limits);
        self.definitions.retain(|(known, _)| known != action);
        self.definitions.push((action.to_owned(), script));
        Ok(())
    }

    pub(crate) fn merges_built_in(&self) -> bool {
        self.merges_built_in
    }

    pub(crate) fn discover(&self, live: &Value) -> Result<Vec<Action>, ActionError> {
        let Some(script) = self.discovery.first() else { return Ok(Vec::new()) };
        let result = script.run(&[("obj", live), ("actionParams", &Value::Map(Map::new()))])?;
        let wrong = |message: String| ActionError::Result { script: script.name().to_owned(), message };
        match result {
            None => Ok(Vec::new()),
            Some(Value::List(list)) if list.is_empty() => Ok(Vec::new()),
            Some(Value::Map(map)) => map.iter().map(|(name, value)| found(name, value).map_err(wrong)).collect(),
            Some(other) => Err(wrong(format!("expected a table of actions by name, found a {}", other.kind_name()))),
        }
    }

    pub(crate) fn run(&self, live: &Value, action: &str, input: &Input) -> Option<Result<Vec<Impact>, ActionError>> {
        let (_, script) = self.definitions.iter().find(|(name, _)| name == action)?;
        Some(run(script, live, input))
    }
}

fn found(name: &str, value: &Value) -> Result<Action, String> {
    let empty = value.as_list().is_some_and(<[Value]>::is_empty);
    if value.as_map().is_none() && !empty {
        return Err(format!("expected a table for the action `{name}`, found a {}", value.kind_name()));
    }
    let text = |key: &str| value.str_at(&[key]).unwrap_or("").to_owned();
    let params = value.get("params").and_then(Value::as_list).unwrap_or(&[]).iter().map(|param| Param {
        name: param.str_at(&["name"]).unwrap_or("").to_owned(),
        default: param.str_at(&["default"]).unwrap_or("").to_owned(),
    });
    Ok(Action {
        name: name.to_owned(),
        disabled: value.get("disabled").and_then(Value::as_bool).unwrap_or(false),
        display_name: text("displayName"),
        icon_class: text("iconClass"),
        params: params.collect(),
    })
}

fn run(script: &Script, live: &Value, input: &Input) -> Result<Vec<Impact>, ActionError> {
    let params = Value::Map(input.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect());
    let wrong = |message: &str| ActionError::Result { script: script.name().to_owned(), message: message.to_owned() };
    match script.run(&[("obj", live), ("actionParams", &params)])? {
        Some(Value::List(list)) => list.into_iter().map(|entry| impact(entry, live).map_err(|m| wrong(&m))).collect(),
        Some(mut object @ Value::Map(_)) => {
            mend_empty(&mut object, live);
            Ok(vec![Impact::Patch(object)])
        }
        _ => Err(wrong("expected the changed object, or a list of what is to be created and patched")),
    }
}

fn impact(mut entry: Value, live: &Value) -> Result<Impact, String> {
    let operation = entry.str_at(&["operation"]).unwrap_or("").to_owned();
    let mut resource = entry.as_map_mut().and_then(|map| map.remove("resource")).unwrap_or_default();
    if resource.as_map().is_none() {
        return Err("an entry of the result has no `resource`".to_owned());
    }
    match operation.as_str() {
        "create" => Ok(Impact::Create(resource)),
        "patch" => {
            mend_empty(&mut resource, live);
            Ok(Impact::Patch(resource))
        }
        other => Err(format!("unsupported operation `{other}`: `create` and `patch` are known")),
    }
}

/// Lua has one empty table for `[]` and `{}`: where the live object has a map, it was a map.
fn mend_empty(value: &mut Value, live: &Value) {
    match (value, live) {
        (value @ Value::List(_), Value::Map(_)) if value.as_list().is_some_and(<[Value]>::is_empty) => *value = Value::Map(Map::new()),
        (Value::Map(map), Value::Map(live)) => {
            for (key, value) in map.iter_mut() {
                if let Some(live) = live.get(key) {
                    mend_empty(value, live);
                }
            }
        }
        (Value::List(list), Value::List(live)) => list.iter_mut().zip(live).for_each(|(value, live)| mend_empty(value, live)),
        _ => {}
    }
}
