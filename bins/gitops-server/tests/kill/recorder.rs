//! Takes reloads and HTTP hooks, and keeps what came and what was answered. Each call takes some milliseconds, as a real
//! one does: that is what gets killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a call takes.
const TAKES: Duration = Duration::from_millis(12);

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// `/reload` or `/hook`.
    pub(crate) path: String,
    /// Id of the run, from `Idempotency-Key`.
    pub(crate) run: String,
    /// Which server process called, counted from 1.
    pub(crate) process: usize,
    /// Whether the answer went out.
    pub(crate) answered: bool,
}

/// The recorder; ends with the test.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    process: Arc<AtomicUsize>,
}

impl Recorder {
    pub(crate) fn start() -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let process = Arc::new(AtomicUsize::new(0));
        let (kept, current) = (calls.clone(), process.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, current) = (kept.clone(), current.load(Ordering::SeqCst));
                std::thread::spawn(move || while answer(&stream, &kept, current).is_some() {});
            }
        });
        Recorder { address, calls, process }
    }

    /// Another server process begins.
    pub(crate) fn next_process(&self) -> usize {
        self.process.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no thread panicked").clone()
    }
}

fn answer(stream: &TcpStream, calls: &Mutex<Vec<Call>>, process: usize) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut run, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|n| *n > 0)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => value.trim().clone_into(&mut run),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let index = {
        let mut calls = calls.lock().ok()?;
        calls.push(Call { path, run, process, answered: false });
        calls.len() - 1
    };
    std::thread::sleep(TAKES);
    let sent = (&*stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    calls.lock().ok()?[index].answered = sent.is_ok();
    sent.ok()
}
