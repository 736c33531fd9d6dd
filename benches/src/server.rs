//! The server under measurement: its process, its API, and what the system says of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::repository::{APPS_URL, FILES_URL};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    pub(crate) live: PathBuf,
    /// From the start of the process to its line `ready:`.
    pub(crate) ready_after: Duration,
}

/// Writes the configuration of a server whose repositories lie in `dir`.
pub(crate) fn configure(dir: &Path, more: &str) -> anyhow::Result<PathBuf> {
    let file = dir.join("server.yaml");
    let root = dir.display();
    let text = format!(
        "dataDir: {root}/data\napplications:\n- repoURL: {APPS_URL}\n  targetRevision: main\n  path: \"\"\nrepositories:\n\
         - {{url: \"{FILES_URL}\", readFrom: \"{root}/files.git\"}}\n- {{url: \"{APPS_URL}\", readFrom: \"{root}/applications.git\"}}\n{more}"
    );
    std::fs::write(&file, text)?;
    Ok(file)
}

impl Server {
    /// Starts a server and waits until it says that it is ready, and answers so.
    pub(crate) fn start(binary: &Path, config: &Path) -> anyhow::Result<Server> {
        let began = Instant::now();
        let mut child = Command::new(binary)
            .args(["--listen", "127.0.0.1:0", "--config"])
            .arg(config)
            .env("GITOPS_LOG", "warn")
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{}", binary.display()))?;
        let mut lines = BufReader::new(child.stderr.take().context("standard error")?).lines();
        let mut said = String::new();
        let address = loop {
            let Some(line) = lines.next() else { bail!("the server ended: {said}") };
            let line = line?;
            if let Some(rest) = line.strip_prefix("ready: http://") {
                break rest.split('/').next().unwrap_or_default().to_owned();
            }
            said.push_str(&line);
        };
        let live = config.with_file_name("data").join("live");
        let mut server = Server { child, address, live, ready_after: Duration::ZERO };
        ensure!(server.request("GET", "/readyz", &[], "")?.starts_with("HTTP/1.1 200"), "ready, and /readyz does not say so");
        server.ready_after = began.elapsed();
        // Somebody has to read what the server says.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("  server: {line}")));
        Ok(server)
    }

    /// Sends one request and returns the whole answer.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n{body}",
            self.address
        );
        stream.write_all(head.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Tells the server of a push to the repository of files; says how many applications follow it.
    pub(crate) fn web_hook(&self) -> anyhow::Result<String> {
        let body = format!("{{\"repository\":\"{FILES_URL}\",\"ref\":\"refs/heads/main\"}}");
        let headers = [("content-type", "application/json"), ("x-gitops-event", "push")];
        let answer = self.request("POST", "/api/webhook", &headers, &body)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "the web hook was refused: {answer}");
        Ok(answer)
    }

    /// All metrics, as text.
    pub(crate) fn metrics(&self) -> anyhow::Result<Metrics> {
        Ok(Metrics(self.request("GET", "/metrics", &[], "")?))
    }

    /// Waits until this many applications are Synced and Healthy and nothing is queued.
    pub(crate) fn wait_until_settled(&self, applications: u64) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let metrics = self.metrics()?;
            let good = metrics.value("gitops_applications{sync_status=\"Synced\",health_status=\"Healthy\"}").unwrap_or(0);
            if good == applications && metrics.value("gitops_queue_length")? == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < end, "only {good} of {applications} applications are Synced and Healthy:\n{}", metrics.0);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until `done`, looking every `pause`.
    pub(crate) fn wait(&self, pause: Duration, what: &str, mut done: impl FnMut(&Server) -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        while !done(self)? {
            ensure!(Instant::now() < end, "still waiting for {what}");
            std::thread::sleep(pause);
        }
        Ok(())
    }

    /// Resident memory in MB (10^6 bytes): now, and of that what is private to the process.
    pub(crate) fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let sum = |prefix: &str| {
            let lines = text.lines().filter(|line| line.starts_with(prefix));
            lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum::<f64>() * 1024.0 / 1e6
        };
        Ok((sum("Rss:"), sum("Private_")))
    }

    /// Processor time used so far, by all threads. The system counts in hundredths of a second.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<u64>().ok()).context("/proc/PID/stat");
        Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
    }

    /// Ends the server as a service manager does, and waits for it.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(self.child.wait()?.success(), "the server did not end well");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Metrics in Prometheus' text format.
pub(crate) struct Metrics(String);

impl Metrics {
    /// The value of a series, named with its labels.
    pub(crate) fn value(&self, series: &str) -> anyhow::Result<u64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.with_context(|| format!("no metric {series}"))?.trim().parse().with_context(|| series.to_owned())
    }
}
