//! A small web server for tests that serves the bare repositories in a directory by `git http-backend`. Standard library
//! only, so that other crates' tests can take this file in with `#[path]`.
//!
//! Fetching and pushing work; requests are recorded; it can ask for a password, redirect, hang or answer nonsense.
//! Loopback only, on a port that the system chooses. It ends when it is dropped.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// What the server does with requests.
#[derive(Clone, Debug, Default)]
pub enum Behaviour {
    /// Answers.
    #[default]
    Serve,
    /// Answers those who send this `user:password` in base64.
    Password(String),
    /// Sends everybody to the same path under this address.
    Redirect(String),
    /// Takes requests and never answers.
    Silent,
    /// Sends half of each answer and no more.
    Stall,
    /// Answers every request with this status and body, as HTML.
    Nonsense(u16, String),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

struct Shared {
    root: PathBuf,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
    stopped: AtomicBool,
    hanging: (Mutex<()>, Condvar),
}

/// A running server.
pub struct GitServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl GitServer {
    /// Serves the repositories under `root`.
    pub fn start(root: &Path, behaviour: Behaviour) -> GitServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: root.to_path_buf(),
            behaviour: Mutex::new(behaviour),
            seen: Mutex::default(),
            stopped: AtomicBool::new(false),
            hanging: Default::default(),
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let shared = serving.clone();
                std::thread::spawn(move || while answer(&shared, &stream).is_some() {});
            }
        });
        GitServer { address, shared }
    }

    /// `http://127.0.0.1:<port>/<path>`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Does something else from the next request on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.hanging.1.notify_all();
        let _ = TcpStream::connect(self.address);
    }
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let line = |reader: &mut BufReader<&TcpStream>| {
        let mut line = String::new();
        (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    let first = line(&mut reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut request = Request { method, target, headers: Vec::new(), body: Vec::new() };
    loop {
        let header = line(&mut reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        request.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    if request.header("expect").is_some() {
        (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    if request.header("transfer-encoding").is_some_and(|t| t.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = usize::from_str_radix(line(&mut reader)?.split(';').next()?, 16).ok()?;
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk).ok()?;
            request.body.extend(chunk);
            line(&mut reader)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = request.header("content-length").and_then(|l| l.parse().ok()) {
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}

/// Answers one request; `None` when the connection is over.
fn answer(shared: &Shared, mut stream: &TcpStream) -> Option<()> {
    let request = read_request(stream)?;
    let authorization = request.header("authorization").map(str::to_owned);
    let seen = Seen { method: request.method.clone(), target: request.target.clone(), authorization: authorization.clone() };
    shared.seen.lock().unwrap().push(seen);
    let behaviour = shared.behaviour.lock().unwrap().clone();
    let plain = |status: &str, extra: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\n{extra}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    let text = match &behaviour {
        Behaviour::Silent => {
            hang(shared);
            return None;
        }
        Behaviour::Redirect(to) => plain("302 Found", &format!("Location: {to}{}\r\n", request.target), ""),
        Behaviour::Nonsense(status, body) => plain(&format!("{status} Status"), "", body),
        Behaviour::Password(wanted) if authorization != Some(format!("Basic {wanted}")) => {
            plain("401 Unauthorized", "WWW-Authenticate: Basic realm=\"git\"\r\n", "")
        }
        _ => {
            let answer = backend(shared, &request);
            if matches!(behaviour, Behaviour::Stall) {
                stream.write_all(&answer[..answer.len() - answer.len() / 3]).ok()?;
                hang(shared);
                return None;
            }
            return stream.write_all(&answer).ok();
        }
    };
    stream.write_all(text.as_bytes()).ok()
}

fn hang(shared: &Shared) {
    let mut held = shared.hanging.0.lock().unwrap();
    while !shared.stopped.load(Ordering::SeqCst) {
        held = shared.hanging.1.wait_timeout(held, std::time::Duration::from_millis(100)).unwrap().0;
    }
}

/// Runs `git http-backend`, and turns what it says into an answer.
fn backend(shared: &Shared, request: &Request) -> Vec<u8> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut command = Command::new("git");
    command
        .args(["-c", "http.receivepack=true", "-c", "safe.directory=*", "-c", "uploadpack.allowAnySHA1InWant=true", "http-backend"])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_PROJECT_ROOT", &shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let passed = [("content-type", "CONTENT_TYPE"), ("content-encoding", "HTTP_CONTENT_ENCODING"), ("git-protocol", "GIT_PROTOCOL")];
    for (header, variable) in passed {
        if let Some(value) = request.header(header) {
            command.env(variable, value);
        }
    }
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = request.body.clone();
    let feeding = std::thread::spawn(move || drop(input.write_all(&body)));
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    feeding.join().unwrap();
    child.wait().unwrap();
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = head.lines().find_map(|l| l.strip_prefix("Status: ")).unwrap_or("200 OK");
    let mut answer = format!("HTTP/1.1 {status}\r\n");
    for line in head.lines().filter(|l| !l.is_empty() && !l.starts_with("Status:")) {
        answer += &format!("{line}\r\n");
    }
    let body = &output[end..];
    answer += &format!("Content-Length: {}\r\n\r\n", body.len());
    [answer.as_bytes(), body].concat()
}
