//! Reading repositories that the `git` program made, whole and damaged.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gitops_git::{GitError, Repository, Settings};
use gitops_tree::{EntryKind, Revision, Tree, TreeError, TreePath};

struct Sandbox {
    dir: tempfile::TempDir,
    clock: std::cell::Cell<u32>,
}

impl Sandbox {
    fn new() -> Sandbox {
        let sandbox = Sandbox { dir: tempfile::tempdir().unwrap(), clock: 1_700_000_000.into() };
        sandbox.git(&["init", "-q", "-b", "main"], b"");
        sandbox
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn git(&self, args: &[&str], input: &[u8]) -> String {
        let date = format!("{} +0100", self.clock.get());
        self.clock.set(self.clock.get() + 1);
        let mut child = Command::new("git")
            .args(args)
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.org")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_NAME", "Bob")
            .env("GIT_COMMITTER_EMAIL", "bob@example.org")
            .env("GIT_COMMITTER_DATE", &date)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Sandbox {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn commit(&self, message: &str) -> Revision {
        self.git(&["add", "-A"], b"");
        self.git(&["commit", "-q", "--allow-empty", "-m", message], b"");
        Revision::parse(&self.git(&["rev-parse", "HEAD"], b"")).unwrap()
    }

    fn open(&self) -> Repository {
        Repository::open(self.path(), Settings::default()).unwrap()
    }

    fn loose(&self, id: &str) -> PathBuf {
        self.path().join(".git/objects").join(&id[..2]).join(&id[2..])
    }

    fn damage(&self, id: &str, bytes: &[u8]) {
        let path = self.loose(id);
        fs::remove_file(&path).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn paths(list: &[TreePath]) -> Vec<&str> {
    list.iter().map(TreePath::as_str).collect()
}

#[test]
fn a_commit_is_a_tree_of_files_links_and_submodules() {
    let git = Sandbox::new();
    git.write("app/a.yaml", "a: 1\n").write("app-x", "").write("app/sub/b.yaml", "b: 1\n").write("run.sh", "#!/bin/sh\n");
    std::os::unix::fs::symlink("app/a.yaml", git.path().join("link")).unwrap();
    let first = git.commit("first");
    git.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{first},vendor")], b"");
    git.git(&["commit", "-q", "-m", "submodule"], b"");
    let revision = Revision::parse(&git.git(&["rev-parse", "HEAD"], b"")).unwrap();
    git.git(&["gc", "-q"], b"");

    let tree = git.open().tree(&revision).unwrap();
    let root = tree.list(&TreePath::root()).unwrap().unwrap();
    let seen: Vec<_> = root.iter().map(|e| (e.name.as_str(), e.kind)).collect();
    use EntryKind::{Directory, File, Submodule, Symlink};
    let wanted = [("app", Directory), ("app-x", File), ("link", Symlink), ("run.sh", File), ("vendor", Submodule)];
    assert_eq!(seen, wanted);
    assert_eq!(&*tree.read(&path("app/sub/b.yaml")).unwrap().unwrap(), b"b: 1\n");
    assert_eq!(&*tree.read(&path("link")).unwrap().unwrap(), b"app/a.yaml");
    assert!(tree.read(&path("vendor")).unwrap().is_none());
    assert!(tree.list(&path("vendor")).unwrap().is_none());
    assert!(tree.entry(&path("vendor/x")).unwrap().is_none());
    assert!(tree.entry(&path("app/a.yaml/x")).unwrap().is_none());
    assert!(tree.entry(&path("nothing")).unwrap().is_none());
    assert_eq!(tree.entry(&path("app/a.yaml")).unwrap().unwrap().id.as_str(), git.git(&["rev-parse", "HEAD:app/a.yaml"], b""));
    assert_eq!(tree.revision(), Some(&revision));
}

#[test]
fn annotated_tags_and_abbreviations_lead_to_the_commit() {
    let git = Sandbox::new();
    let commit = git.write("a", "1").commit("first");
    git.git(&["tag", "-a", "v1", "-m", "one"], b"");
    git.git(&["tag", "-a", "v1-again", "-m", "two", "v1"], b"");
    let tag = Revision::parse(&git.git(&["rev-parse", "v1-again"], b"")).unwrap();
    let repository = git.open();
    assert!(repository.tree(&tag).unwrap().entry(&path("a")).unwrap().is_some());
    assert_eq!(repository.commit(&tag).unwrap().revision, commit);
    assert_eq!(repository.expand(&commit.as_str()[..9]).unwrap(), Some(commit.clone()));
    assert_eq!(repository.expand("0123456").unwrap(), None);
    assert_eq!(repository.expand("not hex").unwrap(), None);
    assert!(repository.contains(&commit));
    let blob = Revision::parse(&git.git(&["rev-parse", "HEAD:a"], b"")).unwrap();
    assert!(matches!(repository.tree(&blob), Err(GitError::Kind { .. })));
}

#[test]
fn commits_that_arrive_later_are_seen() {
    let git = Sandbox::new();
    git.write("a", "1").commit("first");
    let repository = git.open();
    let later = git.write("a", "2").commit("second");
    assert_eq!(&*repository.tree(&later).unwrap().read(&path("a")).unwrap().unwrap(), b"2");
    git.git(&["repack", "-q", "-a", "-d"], b"");
    let last = git.write("a", "3").commit("third");
    assert_eq!(&*repository.tree(&last).unwrap().read(&path("a")).unwrap().unwrap(), b"3");
    assert_eq!(&*repository.tree(&later).unwrap().read(&path("a")).unwrap().unwrap(), b"2");
}

#[test]
fn history_is_newest_first_and_tells_who_when_and_what() {
    let git = Sandbox::new();
    let first = git.write("a", "1").commit("first\n\nbody");
    git.git(&["checkout", "-q", "-b", "side"], b"");
    let side = git.write("b", "1").commit("side");
    git.git(&["checkout", "-q", "main"], b"");
    let main = git.write("c", "1").commit("main");
    git.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"], b"");
    let merge = Revision::parse(&git.git(&["rev-parse", "HEAD"], b"")).unwrap();
    let repository = git.open();
    let log = repository.log(&merge, 10).unwrap();
    let ids: Vec<_> = log.iter().map(|c| c.revision.clone()).collect();
    assert_eq!(ids, [merge.clone(), main.clone(), side.clone(), first]);
    assert_eq!(log[0].parents, [main, side]);
    assert_eq!(log[3].message, "first\n\nbody\n");
    assert_eq!((log[3].author.name.as_str(), log[3].author.offset), ("Ada", 3600));
    assert_eq!(log[3].committer.email, "bob@example.org");
    assert!(log[3].author.seconds >= 1_700_000_000);
    assert_eq!(repository.log(&merge, 2).unwrap().len(), 2);
}

#[test]
fn a_shallow_history_ends_where_it_was_cut() {
    let git = Sandbox::new();
    git.write("a", "1").commit("first");
    git.write("a", "2").commit("second");
    let clone = Sandbox::new();
    let source = format!("file://{}", git.path().display());
    clone.git(&["fetch", "-q", "--depth", "1", &source, "main"], b"");
    let head = Revision::parse(&clone.git(&["rev-parse", "FETCH_HEAD"], b"")).unwrap();
    assert_eq!(clone.open().log(&head, 10).unwrap().len(), 1);
}

#[test]
fn changed_paths_name_leaves_only() {
    let git = Sandbox::new();
    let before = git.write("app/a", "1").write("app/b", "1").write("same/x/y", "1").write("was-file", "").commit("first");
    fs::remove_file(git.path().join("app/b")).unwrap();
    fs::remove_file(git.path().join("was-file")).unwrap();
    let after = git.write("app/a", "2").write("new/deep/file", "1").write("was-file/inside", "").commit("second");
    let repository = git.open();
    let changed = repository.changed_paths(&before, &after).unwrap();
    assert_eq!(paths(&changed), ["app/a", "app/b", "new/deep/file", "was-file", "was-file/inside"]);
    assert_eq!(repository.changed_paths(&after, &before).unwrap(), changed);
    assert!(repository.changed_paths(&after, &after).unwrap().is_empty());
}

#[test]
fn names_that_are_not_utf8_are_left_out_and_told() {
    let git = Sandbox::new();
    let blob = git.git(&["hash-object", "-w", "--stdin"], b"x");
    let mut listing = format!("100644 blob {blob}\tgood\0").into_bytes();
    listing.extend_from_slice(format!("100644 blob {blob}\t").as_bytes());
    listing.extend_from_slice(b"b\xffd\0");
    let tree = git.git(&["mktree", "-z"], &listing);
    let commit = Revision::parse(&git.git(&["commit-tree", &tree, "-m", "odd"], b"")).unwrap();
    let tree = git.open().tree(&commit).unwrap();
    let names: Vec<_> = tree.list(&TreePath::root()).unwrap().unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(names, ["good"]);
    assert_eq!(tree.unnamed(&TreePath::root()).unwrap(), ["b\u{fffd}d"]);
}

#[test]
fn a_blob_over_the_limit_is_refused_by_its_header() {
    let git = Sandbox::new();
    let commit = git.write("big", vec![b'x'; 5000]).write("small", "x").commit("first");
    for packed in [false, true] {
        if packed {
            git.git(&["gc", "-q"], b"");
        }
        let settings = Settings { object_limit: 4999, ..Settings::default() };
        let tree = Repository::open(git.path(), settings).unwrap().tree(&commit).unwrap();
        let error = tree.read(&path("big")).unwrap_err();
        assert!(matches!(error, TreeError::TooLarge { size: 5000, limit: 4999, .. }), "{error}");
        assert!(tree.read(&path("small")).is_ok());
    }
}

#[test]
fn missing_and_corrupt_objects_are_errors_of_that_path_only() {
    let git = Sandbox::new();
    let commit = git.write("a/x", "1").write("b/y", "2").write("c/z", "3").commit("first");
    let id = |what: &str| git.git(&["rev-parse", &format!("HEAD:{what}")], b"");
    fs::remove_file(git.loose(&id("a"))).unwrap();
    git.damage(&id("b/y"), b"this is not zlib");
    let tree = git.open().tree(&commit).unwrap();
    assert!(matches!(tree.list(&path("a")), Err(TreeError::Damaged { .. })));
    let error = tree.read(&path("b/y")).unwrap_err().to_string();
    assert!(error.starts_with("b/y: cannot be read: object "), "{error}");
    assert_eq!(&*tree.read(&path("c/z")).unwrap().unwrap(), b"3");
    let nowhere = Revision::parse(&"1".repeat(40)).unwrap();
    assert!(matches!(git.open().tree(&nowhere), Err(GitError::Missing { .. })));
    assert!(matches!(git.open().log(&nowhere, 1), Err(GitError::Missing { .. })));
}

#[test]
fn a_truncated_or_scrambled_pack_never_panics() {
    let git = Sandbox::new();
    for n in 0..20 {
        git.write(&format!("d{n}/file"), format!("text {n}\n").repeat(50));
    }
    let commit = git.commit("first");
    git.git(&["gc", "-q"], b"");
    let pack = fs::read_dir(git.path().join(".git/objects/pack")).unwrap();
    let pack = pack.map(|f| f.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "pack")).unwrap();
    let whole = fs::read(&pack).unwrap();
    let mut seed = 7_u64;
    for round in 0..40 {
        let mut bytes = whole.clone();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] ^= (seed >> 8) as u8;
        }
        if round % 4 == 0 {
            bytes.truncate(whole.len() / 2);
        }
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, &bytes).unwrap();
        let Ok(repository) = Repository::open(git.path(), Settings::default()) else { continue };
        let _ = repository.log(&commit, 10);
        let Ok(tree) = repository.tree(&commit) else { continue };
        for n in 0..20 {
            let _ = tree.read(&path(&format!("d{n}/file")));
        }
    }
}

