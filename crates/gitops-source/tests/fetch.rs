//! Fetching real repositories: from disk, over http, and over a stand-in for ssh.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/git_http.rs"]
mod git_http;
#[path = "support/git_repository.rs"]
mod git_repository;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use git_http::{Behaviour, GitServer};
use git_repository::GitRepository;
use gitops_git::GitError;
use gitops_source::{Credentials, FetchError, Mirrors, MirrorsConfig, RepoUrl, ResolveError, RevisionSpec, Timeouts, Wait};
use gitops_tree::{EntryKind, Revision, Tree, TreeError, TreePath};

fn quick() -> Timeouts {
    let ms = Duration::from_millis;
    Timeouts { connect: ms(2000), first_byte: ms(300), stalled: ms(300), total: ms(20_000) }
}

fn mirrors(dir: &Path, credentials: &str) -> Mirrors {
    let credentials = Credentials::from_file(credentials.as_bytes(), "secrets.yaml").unwrap();
    Mirrors::open(MirrorsConfig { credentials, ..MirrorsConfig::new(dir) }).unwrap()
}

fn impatient(dir: &Path) -> Mirrors {
    Mirrors::open(MirrorsConfig { timeouts: quick(), ..MirrorsConfig::new(dir) }).unwrap()
}

fn url(text: &str) -> RepoUrl {
    RepoUrl::parse(text).unwrap()
}

fn resolved(mirrors: &Mirrors, url: &RepoUrl, spec: &str) -> Result<String, ResolveError> {
    mirrors.resolve(url, &RevisionSpec::parse(spec).unwrap(), None).map(|r| r.to_string())
}

