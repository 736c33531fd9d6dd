//! Reloads, probes, hooks.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use gitops_apply::{HookOutcome, Target};
use gitops_health::HealthStatus;
use hmac::{Hmac, KeyInit, Mac};
use tempfile::tempdir;

use crate::{config_map, object, open, run_id};

/// Serves one answer after another, then hangs; hands over (headers, body) of each request.
fn serve(answers: Vec<&'static str>) -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (send, requests) = mpsc::channel();
    thread::spawn(move || {
        let mut held = Vec::new();
        let mut answers = answers.into_iter();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(answer) = answers.next() else {
                held.push(stream);
                continue;
            };
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line.to_lowercase());
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _ = send.send((head, String::from_utf8(body).unwrap()));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, requests)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 26\r\nconnection: close\r\n\r\n{\"status\": [{\"is\": \"up\"}]}";
const BAD: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const GONE: &str = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const ELSEWHERE: &str = "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_reload_is_a_signed_call() {
    let dir = tempdir().unwrap();
    let (address, requests) = serve(vec![OK, BAD, GONE, ELSEWHERE]);
    let key = dir.path().join("key");
    fs::write(&key, "k3y").unwrap();
    let more = format!(
        "kinds: [{{match: core/ConfigMap, name: maps, reload: {{http: {{url: 'http://{address}/reload?token=t', secret: 'file://{}', timeoutSeconds: 0.3}}}}}}]",
        key.display()
    );
    let target = open(&dir.path().join("live"), &more);
    let m = config_map("web", "blue");
    assert_eq!(target.activation_group(m.id()).as_deref(), Some("maps"));
    target.apply("shop", &m, Default::default()).await.unwrap();
    target.activate("shop", "maps", &run_id()).await.unwrap();
    let (head, body) = requests.recv_timeout(Duration::from_secs(10)).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"k3y").unwrap();
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    assert!(head.contains(&format!("x-gitops-signature: sha256={signature}\r\n")), "{head}");
    assert!(head.contains("idempotency-key: op1/h/1\r\n") && head.contains("x-gitops-timestamp: "), "{head}");
    assert!(body.contains("\"runId\":\"op1/h/1\"") && body.contains("\"app\":\"shop\""), "{body}");

    let busy = target.activate("shop", "maps", &run_id()).await.unwrap_err();
    assert_eq!(busy.message, format!("reload of `maps`: POST http://{address}/reload: answered 503"));
    assert!(busy.transient);
    let health = target.live("shop", &[]).await.unwrap()[m.id()].health.clone().unwrap();
    assert_eq!(health.status, HealthStatus::Degraded);
    assert!(!target.activate("shop", "maps", &run_id()).await.unwrap_err().transient);
    assert!(target.activate("shop", "maps", &run_id()).await.unwrap_err().message.contains("answered 302"));
    // Nobody answers any more.
    let hangs = target.activate("shop", "maps", &run_id()).await.unwrap_err();
    assert!(hangs.transient && hangs.message.contains("no answer within 0.3 s"), "{hangs}");
    assert!(!target.activate("shop", "none", &run_id()).await.unwrap_err().transient);
}

