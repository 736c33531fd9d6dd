//! The store alone: what its transactions cost, how fast it opens and lists.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use gitops_state::{
    AppKey, Finish, ListQuery, ManifestBlob, NewApplication, NewHistory, NewOperation, OpenOptions, Origin, StatusRow, Store,
};

use crate::table::Table;

const OPERATIONS: u32 = 100;
const SAVES: u32 = 5;

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("state.db");
    operations(&path, table)?;
    let began = Instant::now();
    let (store, _) = Store::open(&path, &OpenOptions::default())?;
    table.note("Store: open with 100 applications and 100 operations", shown(began.elapsed()));
    statuses(&store, table)?;
    drop(store);
    listing(&dir.path().join("big.db"), table)
}

/// Operations with ten manifests each, of which one changes from one to the next.
fn operations(path: &Path, table: &mut Table) -> anyhow::Result<()> {
    let (store, _) = Store::open(path, &OpenOptions::default())?;
    for n in 0..100 {
        declare(&store, n)?;
    }
    let app = key(0);
    let all = (0..10).map(|n| ManifestBlob { object_id: format!("o{n}"), bytes: format!("n: {n}\n").repeat(200).into_bytes() });
    let manifests: Vec<ManifestBlob> = all.collect();
    let state = "s".repeat(2000);
    let (mut begin, mut save, mut finish) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for n in 0..OPERATIONS {
        let mut manifests = manifests.clone();
        manifests[0].bytes.extend(n.to_string().bytes());
        let operation = operation(&app, n);
        let began = Instant::now();
        store.begin_operation(&operation, &manifests, &state)?;
        begin += began.elapsed();
        let began = Instant::now();
        for step in 0..SAVES {
            // Differs each time: SQLite writes nothing for equal content.
            store.save_operation(&operation.id, &format!("{n}-{step}-{state}"))?;
        }
        save += began.elapsed();
        let end = end(&state);
        let began = Instant::now();
        store.finish_operation(&operation.id, &end)?;
        finish += began.elapsed();
    }
    table.note("Store: an operation begins, with 10 manifests (flushed to the disk)", shown(begin / OPERATIONS));
    table.note("Store: a step of it (flushed)", shown(save / (OPERATIONS * SAVES)));
    table.note("Store: it ends, with its history (flushed)", shown(finish / OPERATIONS));
    Ok(())
}

fn operation(app: &AppKey, n: u32) -> NewOperation {
    NewOperation {
        id: format!("op-{n}"),
        app: app.clone(),
        revision: "c".into(),
        requested_by: "bench".into(),
        started_at: gitops_state::now(),
        request_json: "{}".into(),
    }
}

fn end(state: &str) -> Finish {
    let history = NewHistory {
        revision: "c".into(),
        source_json: "{}".into(),
        deployed_at: gitops_state::now(),
        started_at: gitops_state::now(),
        initiated_by: "bench".into(),
        limit: 10,
    };
    Finish {
        phase: "Succeeded".into(),
        message: String::new(),
        finished_at: gitops_state::now(),
        state_json: state.to_owned(),
        history: Some(history),
        status: None,
    }
}

fn statuses(store: &Store, table: &mut Table) -> anyhow::Result<()> {
    let keys: Vec<AppKey> = (0..100).map(key).collect();
    let rows: Vec<StatusRow> = (100..200).map(status).collect();
    let began = Instant::now();
    for (key, row) in keys.iter().zip(&rows) {
        store.set_status(key, row)?;
    }
    table.note("Store: a status, in a transaction of its own", shown(began.elapsed() / 100));
    let rows: Vec<StatusRow> = (201..301).map(status).collect();
    let began = Instant::now();
    store.set_statuses(keys.iter().zip(&rows))?;
    table.note("Store: a status, of 100 in one transaction", shown(began.elapsed() / 100));
    Ok(())
}

fn listing(path: &Path, table: &mut Table) -> anyhow::Result<()> {
    let store = Store::open_in_memory()?;
    for n in 0..10_000 {
        declare(&store, n)?;
    }
    store.backup(path)?;
    let began = Instant::now();
    let (store, _) = Store::open(path, &OpenOptions::default())?;
    table.note("Store: open with 10,000 applications", shown(began.elapsed()));
    let page = ListQuery { limit: Some(50), ..ListQuery::default() };
    let searched = ListQuery { search: Some("99".into()), health: vec!["Degraded".into()], projects: vec!["p3".into()], ..page.clone() };
    let later = ListQuery { after: Some(key(8000)), ..page.clone() };
    for (what, query) in [("first page of 50", page), ("page of 50 after 8,000", later), ("page of a search", searched)] {
        store.list_applications(&query)?;
        let began = Instant::now();
        store.list_applications(&query)?;
        table.note(&format!("Store: {what} of 10,000 applications, with counts"), shown(began.elapsed()));
    }
    Ok(())
}

fn key(n: usize) -> AppKey {
    AppKey::new("argocd", format!("app-{n:05}"))
}

fn status(n: usize) -> StatusRow {
    StatusRow {
        sync: ["Synced", "OutOfSync"][n % 2].into(),
        health: ["Healthy", "Degraded", "Progressing"][n % 3].into(),
        revision: None,
        status_json: format!("{n:08}{}", "y".repeat(4000)),
        updated_at: gitops_state::now(),
    }
}

fn declare(store: &Store, n: usize) -> anyhow::Result<()> {
    let new = NewApplication {
        key: key(n),
        project: format!("p{}", n % 7),
        labels: BTreeMap::from([("n".to_owned(), (n % 10).to_string())]),
        manifest_json: format!("{{\"text\":\"{}\"}}", "x".repeat(1500)),
        origin: Origin::Api,
        at: gitops_state::now(),
    };
    store.put_application(&new, None)?;
    store.set_status(&key(n), &status(n))?;
    Ok(())
}

fn shown(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}