fn text(mirrors: &Mirrors, url: &RepoUrl, commit: &str, path: &str) -> String {
    let tree = mirrors.tree(url, &Revision::parse(commit).unwrap()).unwrap();
    let bytes = tree.read(&TreePath::parse(path).unwrap()).unwrap().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a case from disk and over http.
fn both(case: impl Fn(&GitRepository, &Mirrors, &RepoUrl, &Path)) {
    for over_http in [false, true] {
        let git = GitRepository::new();
        let dir = tempfile::tempdir().unwrap();
        let server = GitServer::start(git.root(), Behaviour::Serve);
        let address = if over_http { server.url("repo.git") } else { git.bare().display().to_string() };
        case(&git, &mirrors(dir.path(), ""), &url(&address), dir.path());
    }
}

#[test]
fn a_first_fetch_and_the_next_ones() {
    both(|git, mirrors, url, dir| {
        let first = git.push("app/a.yaml", "a: 1\n");
        assert!(!mirrors.has(url));
        assert!(matches!(resolved(mirrors, url, "main"), Err(ResolveError::NotFetched { .. })));
        let fetched = mirrors.fetch(url).unwrap();
        assert!(fetched.changed && fetched.warnings.is_empty());
        assert_eq!(fetched.refs.default_branch(), Some("main"));
        assert_eq!(resolved(mirrors, url, "HEAD").unwrap(), first);
        assert_eq!(text(mirrors, url, &first, "app/a.yaml"), "a: 1\n");
        assert!(!mirrors.fetch(url).unwrap().changed);

        let second = git.push("app/a.yaml", "a: 2\n");
        assert!(mirrors.fetch(url).unwrap().changed);
        assert_eq!(resolved(mirrors, url, "").unwrap(), second);
        assert_eq!(resolved(mirrors, url, &second[..9]).unwrap(), second);
        assert_eq!(text(mirrors, url, &second, "app/a.yaml"), "a: 2\n");
        assert_eq!(text(mirrors, url, &first, "app/a.yaml"), "a: 1\n");

        // A restart knows all this before anything is fetched.
        let again = self::mirrors(dir, "");
        assert_eq!(resolved(&again, url, "main").unwrap(), second);
        assert!(!again.fetch(url).unwrap().changed);
    });
}

#[test]
fn many_files_and_many_commits_at_once() {
    both(|git, mirrors, url, _| {
        git.push("first", "1");
        mirrors.fetch(url).unwrap();
        for n in 0..700 {
            fs::create_dir_all(git.work().join(format!("d{}", n % 30))).unwrap();
            fs::write(git.work().join(format!("d{}/f{n}", n % 30)), format!("text {n}\n")).unwrap();
        }
        let last = git.push("last", "2");
        mirrors.fetch(url).unwrap();
        assert_eq!(text(mirrors, url, &last, "d9/f699"), "text 699\n");
        assert_eq!(text(mirrors, url, &last, "first"), "1");
    });
}

#[test]
fn a_deleted_branch_is_gone_and_its_commits_stay() {
    both(|git, mirrors, url, _| {
        git.push("a", "1");
        git.git(&["checkout", "-q", "-b", "side"]);
        let side = git.push("b", "1");
        git.git(&["checkout", "-q", "main"]);
        mirrors.fetch(url).unwrap();
        assert_eq!(resolved(mirrors, url, "side").unwrap(), side);
        git.git(&["branch", "-q", "-D", "side"]);
        git.push_refs();
        assert!(mirrors.fetch(url).unwrap().changed);
        let error = resolved(mirrors, url, "side").unwrap_err();
        assert_eq!(error.to_string(), "unable to resolve 'side' to a commit SHA");
        assert_eq!(text(mirrors, url, &side, "b"), "1");
    });
}

#[test]
fn a_force_push_moves_the_branch_and_old_commits_stay() {
    both(|git, mirrors, url, _| {
        git.push("a", "1");
        let left = git.push("a", "2");
        mirrors.fetch(url).unwrap();
        git.git(&["reset", "-q", "--hard", "HEAD~1"]);
        let new = git.push("a", "3");
        git.git_bare(&["reflog", "expire", "--expire=now", "--all"]);
        git.git_bare(&["gc", "-q", "--prune=now"]);
        assert!(mirrors.fetch(url).unwrap().changed);
        assert_eq!(resolved(mirrors, url, "main").unwrap(), new);
        assert_eq!(text(mirrors, url, &new, "a"), "3");
        assert_eq!(text(mirrors, url, &left, "a"), "2");
    });
}

#[test]
fn an_empty_repository_has_no_commits_until_it_has() {
    both(|git, mirrors, url, _| {
        assert!(mirrors.fetch(url).unwrap().refs.is_empty());
        assert_eq!(resolved(mirrors, url, "HEAD").unwrap_err().to_string(), "repository has no commits");
        assert!(!mirrors.fetch(url).unwrap().changed);
        let first = git.push("a", "1");
        assert!(mirrors.fetch(url).unwrap().changed);
        assert_eq!(resolved(mirrors, url, "HEAD").unwrap(), first);
    });
}

#[test]
fn tags_constraints_and_prefixes() {
    both(|git, mirrors, url, _| {
        let mut commits = Vec::new();
        for tag in ["v1.0.0", "v1.2.0", "web-2.1.0", "v2.0.0-rc.1"] {
            commits.push(git.push("a", tag));
            git.git(&["tag", "-a", tag, "-m", tag]);
        }
        git.push_refs();
        mirrors.fetch(url).unwrap();
        assert_eq!(resolved(mirrors, url, "^1").unwrap(), commits[1], "an annotated tag leads to its commit");
        assert_eq!(resolved(mirrors, url, "v1.0.0").unwrap(), commits[0]);
        let spec = RevisionSpec::parse(">=2").unwrap();
        assert_eq!(mirrors.resolve(url, &spec, Some("web-")).unwrap().to_string(), commits[2]);
        assert!(resolved(mirrors, url, ">=2").is_err(), "a pre-release needs to be named");
    });
}

#[test]
fn a_commit_that_no_ref_leads_to_can_be_fetched() {
    both(|git, mirrors, url, _| {
        git.push("a", "1");
        mirrors.fetch(url).unwrap();
        git.git(&["checkout", "-q", "-b", "side"]);
        let hidden = git.push("b", "1");
        git.git_bare(&["update-ref", "refs/pull/1/head", &hidden]);
        git.git_bare(&["update-ref", "-d", "refs/heads/side"]);
        mirrors.fetch(url).unwrap();
        let revision = Revision::parse(&resolved(mirrors, url, &hidden).unwrap()).unwrap();
        assert!(matches!(mirrors.tree(url, &revision), Err(ResolveError::Repository { error: GitError::Missing { .. }, .. })));
        mirrors.fetch_revision(url, &revision).unwrap();
        assert_eq!(text(mirrors, url, &hidden, "b"), "1");
    });
}

#[test]
fn submodules_are_entries_and_are_not_fetched() {
    both(|git, mirrors, url, _| {
        let first = git.push("a", "1");
        git.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},vendor", "1".repeat(40))]);
        git.git(&["commit", "-q", "-m", "submodule"]);
        git.push_refs();
        mirrors.fetch(url).unwrap();
        assert_ne!(resolved(mirrors, url, "main").unwrap(), first);
        let head = mirrors.resolve(url, &RevisionSpec::parse("").unwrap(), None).unwrap();
        let entry = mirrors.tree(url, &head).unwrap().entry(&TreePath::parse("vendor").unwrap()).unwrap().unwrap();
        assert_eq!(entry.kind, EntryKind::Submodule);
    });
}