#[test]
fn a_directory_that_contains_itself_ends() {
    // No hash can do this honestly; a scrambled loose object can.
    let git = Sandbox::new();
    let before = git.commit("empty");
    let commit = git.write("a/b/file", "1").commit("first");
    let (a, b) = (git.git(&["rev-parse", "HEAD:a"], b""), git.git(&["rev-parse", "HEAD:a/b"], b""));
    let copy = fs::read(git.loose(&a)).unwrap();
    git.damage(&b, &copy);
    let repository = git.open();
    let tree = repository.tree(&commit).unwrap();
    assert!(tree.entry(&path("a/b/b/b/b")).unwrap().is_some(), "as deep as asked, no deeper");
    assert!(matches!(repository.changed_paths(&before, &commit), Err(GitError::TooDeep { .. })));
}

#[test]
fn what_is_no_repository_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = Repository::open(dir.path(), Settings::default()).unwrap_err();
    assert!(error.is_damage());
    assert!(error.to_string().contains("no readable git repository"), "{error}");
}

#[test]
fn trees_are_shared_between_threads() {
    let git = Sandbox::new();
    let commit = git.write("a/b", "1").commit("first");
    let tree = git.open().tree(&commit).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(&*tree.clone().read(&path("a/b")).unwrap().unwrap(), b"1");
                }
            });
        }
    });
}
