//! The server's process: started, asked, killed.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running server; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Server {
    /// Starts the binary and waits until it is ready.
    pub(crate) fn start(directory: &Path) -> Server {
        let log = directory.join("server.log");
        let out = OpenOptions::new().create(true).append(true).open(&log).expect("log");
        let begun = out.metadata().expect("log").len() as usize;
        let mut child = Command::new(env!("CARGO_BIN_EXE_gitops-server"))
            .arg("--config")
            .arg(directory.join("server.yaml"))
            .args(["--listen", "127.0.0.1:0"])
            .env("GITOPS_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(out)
            .spawn()
            .expect("the server starts");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let ready = text.get(begun..).and_then(|new| new.split_once("ready: http://")).and_then(|(_, rest)| rest.split_once('/'));
            if let Some((address, _)) = ready {
                return Server { child, address: address.to_owned(), log };
            }
            let ended = child.try_wait().expect("its state");
            assert!(ended.is_none() && Instant::now() < deadline, "the server is not ready ({ended:?}):\n{}", tail(&log));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and nothing of it runs any more.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// The end of its log.
    pub(crate) fn log(&self) -> String {
        tail(&self.log)
    }

    /// One request; `None` when there is no whole answer. Status and body.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// The application as the API shows it.
    pub(crate) fn application(&self) -> Option<Value> {
        self.request("GET", "/api/v1/applications/kill", "", "").filter(|(status, _)| *status == 200).map(|(_, app)| app)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(log: &Path) -> String {
    let mut text = String::new();
    let _ = File::open(log).and_then(|mut file| file.read_to_string(&mut text));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