fn mirror_in(dir: &Path) -> PathBuf {
    let mut found = fs::read_dir(dir).unwrap().map(|f| f.unwrap().path());
    found.find(|p| p.extension().is_some_and(|e| e == "git")).unwrap()
}

fn files_under(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() { files.extend(files_under(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn a_damaged_mirror_is_set_aside_and_cloned_again() {
    both(|git, mirrors, url, dir| {
        let commit = git.push("a", "1");
        mirrors.fetch(url).unwrap();
        let scramble = |path: &Path| {
            fs::remove_file(path).unwrap();
            fs::write(path, "scrambled").unwrap();
        };
        for round in 1..=4 {
            let mirror = mirror_in(dir);
            match round {
                1 => files_under(&mirror.join("objects")).iter().for_each(|p| scramble(p)),
                2 => scramble(&mirror.join("packed-refs")),
                3 => fs::remove_dir_all(mirror.join("objects")).unwrap(),
                _ => scramble(&mirror.join("HEAD")),
            }
            let restarted = self::mirrors(dir, "");
            assert!(!restarted.has(url), "round {round}");
            let fetched = restarted.fetch(url).unwrap();
            assert_eq!(fetched.warnings.len(), 1, "round {round}");
            assert!(fetched.warnings[0].contains(&format!("corrupt-{round}")), "{:?}", fetched.warnings);
            assert_eq!(text(&restarted, url, &commit, "a"), "1");
            assert!(restarted.fetch(url).unwrap().warnings.is_empty());
        }
        let aside = fs::read_dir(dir).unwrap().filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().contains("corrupt"));
        assert_eq!(aside.count(), 3, "only the newest are kept");
    });
}

#[test]
fn damage_that_a_reader_meets_can_be_reported() {
    let (git, dir) = (GitRepository::new(), tempfile::tempdir().unwrap());
    let server = GitServer::start(git.root(), Behaviour::Serve);
    let commit = git.push("a", "1");
    let (mirrors, url) = (mirrors(dir.path(), ""), url(&server.url("repo.git")));
    mirrors.fetch(&url).unwrap();
    let (revision, path) = (Revision::parse(&commit).unwrap(), TreePath::parse("a").unwrap());
    assert!(mirrors.mend(&url, &revision, &path).unwrap().warnings.is_empty(), "nothing is wrong");
    // Commit and tree stay readable: only who reads the file meets the damage.
    let blob = mirrors.tree(&url, &revision).unwrap().entry(&path).unwrap().unwrap().id.to_string();
    let file = mirror_in(dir.path()).join("objects").join(&blob[..2]).join(&blob[2..]);
    fs::remove_file(&file).unwrap();
    fs::write(&file, "scrambled").unwrap();
    let restarted = self::mirrors(dir.path(), "");
    let read = restarted.tree(&url, &revision).unwrap().read(&path);
    assert!(matches!(read, Err(TreeError::Damaged { .. })), "{read:?}");
    let warnings = restarted.mend(&url, &revision, &path).unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("set aside"), "{warnings:?}");
    assert_eq!(text(&restarted, &url, &commit, "a"), "1");
}

#[test]
fn a_password_is_sent_to_its_prefix_only() {
    let git = GitRepository::new();
    let commit = git.push("a", "1");
    let dir = tempfile::tempdir().unwrap();
    let server = GitServer::start(git.root(), Behaviour::Password("bWU6aHVuVGVyMg==".into()));
    let address = url(&server.url("repo.git"));

    let denied = mirrors(&dir.path().join("1"), "").fetch(&address).unwrap_err();
    assert!(matches!(denied, FetchError::Denied { .. }), "{denied}");
    let entry = |password: &str| format!("repositories: [{{url: '{}', username: me, password: {password}}}]", server.url(""));
    let wrong = mirrors(&dir.path().join("2"), &entry("wr0ngOne")).fetch(&address).unwrap_err();
    assert!(matches!(wrong, FetchError::Denied { .. }) && !format!("{wrong} {wrong:?}").contains("wr0ngOne"));
    let right = mirrors(&dir.path().join("3"), &entry("hunTer2"));
    right.fetch(&address).unwrap();
    assert_eq!(text(&right, &address, &commit, "a"), "1");

    // In the address itself: it logs in, and is in no file.
    let with_user = url(&server.url("repo.git").replace("http://", "http://me:hunTer2@"));
    let by_address = mirrors(&dir.path().join("4"), "");
    by_address.fetch(&with_user).unwrap();
    for file in files_under(&dir.path().join("4")) {
        assert!(!String::from_utf8_lossy(&fs::read(&file).unwrap()).contains("hunTer2"), "{}", file.display());
    }
}

#[test]
fn a_redirect_is_followed_without_the_credentials() {
    let git = GitRepository::new();
    let commit = git.push("a", "1");
    let dir = tempfile::tempdir().unwrap();
    let target = GitServer::start(git.root(), Behaviour::Serve);
    let server = GitServer::start(git.root(), Behaviour::Redirect(target.url("").trim_end_matches('/').to_owned()));
    let mirrors = mirrors(dir.path(), &format!("repositories: [{{url: '{}', token: hunTer2}}]", server.url("")));
    let address = url(&server.url("repo.git"));
    mirrors.fetch(&address).unwrap();
    assert_eq!(text(&mirrors, &address, &commit, "a"), "1");
    assert!(server.seen().iter().all(|r| r.authorization.is_some()));
    assert!(target.seen().len() >= 2 && target.seen().iter().all(|r| r.authorization.is_none()));
    // In a circle.
    target.behave(Behaviour::Redirect(server.url("").trim_end_matches('/').to_owned()));
    assert!(matches!(mirrors.fetch(&address), Err(FetchError::Redirect { .. })));
}

#[test]
fn a_server_that_hangs_costs_its_time_out_and_holds_up_nobody() {
    let git = GitRepository::new();
    git.push("a", "1");
    let dir = tempfile::tempdir().unwrap();
    let silent = GitServer::start(git.root(), Behaviour::Silent);
    let good = GitServer::start(git.root(), Behaviour::Serve);
    let mirrors = impatient(dir.path());
    let (bad, fine) = (url(&silent.url("repo.git")), url(&good.url("repo.git")));
    std::thread::scope(|scope| {
        let hung = scope.spawn(|| mirrors.fetch(&bad).unwrap_err());
        mirrors.fetch(&fine).unwrap();
        let error = hung.join().unwrap();
        assert!(matches!(error, FetchError::TimedOut { .. }), "{error}");
    });
    good.behave(Behaviour::Stall);
    git.push("a", "2");
    let began = Instant::now();
    let error = mirrors.fetch(&fine).unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { wait: Wait::Stalled | Wait::FirstByte, .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
    // The mirror is as it was, and the next fetch works.
    assert!(mirrors.has(&fine));
    good.behave(Behaviour::Serve);
    assert!(mirrors.fetch(&fine).unwrap().changed);
}

#[test]
fn what_is_no_git_server_says_so() {
    let git = GitRepository::new();
    let dir = tempfile::tempdir().unwrap();
    let server = GitServer::start(git.root(), Behaviour::Nonsense(200, "<html>log in</html>".into()));
    let (mirrors, address) = (mirrors(dir.path(), ""), url(&server.url("repo.git")));
    assert!(matches!(mirrors.fetch(&address), Err(FetchError::Protocol { .. })));
    server.behave(Behaviour::Nonsense(503, "later".into()));
    assert!(matches!(mirrors.fetch(&address), Err(FetchError::Unreachable { .. })));
    server.behave(Behaviour::Serve);
    assert!(matches!(mirrors.fetch(&url(&server.url("none.git"))), Err(FetchError::NotFound { .. })));
    assert!(matches!(mirrors.fetch(&url("/no/such/place")), Err(FetchError::NotFound { .. })));
    assert!(matches!(mirrors.fetch(&url(&git.root().display().to_string())), Err(FetchError::Repository { .. })));
    drop(server);
    assert!(matches!(mirrors.fetch(&address), Err(FetchError::Unreachable { .. })));
}

#[test]
fn concurrent_fetches_join() {
    const CALLERS: usize = 16;
    let git = GitRepository::new();
    git.push("a", "1");
    let dir = tempfile::tempdir().unwrap();
    let server = GitServer::start(git.root(), Behaviour::Serve);
    let (mirrors, address, barrier) = (mirrors(dir.path(), ""), url(&server.url("repo.git")), Barrier::new(CALLERS));
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                barrier.wait();
                mirrors.fetch(&address).unwrap();
            });
        }
    });
    // How callers meet exactly is tested where it can be steered (join.rs); here: far fewer fetches than callers.
    let fetches = server.seen().iter().filter(|r| r.method == "GET").count();
    assert!(fetches <= CALLERS / 2, "{fetches}");
}

