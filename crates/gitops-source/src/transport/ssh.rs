//! The `ssh` program, running `git-upload-pack` at the other end.
//!
//! It never asks anything (`BatchMode`), and knows the host beforehand (`StrictHostKeyChecking`) unless the repository's
//! credentials say otherwise. A second thread ends it when nothing arrives for too long.

use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Place, Timeouts, Wire};
use crate::credentials::Credential;
use crate::error::Wait;
use crate::{FetchError, RepoUrl};

/// Bytes of the program's complaints that are kept.
const COMPLAINTS: usize = 4096;

struct Watched {
    child: Child,
    last: Instant,
    began: Instant,
    over: Option<Wait>,
    done: bool,
}

type Watch = Arc<(Mutex<Watched>, Condvar)>;

/// A conversation over ssh.
pub(crate) struct Ssh {
    place: Place,
    input: ChildStdin,
    output: BufReader<Output>,
    watch: Watch,
    complaints: Arc<Mutex<String>>,
}

struct Output {
    pipe: std::process::ChildStdout,
    watch: Watch,
}

impl Read for Output {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.pipe.read(out)?;
        let mut watched = self.watch.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.last = Instant::now();
        match watched.over {
            Some(_) => Err(io::ErrorKind::TimedOut.into()),
            None => Ok(count),
        }
    }
}

/// The command's arguments, for tests to look at too.
fn arguments(url: &RepoUrl, credential: Option<&Credential>, timeouts: Timeouts) -> Vec<String> {
    let path = |p: &Path| p.display().to_string();
    let mut options = vec!["BatchMode=yes".to_owned(), "SendEnv=GIT_PROTOCOL".to_owned()];
    options.push(format!("ConnectTimeout={}", timeouts.connect.as_secs().max(1)));
    if credential.is_some_and(|c| c.insecure_ignore_host_key) {
        options.extend(["StrictHostKeyChecking=no".to_owned(), "UserKnownHostsFile=/dev/null".to_owned()]);
    } else {
        options.push("StrictHostKeyChecking=yes".to_owned());
        if let Some(file) = credential.and_then(|c| c.known_hosts_file.as_deref()) {
            options.push(format!("UserKnownHostsFile=\"{}\"", path(file)));
        }
    }
    let mut out = Vec::new();
    if let Some(key) = credential.and_then(|c| c.ssh_private_key_file.as_deref()) {
        options.push("IdentitiesOnly=yes".to_owned());
        out.extend(["-i".to_owned(), path(key)]);
    }
    out.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option]));
    if let Some(port) = url.port() {
        out.extend(["-p".to_owned(), port.to_string()]);
    }
    let host = url.host().trim_start_matches('[').trim_end_matches(']');
    let target = url.user().map_or(host.to_owned(), |user| format!("{user}@{host}"));
    // Single quotes keep the other end's shell from reading anything into the path.
    let quoted = format!("'{}'", url.path().replace('\'', "'\\''"));
    out.extend(["--".to_owned(), target, format!("git-upload-pack {quoted}")]);
    out
}

impl Ssh {
    pub(crate) fn start(program: &Path, url: &RepoUrl, credential: Option<&Credential>, timeouts: Timeouts) -> Result<Ssh, FetchError> {
        let place = Place { url: url.to_string(), secrets: Vec::new(), timeouts };
        let failed = |e: io::Error| FetchError::Unreachable { url: url.to_string(), reason: format!("ssh: {e}") };
        let mut child = Command::new(program)
            .args(arguments(url, credential, timeouts))
            .env("GIT_PROTOCOL", "version=2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(pipe), Some(errors)) = pipes else {
            return Err(failed(io::Error::other("no pipes")));
        };
        let now = Instant::now();
        let watched = Watched { child, last: now, began: now, over: None, done: false };
        let watch: Watch = Arc::new((Mutex::new(watched), Condvar::new()));
        let (watching, complaints) = (watch.clone(), Arc::<Mutex<String>>::default());
        std::thread::spawn(move || watch_over(&watching, timeouts));
        let keep = complaints.clone();
        std::thread::spawn(move || collect(errors, &keep));
        let output = BufReader::with_capacity(64 << 10, Output { pipe, watch: watch.clone() });
        Ok(Ssh { place, input, output, watch, complaints })
    }

