//! Our program beside another one, process to process: wall time, processor time, peak memory, equal output, and the lines
//! of the tables in the crate's README.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use wait4::Wait4;

/// First argument of the run that counts; see [`count`].
const COUNT: &str = "--count";

/// What was seen of one program.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// The median of several runs, or the one run of a slow program.
    pub wall: Duration,
    /// The shortest run.
    pub least: Duration,
    /// Processor time of one run, of the program and the kernel for it.
    pub processor: Duration,
    /// The most resident memory, in bytes.
    pub memory: usize,
}

/// How it ended.
pub enum Outcome {
    /// With this output.
    Done(Figures, Vec<u8>),
    /// It was stopped.
    TooSlow,
}

/// The other program and the limits for both.
pub struct Beside {
    /// Its name, as the table's head has it.
    pub name: &'static str,
    /// How long one run may take, in seconds.
    pub seconds: u64,
}

impl Beside {
    /// With `GITOPS_BENCH_SECONDS`, or this default.
    pub fn new(name: &'static str, seconds: u64) -> Beside {
        let asked = std::env::var("GITOPS_BENCH_SECONDS").ok().and_then(|s| s.parse().ok());
        Beside { name, seconds: asked.unwrap_or(seconds) }
    }

    /// Prints the head of a table whose first column this is.
    pub fn head(&self, what: &str) {
        let name = self.name;
        println!("| {what} | Output | {name} | ours | times faster | {name}'s memory | ours | of it |");
        println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    }

    /// Measures both and prints the line.
    ///
    /// # Errors
    /// When the outputs differ, a program fails, or ours is too slow.
    pub fn compare(&self, what: &str, ours: &mut Command, theirs: &mut Command) -> anyhow::Result<()> {
        let limit = Duration::from_secs(self.seconds);
        let Outcome::Done(ours, output) = measure(ours, limit)? else { bail!("{what}: ours took more than {} s", self.seconds) };
        let size = bytes(output.len());
        let Outcome::Done(theirs, wanted) = measure(theirs, limit)? else {
            println!("| {what} | {size} | > {} s | {} | | | {} | |", self.seconds, time(ours.wall), bytes(ours.memory));
            return Ok(());
        };
        ensure!(output == wanted, "{what}: the outputs differ ({} and {} bytes)", output.len(), wanted.len());
        println!(
            "| {what} | {size} | {} | {} | {:.1} | {} | {} | {:.0} % |",
            time(theirs.wall),
            time(ours.wall),
            theirs.wall.as_secs_f64() / ours.wall.as_secs_f64(),
            bytes(theirs.memory),
            bytes(ours.memory),
            ours.memory as f64 / theirs.memory as f64 * 100.0,
        );
        Ok(())
    }
}

/// The arguments of this program, the parts to measure; all of `parts` are asked for when none is named. A run that counts
/// for another one ([`measure`]) does so here and ends.
///
/// # Errors
/// When one is no part, or the counted run fails.
pub fn parts(parts: &[&'static str]) -> anyhow::Result<Vec<&'static str>> {
    let asked: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((flag, [program, arguments @ ..])) = asked.split_first()
        && flag == COUNT
    {
        count(Command::new(program).args(arguments))?;
        std::process::exit(0);
    }
    let wrong = asked.iter().find(|a| !parts.iter().any(|part| a == part));
    if let Some(wrong) = wrong {
        bail!("`{}` is no part: choose of {}", wrong.display(), parts.join(", "));
    }
    Ok(parts.iter().copied().filter(|part| asked.is_empty() || asked.iter().any(|a| a == part)).collect())
}

/// Runs a program often enough for a median: for about three seconds, 3 to 60 times; once when it is slow.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn measure(command: &mut Command, limit: Duration) -> anyhow::Result<Outcome> {
    let Some((first, output)) = once(command, limit)? else { return Ok(Outcome::TooSlow) };
    let mut walls = vec![first];
    if first < Duration::from_secs(5) {
        let runs = (3.0 / first.as_secs_f64()).clamp(3.0, 60.0) as usize;
        walls = (0..runs).map(|_| timed(command)).collect::<anyhow::Result<_>>()?;
    }
    walls.sort();
    let (processor, memory) = counted(command)?;
    Ok(Outcome::Done(Figures { wall: walls[walls.len() / 2], least: walls[0], processor, memory }, output))
}

fn timed(command: &mut Command) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut output = Vec::new();
    child.stdout.take().context("no output")?.read_to_end(&mut output)?;
    child.wait()?;
    Ok(began.elapsed())
}

/// One run whose output is kept; it is stopped at the limit.
fn once(command: &mut Command, limit: Duration) -> anyhow::Result<Option<(Duration, Vec<u8>)>> {
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
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_micros(if began.elapsed() < Duration::from_millis(50) { 50 } else { 2000 }));
    };
    let wall = began.elapsed();
    let output = reader.join().map_err(|_| anyhow::anyhow!("the reader failed"))??;
    let errors = errors.join().map_err(|_| anyhow::anyhow!("the reader failed"))??;
    ensure!(status.success(), "{command:?} failed: {errors}");
    Ok(Some((wall, output)))
}

/// Processor time and peak memory, as the kernel counted them. A process begins as a copy of the one that starts it, whose
/// memory then counts as its own: so a small one starts it, this program run anew.
fn counted(command: &Command) -> anyhow::Result<(Duration, usize)> {
    let own = std::env::current_exe()?;
    let counted = Command::new(own).arg(COUNT).arg(command.get_program()).args(command.get_args()).output()?;
    ensure!(counted.status.success(), "counting failed: {}", String::from_utf8_lossy(&counted.stderr));
    let text = String::from_utf8(counted.stdout)?;
    let (micros, memory) = text.trim().split_once(' ').context("two numbers")?;
    Ok((Duration::from_micros(micros.parse()?), memory.parse()?))
}

/// Processor time of one run.
///
/// # Errors
/// When it fails.
pub fn processor_time(command: &Command) -> anyhow::Result<Duration> {
    counted(command).map(|(processor, _)| processor)
}

/// Runs the program and prints what it took.
fn count(command: &mut Command) -> anyhow::Result<()> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let used = child.wait4()?;
    ensure!(used.status.success(), "{command:?} failed");
    let processor = used.rusage.utime + used.rusage.stime;
    println!("{} {}", processor.as_micros(), used.rusage.maxrss);
    Ok(())
}

/// A time, as the tables have it.
pub fn time(wall: Duration) -> String {
    match wall.as_secs_f64() * 1000.0 {
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 1000.0 => format!("{ms:.1} ms"),
        ms => format!("{:.2} s", ms / 1000.0),
    }
}

/// An amount, as the tables have it.
pub fn bytes(bytes: usize) -> String {
    match bytes as f64 {
        b if b < 1e4 => format!("{b} B"),
        b if b < 1e6 => format!("{:.0} kB", b / 1e3),
        b => format!("{:.1} MB", b / 1e6),
    }
}

/// The program that an environment variable names, or this one of the `PATH`.
pub fn other(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or(name.into(), PathBuf::from)
}

/// The release build of the command line program, beside this one; built now. `GITOPS_BIN` names another.
///
/// # Errors
/// When it cannot be built.
pub fn our_binary() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("GITOPS_BIN") {
        return Ok(given.into());
    }
    ensure!(!cfg!(debug_assertions), "figures are of the release build: add `--release`");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--release", "-p", "gitops"]).status().context("cargo build")?;
    ensure!(status.success(), "cargo build --release -p gitops failed");
    let own = std::env::current_exe()?;
    Ok(own.with_file_name("gitops"))
}
