//! What is wrong with a file at the start, what is done about it, and what a killed process leaves.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use gitops_state::*;

fn fill(store: &Store, apps: usize) {
    for n in 0..apps {
        let new = NewApplication {
            key: AppKey::new("argocd", format!("app-{n}")),
            project: "default".into(),
            labels: [("n".to_owned(), n.to_string())].into(),
            manifest_json: format!("{{\"n\":{n},\"text\":\"{}\"}}", "abc ".repeat(300)),
            origin: Origin::Api,
            at: Timestamp::from_millis(1),
        };
        store.put_application(&new, None).unwrap();
    }
}

fn count(store: &Store) -> u64 {
    store.list_applications(&ListQuery::default()).unwrap().counts.total
}

/// A filled, closed database with `backups` good back-ups, the n-th of which holds 10 + n applications.
fn prepared(dir: &Path, backups: usize) -> (std::path::PathBuf, OpenOptions) {
    let path = dir.join("state.db");
    let options = OpenOptions { backups_dir: Some(dir.join("backups")), ..OpenOptions::default() };
    let (store, report) = Store::open(&path, &options).unwrap();
    assert!(report.created);
    for n in 0..backups {
        fill(&store, 10 + n);
        store.backup_rotate(&dir.join("backups"), 5).unwrap();
    }
    fill(&store, 100);
    (path, options)
}

fn flip_the_middle(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    // Page by page from the second quarter on, its header: a flip inside a text is a text, not damage that can be seen.
    let (from, to) = (bytes.len() / 4 / 4096, bytes.len() * 3 / 4 / 4096);
    for page in from..to {
        for byte in &mut bytes[page * 4096..page * 4096 + 64] {
            *byte ^= 0xA5;
        }
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn damage_is_set_aside_and_the_newest_good_backup_restored() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 3] = [
        ("flipped", flip_the_middle),
        ("truncated", |p| {
            let bytes = fs::read(p).unwrap();
            fs::write(p, &bytes[..bytes.len() / 2 + 100]).unwrap();
        }),
        ("not a database", |p| fs::write(p, "this is not a database".repeat(400)).unwrap()),
    ];
    for (name, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        let (path, options) = prepared(dir.path(), 2);
        damage(&path);
        let damaged = fs::read(&path).unwrap();
        let (store, report) = Store::open(&path, &options).unwrap();
        assert_eq!(count(&store), 11, "{name}: the newer back-up");
        let aside = report.set_aside.unwrap();
        assert!(aside.ends_with("state.db.damaged-1"), "{name}");
        assert_eq!(fs::read(aside).unwrap(), damaged, "{name}: kept as it was");
        assert!(report.restored_from.unwrap().starts_with(dir.path().join("backups")), "{name}");
        assert!(report.warnings[0].contains("is damaged"), "{name}: {:?}", report.warnings);
        store.check().unwrap();
        drop(store);
        let (store, report) = Store::open(&path, &options).unwrap();
        assert_eq!((count(&store), report), (11, OpenReport::default()), "{name}: the next start finds nothing wrong");
    }
}

#[test]
fn a_damaged_backup_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let (path, options) = prepared(dir.path(), 2);
    let mut backups: Vec<_> = fs::read_dir(dir.path().join("backups")).unwrap().map(|e| e.unwrap().path()).collect();
    backups.retain(|p| p.extension().is_some_and(|e| e == "db"));
    backups.sort();
    let newest = backups.last().unwrap();
    let mut bytes = fs::read(newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1; // inside a text, perhaps: only the checksum file can tell
    fs::write(newest, bytes).unwrap();
    assert!(matches!(verify_backup(newest), Err(BackupError::NotGood { .. })));
    flip_the_middle(&path);
    let (store, report) = Store::open(&path, &options).unwrap();
    assert_eq!(count(&store), 10);
    assert_eq!(report.restored_from.as_ref(), Some(&backups[0]));
    assert!(report.warnings.iter().any(|w| w.contains("checksum")), "{:?}", report.warnings);
}

#[test]
fn without_a_good_backup_the_store_starts_empty_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (path, options) = prepared(dir.path(), 0);
    flip_the_middle(&path);
    let (store, report) = Store::open(&path, &options).unwrap();
    assert_eq!(count(&store), 0);
    assert!(report.set_aside.is_some() && report.restored_from.is_none());
    assert!(report.warnings.iter().any(|w| w.contains("starts empty")), "{:?}", report.warnings);
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (path, options) = prepared(dir.path(), 1);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute("INSERT INTO schema_migrations VALUES (99, 'from the future', 'x', 0)", []).unwrap();
    drop(raw);
    assert!(matches!(Store::open(&path, &options), Err(OpenError::NewerSchema { found: 99, .. })));
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("DELETE FROM schema_migrations WHERE version = 99; UPDATE schema_migrations SET checksum = 'other'").unwrap();
    drop(raw);
    assert!(matches!(Store::open(&path, &options), Err(OpenError::ChangedMigration { version: 1, .. })));
    let foreign = dir.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Store::open(&foreign, &options), Err(OpenError::Foreign { .. })));
    let in_a_file = foreign.join("state.db");
    assert!(matches!(Store::open(&in_a_file, &options), Err(OpenError::NotUsable { .. })));
    assert!(matches!(Store::open(&dir.path().join("none/state.db"), &options), Err(OpenError::NotUsable { .. })));
}

