//! Printing speed in bytes of output per second, on a value shaped like a CustomResourceDefinition.
//!
//! Repeat with `cargo bench -p gitops-manifest --bench print`.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitops_manifest::{Map, Value, json, yaml};

fn map(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Map(entries.into_iter().collect::<Map>())
}

/// A schema as generators write them: short keys, many types, long descriptions, some of several lines.
fn schema(depth: usize, seed: usize) -> Value {
    let descriptions = [
        "The number of replicas that should be running at any time. Defaults to one when it is not given, and is ignored while the workload is suspended by its owner.",
        "Selects objects by their labels: all of them must match",
        "Name of the referent.",
        "A list of conditions.\nThe list is ordered by time, and holds at most one entry of each type.\n\nMore text follows here, on a line of its own.",
        "May be \"Always\", or 'Never'; what isn't known is treated as: unset",
    ];
    let mut entries = vec![
        ("description".to_owned(), descriptions[seed % descriptions.len()].into()),
        ("type".to_owned(), if depth == 0 { "string" } else { "object" }.into()),
    ];
    if seed.is_multiple_of(4) {
        entries.push(("enum".to_owned(), vec!["Always", "IfNotPresent", "y", "8080"].into()));
        entries.push(("minimum".to_owned(), (seed as i64).into()));
    }
    if depth > 0 {
        let names = ["name", "namespace", "labelSelector", "port", "tlsConfig", "x509", "matchExpressions"];
        entries.push((
            "properties".to_owned(),
            map(names.iter().enumerate().map(|(i, n)| ((*n).to_owned(), schema(depth - 1, seed * 7 + i)))),
        ));
        entries.push(("required".to_owned(), vec!["name", "namespace"].into()));
    }
    map(entries)
}

fn print(c: &mut Criterion) {
    let value = schema(6, 1);
    let mut group = c.benchmark_group("print");
    let mut out = yaml::print(&value);
    group.throughput(Throughput::Bytes(out.len() as u64));
    group.bench_function("yaml", |b| {
        b.iter(|| {
            out.clear();
            yaml::print_to(&value, &mut out);
            out.len()
        });
    });
    let mut out = json::print(&value);
    group.throughput(Throughput::Bytes(out.len() as u64));
    group.bench_function("json", |b| {
        b.iter(|| {
            out.clear();
            json::print_to(&value, &mut out);
            out.len()
        });
    });
    group.finish();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = print }
criterion_main!(benches);
