//! Every forge against answers in the shape of its documentation, from a server on loopback: pages, refusals, what is missing.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_appset::Repository;
use gitops_forge::{AskError, Kind, Login, PullRequestQuery, RepositoryQuery, Server, ask_plugin};

#[derive(Clone, Default)]
struct Answer {
    status: u16,
    headers: String,
    body: String,
}

/// Answers by path and query; anything else is 404.
struct Recorded {
    address: SocketAddr,
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Recorded {
    fn start() -> Recorded {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let recorded = Recorded { address: listener.local_addr().unwrap(), answers: Arc::default(), seen: Arc::default() };
        let (answers, seen) = (recorded.answers.clone(), recorded.seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, seen) = (answers.clone(), seen.clone());
                std::thread::spawn(move || while serve(&stream, &answers, &seen).is_some() {});
            }
        });
        recorded
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn on(&self, path: &str, body: &str) -> &Recorded {
        self.with(path, 200, "", body)
    }

    fn with(&self, path: &str, status: u16, headers: &str, body: &str) -> &Recorded {
        let answer = Answer { status, headers: headers.replace("BASE", &self.url()), body: body.replace("BASE", &self.url()) };
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
        self
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, answers: &Mutex<BTreeMap<String, Answer>>, seen: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|n| *n > 0)?;
    let target = first.split(' ').nth(1)?.to_owned();
    let (mut length, mut login) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" | "private-token" => value.trim().clone_into(&mut login),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    seen.lock().unwrap().push(format!("{target} [{login}] {}", String::from_utf8_lossy(&body)));
    let missing = Answer { status: 404, headers: String::new(), body: "{\"message\": \"Not Found\"}".into() };
    let answer = answers.lock().unwrap().get(&target).cloned().unwrap_or(missing);
    let text = format!("HTTP/1.1 {} X\r\n{}Content-Length: {}\r\n\r\n{}", answer.status, answer.headers, answer.body.len(), answer.body);
    (&*stream).write_all(text.as_bytes()).ok()
}

fn shown(found: &[Repository]) -> Vec<String> {
    found.iter().map(|r| format!("{}/{} {} {} {} {}", r.organization, r.repository, r.branch, r.sha, r.url, r.labels.join("+"))).collect()
}

fn token(kind: Kind, recorded: &Recorded) -> Server {
    Server::new(kind, &recorded.url(), Login::Token("t0ken".into())).unwrap()
}

