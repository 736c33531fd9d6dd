//! Plugins of ApplicationSets: one question, one answer.

use std::time::Duration;

use gitops_manifest::{Map, Value, json};

use crate::ask::{agent, check};
use crate::error::AskError;

/// Most bytes of an answer.
const ANSWER: u64 = 16 << 20;

/// Asks a plugin for parameters: `POST <base>/api/v1/getparams.execute`.
///
/// # Errors
/// When it does not answer, or with something else than a list of parameters.
pub fn ask_plugin(base: &str, token: &str, set: &str, parameters: &Map, timeout: Duration) -> Result<Vec<Map>, AskError> {
    check(base)?;
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(AskError::Setting("the plugin's token has characters that no header can have".to_owned()));
    }
    let url = format!("{}/api/v1/getparams.execute", base.trim_end_matches('/'));
    let input: Map = [("parameters", Value::Map(parameters.clone()))].into_iter().collect();
    let body: Map = [("applicationSetName", Value::from(set)), ("input", Value::Map(input))].into_iter().collect();
    let request = agent(timeout, false, None)?
        .post(&url)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    let sent = request.send(json::print(&Value::Map(body)));
    let mut response = sent.map_err(|e| AskError::Unavailable { url: url.clone(), reason: e.to_string() })?;
    let status = response.status().as_u16();
    let read = response.body_mut().with_config().limit(ANSWER).read_to_vec();
    let bytes = read.map_err(|e| AskError::Unavailable { url: url.clone(), reason: format!("the answer broke off: {e}") })?;
    match status {
        200..300 => {}
        404 => return Err(AskError::NotFound { url }),
        500.. => return Err(AskError::Unavailable { url, reason: format!("status {status}") }),
        _ => return Err(AskError::Refused { url, status, message: String::new() }),
    }
    let answer = json::parse(&bytes, &url).map_err(|e| AskError::Answer { url: url.clone(), reason: e.to_string() })?;
    let sets = answer.at(&["output", "parameters"]).and_then(Value::as_list);
    let maps = sets.and_then(|sets| sets.iter().map(|set| set.as_map().cloned()).collect::<Option<Vec<Map>>>());
    maps.ok_or_else(|| AskError::Answer { url, reason: "expected {\"output\": {\"parameters\": [{…}]}}".to_owned() })
}
