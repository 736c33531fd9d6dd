//! Wall time and peak memory of a process.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// What was seen.
pub(crate) struct Figures {
    /// The median of several runs, or the one run of a slow program.
    pub(crate) wall: Duration,
    /// The most resident memory, in bytes.
    pub(crate) memory: usize,
}

/// How it ended.
pub(crate) enum Outcome {
    /// With this output.
    Done(Figures, Vec<u8>),
    /// It was stopped.
    TooSlow,
}

/// Runs a program often enough for a median: for about three seconds, 3 to 40 times; once when it is slow.
pub(crate) fn measure(command: &mut Command, limit: Duration) -> anyhow::Result<Outcome> {
    let Some((first, memory, output)) = watched(command, limit)? else { return Ok(Outcome::TooSlow) };
    let mut walls = vec![first];
    if first < Duration::from_secs(5) {
        let runs = (3.0 / first.as_secs_f64()).clamp(3.0, 40.0) as usize;
        walls = (0..runs).map(|_| timed(command)).collect::<anyhow::Result<_>>()?;
    }
    walls.sort();
    Ok(Outcome::Done(Figures { wall: walls[walls.len() / 2], memory }, output))
}

fn timed(command: &mut Command) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut output = Vec::new();
    child.stdout.take().context("no output")?.read_to_end(&mut output)?;
    child.wait()?;
    Ok(began.elapsed())
}

/// One run whose memory is looked at all the time.
fn watched(command: &mut Command, limit: Duration) -> anyhow::Result<Option<(Duration, usize, Vec<u8>)>> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("start")?;
    let mut stdout = child.stdout.take().context("no output")?;
    let mut stderr = child.stderr.take().context("no output")?;
    let reader = std::thread::spawn(move || {
        let mut output = Vec::new();
        stdout.read_to_end(&mut output).map(|_| output)
    });
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let status_file = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        memory = memory.max(peak(&status_file).unwrap_or_default());
        std::thread::sleep(Duration::from_micros(if began.elapsed() < Duration::from_millis(50) { 50 } else { 2000 }));
    };
    let wall = began.elapsed();
    let output = reader.join().map_err(|_| anyhow::anyhow!("the reader failed"))??;
    let errors = errors.join().map_err(|_| anyhow::anyhow!("the reader failed"))??;
    ensure!(status.success(), "{command:?} failed: {errors}");
    Ok(Some((wall, memory, output)))
}

fn peak(status_file: &str) -> Option<usize> {
    let text = std::fs::read_to_string(status_file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok().map(|kilobytes| kilobytes * 1024)
}