#[test]
fn github_repositories_over_two_pages_without_archived_and_empty_ones() {
    let r = Recorded::start();
    r.with(
        "/api/v3/orgs/acme/repos?per_page=100",
        200,
        "Link: <BASE/api/v3/orgs/acme/repos?per_page=100&page=2>; rel=\"next\", <BASE/x>; rel=\"last\"\r\n",
        r#"[{"id": 1, "name": "shop", "default_branch": "main", "ssh_url": "git@h:acme/shop.git", "clone_url": "https://h/acme/shop.git",
            "topics": ["web", "eu"], "archived": false}, {"id": 2, "name": "old", "default_branch": "main", "archived": true}]"#,
    );
    r.on(
        "/api/v3/orgs/acme/repos?per_page=100&page=2",
        r#"[{"id": 3, "name": "empty", "default_branch": "main"},
            {"id": 4, "name": "docs", "default_branch": "v/1", "ssh_url": "git@h:acme/docs.git"}]"#,
    );
    r.on("/api/v3/repos/acme/shop/branches/main", r#"{"name": "main", "commit": {"sha": "aaa"}}"#);
    r.on("/api/v3/repos/acme/docs/branches/v%2F1", r#"{"name": "v/1", "commit": {"sha": "bbb"}}"#);
    let server = token(Kind::GitHub, &r);
    let query = RepositoryQuery { owner: "acme", skip_archived: true, ..RepositoryQuery::default() };
    let found = server.repositories(&query).unwrap();
    assert_eq!(shown(&found), ["acme/shop main aaa git@h:acme/shop.git web+eu", "acme/docs v/1 bbb git@h:acme/docs.git "]);
    assert_eq!(found[0].id, "1");
    assert!(r.seen()[0].contains("[Bearer t0ken]"));
    r.on(
        "/api/v3/repos/acme/shop/branches?per_page=100",
        r#"[{"name": "main", "commit": {"sha": "aaa"}}, {"name": "x", "commit": {"sha": "ccc"}}]"#,
    );
    r.on("/api/v3/repos/acme/empty/branches?per_page=100", "[]").on("/api/v3/repos/acme/docs/branches?per_page=100", "[]");
    let all = server.repositories(&RepositoryQuery { all_branches: true, https: true, ..query }).unwrap();
    assert_eq!(shown(&all), ["acme/shop main aaa https://h/acme/shop.git web+eu", "acme/shop x ccc https://h/acme/shop.git web+eu"]);
    r.on("/api/v3/repos/acme/shop/contents/deploy/Chart.yaml?ref=main", "{}");
    assert!(server.has_path(&query, &found[0], "deploy/Chart.yaml").unwrap());
    assert!(!server.has_path(&query, &found[0], "other").unwrap());
}

#[test]
fn github_pull_requests_need_every_label() {
    let r = Recorded::start();
    r.on(
        "/api/v3/repos/acme/shop/pulls?state=open&per_page=100",
        r#"[{"number": 7, "title": "A", "head": {"ref": "feat/a", "sha": "aaa"}, "base": {"ref": "main"}, "user": {"login": "ann"},
             "labels": [{"name": "preview"}, {"name": "eu"}]},
            {"number": 8, "title": "B", "head": {"ref": "b", "sha": "bbb"}, "base": {"ref": "main"}, "user": {"login": "bob"},
             "labels": [{"name": "preview"}]}]"#,
    );
    let server = token(Kind::GitHub, &r);
    let labels = ["preview".to_owned(), "eu".to_owned()];
    let query = PullRequestQuery { owner: "acme", repository: "shop", labels: &labels, ..PullRequestQuery::default() };
    let found = server.pull_requests(&query).unwrap();
    assert_eq!(found.len(), 1);
    let pr = &found[0];
    assert_eq!(
        (pr.number, pr.branch.as_str(), pr.target_branch.as_str(), pr.head_sha.as_str(), pr.author.as_str()),
        (7, "feat/a", "main", "aaa", "ann")
    );
    let missing = server.pull_requests(&PullRequestQuery { repository: "gone", ..query }).unwrap_err();
    assert!(matches!(missing, AskError::NotFound { .. }), "{missing}");
}

#[test]
fn refusals_are_told_apart_and_hold_no_secret() {
    let r = Recorded::start();
    let server = token(Kind::GitHub, &r);
    let query = RepositoryQuery { owner: "acme", ..RepositoryQuery::default() };
    let path = "/api/v3/orgs/acme/repos?per_page=100";
    let ask = || server.repositories(&query).unwrap_err();
    r.with(path, 403, "X-RateLimit-Remaining: 0\r\nRetry-After: 37\r\n", "{}");
    assert_eq!(ask().retry_after(), Some(Duration::from_secs(37)));
    r.with(path, 429, "", "{}");
    assert!(matches!(ask(), AskError::Limited { retry_after: None, .. }));
    r.with(path, 401, "", "{\"message\": \"Bad credentials\"}");
    let refused = ask().to_string();
    assert!(refused.contains("status 401 (Bad credentials): check the token") && !refused.contains("t0ken"), "{refused}");
    r.with(path, 502, "", "oops");
    assert!(matches!(ask(), AskError::Unavailable { .. }));
    r.on(path, "{\"not\": \"a list\"}");
    assert!(ask().to_string().contains("no list where one is expected"));
    r.on(path, "[{");
    assert!(matches!(ask(), AskError::Answer { .. }));
    r.with(path, 302, "Location: http://elsewhere.example.com/\r\n", "");
    assert!(ask().to_string().contains("redirects"));
    r.with(path, 200, "Link: <http://elsewhere.example.com/x>; rel=\"next\"\r\n", "[]");
    assert!(ask().to_string().contains("its next page is elsewhere"));
    // The second page fails: the whole answer does.
    r.with(path, 200, "Link: <BASE/api/v3/page2>; rel=\"next\"\r\n", "[]").with("/api/v3/page2", 500, "", "");
    assert!(matches!(ask(), AskError::Unavailable { .. }));
    assert!(!format!("{server:?}").contains("t0ken"));
    for api in ["ftp://x", "https://", "https://me:pw@host", "https://h/?q"] {
        assert!(matches!(Server::new(Kind::Gitea, api, Login::None), Err(AskError::Setting(_))), "{api}");
    }
    assert!(Server::new(Kind::Gitea, "https://h", Login::Token("a\nb".into())).is_err());
    assert!(Server::with_tls(Kind::GitLab, "https://h", Login::None, false, Some("-----BEGIN CERTIFICATE-----\nx")).is_err());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = Server::new(Kind::GitHub, &format!("http://{closed}"), Login::None).unwrap();
    assert!(matches!(down.repositories(&query), Err(AskError::Unavailable { .. })));
}

