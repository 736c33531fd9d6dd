//! The store through its public face: what is written is read back, retention and shared manifests, concurrency.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use gitops_state::*;
use proptest::prelude::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn declare(store: &Store, name: &str, project: &str, labels: &[(&str, &str)]) -> AppKey {
    let key = AppKey::new("argocd", name);
    let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let new = NewApplication {
        key: key.clone(),
        project: project.into(),
        labels,
        manifest_json: format!("{{\"name\":\"{name}\"}}"),
        origin: Origin::Api,
        at: at(1),
    };
    store.put_application(&new, None).unwrap();
    key
}

fn begin(store: &Store, app: &AppKey, id: &str, manifests: &[ManifestBlob]) -> Result<(), BeginError> {
    let new = NewOperation {
        id: id.into(),
        app: app.clone(),
        revision: format!("commit-{id}"),
        requested_by: "auto".into(),
        started_at: at(10),
        request_json: "{}".into(),
    };
    store.begin_operation(&new, manifests, "{\"step\":0}")
}

fn finish(store: &Store, id: &str, limit: Option<usize>) -> Result<Option<u64>, SaveError> {
    let history = limit.map(|limit| NewHistory {
        revision: format!("commit-{id}"),
        source_json: "{}".into(),
        deployed_at: at(20),
        started_at: at(10),
        initiated_by: "auto".into(),
        limit,
    });
    let phase = if history.is_some() { "Succeeded" } else { "Failed" };
    let end = Finish { phase: phase.into(), message: "done".into(), finished_at: at(20), state_json: "{}".into(), history, status: None };
    store.finish_operation(id, &end)
}

fn blob(id: &str, text: &str) -> ManifestBlob {
    ManifestBlob { object_id: id.into(), bytes: text.as_bytes().to_vec() }
}

fn status(sync: &str, health: &str) -> StatusRow {
    StatusRow { sync: sync.into(), health: health.into(), revision: Some("c1".into()), status_json: "{}".into(), updated_at: at(30) }
}

#[test]
fn an_edit_is_refused_when_somebody_else_edited_first() {
    let store = Store::open_in_memory().unwrap();
    let app = declare(&store, "web", "default", &[]);
    let read = store.application(&app).unwrap().unwrap();
    let mut edit = NewApplication {
        key: app.clone(),
        project: "maps".into(),
        labels: BTreeMap::new(),
        manifest_json: read.manifest_json.clone(),
        origin: Origin::File("apps.yaml".into()),
        at: at(2),
    };
    let put = store.put_application(&edit, Some(read.resource_version)).unwrap();
    assert!(put.changed && !put.created && put.resource_version > read.resource_version);
    assert!(!store.put_application(&edit, None).unwrap().changed);
    edit.project = "other".into();
    let error = store.put_application(&edit, Some(read.resource_version)).unwrap_err();
    assert!(
        matches!(error, PutError::Conflict { expected, found, .. } if expected == read.resource_version && found == put.resource_version)
    );
    assert!(matches!(store.put_application(&edit, Some(0)), Err(PutError::Conflict { .. })));
    let stored = store.application(&app).unwrap().unwrap();
    assert_eq!((stored.project.as_str(), stored.origin, stored.created_at), ("maps", Origin::File("apps.yaml".into()), at(1)));
}

