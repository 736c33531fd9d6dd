//! Runs a command of the server's own configuration: no shell, an environment of its own, a time-out for the whole
//! process group, and no more of its output than a message needs.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Between TERM and KILL.
const GRACE: Duration = Duration::from_secs(1);

/// How long output is waited for after the end: a child left running in the background may hold the pipe for ever.
const LAST_OUTPUT: Duration = Duration::from_millis(200);

/// What the environment of the server hands down. Not more: the rest may hold credentials.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// A command, ready to run.
pub(crate) struct Invocation {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) input: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
    pub(crate) output_limit: usize,
}

/// How it ended badly.
#[derive(Debug)]
pub(crate) struct CommandFault {
    pub(crate) message: String,
}

impl Invocation {
    /// Runs it to its end and returns the end of its output. `cancel` ends it early.
    pub(crate) fn run(self, cancel: &AtomicBool) -> Result<String, CommandFault> {
        let program = self.argv.first().cloned().unwrap_or_default();
        let fault = |message: String| CommandFault { message };
        let mut command = Command::new(&program);
        command.args(self.argv.iter().skip(1)).env_clear().process_group(0);
        command.envs(INHERITED.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value))));
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| fault(format!("`{program}` does not start: {e}")))?;
        if let (Some(input), Some(mut pipe)) = (self.input, child.stdin.take()) {
            // On a thread: a command that reads nothing would hold up who writes. Its error is no news then.
            thread::spawn(move || pipe.write_all(&input));
        }
        let output = Output::collect(&mut child, self.output_limit);
        let end = wait(&mut child, self.timeout, cancel);
        let said = output.text();
        let with_output = |message: String| if said.is_empty() { message } else { format!("{message}: {said}") };
        match end {
            End::Exited(status) if status.success() => Ok(said),
            End::Exited(status) => {
                let how = match (status.code(), status.signal()) {
                    (Some(code), _) => format!("`{program}` ended with exit code {code}"),
                    (None, signal) => format!("`{program}` was ended by signal {}", signal.unwrap_or_default()),
                };
                Err(CommandFault { message: with_output(how) })
            }
            End::TimedOut => Err(fault(with_output(format!("`{program}` did not end within {} s", self.timeout.as_secs_f64())))),
            End::Cancelled => Err(fault(format!("`{program}` was ended, because what it was run for was called off"))),
            End::Lost(e) => Err(fault(format!("`{program}` cannot be waited for: {e}"))),
        }
    }
}

enum End {
    Exited(ExitStatus),
    TimedOut,
    Cancelled,
    Lost(std::io::Error),
}

fn wait(child: &mut Child, timeout: Duration, cancel: &AtomicBool) -> End {
    let begun = Instant::now();
    let mut pause = Duration::from_micros(500);
    let end = loop {
        match child.try_wait() {
            Ok(Some(status)) => return End::Exited(status),
            Ok(None) => {}
            Err(e) => break End::Lost(e),
        }
        if cancel.load(Ordering::Relaxed) {
            break End::Cancelled;
        }
        if begun.elapsed() >= timeout {
            break End::TimedOut;
        }
        thread::sleep(pause.min(timeout.saturating_sub(begun.elapsed())));
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    end_group(child);
    end
}

/// Ends the process group of a child that has not been waited for, so that its id cannot be another's by now.
fn end_group(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(group) = group else { return };
    let _ = kill_process_group(group, Signal::TERM);
    let begun = Instant::now();
    // Looked at without reaping: after KILL, members that ignored TERM must go too, and the group's id must still be ours.
    while begun.elapsed() < GRACE {
        if rustix::process::waitid(
            rustix::process::WaitId::Pid(group),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOHANG | rustix::process::WaitIdOptions::NOWAIT,
        )
        .is_ok_and(|status| status.is_some())
        {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

/// The end of what a command writes.
struct Output {
    tail: Arc<Mutex<Vec<u8>>>,
    done: mpsc::Receiver<()>,
    limit: usize,
}

impl Output {
    fn collect(child: &mut Child, limit: usize) -> Output {
        let tail = Arc::new(Mutex::new(Vec::new()));
        let (send, done) = mpsc::channel();
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|p| Box::new(p) as Box<dyn Read + Send>),
            child.stderr.take().map(|p| Box::new(p) as Box<dyn Read + Send>),
        ];
        for mut pipe in pipes.into_iter().flatten() {
            let (tail, send) = (Arc::clone(&tail), send.clone());
            thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(n @ 1..) = pipe.read(&mut chunk) {
                    let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                    tail.extend_from_slice(&chunk[..n]);
                    let over = tail.len().saturating_sub(limit);
                    tail.drain(..over);
                }
                drop(send);
            });
        }
        Output { tail, done, limit }
    }

    fn text(self) -> String {
        // Both readers drop their end when their pipe is closed; then there is nobody to receive from.
        let _ = self.done.recv_timeout(LAST_OUTPUT);
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&tail[tail.len().saturating_sub(self.limit)..]);
        text.trim().to_owned()
    }
}
