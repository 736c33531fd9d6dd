//! Parsing speed in bytes of input per second: a stream shaped like generated CustomResourceDefinitions, many small
//! manifests, and the stream's documents as JSON. Ours (`fast`: what `parse` runs), the kept parser alone (`kept`), and serde_json for scale.
//!
//! Repeat with `cargo bench -p gitops-manifest --bench parse`.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::fmt::Write as _;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitops_manifest::yaml::{ParseOptions, each};
use gitops_manifest::{Value, json, yaml};

/// A schema as generators write them: deep, short keys, descriptions of one line and of several.
fn schema(out: &mut String, indent: usize, depth: usize, seed: usize) {
    let pad = " ".repeat(indent);
    let _ = match seed % 4 {
        0 => writeln!(out, "{pad}description: The number of replicas that should be running at any time."),
        1 => writeln!(
            out,
            "{pad}description: |-\n{pad}  Selects objects by their labels: all of them must match,\n{pad}  and none may be left out.\n\n{pad}  More text follows."
        ),
        2 => writeln!(
            out,
            "{pad}description: 'Name of the referent. More info: https://example.com/names'\n{pad}format: int64\n{pad}minimum: {seed}"
        ),
        _ => writeln!(
            out,
            "{pad}description: A list of conditions. The list is ordered by time, and holds at most\n{pad}  one entry of each type. It may be empty."
        ),
    };
    if depth == 0 {
        let _ = writeln!(out, "{pad}type: string");
        return;
    }
    let _ = writeln!(out, "{pad}properties:");
    for (i, name) in ["name", "namespace", "labelSelector", "port", "tlsConfig", "x509", "matchExpressions"].iter().enumerate() {
        let _ = writeln!(out, "{pad}  {name}:");
        schema(out, indent + 4, depth - 1, seed * 7 + i);
    }
    let _ = writeln!(out, "{pad}required:\n{pad}- name\n{pad}- namespace\n{pad}type: object");
}

fn definitions() -> String {
    let mut out = String::new();
    for n in 0..12 {
        let _ = writeln!(
            out,
            "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things{n}.example.com\n  annotations:\n    version: v0.1.{n}\nspec:\n  group: example.com\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema:"
        );
        schema(&mut out, 8, 4, n);
        out.push_str("    served: true\n    storage: true\n");
    }
    out
}

fn small(n: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-{n}\n  namespace: team-{}\n  labels:\n    app.kubernetes.io/name: web-{n}\n    tier: \"front\"\nspec:\n  replicas: {}\n  selector:\n    matchLabels: {{app: web-{n}}}\n  template:\n    metadata:\n      labels: {{app: web-{n}}}\n    spec:\n      containers:\n        - name: web\n          image: registry.example.com/team/web:1.{n}\n          args: [\"--port\", \"8080\"]\n          ports:\n            - containerPort: 8080\n          resources:\n            limits:\n              cpu: 500m\n              memory: 128Mi\n",
        n % 7,
        n % 5
    )
}

fn parse(c: &mut Criterion) {
    let options = ParseOptions::default();
    let stream = definitions();
    let mut group = c.benchmark_group("parse/definitions");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.bench_function("fast", |b| b.iter(|| each::fast(stream.as_bytes(), &options).expect("sure").documents.len()));
    group.bench_function("kept", |b| b.iter(|| each::kept(stream.as_bytes(), &options).expect("valid").documents.len()));
    group.finish();

    let manifests: Vec<String> = (0..2000).map(small).collect();
    let mut group = c.benchmark_group("parse/small");
    group.throughput(Throughput::Bytes(manifests.iter().map(|m| m.len() as u64).sum()));
    group.bench_function("fast", |b| {
        b.iter(|| manifests.iter().map(|m| yaml::parse(m.as_bytes(), "f", &options).expect("valid").documents.len()).sum::<usize>());
    });
    group.bench_function("kept", |b| {
        b.iter(|| manifests.iter().map(|m| each::kept(m.as_bytes(), &options).expect("valid").documents.len()).sum::<usize>());
    });
    group.finish();

    let documents = yaml::parse(stream.as_bytes(), "f", &options).expect("valid").documents;
    let text = json::print(&Value::List(documents.into_iter().map(|d| d.value).collect()));
    let mut group = c.benchmark_group("parse/json");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("ours", |b| b.iter(|| json::parse(text.as_bytes(), "f").expect("valid")));
    group.bench_function("serde_json", |b| b.iter(|| serde_json::from_str::<serde_json::Value>(&text).expect("valid")));
    group.finish();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = parse }
criterion_main!(benches);