#[tokio::test]
async fn a_reload_is_a_signal_or_a_command() {
    let dir = tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    let out = dir.path().join("out");
    let more = format!(
        "kinds:\n- {{match: core/ConfigMap, name: s, reload: {{signal: {{pidFile: '{}', signal: USR1}}}}}}\n\
         - {{match: a/B, name: c, reload: {{command: {{argv: [/bin/sh, -c, 'echo $GITOPS_APP $GITOPS_GROUP $GITOPS_HOOK_RUN_ID $CARGO_PKG_NAME > {}; echo bad $X >&2; exit 3'], env: {{X: 'env://CARGO_PKG_NAME'}}}}}}}}\n\
         - {{match: a/C, name: t, reload: {{command: {{argv: [/bin/sh, -c, 'sleep 1000 & echo $! > {}; wait'], timeoutSeconds: 0.3}}}}}}",
        pid_file.display(),
        out.display(),
        out.display()
    );
    let target = open(&dir.path().join("live"), &more);
    assert!(target.activate("shop", "s", &run_id()).await.unwrap_err().transient);
    fs::write(&pid_file, "0").unwrap();
    assert!(target.activate("shop", "s", &run_id()).await.unwrap_err().message.contains("does not hold a process id"));
    let mut child = Command::new("/bin/sleep").arg("1000").stdout(Stdio::null()).spawn().unwrap();
    fs::write(&pid_file, format!("{}\n", child.id())).unwrap();
    target.activate("shop", "s", &run_id()).await.unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(10), "USR1 ends a sleep");
    assert!(target.activate("shop", "s", &run_id()).await.unwrap_err().message.contains("there is no such process"));

    let e = target.activate("shop", "c", &run_id()).await.unwrap_err();
    assert_eq!(e.message, "reload of `c`: `/bin/sh` ended with exit code 3: bad ********");
    assert_eq!(fs::read_to_string(&out).unwrap(), "shop c op1/h/1\n", "the server's own environment is not handed down");

    let begun = Instant::now();
    let e = target.activate("shop", "t", &run_id()).await.unwrap_err();
    assert!(e.message.contains("did not end within 0.3 s"), "{e}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    // A signal is on its way for a moment.
    while alive(&fs::read_to_string(&out).unwrap()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the group is gone");
        thread::yield_now();
    }
}

