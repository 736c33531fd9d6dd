//! What fails at the target is reported, tried again with back-off, and leaves everything recorded as it was.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::live::wait_for_text;
use crate::support::repository::{Repository, config_map};
use crate::support::server::{Place, Server};

const LIVE: &str = "shop/core/ConfigMap/settings.yaml";

/// Tried again every 200 ms.
const POLICY: &str =
    "  syncPolicy:\n    automated: {prune: true, selfHeal: true}\n    retry: {limit: -1, backoff: {duration: 200ms, factor: 1}}\n";

/// A reload endpoint: the first call hangs until the caller gives up, the second is refused, every later one succeeds.
struct Reload {
    url: String,
    calls: Arc<AtomicUsize>,
}

impl Reload {
    fn start() -> Reload {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/reload", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
                std::thread::spawn(move || answer(stream, call));
            }
        });
        Reload { url, calls }
    }
}

fn answer(mut stream: TcpStream, call: usize) {
    let mut seen = [0; 4096];
    if call == 1 {
        // Until the other side has closed.
        while stream.read(&mut seen).is_ok_and(|n| n > 0) {}
        return;
    }
    let _ = stream.read(&mut seen);
    let status = if call == 2 { "503 Service Unavailable" } else { "200 OK" };
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

fn repository(value: &str) -> (Repository, String) {
    let repository = Repository::new();
    repository.write("applications/shop.yaml", &repository.application("shop", "", POLICY));
    repository.write("shop/settings.yaml", &config_map("settings", "greeting", value));
    let revision = repository.push("first");
    (repository, revision)
}

fn message(app: &Value) -> &str {
    app["status"]["operationState"]["message"].as_str().unwrap_or_default()
}

#[test]
fn a_reload_that_hangs_and_then_fails_is_tried_again() {
    let (repository, revision) = repository("hello");
    let (place, reload) = (Place::new(), Reload::start());
    let rule =
        format!("    kinds:\n    - match: core/ConfigMap\n      reload:\n        http: {{url: '{}', timeoutSeconds: 1}}\n", reload.url);
    let server = place.start(&repository, "", &rule);
    let waiting = server.wait_for("shop", |app| message(app).contains("Retrying attempt #"));
    assert!(message(&waiting).contains("/reload"), "the endpoint that hangs is named: {}", message(&waiting));
    wait_for_text(&place.live(LIVE), "greeting: hello");
    let app = server.wait_synced("shop", &revision);
    assert_eq!(app["status"]["operationState"]["retryCount"], 2, "{}", message(&app));
    assert_eq!(reload.calls.load(Ordering::SeqCst), 3, "once per attempt, and not once more when it had worked");
    assert_eq!(server.history("shop").len(), 1, "attempts that failed are no deployments");
}

#[test]
fn a_live_directory_that_refuses_is_tried_again_until_it_takes_the_change() {
    let (repository, revision) = repository("hello");
    let place = Place::new();
    // A file where a directory has to be: refused for every user, also for one whom permissions do not bind.
    std::fs::create_dir_all(place.live("shop")).unwrap();
    std::fs::write(place.live("shop/core"), "in the way").unwrap();
    let server = place.start(&repository, "", "");
    let waiting = server.wait_for("shop", |app| message(app).contains("Retrying attempt #"));
    assert!(message(&waiting).contains("shop/core"), "{}", message(&waiting));
    assert_eq!(std::fs::read_to_string(place.live("shop/core")).unwrap(), "in the way", "what is not ours stays");
    assert!(server.history("shop").is_empty());
    std::fs::remove_file(place.live("shop/core")).unwrap();
    server.wait_synced("shop", &revision);
    wait_for_text(&place.live(LIVE), "greeting: hello");
}

/// The server with a limit on the size of files, which is what a full disk looks like to who writes a large one.
fn start_on_a_small_disk(place: &Place, repository: &Repository, kilobytes: u32) -> Server {
    drop(place.start(repository, "", ""));
    let mut command = Command::new("bash");
    let run = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" --config \"$1\"");
    command.args(["-c", &run, env!("CARGO_BIN_EXE_gitops-server")]).arg(place.file("server.yaml"));
    Server::run(command, &place.file("server.log"))
}

#[test]
fn a_full_disk_is_reported_and_leaves_the_old_file_whole() {
    let (repository, first) = repository("hello");
    let place = Place::new();
    let server = place.start(&repository, "", "");
    server.wait_synced("shop", &first);
    let before = std::fs::read(place.live(LIVE)).unwrap();
    drop(server);
    // Compresses to nothing in the mirror and the store, and is too large for the live directory.
    repository.write("shop/settings.yaml", &config_map("settings", "greeting", &"much ".repeat(1 << 20)));
    let second = repository.push("second");
    let server = start_on_a_small_disk(&place, &repository, 4096);
    let waiting = server.wait_for("shop", |app| message(app).contains("Retrying attempt #"));
    assert!(message(&waiting).contains("cannot write") && message(&waiting).contains("File too large"), "{}", message(&waiting));
    assert_eq!(std::fs::read(place.live(LIVE)).unwrap(), before, "the old file stays whole");
    let history = server.history("shop");
    assert_eq!((history.len(), &history[0]["revision"]), (1, &Value::from(first)), "the record stays as it was");
    assert_eq!(server.get_text("/healthz").0, 200);
    drop(server);
    let server = place.start(&repository, "", "");
    server.wait_for("shop", |app| app["status"]["sync"]["revision"] == *second && app["status"]["sync"]["status"] == "Synced");
    assert!(std::fs::metadata(place.live(LIVE)).unwrap().len() > 5 << 20);
}
