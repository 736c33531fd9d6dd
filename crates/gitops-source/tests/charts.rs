//! Charts of chart repositories, from real servers on this machine.
#![cfg(feature = "helm-repo")]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/web.rs"]
mod web;

use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use gitops_source::{ChartArchive, ChartError, ChartSource, Charts, ChartsConfig, Credentials, FetchError, Timeouts, Wait, WebError};
use sha2::{Digest, Sha256};
use web::{Answer, Asked, WebServer};

const BASIC: &str = "Basic bWU6c2VjcmV0"; // me:secret

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn config(dir: &Path) -> ChartsConfig {
    let ms = Duration::from_millis;
    let timeouts = Timeouts { connect: ms(2000), first_byte: ms(300), stalled: ms(300), total: ms(20_000) };
    ChartsConfig { timeouts, ..ChartsConfig::new(dir) }
}

fn with_login(dir: &Path, prefix: &str) -> Charts {
    let text = format!("repositories:\n  - {{url: '{prefix}', username: me, password: secret}}\n");
    let credentials = Credentials::from_file(text.as_bytes(), "secrets.yaml").unwrap();
    Charts::open(ChartsConfig { credentials, ..config(dir) }).unwrap()
}

fn source(server: &WebServer, version: &str) -> ChartSource {
    ChartSource::new(&server.url("charts"), "web", version).unwrap()
}

/// A repository with four versions; `archive` is the address that its index gives for each, `{}` being the version.
fn repository(archive: &'static str, with_digest: bool) -> WebServer {
    WebServer::start(move |_, asked| answer(asked, archive, with_digest))
}

fn answer(asked: &Asked, archive: &str, with_digest: bool) -> Answer {
    if asked.target == "/charts/index.yaml" {
        return index(asked, archive, with_digest);
    }
    let path = asked.target.split('?').next().unwrap_or_default();
    match path.rsplit_once("web-") {
        Some((_, name)) => Answer::Full(200, vec![("ETag", format!("\"{name}\""))], body(name.trim_end_matches(".tgz"))),
        None => Answer::status(404),
    }
}

fn body(version: &str) -> Vec<u8> {
    format!("chart {version}").into_bytes()
}

fn index(asked: &Asked, archive: &str, with_digest: bool) -> Answer {
    let mut text = "apiVersion: v1\nentries:\n  web:\n".to_owned();
    for version in ["1.2.0", "1.10.0", "2.0.0-rc.1", "0.9.0"] {
        let digest = if with_digest { format!(", digest: {}", digest(&body(version))) } else { String::new() };
        text += &format!("  - {{name: web, version: {version}, urls: ['{}']{digest}}}\n", archive.replace("{}", version));
    }
    let etag = format!("\"{}\"", digest(text.as_bytes()));
    if asked.header("if-none-match") == Some(&etag) {
        return Answer::Full(304, vec![], vec![]);
    }
    Answer::Full(200, vec![("ETag", etag)], text.into_bytes())
}

/// How many archives are kept.
fn archives(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().flatten().filter(|file| file.file_type().unwrap().is_file()).count()
}

#[test]
fn a_range_is_resolved_and_the_second_time_nothing_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = repository("web-{}.tgz", true);
    let charts = Charts::open(config(dir.path())).unwrap();
    let first = charts.fetch(&source(&server, "^1.2")).unwrap();
    let wanted = ChartArchive {
        name: "web".into(),
        version: "1.10.0".into(),
        url: server.url("charts/web-1.10.0.tgz"),
        revision: gitops_tree::Revision::parse(&format!("sha256:{}", digest(&body("1.10.0")))).unwrap(),
        bytes: body("1.10.0").into(),
    };
    assert_eq!(first, wanted);
    assert_eq!(charts.fetch(&source(&server, "1")).unwrap(), wanted);
    assert_eq!(server.targets(), ["/charts/index.yaml", "/charts/web-1.10.0.tgz", "/charts/index.yaml"]);
    assert_eq!(charts.cached(&wanted.revision), Some(wanted.bytes.clone()));
    // Another process, as it were.
    let later = Charts::open(config(dir.path())).unwrap();
    assert_eq!(later.fetch(&source(&server, "1.10.0")).unwrap(), wanted);
    assert_eq!(server.seen().len(), 4);
    let pre = charts.fetch(&source(&server, "2.0.0-rc.1")).unwrap();
    assert_eq!(pre.version, "2.0.0-rc.1");
}

