//! A small web server for tests that answers by a closure. Standard library only.
//!
//! Loopback only, on a port that the system chooses. Requests are recorded. It ends when it is dropped.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Asked {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The `Authorization` header.
    pub fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }
}

/// What the server does with a request.
pub enum Answer {
    /// Status, further headers, content.
    Full(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Nothing, for as long as the server is there.
    Silent,
    /// Content without an end.
    Endless,
    /// A part of what was promised, then nothing.
    Stall,
}

impl Answer {
    /// Status 200.
    pub fn ok(body: impl Into<Vec<u8>>) -> Answer {
        Answer::Full(200, Vec::new(), body.into())
    }

    /// Another status.
    pub fn status(status: u16) -> Answer {
        Answer::Full(status, Vec::new(), b"no".to_vec())
    }

    /// To another place.
    pub fn redirect(to: String) -> Answer {
        Answer::Full(302, vec![("Location", to)], Vec::new())
    }
}

type Handler = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A running server.
pub struct WebServer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Asked>>>,
    stopped: Arc<AtomicBool>,
}

impl WebServer {
    /// Answers by `handler`, which gets the server's own address too.
    pub fn start(handler: impl Fn(&str, &Asked) -> Answer + Send + Sync + 'static) -> WebServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let own = format!("http://{address}");
        let handler: Arc<Handler> = Arc::new(move |asked| handler(&own, asked));
        let (seen, stopped) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::new(AtomicBool::new(false)));
        let (seeing, stopping) = (seen.clone(), stopped.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopping.load(Ordering::SeqCst) {
                    break;
                }
                let (handler, seen, stopped) = (handler.clone(), seeing.clone(), stopping.clone());
                std::thread::spawn(move || while serve(&stream, &*handler, &seen, &stopped).is_some() {});
            }
        });
        WebServer { address, seen, stopped }
    }

    /// `127.0.0.1:<port>`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:<port>/<path>`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }

    /// Paths and queries that came so far.
    pub fn targets(&self) -> Vec<String> {
        self.seen().into_iter().map(|asked| asked.target).collect()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: &TcpStream, handler: &Handler, seen: &Mutex<Vec<Asked>>, stopped: &AtomicBool) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut asked = Asked { target: first.split(' ').nth(1)?.to_owned(), headers: Vec::new() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    seen.lock().unwrap().push(asked.clone());
    let wait = || {
        while !stopped.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    match handler(&asked) {
        Answer::Full(status, headers, body) => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = format!("HTTP/1.1 {status} Status\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
            // In one piece: two would wait for each other (Nagle's algorithm).
            stream.write_all(&[head.as_bytes(), &body].concat()).ok()
        }
        Answer::Silent => {
            wait();
            None
        }
        Answer::Stall => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbeginning").ok()?;
            wait();
            None
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").ok()?;
            while stream.write_all(&[b'x'; 65536]).is_ok() && !stopped.load(Ordering::SeqCst) {}
            None
        }
    }
}
