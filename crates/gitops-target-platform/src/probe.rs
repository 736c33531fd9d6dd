//! Asks for the health of what runs on the live files: HTTP, TCP, age of a file, command; each with its time-out.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use gitops_manifest::{ObjectId, Value, json};

use crate::command::Invocation;
use crate::config::{CommandCall, HttpCall, ProbeKind};
use crate::http;
use crate::layout;
use crate::secret::Secrets;

/// Puts the texts of an object in the place of a probe's placeholders, encoded as path parts are: an object cannot
/// lead a call elsewhere.
pub(crate) fn fill(template: &str, app: &str, id: &ObjectId) -> String {
    layout::expand(template, |placeholder| match placeholder {
        "namespace" => layout::namespace_part(&id.namespace),
        "group" => layout::group_part(&id.group),
        "kind" => layout::encode(&id.kind),
        "app" => layout::encode(app),
        _ => layout::encode(&id.name),
    })
}

/// Arguments of commands get the texts as they are: an argument is one argument whatever is in it. What is in braces
/// and no placeholder stays.
pub(crate) fn arguments(call: &CommandCall, app: &str, id: &ObjectId) -> Vec<String> {
    let texts =
        [("{namespace}", id.namespace.as_str()), ("{group}", &id.group), ("{kind}", &id.kind), ("{name}", &id.name), ("{app}", app)];
    call.argv.iter().map(|arg| texts.iter().find(|(p, _)| arg == p).map_or_else(|| arg.clone(), |(_, text)| (*text).to_owned())).collect()
}

/// A probe with its placeholders filled. Two objects with the same question are asked for once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    Http(HttpCall),
    Tcp { address: String, timeout: Duration },
    FileAge { path: PathBuf, max: Duration },
    Command(CommandCall),
}

impl Question {
    pub(crate) fn new(kind: &ProbeKind, app: &str, id: &ObjectId) -> Question {
        match kind {
            ProbeKind::Http(call) => Question::Http(HttpCall { url: fill(&call.url, app, id), ..call.clone() }),
            ProbeKind::Tcp { address, timeout } => Question::Tcp { address: fill(address, app, id), timeout: *timeout },
            ProbeKind::FileAge { path, max } => {
                Question::FileAge { path: PathBuf::from(fill(&path.to_string_lossy(), app, id)), max: *max }
            }
            ProbeKind::Command(call) => Question::Command(CommandCall { argv: arguments(call, app, id), ..call.clone() }),
        }
    }

    /// Asks. `Err` says what is wrong.
    pub(crate) fn ask(&self, secrets: &Secrets) -> Result<(), String> {
        match self {
            Question::Http(call) => ask_http(call, secrets),
            Question::Tcp { address, timeout } => ask_tcp(address, *timeout),
            Question::FileAge { path, max } => ask_file(path, *max),
            Question::Command(call) => {
                let env = own_env(&call.env, secrets)?;
                let invocation =
                    Invocation { argv: call.argv.clone(), env, input: None, timeout: call.timeout, output_limit: call.output_limit };
                invocation.run(&AtomicBool::new(false)).map(drop).map_err(|fault| fault.message)
            }
        }
    }
}

/// The environment of a command, references resolved.
pub(crate) fn own_env(env: &[(String, String)], secrets: &Secrets) -> Result<Vec<(String, String)>, String> {
    env.iter().map(|(k, v)| Ok((k.clone(), secrets.own_text(v).map_err(|e| e.message)?))).collect()
}

fn ask_http(call: &HttpCall, secrets: &Secrets) -> Result<(), String> {
    let answer = http::call(call, &call.url, None, secrets).map_err(|fault| fault.message)?;
    let Some((pointer, expected)) = &call.expect_json else { return Ok(()) };
    let value = json::parse(&answer.body, "answer").map_err(|_| "the answer is not JSON".to_owned())?;
    match at_pointer(&value, pointer) {
        Some(found) if found == expected => Ok(()),
        Some(found @ (Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null)) => {
            let found: String = json::print(found).chars().take(100).collect();
            Err(format!("`{pointer}` of the answer is {found}, not {}", json::print(expected)))
        }
        Some(other) => Err(format!("`{pointer}` of the answer is a {}, not {}", other.kind_name(), json::print(expected))),
        None => Err(format!("the answer has no `{pointer}`")),
    }
}

/// RFC 6901.
fn at_pointer<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(value, |value, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        match value {
            Value::List(items) => items.get(part.parse::<usize>().ok()?),
            other => other.get(&part),
        }
    })
}

fn ask_tcp(address: &str, timeout: Duration) -> Result<(), String> {
    let begun = Instant::now();
    let candidates = address.to_socket_addrs().map_err(|e| format!("{address}: cannot be looked up: {}", e.kind()))?;
    let mut last = format!("{address}: has no address");
    for candidate in candidates {
        let left = timeout.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(format!("{address}: no connection within {} s", timeout.as_secs_f64()));
        }
        match TcpStream::connect_timeout(&candidate, left) {
            Ok(_) => return Ok(()),
            Err(e) => last = format!("{address}: {}", e.kind()),
        }
    }
    Err(last)
}

fn ask_file(path: &std::path::Path, max: Duration) -> Result<(), String> {
    let place = path.display();
    let modified = std::fs::metadata(path).and_then(|m| m.modified()).map_err(|e| format!("{place}: {}", e.kind()))?;
    // A time ahead of ours is a fresh file and a clock that differs.
    let age = SystemTime::now().duration_since(modified).unwrap_or_default();
    if age <= max { Ok(()) } else { Err(format!("{place}: last written {} s ago, more than {} s", age.as_secs(), max.as_secs())) }
}
