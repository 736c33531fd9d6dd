//! Charts of OCI registries, from real servers on this machine.
#![cfg(feature = "oci")]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/web.rs"]
mod web;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gitops_source::{ChartError, ChartSource, Charts, ChartsConfig, Credentials, FetchError, WebError};
use sha2::{Digest, Sha256};
use web::{Answer, Asked, WebServer};

const BASIC: &str = "Basic bWU6c2VjcmV0"; // me:secret
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn manifest(body: &[u8], media_type: &str) -> Vec<u8> {
    let config = r#""config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "size": 2, "digest": "sha256:0"}"#;
    let provenance = r#"{"mediaType": "application/vnd.cncf.helm.chart.provenance.v1.prov", "size": 1, "digest": "sha256:0"}"#;
    let layer = format!(r#"{{"mediaType": "{media_type}", "size": {}, "digest": "{}"}}"#, body.len(), digest(body));
    format!(r#"{{"schemaVersion": 2, {config}, "layers": [{layer}, {provenance}]}}"#).into_bytes()
}

/// A registry with one repository, `team/web`: three pages of tags, a chart for each.
fn registry(asked: &Asked) -> Answer {
    let page = |tags: &str, next: Option<&str>| {
        let link = next.map(|next| ("Link", format!("<{next}>; rel=\"next\""))).into_iter().collect();
        Answer::Full(200, link, format!(r#"{{"name": "team/web", "tags": {tags}}}"#).into_bytes())
    };
    let Some(route) = asked.target.strip_prefix("/v2/team/web/") else { return Answer::status(404) };
    match route {
        "tags/list" => page(r#"["1.2.0", "latest", "v9.0.0"]"#, Some("/v2/team/web/tags/list?last=v9.0.0")),
        "tags/list?last=v9.0.0" => page(r#"["2.0.0-rc.1", "1.10.0_build.5"]"#, Some("list?last=x")),
        "tags/list?last=x" => page("null", None),
        _ => match route.split_once('/') {
            Some(("manifests", tag)) if tag.starts_with("sha256:") => Answer::ok(manifest(b"chart pinned", CHART)),
            Some(("manifests", tag)) => {
                let body = manifest(format!("chart {tag}").as_bytes(), CHART);
                Answer::Full(200, vec![("Docker-Content-Digest", digest(&body))], body)
            }
            Some(("blobs", wanted)) => {
                let bodies = ["1.2.0", "1.10.0_build.5", "pinned"].map(|tag| format!("chart {tag}").into_bytes());
                bodies.into_iter().find(|body| digest(body) == wanted).map_or(Answer::status(404), Answer::ok)
            }
            _ => Answer::status(404),
        },
    }
}

fn charts(dir: &Path, credentials: &str) -> Charts {
    let credentials = Credentials::from_file(credentials.as_bytes(), "secrets.yaml").unwrap();
    Charts::open(ChartsConfig { credentials, ..ChartsConfig::new(dir) }).unwrap()
}

fn source(server: &WebServer, version: &str) -> ChartSource {
    ChartSource::new(&format!("oci://{}/team", server.host()), "web", version).unwrap()
}

#[test]
fn a_range_looks_through_all_pages_of_tags() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|_, asked| registry(asked));
    let charts = charts(dir.path(), "");
    let archive = charts.fetch(&source(&server, "^1.2")).unwrap();
    assert_eq!((archive.name.as_str(), archive.version.as_str()), ("web", "1.10.0+build.5"));
    assert_eq!((&*archive.bytes, archive.revision.as_str()), (&b"chart 1.10.0_build.5"[..], &*digest(b"chart 1.10.0_build.5")));
    assert_eq!(archive.url, format!("oci://{}/team/web", server.host()));
    assert_eq!(server.seen().len(), 5);
    // A version is the tag itself, and the archive is there already.
    assert_eq!(charts.fetch(&source(&server, "1.10.0+build.5")).unwrap(), archive);
    assert_eq!(server.targets()[5..], ["/v2/team/web/manifests/1.10.0_build.5"]);
    // Argo CD's form; and the whole address with a tag.
    let plain = ChartSource::new(&format!("{}/team/", server.host()), "web", "1.2.0").unwrap();
    assert_eq!(&*charts.fetch(&plain).unwrap().bytes, b"chart 1.2.0");
    let tagged = ChartSource::new(&format!("oci://{}/team/web:1.2.0", server.host()), "", "").unwrap();
    assert_eq!(charts.fetch(&tagged).unwrap().version, "1.2.0");
    let error = charts.fetch(&source(&server, "^3")).unwrap_err();
    assert!(matches!(error, ChartError::NoVersion { newest: Some(n), .. } if n == "2.0.0-rc.1"));
}

#[test]
fn a_digest_is_a_pin() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|_, asked| registry(asked));
    let charts = charts(dir.path(), "");
    let pinned = |digest: &str| ChartSource::new(&format!("oci://{}/team/web@{digest}", server.host()), "", "").unwrap();
    let archive = charts.fetch(&pinned(&digest(&manifest(b"chart pinned", CHART)))).unwrap();
    assert_eq!((&*archive.bytes, archive.version.as_str()), (&b"chart pinned"[..], ""));
    let error = charts.fetch(&pinned(&digest(b"another"))).unwrap_err();
    assert!(matches!(error, ChartError::Digest { .. }), "{error:?}");
}

#[test]
fn a_blob_that_is_another_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|_, asked| if asked.target.contains("/blobs/") { Answer::ok("other") } else { registry(asked) });
    let error = charts(dir.path(), "").fetch(&source(&server, "1.2.0")).unwrap_err();
    assert!(matches!(error, ChartError::Digest { .. }), "{error:?}");
    let server = WebServer::start(|_, asked| {
        let Answer::Full(_, _, body) = registry(asked) else { return Answer::Silent };
        Answer::Full(200, vec![("Docker-Content-Digest", digest(b"other"))], body)
    });
    let error = charts(dir.path(), "").fetch(&source(&server, "1.2.0")).unwrap_err();
    assert!(matches!(error, ChartError::Digest { .. }), "{error:?}");
}