#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_written_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let locked = dir.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(locked.join("probe"), "").is_ok() {
        return; // a user whom permissions do not hold; `NotUsable` is covered above
    }
    assert!(matches!(Store::open(&locked.join("state.db"), &OpenOptions::default()), Err(OpenError::NotUsable { .. })));
}

#[test]
fn one_server_at_a_time_and_no_restore_under_it() {
    let dir = tempfile::tempdir().unwrap();
    let (path, options) = prepared(dir.path(), 0);
    let (store, _) = Store::open(&path, &options).unwrap();
    assert!(matches!(Store::open(&path, &options), Err(OpenError::InUse { .. })));
    let copy = dir.path().join("copy.db");
    let written = store.backup(&copy).unwrap();
    assert!(matches!(store.backup(&copy), Err(BackupError::Exists { .. })));
    assert_eq!(written.bytes, fs::metadata(&copy).unwrap().len());
    assert!(matches!(restore(&copy, &path), Err(BackupError::InUse { .. })));
    fill(&store, 120);
    drop(store);
    let aside = restore(&copy, &path).unwrap().unwrap();
    assert!(aside.ends_with("state.db.replaced-1"));
    let (store, _) = Store::open(&path, &options).unwrap();
    assert_eq!(count(&store), 100);
    fs::write(dir.path().join("bad.db"), "nonsense").unwrap();
    assert!(matches!(restore(&dir.path().join("bad.db"), &dir.path().join("new.db")), Err(BackupError::NotGood { .. })));
    assert!(!dir.path().join("new.db").exists());
}

#[test]
fn rotation_keeps_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_in_memory().unwrap();
    let written: Vec<_> = (0..5).map(|_| store.backup_rotate(dir.path(), 2).unwrap()).collect();
    assert_eq!(written[4].removed, [written[2].written.path.clone()]);
    let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    left.sort();
    assert_eq!(left.len(), 4, "two back-ups with their checksum files: {left:?}");
    assert!(left.contains(&written[3].written.path) && left.contains(&written[4].written.path));
}

/// The child half of the next test: writes until it is killed, and says each step after the call for it has returned.
#[test]
fn child_writes_until_killed() {
    let Some(path) = std::env::var_os("GITOPS_STATE_CHILD") else { return };
    let (store, _) = Store::open(Path::new(&path), &OpenOptions::default()).unwrap();
    fill(&store, 1);
    for n in 0.. {
        let new = NewOperation {
            id: format!("op-{n}"),
            app: AppKey::new("argocd", "app-0"),
            revision: "c".into(),
            requested_by: "test".into(),
            started_at: gitops_state::now(),
            request_json: "{}".into(),
        };
        let manifests = [ManifestBlob { object_id: "x".into(), bytes: format!("{n}").into_bytes() }];
        store.begin_operation(&new, &manifests, "0").unwrap();
        println!("begun {n}");
        for step in 1..4 {
            store.save_operation(&new.id, &step.to_string()).unwrap();
            println!("step {n} {step}");
        }
        let history = NewHistory {
            revision: "c".into(),
            source_json: "{}".into(),
            deployed_at: gitops_state::now(),
            started_at: new.started_at,
            initiated_by: "test".into(),
            limit: 5,
        };
        let finish = Finish {
            phase: "Succeeded".into(),
            message: String::new(),
            finished_at: gitops_state::now(),
            state_json: "end".into(),
            history: Some(history),
            status: None,
        };
        store.finish_operation(&new.id, &finish).unwrap();
        println!("finished {n}");
    }
}

#[test]
fn nothing_that_was_said_is_lost_when_the_process_is_killed() {
    for lines in [1_usize, 2, 3, 5, 8, 13, 21, 34, 55, 89] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_writes_until_killed", "--nocapture"])
            .env("GITOPS_STATE_CHILD", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = |line: &String| ["begun", "step", "finished"].iter().any(|w| line.contains(w));
        let mut last = String::new();
        for line in out.by_ref().map_while(Result::ok).filter(said).take(lines) {
            last = line;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said between the line we waited for and the kill counts as well; the last line may be cut off.
        let rest: Vec<String> = out.map_while(Result::ok).filter(said).collect();
        if rest.len() > 1 {
            last.clone_from(&rest[rest.len() - 2]);
        }
        let (store, report) = Store::open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(report, OpenReport::default());
        store.check().unwrap();
        let last = &last[["begun", "step", "finished"].iter().find_map(|w| last.find(w)).unwrap()..];
        let words: Vec<&str> = last.split_whitespace().collect();
        let n: u64 = words[1].parse().unwrap();
        let operation = store.operation(&format!("op-{n}")).unwrap().expect("an operation that had begun");
        let done = operation.finished_at.is_some();
        match words[0] {
            "step" => assert!(done || operation.state_json.parse::<u64>().unwrap() >= words[2].parse().unwrap()),
            "finished" => {
                assert!(done);
                assert!(store.history(&operation.app).unwrap().iter().any(|h| h.id > n));
            }
            _ => {}
        }
        for entry in store.history(&operation.app).unwrap() {
            assert_eq!(store.history_manifests(&operation.app, entry.id).unwrap().unwrap().len(), 1);
        }
    }
}