    /// Why the conversation ended early: the watch, or what the program complained about.
    fn ended(&self, error: &io::Error) -> FetchError {
        if let Some(wait) = self.watch.0.lock().unwrap_or_else(PoisonError::into_inner).over {
            return self.place.timed_out(wait);
        }
        let complaint = self.complaints.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned();
        let (url, detail) = (self.place.url.clone(), self.place.mask(&complaint));
        let lower = detail.to_lowercase();
        match lower.as_str() {
            "" => self.place.io(error),
            l if l.contains("permission denied") || l.contains("host key verification") => FetchError::Denied { url, detail },
            l if l.contains("not appear to be a git") || l.contains("not found") => FetchError::NotFound { url },
            _ => FetchError::Unreachable { url, reason: detail },
        }
    }
}

fn collect(mut errors: impl Read, keep: &Mutex<String>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut buffer) {
        let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < COMPLAINTS {
            *kept += &String::from_utf8_lossy(&buffer[..count]);
        }
    }
}

fn watch_over(watch: &Watch, timeouts: Timeouts) {
    let (lock, wake) = &**watch;
    let mut watched = lock.lock().unwrap_or_else(PoisonError::into_inner);
    while !watched.done {
        let quiet = if watched.last == watched.began { timeouts.first_byte } else { timeouts.stalled };
        let now = Instant::now();
        let (quiet_until, end) = (watched.last + quiet, watched.began + timeouts.total);
        if now >= quiet_until.min(end) {
            let wait = if quiet == timeouts.first_byte && watched.last == watched.began { Wait::FirstByte } else { Wait::Stalled };
            watched.over = Some(if now >= end { Wait::Total } else { wait });
            let _ = watched.child.kill();
            break;
        }
        let left = quiet_until.min(end).duration_since(now).max(Duration::from_millis(1));
        watched = wake.wait_timeout(watched, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    let _ = watched.child.kill();
    let _ = watched.child.wait();
}

impl Drop for Ssh {
    fn drop(&mut self) {
        // A flush says that nothing more is wanted; the watch then ends the program and takes its exit.
        let _ = self.input.write_all(crate::protocol::FLUSH);
        self.watch.0.lock().unwrap_or_else(PoisonError::into_inner).done = true;
        self.watch.1.notify_all();
    }
}

impl Wire for Ssh {
    fn greeting(&mut self) -> Result<Box<dyn Read + '_>, FetchError> {
        use std::io::BufRead;
        if let Err(error) =
            self.output.fill_buf().and_then(|b| if b.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) })
        {
            // The complaint may still be on its way: the program's end closes its pipe.
            let deadline = Instant::now() + Duration::from_secs(1);
            while self.complaints.lock().unwrap_or_else(PoisonError::into_inner).is_empty() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            return Err(self.ended(&error));
        }
        Ok(Box::new(&mut self.output))
    }

    fn request(&mut self, body: Vec<u8>) -> Result<Box<dyn Read + '_>, FetchError> {
        if let Err(error) = self.input.write_all(&body).and_then(|()| self.input.flush()) {
            return Err(self.ended(&error));
        }
        Ok(Box::new(&mut self.output))
    }

    fn place(&self) -> Place {
        self.place.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credentials;

    #[test]
    fn arguments_quote_the_path_and_know_the_host() {
        let url = RepoUrl::parse("ssh://git@git.example.org:2222/it's/x.git").unwrap();
        let file = "repositories: [{url: 'ssh://git@git.example.org:2222/', sshPrivateKeyFile: /k, knownHostsFile: /h}]";
        let credentials = Credentials::from_file(file.as_bytes(), "x").unwrap();
        let arguments = arguments(&url, credentials.find(&url), Timeouts::default()).join(" ");
        assert!(arguments.starts_with("-i /k -o BatchMode=yes"), "{arguments}");
        assert!(arguments.contains("StrictHostKeyChecking=yes") && arguments.contains("UserKnownHostsFile=\"/h\""));
        assert!(arguments.ends_with("-p 2222 -- git@git.example.org git-upload-pack '/it'\\''s/x.git'"), "{arguments}");
    }
}