/// A registry that wants a token of `realm`'s.
fn guarded(realm: String, wants: &'static str) -> WebServer {
    WebServer::start(move |_, asked| match asked.authorization() {
        Some(given) if given == wants => registry(asked),
        _ => {
            let challenge = format!("Bearer realm=\"{realm}\",service=\"reg\",scope=\"repository:team/web:pull\"");
            Answer::Full(401, vec![("WWW-Authenticate", challenge)], Vec::new())
        }
    })
}

#[test]
fn a_token_is_got_with_the_registrys_login_and_used_for_all_requests() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = WebServer::start(|_, asked| match asked.authorization() {
        Some(BASIC) => Answer::ok(r#"{"token": "for-team", "expires_in": 300}"#),
        _ => Answer::status(401),
    });
    let server = guarded(tokens.url("token?x=1"), "Bearer for-team");
    let login = format!("repositories:\n  - {{url: 'http://{}/team', username: me, password: secret}}\n", server.host());
    let archive = charts(dir.path(), &login).fetch(&source(&server, "1.2.0")).unwrap();
    assert_eq!(&*archive.bytes, b"chart 1.2.0");
    let wanted = "/token?x=1&service=reg&scope=repository:team/web:pull";
    assert_eq!(tokens.targets(), [wanted]);
    let sent: Vec<_> = server.seen().iter().map(|asked| asked.authorization().map(str::to_owned)).collect();
    let bearer = Some("Bearer for-team".to_owned());
    assert_eq!(sent, [None, bearer.clone(), bearer]);

    // Who has no login, or only one for another path, gets no token by it.
    for login in [String::new(), login.replace("/team'", "/other'")] {
        let error = charts(dir.path(), &login).fetch(&source(&server, "1.2.0")).unwrap_err();
        assert!(matches!(&error, ChartError::Web(WebError::Fetch(FetchError::Denied { url, .. })) if url.contains("/token?…")), "{error}");
    }
    assert!(tokens.seen()[1..].iter().all(|asked| asked.authorization().is_none()));
}

