//! Time to plan 10, 1,000 and 10,000 objects: all new, and all live as desired.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gitops_apply::{LiveObject, LiveSet, PlanInput, SyncRequest, Timestamp, equal_bodies, plan};
use gitops_manifest::{Location, Manifest, Map, Value};

const KINDS: [&str; 6] = ["ConfigMap", "Deployment", "Service", "Widget", "Job", "Secret"];

fn object(i: usize) -> Manifest {
    let wave = (i % 7).to_string();
    let annotations: Map = [("argocd.argoproj.io/sync-wave", wave.as_str())].into_iter().collect();
    let name = format!("object-{i}");
    let metadata: Map =
        [("namespace", Value::from("prod")), ("name", name.into()), ("annotations", annotations.into())].into_iter().collect();
    let data: Map = (0..20).map(|k| (format!("key-{k}"), Value::from(format!("a value of some length {i}")))).collect();
    let body: Map =
        [("apiVersion", Value::from("v1")), ("kind", KINDS[i % KINDS.len()].into()), ("metadata", metadata.into()), ("data", data.into())]
            .into_iter()
            .collect();
    Manifest::from_value(body.into(), Location::default()).expect("a valid object")
}

fn bench(c: &mut Criterion) {
    let request = SyncRequest { prune: true, ..SyncRequest::default() };
    let mut group = c.benchmark_group("plan");
    for n in [10, 1_000, 10_000] {
        let desired: Vec<Manifest> = (0..n).map(object).collect();
        let live: LiveSet =
            desired.iter().map(|m| (m.id().clone(), LiveObject { manifest: m.clone(), owner: Some("app".into()), health: None })).collect();
        let none = LiveSet::new();
        for (name, live) in [("new", &none), ("unchanged", &live)] {
            let input = PlanInput {
                operation: "op",
                app: "app",
                namespace: "prod",
                desired: &desired,
                live,
                unchanged: &equal_bodies,
                activation: &|id| Some(id.kind.clone()),
                activate_also: &[],
                request: &request,
                revision: "0123456789",
                started_at: Timestamp::default(),
                deletion_approved: None,
            };
            group.bench_function(BenchmarkId::new(name, n), |b| b.iter(|| plan(black_box(&input)).map(|p| p.tasks().len())));
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