#[test]
fn an_archive_without_a_digest_is_asked_for_by_its_etag() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|_, asked| match asked.header("if-none-match") {
        Some("\"1.10.0.tgz\"") => Answer::Full(304, vec![], vec![]),
        _ => answer(asked, "/elsewhere/web-{}.tgz", false),
    });
    let charts = Charts::open(config(dir.path())).unwrap();
    let first = charts.fetch(&source(&server, "")).unwrap();
    assert_eq!(charts.fetch(&source(&server, "")).unwrap(), first);
    let archives = server.seen().into_iter().filter(|asked| asked.target == "/elsewhere/web-1.10.0.tgz");
    assert_eq!(archives.map(|a| a.header("if-none-match").is_some()).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn credentials_go_to_the_repository_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let other = WebServer::start(|_, asked| answer(asked, "", false));
    let host = other.host();
    let server = WebServer::start(move |_, asked| match asked.authorization() {
        Some(BASIC) => answer(asked, &format!("http://{host}/web-{{}}.tgz"), true),
        _ => Answer::status(401),
    });
    let anonymous = Charts::open(config(&dir.path().join("a"))).unwrap();
    let denied = anonymous.fetch(&source(&server, "1")).unwrap_err();
    assert!(matches!(&denied, ChartError::Web(WebError::Fetch(FetchError::Denied { .. }))), "{denied:?}");
    let charts = with_login(&dir.path().join("b"), &server.url("charts"));
    charts.fetch(&source(&server, "1")).unwrap();
    assert_eq!(other.seen()[0].authorization(), None);
    let charts = with_login(&dir.path().join("c"), &server.url("charts"));
    charts.fetch(&source(&server, "1").with_pass_credentials(true)).unwrap();
    assert_eq!(other.seen()[1].authorization(), Some(BASIC));
    // A login in the address is one too, and is not shown.
    let url = server.url("charts").replace("http://", "http://me:secret@");
    let in_url = ChartSource::new(&url, "web", "9").unwrap();
    let error = Charts::open(config(dir.path())).unwrap().fetch(&in_url).unwrap_err();
    assert!(matches!(error, ChartError::NoVersion { .. }));
    assert!(!error.to_string().contains("secret") && !format!("{in_url:?} {error:?}").contains("secret"));
}

#[test]
fn a_redirect_to_another_host_takes_no_credentials_along() {
    let dir = tempfile::tempdir().unwrap();
    let other = WebServer::start(|_, asked| answer(asked, "", false));
    let to = other.url("store/web-1.10.0.tgz?signature=hidden");
    let server = WebServer::start(move |_, asked| match asked.target.as_str() {
        "/charts/index.yaml" => index(asked, "get/web-{}.tgz", true),
        "/charts/get/web-1.10.0.tgz" => Answer::redirect("/charts/moved".to_owned()),
        _ => Answer::redirect(to.clone()),
    });
    for pass in [false, true] {
        let charts = with_login(&dir.path().join(pass.to_string()), &server.url("charts"));
        charts.fetch(&source(&server, "1").with_pass_credentials(pass)).unwrap();
    }
    assert!(server.seen().iter().all(|asked| asked.authorization() == Some(BASIC)), "{:?}", server.seen());
    assert!(other.seen().iter().all(|asked| asked.authorization().is_none()));
    assert_eq!(other.seen().len(), 2);
}

#[test]
fn a_circle_of_redirects_ends() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|own, _| Answer::redirect(format!("{own}/again?secret=1")));
    let error = Charts::open(config(dir.path())).unwrap().fetch(&source(&server, "1")).unwrap_err();
    assert!(matches!(&error, ChartError::Web(WebError::Fetch(FetchError::Redirect { .. }))), "{error:?}");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(server.seen().len(), 11);
}

#[test]
fn another_digest_than_promised_is_refused_and_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|_, asked| match asked.target.as_str() {
        "/charts/index.yaml" => index(asked, "web-{}.tgz", true),
        _ => Answer::ok("something else"),
    });
    let error = Charts::open(config(dir.path())).unwrap().fetch(&source(&server, "1")).unwrap_err();
    let ChartError::Digest { expected, found, .. } = error else { panic!("{error}") };
    assert_eq!((expected, found), (format!("sha256:{}", digest(&body("1.10.0"))), format!("sha256:{}", digest(b"something else"))));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_was_resolved_last_is_known_to_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let server = repository("web-{}.tgz", true);
    let asked = source(&server, "^1.2");
    let charts = Charts::open(config(dir.path())).unwrap();
    assert_eq!(charts.last(&asked), None);
    let archive = charts.fetch(&asked).unwrap();
    drop(server);
    let later = Charts::open(config(dir.path())).unwrap();
    assert!(later.fetch(&asked).is_err());
    assert_eq!(later.last(&asked), Some(("1.10.0".to_owned(), archive.revision)));
    let allow = gitops_source::AllowList::new(["https://"]).unwrap();
    let stricter = Charts::open(ChartsConfig { allow: Some(allow), ..config(dir.path()) }).unwrap();
    assert_eq!(stricter.last(&asked), None);
}