#[test]
fn gitlab() {
    let r = Recorded::start();
    let projects = "/api/v4/groups/acme%2Fweb/projects?per_page=100&include_subgroups=true&with_shared=false&topic=live&archived=false";
    r.with(
        projects,
        200,
        "Link: <BASE/api/v4/next?page=2>; rel=\"next\"\r\n",
        r#"[{"id": 5, "path": "shop", "namespace": {"full_path": "acme/web"}, "default_branch": "main",
             "ssh_url_to_repo": "git@h:acme/web/shop.git", "http_url_to_repo": "https://h/acme/web/shop.git", "topics": ["live"]}]"#,
    );
    r.on(
        "/api/v4/next?page=2",
        r#"[{"id": 6, "path": "bare", "namespace": {"full_path": "acme/web"}, "default_branch": null, "empty_repo": true}]"#,
    );
    r.on("/api/v4/projects/5/repository/branches/main", r#"{"name": "main", "commit": {"id": "aaa"}}"#);
    let server = token(Kind::GitLab, &r);
    let query = RepositoryQuery { owner: "acme/web", subgroups: true, topic: "live", skip_archived: true, ..RepositoryQuery::default() };
    let found = server.repositories(&query).unwrap();
    assert_eq!(shown(&found), ["acme/web/shop main aaa git@h:acme/web/shop.git live"]);
    assert!(r.seen()[0].contains("[t0ken]"));
    r.on("/api/v4/projects/5/repository/files/a%2Fb.yaml?ref=main", "{}");
    r.on("/api/v4/projects/5/repository/tree?path=dir&ref=main&per_page=1", "[{}]");
    r.on("/api/v4/projects/5/repository/tree?path=none&ref=main&per_page=1", "[]");
    for (path, there) in [("a/b.yaml", true), ("dir", true), ("none", false), ("absent", false)] {
        assert_eq!(server.has_path(&query, &found[0], path).unwrap(), there, "{path}");
    }
    r.on(
        "/api/v4/projects/acme%2Fweb%2Fshop/merge_requests?per_page=100&state=opened&labels=preview",
        r#"[{"iid": 3, "title": "T", "source_branch": "a", "target_branch": "main", "sha": "ccc", "author": {"username": "ann"}, "labels": ["preview"]}]"#,
    );
    let labels = ["preview".to_owned()];
    let query = PullRequestQuery { repository: "acme/web/shop", labels: &labels, state: "opened", ..PullRequestQuery::default() };
    let found = server.pull_requests(&query).unwrap();
    assert_eq!((found[0].number, found[0].head_sha.as_str(), found[0].author.as_str()), (3, "ccc", "ann"));
}

