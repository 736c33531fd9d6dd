//! A proxy in front of the API server that answers wrongly, or not at all, when a test says so. It counts what comes by.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::Agent;

use crate::plane::{ControlPlane, kubeconfig};

/// A request that came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// GET, PATCH, …
    pub method: String,
    /// With its query.
    pub path: String,
}

impl Seen {
    /// Whether it is a watch.
    pub fn watches(&self) -> bool {
        self.path.contains("watch=true") || self.path.contains("watch=1")
    }
}

/// What the proxy does instead of passing a request on.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with this status, and the message in a `Status` object.
    Answer(u16, &'static str),
    /// Closes the connection without an answer, after the API server did what was asked.
    LoseAnswer,
    /// Passes the answer on, but for while [`FaultyProxy::silence`] holds: then it stays silent with the connection open.
    Silence,
}

/// Says what is to go wrong with a request.
type Plan = Box<dyn FnMut(&Seen) -> Option<Fault> + Send>;

struct Inner {
    upstream: String,
    agent: Agent,
    seen: Mutex<Vec<Seen>>,
    plan: Mutex<Plan>,
    silent: Mutex<bool>,
}

/// A proxy on loopback, over HTTP. Its connections end with the process.
pub struct FaultyProxy {
    inner: Arc<Inner>,
    port: u16,
}

impl FaultyProxy {
    /// A proxy in front of a plane; nothing goes wrong yet.
    ///
    /// # Panics
    /// When no port of loopback can be had.
    pub fn start(plane: &ControlPlane) -> FaultyProxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has free ports");
        let port = listener.local_addr().expect("it is bound").port();
        let inner = Arc::new(Inner {
            upstream: plane.url(),
            agent: plane.agent(),
            seen: Mutex::default(),
            plan: Mutex::new(Box::new(|_| None)),
            silent: Mutex::new(false),
        });
        let shared = inner.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = shared.clone();
                std::thread::spawn(move || inner.serve(stream));
            }
        });
        FaultyProxy { inner, port }
    }

    /// A kubeconfig that leads here.
    pub fn kubeconfig(&self, token: &str) -> String {
        kubeconfig(&format!("http://127.0.0.1:{}", self.port), token, None)
    }

    /// From now on this decides what goes wrong.
    pub fn plan(&self, plan: impl FnMut(&Seen) -> Option<Fault> + Send + 'static) {
        *self.inner.plan.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(plan);
    }

    /// Nothing is passed on any more of answers that are under [`Fault::Silence`].
    pub fn silence(&self, silent: bool) {
        *self.inner.silent.lock().unwrap_or_else(PoisonError::into_inner) = silent;
    }

    /// Takes what came by since it was last asked.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One request as it came in.
struct Incoming {
    seen: Seen,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Inner {
    fn serve(&self, stream: TcpStream) {
        let Ok(mut out) = stream.try_clone() else { return };
        let mut reader = BufReader::new(stream);
        while let Some(request) = read(&mut reader) {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.seen.clone());
            let fault = (self.plan.lock().unwrap_or_else(PoisonError::into_inner))(&request.seen);
            let done = match fault {
                Some(Fault::Answer(status, message)) => refuse(&mut out, status, message),
                Some(Fault::LoseAnswer) => {
                    let _ = self.forward(&request);
                    return;
                }
                Some(Fault::Silence) => self.pass(&request, &mut out, true),
                None => self.pass(&request, &mut out, false),
            };
            if done.is_none() {
                return;
            }
        }
    }

    fn forward(&self, request: &Incoming) -> Option<ureq::http::Response<ureq::Body>> {
        let url = format!("{}{}", self.upstream, request.seen.path);
        let mut builder = ureq::http::Request::builder().method(request.seen.method.as_str()).uri(url);
        for (name, value) in &request.headers {
            if !["host", "content-length", "connection", "accept-encoding"].contains(&name.as_str()) {
                builder = builder.header(name, value);
            }
        }
        self.agent.run(builder.body(request.body.clone()).ok()?).ok()
    }

    /// Passes an answer on piece by piece, so that a watch flows.
    fn pass(&self, request: &Incoming, out: &mut TcpStream, silenced: bool) -> Option<()> {
        let answer = self.forward(request)?;
        let (parts, body) = answer.into_parts();
        let mut head = format!("HTTP/1.1 {}\r\ntransfer-encoding: chunked\r\n", parts.status);
        for (name, value) in &parts.headers {
            if !["transfer-encoding", "content-length", "connection"].contains(&name.as_str()) {
                head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
            }
        }
        head.push_str("\r\n");
        out.write_all(head.as_bytes()).ok()?;
        let mut reader = body.into_reader();
        let mut piece = vec![0; 64 * 1024];
        loop {
            let n = reader.read(&mut piece).ok()?;
            while silenced && *self.silent.lock().unwrap_or_else(PoisonError::into_inner) {
                std::thread::sleep(Duration::from_millis(20));
            }
            out.write_all(format!("{n:x}\r\n").as_bytes()).ok()?;
            out.write_all(&piece[..n]).ok()?;
            out.write_all(b"\r\n").ok()?;
            out.flush().ok()?;
            if n == 0 {
                return Some(());
            }
        }
    }
}

fn refuse(out: &mut TcpStream, status: u16, message: &str) -> Option<()> {
    let reason = match status {
        401 => "Unauthorized",
        409 => "Conflict",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason, "message": message
    })
    .to_string();
    let retry = if status == 429 { "retry-after: 0\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n{retry}content-length: {}\r\n\r\n", body.len());
    out.write_all(head.as_bytes()).ok()?;
    out.write_all(body.as_bytes()).ok()
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Incoming> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let seen = Seen { method: words.next()?.to_owned(), path: words.next()?.to_owned() };
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().ok()?;
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Incoming { seen, headers, body })
}
