//! One command: its own process group, a deadline, limits on what it writes.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Bytes of standard error that a message shows, from its end.
const SHOWN: usize = 4096;

/// How long what is written last is waited for after the end: somebody outside of the group may hold the pipe.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// Why a command gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProcessError {
    #[error("does not start: {0}")]
    Start(String),
    #[error("did not end in time")]
    TimedOut,
    #[error("wrote more than {0} bytes")]
    TooMuch(u64),
    #[error("{how}{}", said(.stderr))]
    Failed { how: String, stderr: String },
    #[error("ended, but what it wrote did not: a process that it left behind holds its output")]
    HeldOpen,
    #[error("cannot be waited for: {0}")]
    Lost(String),
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
}

/// What a reader has to tell.
enum Event {
    Stdout(Result<Vec<u8>, u64>),
    Stderr(String),
    Ended,
}

/// Runs a command to its end and gives what it wrote to its standard output.
pub(crate) fn run(
    argv: &[String],
    directory: &Path,
    environment: &[(String, String)],
    deadline: Instant,
    output_limit: u64,
) -> Result<Vec<u8>, ProcessError> {
    let (program, arguments) = argv.split_first().ok_or_else(|| ProcessError::Start("no program is named".to_owned()))?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).env_clear().process_group(0);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| ProcessError::Start(e.to_string()))?;
    let events = listen(&mut child, output_limit);
    let seen = watch(&events, deadline);
    // While it is not reaped, its id is that of its group and of nobody else's.
    end_group(&child);
    let status = child.wait().map_err(|e| ProcessError::Lost(e.to_string()))?;
    let (stdout, stderr) = seen?.rest(&events)?;
    if status.success() { Ok(stdout) } else { Err(ProcessError::Failed { how: how(status), stderr }) }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, signal) => format!("was ended by signal {}", signal.unwrap_or_default()),
    }
}

/// Readers of both outputs, and one who waits for the end without reaping.
fn listen(child: &mut Child, output_limit: u64) -> Receiver<Event> {
    let (tell, events) = channel();
    if let Some(stdout) = child.stdout.take() {
        let tell = tell.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.take(output_limit.saturating_add(1)).read_to_end(&mut bytes);
            let is_more = read.is_ok() && bytes.len() as u64 > output_limit;
            // Nobody listens any more when all is over.
            let _ = tell.send(Event::Stdout(if is_more { Err(output_limit) } else { Ok(bytes) }));
        });
    }
    if let Some(stderr) = child.stderr.take() {
        let tell = tell.clone();
        thread::spawn(move || {
            let _ = tell.send(Event::Stderr(tail(stderr)));
        });
    }
    if let Some(pid) = pid(child) {
        thread::spawn(move || {
            // Not reaped: until then the id stays taken.
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            let _ = tell.send(Event::Ended);
        });
    }
    events
}

/// The end of what is written, as one text without control characters.
fn tail(mut from: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        let over = kept.len().saturating_sub(SHOWN);
        kept.drain(..over);
    }
    let text = String::from_utf8_lossy(&kept).into_owned();
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[derive(Default)]
struct Seen {
    stdout: Option<Vec<u8>>,
    stderr: Option<String>,
}

impl Seen {
    fn take(&mut self, event: Event) -> Result<bool, ProcessError> {
        match event {
            Event::Stdout(bytes) => self.stdout = Some(bytes.map_err(ProcessError::TooMuch)?),
            Event::Stderr(text) => self.stderr = Some(text),
            Event::Ended => return Ok(true),
        }
        Ok(false)
    }

    /// Both outputs, once the group is gone.
    fn rest(mut self, events: &Receiver<Event>) -> Result<(Vec<u8>, String), ProcessError> {
        let until = Instant::now() + LAST_OUTPUT;
        loop {
            match (self.stdout.take(), self.stderr.take()) {
                (Some(stdout), Some(stderr)) => return Ok((stdout, stderr)),
                (stdout, stderr) => (self.stdout, self.stderr) = (stdout, stderr),
            }
            let event = events.recv_timeout(until.saturating_duration_since(Instant::now())).map_err(|_| ProcessError::HeldOpen)?;
            self.take(event)?;
        }
    }
}

/// Waits for the end of the command, or for a reason to end it.
fn watch(events: &Receiver<Event>, deadline: Instant) -> Result<Seen, ProcessError> {
    let mut seen = Seen::default();
    loop {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(event) => {
                if seen.take(event)? {
                    return Ok(seen);
                }
            }
            Err(RecvTimeoutError::Timeout) => return Err(ProcessError::TimedOut),
            Err(RecvTimeoutError::Disconnected) => return Err(ProcessError::Lost("its end was not seen".to_owned())),
        }
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Ends whatever is left of the group: a plug-in renders, it has nothing to put in order.
fn end_group(child: &Child) {
    if let Some(group) = pid(child) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}
