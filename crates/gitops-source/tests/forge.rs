//! Commit statuses, sent to a server that records what it gets and answers as told.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gitops_source::RepoUrl;
use gitops_source::forge::{Forge, ForgeKind, SendError, StatusReport, StatusState};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const TOKEN: &str = "very-secret-token";

/// What the server got: the request line and headers in lower case, and the body.
struct Got {
    head: String,
    body: String,
}

/// Serves one connection per answer and records what came. An answer is status line and headers, `\n\n`, body.
fn server(answers: &[&str]) -> (String, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<String> = answers.iter().map(|answer| answer.replace("{here}", &address)).collect();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            sender.send(serve(stream, &answer)).unwrap();
        }
    });
    (address, receiver)
}

fn serve(stream: TcpStream, answer: &str) -> Got {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "the request broke off");
    }
    let request_line = head.lines().next().unwrap().to_owned();
    let headers = head.to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (answer_head, answer_body) = answer.split_once("\n\n").unwrap_or((answer, ""));
    let answer_head = answer_head.replace('\n', "\r\n");
    let text = format!("HTTP/1.1 {answer_head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer_body}", answer_body.len());
    reader.get_mut().write_all(text.as_bytes()).unwrap();
    Got { head: format!("{request_line}\n{headers}"), body: String::from_utf8(body).unwrap() }
}

fn report(state: StatusState) -> StatusReport {
    StatusReport {
        state,
        context: "gitops/shop".to_owned(),
        description: format!("deployed {}", "x".repeat(300)),
        target_url: "https://gitops.example.org/shop".to_owned(),
    }
}

fn send(kind: ForgeKind, base: &str, state: StatusState) -> Result<(), SendError> {
    let repo = RepoUrl::parse("git@git.example.org:team/shop.git").unwrap();
    let result = Forge::new(kind, base, TOKEN).with_timeout(Duration::from_secs(20)).send(&repo, SHA, &report(state));
    if let Err(error) = &result {
        assert!(!format!("{error} {error:?}").contains(TOKEN), "the token is shown: {error}");
    }
    result
}

#[test]
fn each_kind_gets_its_request() {
    for (kind, path, token) in [
        (ForgeKind::GitHub, "/repos/team/shop", format!("authorization: bearer {TOKEN}")),
        (ForgeKind::GitLab, "/projects/team%2Fshop", format!("private-token: {TOKEN}")),
        (ForgeKind::Gitea, "/repos/team/shop", format!("authorization: token {TOKEN}")),
    ] {
        let (address, got) = server(&["201 Created\n\n{\"id\": 1}"]);
        send(kind, &address, StatusState::Success).unwrap();
        let got = got.recv().unwrap();
        assert!(got.head.starts_with(&format!("POST {path}/statuses/{SHA} HTTP/1.1\n")), "{}", got.head);
        assert!(got.head.contains(&token) && got.head.contains("content-type: application/json"), "{}", got.head);
        let body = gitops_manifest::json::parse(got.body.as_bytes(), "body").unwrap();
        let limit = if kind == ForgeKind::GitHub { 140 } else { 255 };
        assert_eq!(body["description"].as_str().unwrap().chars().count(), limit);
        assert_eq!(body["state"].as_str(), Some("success"));
    }
}

#[test]
fn an_answer_tells_whether_to_try_again() {
    for (answer, retryable, after) in [
        ("429 Too Many Requests\nretry-after: 7\n\n{}", true, Some(7)),
        ("503 Service Unavailable", true, None),
        ("500 Internal Server Error\n\nnot json", true, None),
        ("403 Forbidden\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1\n\n{\"message\": \"rate limit\"}", true, Some(0)),
        ("503 Service Unavailable\nretry-after: 99999999", true, Some(24 * 3600)),
        ("503 Service Unavailable\nretry-after: Fri, 20 Nov 2026 10:00:00 GMT", true, None),
        ("403 Forbidden\nx-ratelimit-remaining: 40\n\n{\"message\": \"no\"}", false, None),
        ("401 Unauthorized", false, None),
        ("404 Not Found", false, None),
        ("422 Unprocessable Entity", false, None),
    ] {
        let (address, _got) = server(&[answer]);
        let error = send(ForgeKind::GitHub, &address, StatusState::Failure).unwrap_err();
        assert_eq!((error.is_retryable(), error.retry_after()), (retryable, after.map(Duration::from_secs)), "{answer}: {error}");
    }
}

