//! Files and repositories that are named by their addresses.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/git_repository.rs"]
mod git_repository;
#[path = "support/web.rs"]
mod web;

use std::time::Duration;

use git_repository::GitRepository;
use gitops_source::{
    AllowList, Credentials, FetchError, Mirrors, MirrorsConfig, RemoteError, Remotes, RemotesConfig, ResolveError, WebError,
};
use gitops_tree::{Tree, TreePath};
use web::{Answer, WebServer};

fn remotes(prefixes: &[&str]) -> Remotes {
    let allow = AllowList::new(prefixes.iter().copied()).unwrap();
    Remotes::new(RemotesConfig { fresh_for: Duration::ZERO, ..RemotesConfig::new(allow) })
}

#[test]
fn a_file_and_its_digest() {
    let server = WebServer::start(|_, asked| match asked.target.as_str() {
        "/a.yaml?raw=1" => Answer::ok("kind: A\n"),
        "/missing" => Answer::status(404),
        _ => Answer::Endless,
    });
    let fetching = remotes(&[&server.url("")]);
    let file = fetching.file(&server.url("a.yaml?raw=1")).unwrap();
    assert_eq!(&*file.bytes, b"kind: A\n");
    assert!(file.revision.as_str().starts_with("sha256:"));
    assert!(matches!(fetching.file(&server.url("missing")), Err(RemoteError::Web(WebError::NotFound { .. }))));
    let allow = AllowList::new([&*server.url("")]).unwrap();
    let small = Remotes::new(RemotesConfig { file_limit: 100_000, ..RemotesConfig::new(allow) });
    let error = small.file(&server.url("endless")).unwrap_err();
    assert!(matches!(&error, RemoteError::Web(WebError::Fetch(FetchError::TooLarge { limit: 100_000, .. }))), "{error:?}");
    assert!(matches!(fetching.file("ftp://h/x"), Err(RemoteError::Address(_))));
}

#[test]
fn only_what_is_allowed_is_asked_redirects_included() {
    let other = WebServer::start(|_, _| Answer::ok("kind: B\n"));
    let to = other.url("store/b.yaml");
    let server = WebServer::start(move |_, _| Answer::redirect(to.clone()));
    let refused = |prefixes: &[&str]| match remotes(prefixes).file(&server.url("team/b.yaml")).unwrap_err() {
        RemoteError::Web(WebError::NotAllowed { url }) => url,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&[]), server.url("team/b.yaml"));
    assert_eq!(refused(&[&server.url("tea")]), server.url("team/b.yaml"));
    assert!(server.seen().is_empty());
    assert_eq!(refused(&[&server.url("team")]), other.url("store/b.yaml"));
    assert!(other.seen().is_empty());
    let text = format!("repositories:\n  - {{url: '{}', username: me, password: secret}}\n", server.url(""));
    let credentials = Credentials::from_file(text.as_bytes(), "secrets.yaml").unwrap();
    let config = RemotesConfig { credentials, ..RemotesConfig::new(AllowList::new(["*"]).unwrap()) };
    assert_eq!(&*Remotes::new(config).file(&server.url("team/b.yaml")).unwrap().bytes, b"kind: B\n");
    assert!(server.seen()[1].authorization().is_some());
    assert_eq!(other.seen()[0].authorization(), None);
}

#[test]
fn a_repository_at_what_git_would_fetch() {
    let git = GitRepository::new();
    let first = git.push("base/a.yaml", "a: 1\n");
    git.git(&["tag", "-m", "annotated", "v1.2.0"]);
    let second = git.push("base/a.yaml", "a: 2\n");
    // A branch that would read as a range, and one with the name of a tag.
    git.git(&["branch", "1.x", &first]);
    git.git(&["tag", "1.9.0"]);
    git.git(&["branch", "v1.2.0"]);
    git.push_refs();
    let dir = tempfile::tempdir().unwrap();
    let mirrors = Mirrors::open(MirrorsConfig::new(dir.path())).unwrap();
    let address = git.bare().display().to_string();
    let fetching = remotes(&[&address]);
    let commit = |reference: &str| fetching.repository(&mirrors, &address, reference).map(|r| r.revision.to_string());
    assert_eq!(commit("").unwrap(), second);
    for reference in ["1.x", "v1.2.0", "refs/tags/v1.2.0", "tags/v1.2.0", &first] {
        assert_eq!(commit(reference).unwrap(), first, "{reference}");
    }
    assert_eq!(commit("refs/heads/v1.2.0").unwrap(), second);
    let unknown = commit("^1").unwrap_err();
    assert!(matches!(unknown, RemoteError::Resolve(ResolveError::Unresolved { .. })), "{unknown:?}");
    let tree = fetching.repository(&mirrors, &address, "main").unwrap().tree;
    assert_eq!(&*tree.read(&TreePath::parse("base/a.yaml").unwrap()).unwrap().unwrap(), b"a: 2\n");
    // A commit that is mirrored needs no server.
    std::fs::rename(git.bare(), git.root().join("away")).unwrap();
    assert_eq!(commit(&first).unwrap(), first);
    assert!(commit("main").is_err());
    assert!(matches!(remotes(&["*"]).repository(&mirrors, &address, &first), Err(RemoteError::Web(WebError::NotAllowed { .. }))));
}

#[test]
fn what_was_just_fetched_is_not_fetched_again() {
    let git = GitRepository::new();
    let first = git.push("a.yaml", "a: 1\n");
    let dir = tempfile::tempdir().unwrap();
    let mirrors = Mirrors::open(MirrorsConfig::new(dir.path())).unwrap();
    let address = git.bare().display().to_string();
    let allow = || AllowList::new([&*address]).unwrap();
    let patient = Remotes::new(RemotesConfig { fresh_for: Duration::from_secs(600), ..RemotesConfig::new(allow()) });
    let commit = |remotes: &Remotes| remotes.repository(&mirrors, &address, "main").unwrap().revision.to_string();
    assert_eq!(commit(&patient), first);
    let second = git.push("a.yaml", "a: 2\n");
    assert_eq!(commit(&patient), first);
    assert_eq!(commit(&remotes(&[&address])), second);
    // A commit that is new is fetched all the same.
    let third = git.push("a.yaml", "a: 3\n");
    assert_eq!(patient.repository(&mirrors, &address, &third).unwrap().revision.to_string(), third);
}