#[test]
fn a_token_that_is_never_good_enough_is_asked_for_once() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = WebServer::start(|_, _| Answer::ok(r#"{"access_token": "weak"}"#));
    let server = guarded(tokens.url("token"), "Bearer strong");
    let error = charts(dir.path(), "").fetch(&source(&server, "1.2.0")).unwrap_err();
    assert!(matches!(&error, ChartError::Web(WebError::Fetch(FetchError::Denied { .. }))), "{error:?}");
    assert!(!error.to_string().contains("weak"));
    assert_eq!((tokens.seen().len(), server.seen().len()), (1, 2));
    // A token of the configuration goes there at once, and to nobody else.
    let login = |token: &str| format!("repositories:\n  - {{url: 'http://{}', bearerToken: {token}}}\n", server.host());
    assert!(charts(dir.path(), &login("strong")).fetch(&source(&server, "1.2.0")).is_ok());
    assert!(charts(dir.path(), &login("wrong")).fetch(&source(&server, "1.2.0")).is_err());
    assert_eq!(tokens.seen().len(), 1);
}

#[test]
fn a_password_is_sent_when_it_is_asked_for_and_blobs_elsewhere_do_not_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = WebServer::start(|_, _| Answer::ok("chart 1.2.0"));
    let to = store.url("blob?signature=x");
    let server = WebServer::start(move |_, asked| match asked.authorization() {
        Some(BASIC) if asked.target.contains("/blobs/") => Answer::redirect(to.clone()),
        Some(BASIC) => registry(asked),
        _ => Answer::Full(401, vec![("WWW-Authenticate", "Basic realm=\"x\"".to_owned())], Vec::new()),
    });
    let login = format!("repositories:\n  - {{url: 'http://{}', username: me, password: secret}}\n", server.host());
    assert_eq!(&*charts(dir.path(), &login).fetch(&source(&server, "1.2.0")).unwrap().bytes, b"chart 1.2.0");
    assert_eq!(store.seen()[0].authorization(), None);
    let other = tempfile::tempdir().unwrap();
    let error = charts(other.path(), "").fetch(&source(&server, "1.2.0")).unwrap_err();
    assert!(error.to_string().contains("it wants a user and a password"), "{error}");
}

#[test]
fn only_this_machine_is_asked_over_http_unless_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|_, asked| registry(asked));
    // An https login says that it is https: the server here does not speak it.
    let login = format!("repositories:\n  - {{url: 'oci://{}/team', username: me, password: secret}}\n", server.host());
    let secure = charts(dir.path(), &login).fetch(&source(&server, "1.2.0")).unwrap_err();
    assert!(matches!(&secure, ChartError::Web(WebError::Fetch(_))), "{secure:?}");
    assert!(server.seen().is_empty());
    let credentials = Credentials::from_file(login.as_bytes(), "secrets.yaml").unwrap();
    let config = ChartsConfig { credentials, plain_http: vec![server.host()], ..ChartsConfig::new(dir.path()) };
    assert!(Charts::open(config).unwrap().fetch(&source(&server, "1.2.0")).is_ok());
}

#[test]
fn what_is_no_chart_and_tags_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let server = WebServer::start(move |own, asked| match asked.target.rsplit('/').next() {
        Some("1.0.0") => Answer::ok(manifest(b"x", "application/vnd.oci.image.layer.v1.tar")),
        Some("2.0.0") => Answer::ok(manifest(b"x", CHART).repeat(2)),
        Some("3.0.0") => Answer::status(404),
        _ if asked.target.starts_with("/v2/team/away/") => {
            let link = vec![("Link", format!("<{}>; rel=next", own.replace("127.0.0.1", "localhost")))];
            Answer::Full(200, link, b"{}".to_vec())
        }
        _ => {
            let next = count.fetch_add(1, Ordering::SeqCst);
            Answer::Full(200, vec![("Link", format!("</v2/team/web/tags/list?last={next}>; rel=\"next\""))], b"{}".to_vec())
        }
    });
    let charts = charts(dir.path(), "");
    let text = |version: &str| charts.fetch(&source(&server, version)).unwrap_err().to_string();
    assert!(text("1.0.0").contains("it has no layer of type"));
    assert!(text("2.0.0").contains("no JSON"));
    assert!(text("3.0.0").contains("/v2/team/web/manifests/3.0.0: not found"));
    assert!(text("^1").contains("more than 1000 pages"));
    let away = ChartSource::new(&format!("oci://{}/team", server.host()), "away", "^1").unwrap();
    assert!(charts.fetch(&away).unwrap_err().to_string().contains("lies on another host"));
}

#[cfg(feature = "helm-repo")]
#[test]
fn an_index_may_lead_to_a_registry() {
    let dir = tempfile::tempdir().unwrap();
    let server = WebServer::start(|own, asked| match asked.target.as_str() {
        "/index.yaml" => {
            let host = own.trim_start_matches("http://");
            let entry = |version: &str, url: &str| format!("{{name: web, version: {version}, urls: ['oci://{host}/team/web{url}']}}");
            let entries = [entry("1.2.0", ":1.2.0"), entry("1.10.0+build.5", "")].join(", ");
            Answer::ok(format!("apiVersion: v1\nentries: {{web: [{entries}]}}"))
        }
        _ => registry(asked),
    });
    let charts = charts(dir.path(), "");
    for (version, wanted) in [("1.2.0", "chart 1.2.0"), ("^1", "chart 1.10.0_build.5")] {
        let archive = charts.fetch(&ChartSource::new(&server.url(""), "web", version).unwrap()).unwrap();
        assert_eq!(&*archive.bytes, wanted.as_bytes());
    }
}