/// Whether a process still runs; a dead one that nobody has collected does not.
fn alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[tokio::test]
async fn probes_say_how_it_is() {
    let dir = tempdir().unwrap();
    let (address, _requests) = serve(vec![OK, OK, BAD]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let open_port = TcpListener::bind("127.0.0.1:0").unwrap();
    let beat = dir.path().join("beat");
    fs::write(&beat, "").unwrap();
    let more = format!(
        "kinds:\n- {{match: p/Up, probe: {{graceSeconds: 0, http: {{url: 'http://{address}/{{name}}', jsonField: /status/0/is, equals: up, timeoutSeconds: 0.3}}}}}}\n\
         - {{match: p/Tcp, probe: {{graceSeconds: 0, tcp: {{address: '{}'}}}}}}\n\
         - {{match: p/Closed, probe: {{graceSeconds: 0, tcp: {{address: '{closed}', timeoutSeconds: 1}}}}}}\n\
         - {{match: p/Age, probe: {{fileAge: {{path: '{}'}}}}}}\n\
         - {{match: p/NoFile, probe: {{graceSeconds: 1000, fileAge: {{path: '{}.none'}}}}}}\n\
         - {{match: p/Cmd, probe: {{graceSeconds: 0, command: {{argv: [/bin/sh, -c, 'test \"$1\" = \"x y\"', sh, '{{name}}']}}}}}}\n\
         - {{match: p/Hang, probe: {{graceSeconds: 0, command: {{argv: [/bin/sleep, '1000'], timeoutSeconds: 0.2}}}}}}",
        open_port.local_addr().unwrap(),
        beat.display(),
        beat.display()
    );
    let target = open(&dir.path().join("live"), &more);
    let make = |kind: &str, name: &str| object(&format!("{{apiVersion: p/v1, kind: {kind}, metadata: {{name: '{name}'}}}}"));
    for (kind, name, status, message) in [
        ("Up", "a", HealthStatus::Healthy, ""),
        ("Up", "b", HealthStatus::Healthy, ""),
        ("Up", "c", HealthStatus::Degraded, "answered 503"),
        ("Up", "d", HealthStatus::Degraded, "no answer within 0.3 s"),
        ("Tcp", "a", HealthStatus::Healthy, ""),
        ("Closed", "a", HealthStatus::Degraded, "refused"),
        ("Age", "a", HealthStatus::Healthy, ""),
        ("NoFile", "a", HealthStatus::Progressing, "not found"),
        ("Cmd", "x y", HealthStatus::Healthy, ""),
        ("Cmd", "z", HealthStatus::Degraded, "exit code 1"),
        ("Hang", "a", HealthStatus::Degraded, "did not end within 0.2 s"),
        ("Plain", "a", HealthStatus::Healthy, ""),
    ] {
        let m = make(kind, name);
        target.apply("shop", &m, Default::default()).await.unwrap();
        let health = target.health("shop", &[m.id().clone()]).await.unwrap()[m.id()].clone().unwrap();
        assert_eq!(health.status, status, "{kind} {name}: {}", health.message);
        assert!(health.message.contains(message), "{kind} {name}: {}", health.message);
        assert_eq!(target.live("shop", std::slice::from_ref(&m)).await.unwrap()[m.id()].health, Some(health));
    }
}

#[tokio::test]
async fn hooks_run_are_written_or_say_why_not() {
    let dir = tempdir().unwrap();
    let (address, requests) = serve(vec![OK, BAD, GONE]);
    let more = format!(
        "hooks:\n- {{match: batch/Job, name: 'ok-*', command: {{argv: [/bin/sh, -c, 'cat; echo $GITOPS_HOOK_RUN_ID $GITOPS_OBJECT']}}}}\n\
         - {{match: batch/Job, name: bad, command: {{argv: [/bin/false]}}}}\n\
         - {{match: batch/Job, name: none, command: {{argv: [/no/such/program]}}}}\n\
         - {{match: batch/Job, name: long, command: {{argv: [/bin/sh, -c, 'echo $$ > {}/pid.new; mv {}/pid.new {}/pid; sleep 1000']}}}}\n\
         - {{match: batch/Job, name: web, http: {{url: 'http://{address}/hook'}}}}",
        dir.path().display(),
        dir.path().display(),
        dir.path().display()
    );
    let target = open(&dir.path().join("live"), &more);
    let job = |name: &str| object(&format!("{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}}}"));
    let run = async |name: &str| target.run_hook("shop", &job(name), &run_id(), Default::default()).await;
    match run("ok-1").await.unwrap() {
        HookOutcome::Succeeded { message } => assert!(message.ends_with("}op1/h/1 batch/Job//ok-1"), "{message}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(run("bad").await.unwrap(), HookOutcome::Failed { message: "`/bin/false` ended with exit code 1".into() });
    assert!(matches!(run("none").await.unwrap(), HookOutcome::Failed { message } if message.contains("does not start")));
    assert!(matches!(run("other").await.unwrap(), HookOutcome::Skipped { message } if message.contains("targets.platform.hooks")));
    assert!(matches!(run("web").await.unwrap(), HookOutcome::Succeeded { .. }));
    assert!(requests.recv().unwrap().0.contains("idempotency-key: op1/h/1"));
    assert!(run("web").await.unwrap_err().transient);
    assert!(matches!(run("web").await.unwrap(), HookOutcome::Failed { .. }));

    let map = config_map("hook", "blue");
    assert!(matches!(target.run_hook("shop", &map, &run_id(), Default::default()).await.unwrap(), HookOutcome::Succeeded { .. }));
    assert!(dir.path().join("live/shop/core/ConfigMap/hook.yaml").exists());
    target.delete_hook("shop", map.id()).await.unwrap();
    target.delete_hook("shop", job("ok-1").id()).await.unwrap();
    assert!(!dir.path().join("live/shop").exists());

    // A run that is called off ends its command.
    let pid_file = dir.path().join("pid");
    let long = job("long");
    let id = run_id();
    let ended = tokio::time::timeout(Duration::from_secs(20), async {
        tokio::select! {
            _ = target.run_hook("shop", &long, &id, Default::default()) => panic!("ended by itself"),
            () = async { while !pid_file.exists() { tokio::time::sleep(Duration::from_millis(5)).await } } => {}
        }
        let pid = fs::read_to_string(&pid_file).unwrap();
        while alive(&pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    ended.await.unwrap();
}
