//! Comparing, patching and printing 10, 1,000 and 10,000 objects: one field of every tenth differs.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gitops_diff::{Masker, compare, to_json_patch, unified};
use gitops_manifest::{Map, Value, json};

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

criterion_group!(benches, bench);
criterion_main!(benches);