#[test]
fn gitea_goes_on_until_a_page_is_not_full_and_knows_people() {
    let r = Recorded::start();
    let one = |n: usize| format!(r#"{{"id": {n}, "name": "r{n}", "default_branch": "main", "ssh_url": "ssh{n}", "empty": true}}"#);
    let full: Vec<String> = (0..50).map(one).collect();
    r.on("/api/v1/users/ann/repos?x=&limit=50&page=1", &format!("[{}]", full.join(",")));
    r.on(
        "/api/v1/users/ann/repos?x=&limit=50&page=2",
        r#"[{"id": 99, "name": "last", "default_branch": "main", "ssh_url": "ssh", "archived": false}]"#,
    );
    r.on("/api/v1/repos/ann/last/topics", r#"{"topics": ["a", "b"]}"#);
    r.on("/api/v1/repos/ann/last/branches/main", r#"{"name": "main", "commit": {"id": "aaa"}}"#);
    let server = token(Kind::Gitea, &r);
    let query = RepositoryQuery { owner: "ann", ..RepositoryQuery::default() };
    let found = server.repositories(&query).unwrap();
    assert_eq!(shown(&found), ["ann/last main aaa ssh a+b"]);
    assert!(r.seen()[0].contains("[token t0ken]"));
    r.on("/api/v1/repos/ann/last/contents/x?ref=main", "{}");
    assert!(server.has_path(&query, &found[0], "x").unwrap());
    r.on(
        "/api/v1/repos/ann/last/pulls?state=open&limit=50&page=1",
        r#"[{"number": 1, "title": "T", "head": {"ref": "a", "sha": "s"}, "base": {"ref": "main"}, "user": {"login": "ann"}, "labels": []}]"#,
    );
    assert_eq!(
        server.pull_requests(&PullRequestQuery { owner: "ann", repository: "last", ..PullRequestQuery::default() }).unwrap().len(),
        1
    );
}

#[test]
fn bitbucket_cloud() {
    let r = Recorded::start();
    r.on(
        "/repositories/acme?pagelen=100",
        r#"{"values": [{"slug": "shop", "uuid": "{1}", "mainbranch": {"name": "main"},
             "links": {"clone": [{"name": "https", "href": "https://h/acme/shop.git"}, {"name": "ssh", "href": "git@h:acme/shop.git"}]}}],
            "next": "BASE/repositories/acme?pagelen=100&page=2"}"#,
    );
    r.on("/repositories/acme?pagelen=100&page=2", r#"{"values": [{"slug": "bare", "uuid": "{2}", "mainbranch": null}]}"#);
    r.on("/repositories/acme/shop/refs/branches/main", r#"{"name": "main", "target": {"hash": "aaa"}}"#);
    let server = Server::new(Kind::Bitbucket, &r.url(), Login::Basic("ann".into(), "pw".into())).unwrap();
    let query = RepositoryQuery { owner: "acme", ..RepositoryQuery::default() };
    let found = server.repositories(&query).unwrap();
    assert_eq!(shown(&found), ["acme/shop main aaa git@h:acme/shop.git "]);
    assert!(r.seen()[0].contains("[Basic YW5uOnB3]"));
    r.on("/repositories/acme/shop/src/aaa/deploy?format=meta", "{}");
    assert!(server.has_path(&query, &found[0], "deploy").unwrap());
    r.on(
        "/repositories/acme/shop/pullrequests?state=OPEN&pagelen=50",
        r#"{"values": [{"id": 2, "title": "T", "source": {"branch": {"name": "a"}, "commit": {"hash": "ccc"}},
             "destination": {"branch": {"name": "main"}}, "author": {"nickname": "ann"}}]}"#,
    );
    let requests = server.pull_requests(&PullRequestQuery { owner: "acme", repository: "shop", ..PullRequestQuery::default() }).unwrap();
    assert_eq!((requests[0].number, requests[0].head_sha.as_str()), (2, "ccc"));
}

#[test]
fn bitbucket_server() {
    let r = Recorded::start();
    let api = "/rest/api/1.0/projects/ACME";
    r.on(
        &format!("{api}/repos?limit=100"),
        r#"{"values": [{"slug": "shop", "id": 1, "links": {"clone": [{"name": "ssh", "href": "ssh://git@h/acme/shop.git"}]}}],
            "isLastPage": false, "nextPageStart": 25}"#,
    );
    r.on(&format!("{api}/repos?limit=100&start=25"), r#"{"values": [], "isLastPage": true}"#);
    r.on(&format!("{api}/repos/shop/branches/default"), r#"{"displayId": "main", "latestCommit": "aaa"}"#);
    let server = Server::new(Kind::BitbucketServer, &r.url(), Login::Bearer("b".into())).unwrap();
    let query = RepositoryQuery { owner: "ACME", ..RepositoryQuery::default() };
    assert_eq!(shown(&server.repositories(&query).unwrap()), ["ACME/shop main aaa ssh://git@h/acme/shop.git "]);
    r.on(
        &format!("{api}/repos/shop/pull-requests?state=OPEN&limit=100"),
        r#"{"values": [{"id": 4, "title": "T", "fromRef": {"displayId": "a", "latestCommit": "ccc"}, "toRef": {"displayId": "main"},
             "author": {"user": {"name": "ann"}}}], "isLastPage": true}"#,
    );
    let requests = server.pull_requests(&PullRequestQuery { owner: "ACME", repository: "shop", ..PullRequestQuery::default() }).unwrap();
    assert_eq!((requests[0].number, requests[0].author.as_str()), (4, "ann"));
    r.on(&format!("{api}/repos?limit=100"), r#"{"values": [], "isLastPage": false}"#);
    assert!(server.repositories(&query).unwrap_err().to_string().contains("does not say where the next begins"));
}

