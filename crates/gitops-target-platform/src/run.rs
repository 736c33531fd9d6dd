//! Runs reloads and hooks: each is one call of the server's own configuration with the run's stable id.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use gitops_apply::{HookOutcome, HookRunId, TargetError};
use gitops_manifest::{Manifest, Map, Value, json};
use rustix::io::Errno;
use rustix::process::{Pid, kill_process};

use crate::command::{CommandFault, Invocation};
use crate::config::{CommandCall, HookAction, HttpCall, Reload, SignalCall};
use crate::http::{self, Signed};
use crate::probe;
use crate::secret::Secrets;

/// One run, and all that what runs is told of it.
pub(crate) struct Run<'a> {
    pub(crate) app: &'a str,
    pub(crate) group: &'a str,
    pub(crate) run_id: &'a HookRunId,
    pub(crate) root: &'a str,
    pub(crate) secrets: &'a Secrets,
    pub(crate) cancel: &'a AtomicBool,
}

impl Run<'_> {
    /// Runs a reload.
    pub(crate) fn reload(&self, reload: &Reload) -> Result<(), TargetError> {
        let named = |message: String| format!("reload of `{}`: {message}", self.group);
        match reload {
            Reload::Http(call) => self.http(call, None).map_err(|e| TargetError { message: named(e.message), ..e }),
            Reload::Signal(call) => signal(call).map_err(|e| TargetError { message: named(e.message), ..e }),
            Reload::Command(call) => match self.command(call, call.argv.clone(), None) {
                Ok(_) => Ok(()),
                Err(fault) => Err(TargetError::transient(named(fault.message))),
            },
        }
    }

    /// Runs a hook. A command that cannot start or does not end has failed, as one that says no; an HTTP call that may go
    /// well later is an error, for the engine to try again under the same id.
    pub(crate) fn hook(&self, action: &HookAction, manifest: &Manifest) -> Result<HookOutcome, TargetError> {
        match action {
            HookAction::Command(call) => {
                let argv = probe::arguments(call, self.app, manifest.id());
                match self.command(call, argv, Some(manifest)) {
                    Ok(output) => Ok(HookOutcome::Succeeded { message: output }),
                    Err(fault) => Ok(HookOutcome::Failed { message: fault.message }),
                }
            }
            HookAction::Http(call) => {
                let call = HttpCall { url: probe::fill(&call.url, self.app, manifest.id()), ..call.clone() };
                match self.http(&call, Some(manifest)) {
                    Ok(()) => Ok(HookOutcome::Succeeded { message: String::new() }),
                    Err(e) if e.transient => Err(e),
                    Err(e) => Ok(HookOutcome::Failed { message: e.message }),
                }
            }
        }
    }

    fn http(&self, call: &HttpCall, object: Option<&Manifest>) -> Result<(), TargetError> {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let run_id = self.run_id.to_string();
        let mut body = Map::new();
        body.insert("app", self.app);
        body.insert("group", self.group);
        body.insert("runId", run_id.as_str());
        body.insert("timestamp", i64::try_from(timestamp).unwrap_or(i64::MAX));
        if let Some(manifest) = object {
            body.insert("object", manifest.body().clone());
        }
        let signed = Signed { body: json::print(&Value::Map(body)), run_id, timestamp };
        http::call(call, &call.url, Some(&signed), self.secrets)
            .map(drop)
            .map_err(|fault| TargetError { message: fault.message, transient: fault.transient })
    }

    fn command(&self, call: &CommandCall, argv: Vec<String>, object: Option<&Manifest>) -> Result<String, CommandFault> {
        let mut env = probe::own_env(&call.env, self.secrets).map_err(|message| CommandFault { message })?;
        let hidden: Vec<String> =
            call.env.iter().zip(&env).filter(|(written, (_, value))| written.1 != *value).map(|(_, (_, value))| value.clone()).collect();
        let mut tell = |name: &str, value: &str| env.push((name.to_owned(), value.to_owned()));
        tell("GITOPS_APP", self.app);
        tell("GITOPS_GROUP", self.group);
        tell("GITOPS_HOOK_RUN_ID", &self.run_id.to_string());
        tell("GITOPS_LIVE_ROOT", self.root);
        if let Some(manifest) = object {
            tell("GITOPS_OBJECT", &manifest.id().to_string());
        }
        let input = object.map(|manifest| json::print(manifest.body()).into_bytes());
        let invocation = Invocation { argv, env, input, timeout: call.timeout, output_limit: call.output_limit };
        let hide =
            |text: String| hidden.iter().filter(|h| !h.is_empty()).fold(text, |text, secret| text.replace(secret.as_str(), "********"));
        match invocation.run(self.cancel) {
            Ok(output) => Ok(hide(output)),
            Err(fault) => Err(CommandFault { message: hide(fault.message) }),
        }
    }
}

fn signal(call: &SignalCall) -> Result<(), TargetError> {
    let place = call.pid_file.display();
    let text = fs::read_to_string(&call.pid_file).map_err(|e| TargetError::transient(format!("pid file {place}: {}", e.kind())))?;
    // 0 and below would mean groups, 1 the init process: never what a pid file means.
    let pid = text.trim().parse::<i32>().ok().filter(|pid| *pid > 1).and_then(Pid::from_raw);
    let Some(pid) = pid else { return Err(TargetError::transient(format!("pid file {place}: does not hold a process id"))) };
    let Some(number) = call.number() else { return Err(TargetError::permanent(format!("unknown signal `{}`", call.signal))) };
    kill_process(pid, number).map_err(|e| {
        let why = match e {
            Errno::SRCH => "there is no such process".to_owned(),
            Errno::PERM => "the server may not signal it".to_owned(),
            other => other.to_string(),
        };
        TargetError::transient(format!("signal {} to process {}: {why}", call.signal, pid.as_raw_nonzero()))
    })
}
