//! Parameters that another program makes.

use gitops_manifest::{Map, Value};

use super::Context;
use crate::error::ExpandError;
use crate::params;
use crate::world::PluginRequest;

pub(super) fn generate(context: &Context<'_>, at: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
    let none = Map::new();
    let parameters = block.at(&["input", "parameters"]).and_then(Value::as_map).unwrap_or(&none);
    let config_map = block.str_at(&["configMapRef", "name"]).unwrap_or("");
    let request = PluginRequest { config_map, set: context.name, parameters };
    let answer = context.world.plugin(request).map_err(ExpandError::world(at))?;
    let mut sets = Vec::with_capacity(answer.len());
    for object in answer {
        let Value::Map(object) = params::as_go_any(&Value::Map(object)) else { continue };
        let mut set = if context.engine.is_go() { object } else { params::from_texts(params::flatten(&object)) };
        let input: Map = [("parameters", Value::Map(parameters.clone()))].into_iter().collect();
        set.insert("generator", [("input", Value::Map(input))].into_iter().collect::<Map>());
        context.engine.add_values(at, block, &mut set)?;
        sets.push(set);
    }
    Ok(sets)
}