#[test]
fn lists_are_filtered_paged_and_counted() {
    let store = Store::open_in_memory().unwrap();
    for n in 0..25 {
        let key =
            declare(&store, &format!("app-{n:02}"), if n % 2 == 0 { "even" } else { "odd" }, &[("n", if n < 5 { "low" } else { "high" })]);
        if n % 5 != 0 {
            let row = status(if n % 3 == 0 { "Synced" } else { "OutOfSync" }, "Healthy");
            assert!(store.set_status(&key, &row).unwrap());
        }
    }
    declare(&store, "plain", "even", &[]);
    let mut query = ListQuery { limit: Some(10), ..ListQuery::default() };
    let mut names = Vec::new();
    loop {
        let page = store.list_applications(&query).unwrap();
        assert_eq!(page.counts.total, 26);
        assert_eq!(page.counts.health["Unknown"], 6);
        names.extend(page.items.into_iter().map(|a| a.key.name));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(names.len(), 26);
    assert!(names.is_sorted());
    let total = |q: ListQuery| store.list_applications(&q).unwrap().counts.total;
    let base = ListQuery::default;
    assert_eq!(total(ListQuery { search: Some("APP-1".into()), ..base() }), 10);
    assert_eq!(total(ListQuery { search: Some("%".into()), ..base() }), 0);
    assert_eq!(total(ListQuery { projects: vec!["odd".into()], ..base() }), 12);
    assert_eq!(total(ListQuery { sync: vec!["Synced".into(), "OutOfSync".into()], ..base() }), 20);
    assert_eq!(total(ListQuery { health: vec!["Unknown".into()], ..base() }), 6);
    assert_eq!(total(ListQuery { namespace: Some("elsewhere".into()), ..base() }), 0);
    let key = || "n".to_owned();
    let low = || vec!["low".to_owned()];
    for (term, n) in [
        (LabelTerm::In { key: key(), values: low() }, 5),
        (LabelTerm::NotIn { key: key(), values: low() }, 21),
        (LabelTerm::Exists(key()), 25),
        (LabelTerm::Absent(key()), 1),
        (LabelTerm::In { key: key(), values: vec![] }, 0),
    ] {
        assert_eq!(total(ListQuery { labels: vec![term.clone()], ..base() }), n, "{term:?}");
    }
    assert!(!store.set_status(&AppKey::new("argocd", "gone"), &status("Synced", "Healthy")).unwrap());
}

#[test]
fn an_operation_is_there_before_during_and_after() {
    let store = Store::open_in_memory().unwrap();
    let app = declare(&store, "web", "default", &[]);
    let other = AppKey::new("argocd", "gone");
    assert!(matches!(begin(&store, &other, "o", &[]), Err(BeginError::UnknownApplication { .. })));
    let manifests = [blob("b", "two"), blob("a", "one"), blob("c", "one")];
    begin(&store, &app, "op-1", &manifests).unwrap();
    assert!(matches!(begin(&store, &app, "op-2", &[]), Err(BeginError::AlreadyRunning { id, .. }) if id == "op-1"));
    store.save_operation("op-1", "{\"step\":1}").unwrap();
    let running = store.running_operations().unwrap();
    assert_eq!((running.len(), running[0].state_json.as_str(), running[0].phase.as_str()), (1, "{\"step\":1}", RUNNING));
    assert_eq!(store.deployment(&app).unwrap().unwrap().state, RUNNING);
    assert_eq!(store.operation_manifests("op-1").unwrap().unwrap(), manifests);
    assert_eq!(finish(&store, "op-1", Some(10)).unwrap(), Some(1));
    assert!(matches!(finish(&store, "op-1", Some(10)), Err(SaveError::NotRunning { .. })));
    assert!(matches!(store.save_operation("op-1", "{}"), Err(SaveError::NotRunning { .. })));
    assert!(matches!(begin(&store, &app, "op-1", &[]), Err(BeginError::DuplicateId { .. })));
    assert!(store.running_operations().unwrap().is_empty());
    begin(&store, &app, "op-2", &[]).unwrap();
    assert_eq!(finish(&store, "op-2", None).unwrap(), None);
    let ids: Vec<String> = store.operations(&app, 10).unwrap().into_iter().map(|o| o.id).collect();
    assert_eq!(ids, ["op-2", "op-1"]);
    assert_eq!(store.history_manifests(&app, 1).unwrap().unwrap(), manifests);
    assert_eq!(store.history_manifests(&app, 2).unwrap(), None);
    let d = store.deployment(&app).unwrap().unwrap();
    assert_eq!((d.state.as_str(), d.deployed_commit.as_deref()), ("Failed", Some("commit-op-1")));
    let json = serde_json::to_value(&d).unwrap();
    assert_eq!(json["currentDeployment"]["id"], "op-2");
    assert_eq!(json["lastUpdated"], "1970-01-01T00:00:20Z");
    assert_eq!(json["history"][0]["deployedAt"], "1970-01-01T00:00:20Z");
}

#[test]
fn holds_settings_audit_and_cache_come_back() {
    let store = Store::open_in_memory().unwrap();
    let app = declare(&store, "web", "default", &[]);
    let hold = Hold { reason: "rolled back".into(), by: "ops".into(), at: at(5), revision: Some("c0".into()) };
    assert!(store.set_hold(&app, Some(&hold)).unwrap());
    assert_eq!(store.application(&app).unwrap().unwrap().hold.as_ref(), Some(&hold));
    assert_eq!(serde_json::to_value(store.deployment(&app).unwrap().unwrap()).unwrap()["hold"]["at"], "1970-01-01T00:00:05Z");
    assert!(store.set_hold(&app, None).unwrap());
    store.set_stop("everything", Some(&hold)).unwrap();
    store.set_stop("project:shop", Some(&hold)).unwrap();
    assert_eq!(store.stops().unwrap().keys().collect::<Vec<_>>(), ["everything", "project:shop"]);
    store.set_stop("everything", None).unwrap();
    assert_eq!(store.stops().unwrap().get("project:shop"), Some(&hold));
    for n in 0..5 {
        let actor = if n % 2 == 0 { "ann" } else { "bob" };
        let new = NewAudit { at: at(n), actor: actor.into(), action: "sync".into(), object: "web".into(), detail_json: "{}".into() };
        assert_eq!(store.append_audit(&new).unwrap(), n + 1);
    }
    let ids = |q: AuditQuery| store.audit_log(&q).unwrap().into_iter().map(|e| e.id).collect::<Vec<_>>();
    assert_eq!(ids(AuditQuery { limit: 2, ..AuditQuery::default() }), [5, 4]);
    assert_eq!(ids(AuditQuery { limit: 9, before: Some(4), actor: Some("ann".into()), ..AuditQuery::default() }), [3, 1]);
    assert!(store.put_cache(&app, "render", b"one").unwrap());
    assert!(store.put_cache(&app, "render", b"two").unwrap());
    assert_eq!(store.cache(&app, "render").unwrap().as_deref(), Some(&b"two"[..]));
    assert!(store.delete_application(&app).unwrap());
    assert!(!store.delete_application(&app).unwrap());
    declare(&store, "web", "default", &[]);
    assert_eq!(store.cache(&app, "render").unwrap(), None);
    assert!(!store.put_cache(&AppKey::new("argocd", "gone"), "render", b"").unwrap());
}

#[test]
fn readers_and_writers_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&dir.path().join("state.db"), &OpenOptions::default()).unwrap();
    let apps: Vec<AppKey> = (0..4).map(|n| declare(&store, &format!("app-{n}"), "default", &[])).collect();
    std::thread::scope(|threads| {
        for (n, app) in apps.iter().enumerate() {
            let writer = store.clone();
            threads.spawn(move || {
                let store = writer;
                for i in 0..10 {
                    let id = format!("op-{n}-{i}");
                    begin(&store, app, &id, &[blob("shared", &format!("text {i}"))]).unwrap();
                    store.save_operation(&id, "{\"step\":1}").unwrap();
                    store.set_status(app, &status("Synced", "Healthy")).unwrap();
                    finish(&store, &id, Some(3)).unwrap();
                }
            });
            let reader = store.clone();
            threads.spawn(move || {
                let store = reader;
                for _ in 0..20 {
                    let page = store.list_applications(&ListQuery::default()).unwrap();
                    assert_eq!(page.items.len() as u64, page.counts.total);
                    for entry in store.history(app).unwrap() {
                        // Between the two reads the entry may have been dropped, but never half of it.
                        if let Some(manifests) = store.history_manifests(app, entry.id).unwrap() {
                            assert_eq!(manifests.len(), 1);
                        }
                    }
                }
            });
        }
    });
    store.check().unwrap();
    for app in &apps {
        assert_eq!(store.history(app).unwrap().iter().map(|h| h.id).collect::<Vec<_>>(), [8, 9, 10]);
    }
}

