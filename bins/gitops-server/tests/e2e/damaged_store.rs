//! A store that is damaged: the newest good back-up takes its place, and the server says so.

use std::fs;
use std::path::Path;

use crate::support::live::stamps;
use crate::support::repository::{Repository, config_map};
use crate::support::server::{Place, Server};
use crate::support::wait::{holds, until};

/// Waits until a back-up was made that began after this was called.
fn wait_for_backup(server: &Server) {
    let count = || server.log().matches("backed up").count();
    let before = count();
    until("a back-up", || holds(count() >= before + 2, || "none was logged".to_owned()));
}

/// Overwrites all but the file's header, as a failing disk does, and loses its log.
fn damage(database: &Path) {
    let mut bytes = fs::read(database).unwrap();
    bytes[100..].fill(0xA5);
    fs::write(database, bytes).unwrap();
    for log in ["db-wal", "db-shm"].map(|end| database.with_extension(end)).iter().filter(|l| l.exists()) {
        fs::remove_file(log).unwrap();
    }
}

#[test]
fn a_damaged_store_is_restored_from_the_newest_good_back_up() {
    let (repository, place) = (Repository::new(), Place::new());
    repository.declare("shop", "");
    repository.write("shop/settings.yaml", &config_map("settings", "greeting", "hello"));
    let first = repository.push("first");
    let server = place.start(&repository, "backup: {interval: 1s, keep: 3}\n", "");
    server.wait_synced("shop", &first);
    wait_for_backup(&server);
    let history = server.history("shop");
    assert_eq!(server.stop().code(), Some(0));
    let files = stamps(&place.live(""));

    // The newest back-up is damaged as well: the one before it is good.
    let mut backups: Vec<_> = fs::read_dir(place.data().join("backups")).unwrap().map(|e| e.unwrap().path()).collect();
    backups.retain(|p| p.extension().is_some_and(|e| e == "db"));
    backups.sort();
    assert!(backups.len() >= 2, "{backups:?}");
    damage(&place.data().join("state.db"));
    damage(&backups[backups.len() - 1]);

    let server = place.start(&repository, "", "");
    let log = server.log();
    let said = |part: &str| assert!(log.contains(part), "no `{part}` in:\n{log}");
    said("state.db` is damaged");
    said("restored from");
    said(backups[backups.len() - 2].to_str().unwrap());
    said("state.db.damaged-1");
    assert!(place.data().join("state.db.damaged-1").exists());
    assert_eq!(server.history("shop"), history);
    server.refreshed("shop");
    server.wait_synced("shop", &first);
    assert_eq!(stamps(&place.live("")), files, "nothing is applied again");
}

#[test]
fn without_a_back_up_it_starts_empty_and_finds_its_way_back() {
    let (repository, place) = (Repository::new(), Place::new());
    repository.declare("shop", "");
    repository.write("shop/settings.yaml", &config_map("settings", "greeting", "hello"));
    let first = repository.push("first");
    let server = place.start(&repository, "", "");
    server.wait_synced("shop", &first);
    assert_eq!(server.stop().code(), Some(0));
    let files = stamps(&place.live(""));
    damage(&place.data().join("state.db"));

    let server = place.start(&repository, "", "");
    assert!(server.log().contains("no good back-up was found"), "{}", server.log());
    assert!(place.data().join("state.db.damaged-1").exists());
    server.wait_for("shop", |app| app["status"]["sync"]["status"] == "Synced" && app["status"]["health"]["status"] == "Healthy");
    assert_eq!(stamps(&place.live("")), files, "what is live is as git says: there is nothing to apply");
}