#[test]
fn the_servers_words_are_passed_on_without_the_token() {
    let answer = format!("401 Unauthorized\n\n{{\"message\": \"bad\\n token {TOKEN}\"}}");
    let (address, _got) = server(&[&answer]);
    let error = send(ForgeKind::Gitea, &address, StatusState::Pending).unwrap_err().to_string();
    assert!(error.contains("status 401 (bad token ***): the token is wrong or has expired"), "{error}");
}

#[test]
fn pending_twice_is_no_failure_on_gitlab() {
    let answer = "400 Bad Request\n\n{\"message\": \"Cannot transition status via :enqueue from :pending\"}";
    let (address, _got) = server(&[answer, answer]);
    send(ForgeKind::GitLab, &address, StatusState::Pending).unwrap();
    assert!(!send(ForgeKind::GitLab, &address, StatusState::Failure).unwrap_err().is_retryable());
}

#[test]
fn a_redirect_is_followed_on_the_same_server_only() {
    let (address, got) = server(&["307 Temporary Redirect\nlocation: /repositories/7/statuses", "201 Created"]);
    send(ForgeKind::GitHub, &address, StatusState::Success).unwrap();
    assert!(got.recv().unwrap().head.starts_with("POST /repos/team/shop/statuses/"));
    let second = got.recv().unwrap();
    assert!(second.head.starts_with("POST /repositories/7/statuses ") && second.body.contains("gitops/shop"), "{}", second.head);

    let (elsewhere, reached) = server(&["201 Created"]);
    for target in [elsewhere.clone(), elsewhere.replace("http://", "http://me:pw@"), elsewhere.replace("http:", "")] {
        let answer = format!("307 Temporary Redirect\nlocation: {target}/x");
        let (address, _got) = server(&[&answer]);
        let error = send(ForgeKind::GitHub, &address, StatusState::Success).unwrap_err();
        assert!(matches!(&error, SendError::Redirected { to, .. } if !to.contains("pw")), "{error}");
        assert!(!error.is_retryable());
    }
    assert!(reached.try_recv().is_err(), "the token went to another server");

    let (address, _got) = server(&["307 Temporary Redirect\nlocation: {here}/x"; 4]);
    assert!(matches!(send(ForgeKind::GitHub, &address, StatusState::Success), Err(SendError::Redirected { .. })));
}

#[test]
fn silence_and_refused_connections_are_worth_another_try() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let repo = RepoUrl::parse("git@git.example.org:team/shop.git").unwrap();
    let silent = Forge::new(ForgeKind::Gitea, &address, TOKEN).with_timeout(Duration::from_millis(200));
    let error = silent.send(&repo, SHA, &report(StatusState::Pending)).unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("timeout"), "{error}");
    drop(listener);
    let error = send(ForgeKind::Gitea, &address, StatusState::Pending).unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

#[test]
fn nothing_shows_the_token() {
    let forge = Forge::new(ForgeKind::GitLab, "https://gitlab.example.org/api/v4", TOKEN);
    assert!(!format!("{forge:?}").contains(TOKEN));
    assert!(forge.clone().with_certificates(b"none").is_err());
    let repo = RepoUrl::parse("/srv/repo").unwrap();
    let error = forge.send(&repo, SHA, &report(StatusState::Pending)).unwrap_err();
    assert!(matches!(error, SendError::Request(_)) && !error.is_retryable());
}