/// Last history id, history entries with their contents, contents of all operations.
type Model = (u64, Vec<(u64, Vec<u8>)>, Vec<Vec<u8>>);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the order of deployments, limits and deletions: the newest `limit` entries stay with their manifests, ids
    /// count up, and exactly the manifests still held are stored.
    #[test]
    fn retention_keeps_what_is_held_and_nothing_else(
        steps in prop::collection::vec((0_usize..3, 0_usize..5, prop::collection::vec(0_u8..6, 0..5), prop::bool::weighted(0.1)), 1..40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let (store, _) = Store::open(&path, &OpenOptions::default()).unwrap();
        let keys: Vec<AppKey> = (0..3).map(|n| declare(&store, &format!("app-{n}"), "p", &[])).collect();
        let mut model: Vec<Model> = vec![(0, vec![], vec![]); 3];
        for (n, (app, limit, contents, delete)) in steps.iter().enumerate() {
            let key = &keys[*app];
            if *delete {
                store.delete_application(key).unwrap();
                declare(&store, &key.name, "p", &[]);
                model[*app] = (0, vec![], vec![]);
                continue;
            }
            let id = format!("op-{n}");
            let manifests: Vec<ManifestBlob> = contents.iter().map(|c| blob("x", &format!("content {c}"))).collect();
            begin(&store, key, &id, &manifests).unwrap();
            let entry = finish(&store, &id, Some(*limit)).unwrap().unwrap();
            let (last, history, operations) = &mut model[*app];
            *last += 1;
            prop_assert_eq!(entry, *last);
            history.push((entry, contents.clone()));
            let dropped = history.len().saturating_sub(*limit);
            history.drain(..dropped);
            operations.push(contents.clone());
        }
        let mut held: BTreeSet<&u8> = BTreeSet::new();
        for (key, (_, history, operations)) in keys.iter().zip(&model) {
            let ids: Vec<u64> = store.history(key).unwrap().iter().map(|h| h.id).collect();
            prop_assert_eq!(&ids, &history.iter().map(|h| h.0).collect::<Vec<_>>());
            for (id, contents) in history {
                let texts: Vec<Vec<u8>> = contents.iter().map(|c| format!("content {c}").into_bytes()).collect();
                let stored: Vec<Vec<u8>> = store.history_manifests(key, *id).unwrap().unwrap().into_iter().map(|m| m.bytes).collect();
                prop_assert_eq!(stored, texts);
                held.extend(contents);
            }
            held.extend(operations.iter().flatten());
        }
        drop(store);
        let raw = rusqlite::Connection::open(&path).unwrap();
        let blobs: i64 = raw.query_row("SELECT count(*) FROM blobs", [], |r| r.get(0)).unwrap();
        prop_assert_eq!(blobs, i64::try_from(held.len()).unwrap());
    }
}