#[test]
fn what_is_too_large_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|_, asked| match asked.target.as_str() {
        "/charts/index.yaml" => index(asked, "web-{}.tgz", true),
        "/charts/web-1.10.0.tgz" => Answer::Endless,
        "/charts/web-1.2.0.tgz" => Answer::ok(vec![0; 2000]),
        _ => Answer::Endless,
    });
    let charts = Charts::open(ChartsConfig { archive_limit: 1000, index_limit: 5000, ..config(dir.path()) }).unwrap();
    let endless = ChartSource::new(&server.url("other"), "web", "1").unwrap();
    for (source, wanted) in [(source(&server, "1"), 1000), (source(&server, "1.2.0"), 1000), (endless, 5000)] {
        match charts.fetch(&source).unwrap_err() {
            ChartError::Web(WebError::Fetch(FetchError::TooLarge { limit, .. })) => assert_eq!(limit, wanted),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_server_that_says_nothing_costs_a_time_out() {
    let dir = tempfile::tempdir().unwrap();
    let charts = Charts::open(config(dir.path())).unwrap();
    for (stalls, wanted) in [(false, Wait::FirstByte), (true, Wait::Stalled)] {
        let server = WebServer::start(move |_, _| if stalls { Answer::Stall } else { Answer::Silent });
        let began = Instant::now();
        let error = charts.fetch(&source(&server, "1")).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(10));
        assert!(matches!(&error, ChartError::Web(WebError::Fetch(FetchError::TimedOut { wait, .. })) if *wait == wanted), "{error:?}");
    }
}

#[test]
fn what_is_not_there_and_what_is_no_index() {
    let dir = tempfile::tempdir().unwrap();
    let charts = Charts::open(config(dir.path())).unwrap();
    let text = |status: u16, body: &'static str| {
        let server = WebServer::start(move |_, _| Answer::Full(status, vec![], body.into()));
        charts.fetch(&source(&server, "1")).unwrap_err().to_string().replace(&server.url(""), "")
    };
    assert_eq!(text(404, ""), "charts/index.yaml: not found (HTTP status 404), or not visible with these credentials");
    assert_eq!(text(503, ""), "charts/index.yaml: HTTP status 503: to be tried again");
    assert!(text(403, "").contains("access denied"));
    assert!(text(200, "<html>nothing</html>").contains("a chart repository has an index.yaml"));
    assert!(text(200, "apiVersion: v1\nentries: {web: [{name: web, version: 1.0.0}]}").contains("has no address in `urls`"));
    assert!(text(200, "apiVersion: v1\nentries: {web: [{name: web, version: 1.0.0, urls: ['ftp://h/x']}]}").contains("cannot be used"));
    let closed = WebServer::start(|_, _| Answer::Silent).url("charts");
    let error = charts.fetch(&ChartSource::new(&closed, "web", "1").unwrap());
    assert!(error.is_err());
    for (url, chart) in [("ftp://h/x", "web"), ("https://h/x", ""), ("", "web"), ("/srv/x", "web"), ("https://", "web"), ("oci://h", "")] {
        assert!(matches!(ChartSource::new(url, chart, "1"), Err(ChartError::Address { .. })), "{url}");
    }
}

#[test]
fn fetches_at_once_share_their_work() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|_, asked| {
        std::thread::sleep(Duration::from_millis(100));
        answer(asked, "web-{}.tgz", true)
    });
    let charts = Charts::open(config(dir.path())).unwrap();
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                assert_eq!(&*charts.fetch(&source(&server, "1")).unwrap().bytes, body("1.10.0"));
            });
        }
    });
    // Two runs at most, and the second finds the archive in the cache.
    assert!(server.seen().len() <= 3, "{:?}", server.targets());
    assert_eq!(archives(dir.path()), 1);
}

#[test]
fn the_cache_keeps_what_fits() {
    let dir = tempfile::tempdir().unwrap();
    let server = repository("web-{}.tgz", true);
    let limit = body("1.10.0").len() as u64 + 1;
    let charts = Charts::open(ChartsConfig { cache_limit: limit, ..config(dir.path()) }).unwrap();
    let first = charts.fetch(&source(&server, "1.2.0")).unwrap();
    let second = charts.fetch(&source(&server, "1.10.0")).unwrap();
    assert_eq!(charts.cached(&first.revision), None);
    assert_eq!(charts.cached(&second.revision), Some(second.bytes));
    assert_eq!(charts.fetch(&source(&server, "1.2.0")).unwrap().bytes, first.bytes);
}

#[test]
fn the_query_of_a_repository_goes_along_to_its_own_files() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|_, asked| match asked.target.as_str() {
        "/charts/index.yaml?key=1" => index(asked, "web-{}.tgz", true),
        "/charts/web-1.10.0.tgz?key=1" => Answer::ok(body("1.10.0")),
        _ => Answer::status(404),
    });
    let source = ChartSource::new(&server.url("charts/?key=1"), "web", "1").unwrap();
    let archive = Charts::open(config(dir.path())).unwrap().fetch(&source).unwrap();
    assert_eq!(archive.url, server.url("charts/web-1.10.0.tgz?…"));
}