#[test]
fn azure_devops_matches_the_default_branch_exactly() {
    let r = Recorded::start();
    let api = "/acme/web/_apis/git/repositories";
    r.on(
        &format!("{api}?api-version=7.1"),
        r#"{"value": [{"id": "u1", "name": "shop", "defaultBranch": "refs/heads/main", "remoteUrl": "https://h/acme/web/_git/shop"},
                     {"id": "u2", "name": "off", "isDisabled": true}, {"id": "u3", "name": "bare"}]}"#,
    );
    r.on(
        &format!("{api}/u1/refs?filter=heads%2Fmain&api-version=7.1"),
        r#"{"value": [{"name": "refs/heads/main", "objectId": "aaa"}, {"name": "refs/heads/main-2", "objectId": "bbb"}]}"#,
    );
    let server = token(Kind::Azure, &r);
    let query = RepositoryQuery { owner: "acme", project: "web", ..RepositoryQuery::default() };
    let found = server.repositories(&query).unwrap();
    assert_eq!(shown(&found), ["acme/shop main aaa https://h/acme/web/_git/shop "]);
    assert!(r.seen()[0].contains("[Basic OnQwa2Vu]"));
    r.on(
        &format!("{api}/u1/items?path=%2Fa&versionDescriptor.version=main&versionDescriptor.versionType=branch&api-version=7.1"),
        "plain text",
    );
    assert!(server.has_path(&query, &found[0], "a").unwrap());
    let request = |n: usize| {
        format!(
            r#"{{"pullRequestId": {n}, "title": "T", "sourceRefName": "refs/heads/a", "targetRefName": "refs/heads/main",
                 "lastMergeSourceCommit": {{"commitId": "ccc"}}, "createdBy": {{"uniqueName": "ann@example.com"}}}}"#
        )
    };
    let page = |from: usize, to: usize| format!("{{\"value\": [{}]}}", (from..to).map(request).collect::<Vec<_>>().join(","));
    let path = |skip: usize| format!("{api}/shop/pullrequests?searchCriteria.status=active&$top=100&api-version=7.1&$skip={skip}");
    r.on(&path(0), &page(0, 100)).on(&path(100), &page(100, 103));
    let query = PullRequestQuery { owner: "acme", project: "web", repository: "shop", ..PullRequestQuery::default() };
    let requests = server.pull_requests(&query).unwrap();
    assert_eq!((requests.len(), requests[102].number, requests[0].author.as_str(), requests[0].branch.as_str()), (103, 102, "ann", "a"));
}

#[test]
fn a_plugin_is_asked_as_argo_cd_asks_it() {
    let r = Recorded::start();
    r.on("/api/v1/getparams.execute", r#"{"output": {"parameters": [{"a": "1"}, {"b": {"c": 2}}]}}"#);
    let parameters = [("key", gitops_manifest::Value::from("v"))].into_iter().collect();
    let ask = |token: &str| ask_plugin(&r.url(), token, "shops", &parameters, Duration::from_secs(5));
    assert_eq!(ask("t0ken").unwrap().len(), 2);
    assert_eq!(
        r.seen()[0],
        "/api/v1/getparams.execute [Bearer t0ken] {\"applicationSetName\":\"shops\",\"input\":{\"parameters\":{\"key\":\"v\"}}}"
    );
    assert!(matches!(ask("a b"), Err(AskError::Setting(_))));
    r.on("/api/v1/getparams.execute", r#"{"output": {"parameters": "x"}}"#);
    assert!(ask("t").unwrap_err().to_string().contains("expected {\"output\""));
    r.with("/api/v1/getparams.execute", 503, "", "");
    assert!(matches!(ask("t"), Err(AskError::Unavailable { .. })));
    r.with("/api/v1/getparams.execute", 401, "", "");
    assert!(matches!(ask("t"), Err(AskError::Refused { .. })));
}