#[test]
fn a_pack_over_the_limit_is_refused() {
    let git = GitRepository::new();
    let mut state = 7_u64;
    let mut letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + ((state >> 40) % 26) as u8)
    };
    let noise: String = (0..20_000).map(&mut letter).collect();
    git.push("a", &noise);
    let dir = tempfile::tempdir().unwrap();
    let server = GitServer::start(git.root(), Behaviour::Serve);
    let mirrors = Mirrors::open(MirrorsConfig { pack_limit: 1000, ..MirrorsConfig::new(dir.path()) }).unwrap();
    let error = mirrors.fetch(&url(&server.url("repo.git"))).unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: 1000, .. }), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}

/// A program that takes ssh's arguments and runs the command here.
fn stand_in_for_ssh(dir: &Path, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join("ssh");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn over_ssh_in_both_protocol_versions() {
    for script in ["for last; do :; done; exec sh -c \"$last\"", "unset GIT_PROTOCOL; for last; do :; done; exec sh -c \"$last\""] {
        let git = GitRepository::new();
        let first = git.push("a", "1");
        git.git(&["tag", "-a", "v1", "-m", "one"]);
        git.push_refs();
        let dir = tempfile::tempdir().unwrap();
        let ssh_program = stand_in_for_ssh(dir.path(), script);
        let mirrors = Mirrors::open(MirrorsConfig { ssh_program, ..MirrorsConfig::new(dir.path().join("m")) }).unwrap();
        let address = url(&format!("ssh://git@git.example.org{}", git.bare().display()));
        mirrors.fetch(&address).unwrap();
        assert_eq!(resolved(&mirrors, &address, "v1").unwrap(), first);
        let second = git.push("a", "2");
        assert!(mirrors.fetch(&address).unwrap().changed);
        assert_eq!(text(&mirrors, &address, &second, "a"), "2");
        assert!(!mirrors.fetch(&address).unwrap().changed);
    }
}

#[test]
fn ssh_that_hangs_or_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let address = url("git@git.example.org:team/app.git");
    let with = |script: &str| {
        let ssh_program = stand_in_for_ssh(dir.path(), script);
        let config = MirrorsConfig { ssh_program, timeouts: quick(), ..MirrorsConfig::new(dir.path().join("m")) };
        Mirrors::open(config).unwrap().fetch(&address).unwrap_err()
    };
    let error = with("exec sleep 60");
    assert!(matches!(error, FetchError::TimedOut { wait: Wait::FirstByte, .. }), "{error}");
    let error = with("echo 'Permission denied (publickey).' >&2; exit 255");
    assert!(matches!(error, FetchError::Denied { .. }), "{error}");
    let error = with("echo 'Host key verification failed.' >&2; exit 255");
    assert!(error.to_string().contains("Host key verification failed"), "{error}");
}
