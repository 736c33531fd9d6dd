//! Sealed values in front of a target that does not know them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use gitops_apply::{
    HookOutcome, HookRunId, LiveObject, LiveSet, OpeningTarget, Propagation, Removal, Target, TargetError, TargetFuture, WriteOptions,
};
use gitops_health::Health;
use gitops_manifest::{Location, Manifest, ObjectId, json};
use gitops_seal::{Sealer, Secrets};

/// What a future that waits for nothing gives.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

/// Keeps what it is given, and quotes it when it refuses.
#[derive(Default)]
struct Plain {
    objects: Mutex<BTreeMap<ObjectId, Manifest>>,
    refuses: bool,
}

impl Target for Plain {
    fn name(&self) -> &str {
        "plain"
    }
    fn live<'a>(&'a self, _: &'a str, _: &'a [Manifest]) -> TargetFuture<'a, LiveSet> {
        let objects = self.objects.lock().unwrap();
        let live = objects.iter().map(|(id, m)| (id.clone(), LiveObject { manifest: m.clone(), owner: None, health: None }));
        Box::pin(ready(Ok(live.collect())))
    }
    fn apply<'a>(&'a self, _: &'a str, manifest: &'a Manifest, _: WriteOptions) -> TargetFuture<'a, ()> {
        if self.refuses {
            return Box::pin(ready(Err(TargetError::permanent(format!("invalid: {}", json::print(manifest.body()))))));
        }
        self.objects.lock().unwrap().insert(manifest.id().clone(), manifest.clone());
        Box::pin(ready(Ok(())))
    }
    fn prune<'a>(&'a self, _: &'a str, _: &'a ObjectId, _: Propagation) -> TargetFuture<'a, Removal> {
        Box::pin(ready(Ok(Removal::Gone)))
    }
    fn activation_group(&self, _: &ObjectId) -> Option<String> {
        None
    }
    fn activate<'a>(&'a self, _: &'a str, _: &'a str, _: &'a HookRunId) -> TargetFuture<'a, ()> {
        Box::pin(ready(Ok(())))
    }
    fn run_hook<'a>(&'a self, _: &'a str, _: &'a Manifest, _: &'a HookRunId, _: WriteOptions) -> TargetFuture<'a, HookOutcome> {
        Box::pin(ready(Ok(HookOutcome::Succeeded { message: String::new() })))
    }
    fn delete_hook<'a>(&'a self, _: &'a str, _: &'a ObjectId) -> TargetFuture<'a, ()> {
        Box::pin(ready(Ok(())))
    }
    fn health<'a>(&'a self, _: &'a str, _: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>> {
        Box::pin(ready(Ok(BTreeMap::new())))
    }
}

fn config(url: &str) -> Manifest {
    let text = format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"c"}},"data":{{"url":"{url}"}}}}"#);
    Manifest::from_value(json::parse(text.as_bytes(), "").unwrap(), Location::file("c.yaml")).unwrap()
}

fn sealed(sealer: &Sealer) -> Manifest {
    let (manifest, mut secrets) = (config("db://hunter22"), Secrets::default());
    secrets.add("hunter22");
    let mut body = manifest.body().clone();
    assert_eq!(sealer.seal_object(manifest.id(), &mut body, &secrets), 1);
    Manifest::from_value(body, Location::file("c.yaml")).unwrap()
}

#[test]
fn values_are_opened_on_the_way_in_and_covered_on_the_way_out() {
    let sealer = Arc::new(Sealer::new([&[9; 32]]).unwrap());
    let (plain, desired) = (Arc::new(Plain::default()), sealed(&sealer));
    let target = OpeningTarget::new(plain.clone(), Some(sealer));
    now(target.apply("app", &desired, WriteOptions::default())).unwrap();
    assert_eq!(plain.objects.lock().unwrap()[desired.id()].body().str_at(&["data", "url"]), Some("db://hunter22"));

    let wanted = [desired.clone()];
    let live = now(target.live("app", &wanted)).unwrap();
    assert_eq!(live[desired.id()].manifest.body(), desired.body(), "equal values are the same text");
    assert!(!target.differs(&desired, &live[desired.id()], &[]));

    plain.objects.lock().unwrap().insert(desired.id().clone(), config("changed-by-hand"));
    let live = now(target.live("app", &wanted)).unwrap();
    assert!(target.differs(&desired, &live[desired.id()], &[]));
    assert!(!json::print(live[desired.id()].manifest.body()).contains("changed-by-hand"));
}

#[test]
fn a_refusal_does_not_quote_the_value_and_without_a_key_nothing_is_applied() {
    let sealer = Arc::new(Sealer::new([&[9; 32]]).unwrap());
    let desired = sealed(&sealer);
    let target = OpeningTarget::new(Arc::new(Plain { refuses: true, ..Plain::default() }), Some(sealer));
    let error = now(target.apply("app", &desired, WriteOptions::default())).unwrap_err().message;
    assert!(error.starts_with("invalid: ") && !error.contains("hunter22"), "{error}");

    let plain = Arc::new(Plain::default());
    let error = now(OpeningTarget::new(plain.clone(), None).apply("app", &desired, WriteOptions::default())).unwrap_err();
    assert!(error.message.contains("c.yaml") && error.message.contains("age identity") && !error.transient, "{error}");
    assert!(plain.objects.lock().unwrap().is_empty());
}
