//! Comparing, patching and printing 10, 1,000 and 10,000 objects: one field of every tenth differs.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gitops_diff::{Comparer, Managers, Masker, compare, to_json_patch, unified};
use gitops_manifest::{Map, Value, json};
use gitops_schema::Schema;

fn deployment(i: usize, replicas: usize) -> Value {
    let text = format!(
        r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"app-{i}","namespace":"team-{}","labels":{{"app":"app-{i}","tier":"web"}}}},
        "spec":{{"replicas":{replicas},"selector":{{"matchLabels":{{"app":"app-{i}"}}}},"template":{{"metadata":{{"labels":{{"app":"app-{i}"}}}},"spec":{{
        "containers":[{{"name":"web","image":"registry.example/app-{i}:1.{replicas}","ports":[{{"containerPort":8080}}],
        "env":[{{"name":"A","value":"1"}},{{"name":"B","value":"2"}}],"args":["--port","8080","--level","info"]}}]}}}}}}}}"#,
        i % 7
    );
    json::parse(text.as_bytes(), "bench").expect("valid")
}

fn objects(count: usize, changed: usize) -> Vec<Value> {
    (0..count).map(|i| deployment(i, if i % 10 == 0 { changed } else { 1 })).collect()
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("diff");
    group.sample_size(10);
    for count in [10, 1_000, 10_000] {
        let (live, desired) = (objects(count, 1), objects(count, 2));
        group.throughput(Throughput::Elements(count as u64));
        let pairs = || desired.iter().zip(&live);
        group.bench_function(BenchmarkId::new("compare", count), |b| {
            b.iter(|| pairs().map(|(d, l)| compare(black_box(d), l, &[]).len()).sum::<usize>());
        });
        group.bench_function(BenchmarkId::new("patch", count), |b| {
            b.iter(|| pairs().map(|(d, l)| black_box(to_json_patch(l, d)).as_list().map_or(0, <[_]>::len)).sum::<usize>());
        });
        group.bench_function(BenchmarkId::new("masked_unified", count), |b| {
            let masker = Masker::new();
            b.iter(|| pairs().map(|(d, l)| masker.mask(d, l).unified(("live", "desired"), 3).len()).sum::<usize>());
        });
        let list = |items: &[Value]| Value::Map([("items", Value::List(items.to_vec()))].into_iter().collect::<Map>());
        let (live, desired) = (list(&live), list(&desired));
        group.bench_function(BenchmarkId::new("one_object_with_a_long_list", count), |b| {
            b.iter(|| (compare(black_box(&desired), &live, &[]).len(), unified(&live, &desired, ("a", "b"), 3).len()));
        });
    }
    group.finish();
}

/// A Deployment as a cluster holds it, with what the API server and controllers add.
fn deployments(count: usize) -> Vec<(Value, Value)> {
    let owned = r#"{"f:metadata":{"f:labels":{"f:app":{}},"f:annotations":{"f:argocd.argoproj.io/tracking-id":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:name":{},"f:image":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}},"f:resources":{"f:limits":{"f:cpu":{},"f:memory":{}}}}}}}}}"#;
    let object = |i: usize, live: bool| {
        let (server, container, spec, cpu) = if live {
            (
                format!(
                    r#","uid":"u{i}","resourceVersion":"{i}","generation":2,"creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{{"manager":"gitops","operation":"Apply","apiVersion":"apps/v1","fieldsV1":{owned}}}]"#
                ),
                r#","imagePullPolicy":"IfNotPresent","terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File""#,
                r#","revisionHistoryLimit":10,"progressDeadlineSeconds":600,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}}"#,
                "1",
            )
        } else {
            (String::new(), "", "", "1000m")
        };
        let text = format!(
            r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"web-{i}","namespace":"shop","labels":{{"app":"web"}},"annotations":{{"argocd.argoproj.io/tracking-id":"shop:apps/Deployment:shop/web-{i}"}}{server}}},"spec":{{"replicas":3,"selector":{{"matchLabels":{{"app":"web"}}}},"template":{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{{"containers":[{{"name":"web","image":"registry.example/web:{i}","env":[{{"name":"A","value":"b"}}],"ports":[{{"containerPort":80}}],"resources":{{"limits":{{"cpu":"{cpu}","memory":"1Gi"}}}}{container}}}]}}}}{spec}}}}}"#
        );
        json::parse(text.as_bytes(), "bench").expect("JSON")
    };
    (0..count).map(|i| (object(i, false), object(i, true))).collect()
}

fn owned(c: &mut Criterion) {
    let schema = Schema::default();
    let comparer = Comparer { managers: Managers { applied: vec!["gitops".into()], updated: Vec::new() }, ..Comparer::default() };
    let objects = deployments(10_000);
    let mut group = c.benchmark_group("owned");
    group.throughput(Throughput::Elements(objects.len() as u64)).sample_size(10);
    group.bench_function("10000 deployments in sync", |b| {
        b.iter(|| {
            for (desired, live) in &objects {
                let found = comparer.compare(&schema, desired, live, &[]);
                assert!(found.differences.is_empty() && found.doubts.is_empty());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench, owned);
criterion_main!(benches);