#[test]
fn projects_and_sets_come_back_and_keep_their_versions() {
    use gitops_state::{NewObject, ObjectKind};
    let store = Store::open_in_memory().unwrap();
    let new = |kind, json: &str, origin| NewObject { kind, key: AppKey::new("argocd", "shop"), json: json.into(), origin, at: at(1) };
    let first = store.put_object(&new(ObjectKind::Project, "{}", Origin::Api)).unwrap();
    assert!(first.created && first.changed);
    assert!(!store.put_object(&new(ObjectKind::Project, "{}", Origin::Api)).unwrap().changed);
    let moved = store.put_object(&new(ObjectKind::Project, "{}", Origin::File("git".into()))).unwrap();
    assert!(moved.changed && !moved.created && moved.resource_version > first.resource_version);
    store.put_object(&new(ObjectKind::Set, "{\"a\":1}", Origin::Api)).unwrap();
    let key = AppKey::new("argocd", "shop");
    assert!(store.set_object_status(ObjectKind::Set, &key, "{}").unwrap());
    let sets = store.objects(ObjectKind::Set).unwrap();
    assert_eq!((sets.len(), sets[0].json.as_str(), sets[0].status.as_deref()), (1, "{\"a\":1}", Some("{}")));
    assert_eq!(store.objects(ObjectKind::Project).unwrap()[0].origin, Origin::File("git".into()));
    assert!(store.delete_object(ObjectKind::Set, &key).unwrap());
    assert!(!store.delete_object(ObjectKind::Set, &key).unwrap());
    assert!(!store.set_object_status(ObjectKind::Set, &key, "{}").unwrap());
}
