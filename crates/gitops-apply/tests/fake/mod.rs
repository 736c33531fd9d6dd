//! A target in memory, a clock that jumps, and an executor of one thread: no real time, no luck.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use gitops_apply::{
    Clock, HookOutcome, HookRunId, Journal, JournalError, LiveObject, LiveSet, Preparation, Propagation, Removal, SyncState, Target,
    TargetError, TargetFuture, Timestamp, WriteOptions,
};
use gitops_health::{Health, HealthStatus};
use gitops_manifest::{Location, Manifest, Map, ObjectId, Value};

pub fn object(kind: &str, name: &str, annotations: &[(&str, &str)]) -> Manifest {
    let annotations: Map = annotations.iter().map(|(k, v)| (*k, *v)).collect();
    let metadata: Map = [("name", Value::from(name)), ("annotations", annotations.into())].into_iter().collect();
    let body: Map = [("apiVersion", Value::from("v1")), ("kind", kind.into()), ("metadata", metadata.into())].into_iter().collect();
    Manifest::from_value(body.into(), Location::file("case.yaml")).expect("valid")
}

pub fn id(kind: &str, name: &str) -> ObjectId {
    ObjectId::new("", kind, "", name)
}

#[derive(Default)]
pub struct Fake {
    pub log: Mutex<Vec<String>>,
    /// Names that fail so many times.
    pub faults: Mutex<BTreeMap<String, u32>>,
    /// Names whose health is Progressing so many times.
    pub slow: Mutex<BTreeMap<String, u32>>,
    /// Hooks that never end.
    pub endless: BTreeSet<String>,
    /// Names that are still there so many times after their removal.
    pub lingering: Mutex<BTreeMap<String, u32>>,
    /// Takes part before the first wave and after hooks.
    pub takes_part: bool,
    /// Names that are refused before the first wave.
    pub refused: BTreeSet<String>,
}

impl Fake {
    fn act(&self, verb: &str, name: &str) -> Result<(), TargetError> {
        self.log.lock().expect("one thread").push(format!("{verb} {name}"));
        let mut faults = self.faults.lock().expect("one thread");
        match faults.get_mut(name).filter(|n| **n > 0) {
            Some(n) => {
                *n -= 1;
                Err(TargetError::transient(format!("{name}: disk full")))
            }
            None => Ok(()),
        }
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("one thread").clone()
    }
}

async fn a_moment() {
    let mut polled = false;
    poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Target for Fake {
    fn name(&self) -> &str {
        "fake"
    }
    fn live<'a>(&'a self, _: &'a str, _: &'a [Manifest]) -> TargetFuture<'a, LiveSet> {
        Box::pin(async { Ok(LiveSet::new()) })
    }
    fn apply<'a>(&'a self, _: &'a str, manifest: &'a Manifest, _: WriteOptions) -> TargetFuture<'a, ()> {
        Box::pin(async move {
            a_moment().await;
            self.act("apply", &manifest.id().name)
        })
    }
    fn prune<'a>(&'a self, _: &'a str, id: &'a ObjectId, _: Propagation) -> TargetFuture<'a, Removal> {
        Box::pin(async move {
            self.act("prune", &id.name)?;
            Ok(match self.lingering.lock().expect("one thread").contains_key(&id.name) {
                true => Removal::Terminating { message: "waits for finalizer".into() },
                false => Removal::Gone,
            })
        })
    }
    fn activation_group(&self, id: &ObjectId) -> Option<String> {
        Some(id.kind.clone())
    }
    fn activate<'a>(&'a self, _: &'a str, group: &'a str, run: &'a HookRunId) -> TargetFuture<'a, ()> {
        Box::pin(async move { self.act("activate", group).inspect(|()| assert_eq!(run.hook, group)) })
    }
    fn takes_part(&self) -> bool {
        self.takes_part
    }
    fn prepare<'a>(&'a self, _: &'a str, preparation: Preparation<'a>) -> TargetFuture<'a, Vec<(ObjectId, String)>> {
        Box::pin(async move {
            a_moment().await;
            self.act("prepare", preparation.namespace.unwrap_or_default())?;
            let refused = |(m, _): &(&Manifest, WriteOptions)| self.refused.contains(&m.id().name);
            Ok(preparation.objects.iter().filter(|o| refused(o)).map(|(m, _)| (m.id().clone(), "no such kind".to_owned())).collect())
        })
    }
    fn release_hook<'a>(&'a self, _: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        Box::pin(async move { self.act("release", &id.name) })
    }
    fn run_hook<'a>(&'a self, _: &'a str, manifest: &'a Manifest, run: &'a HookRunId, _: WriteOptions) -> TargetFuture<'a, HookOutcome> {
        Box::pin(async move {
            assert!(!manifest.id().name.is_empty());
            self.log.lock().expect("one thread").push(format!("hook {run}"));
            a_moment().await;
            if self.endless.contains(&manifest.id().name) {
                std::future::pending::<()>().await;
            }
            let ended = self.act("ran", &manifest.id().name);
            Ok(match ended {
                Ok(()) => HookOutcome::Succeeded { message: "done".into() },
                Err(error) => HookOutcome::Failed { message: error.message },
            })
        })
    }
    fn delete_hook<'a>(&'a self, _: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        Box::pin(async move { self.act("delete", &id.name) })
    }
    fn health<'a>(&'a self, _: &'a str, ids: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>> {
        Box::pin(async move {
            let mut slow = self.slow.lock().expect("one thread");
            let mut of = |id: &ObjectId| match slow.get_mut(&id.name).filter(|n| **n > 0) {
                Some(n) => {
                    *n -= 1;
                    Health::new(HealthStatus::Progressing, "starting")
                }
                None => Health::healthy(),
            };
            let mut lingering = self.lingering.lock().expect("one thread");
            let mut is_there = |id: &ObjectId| match lingering.get_mut(&id.name) {
                Some(0) => false,
                Some(n) => {
                    *n -= 1;
                    true
                }
                None => true,
            };
            Ok(ids.iter().filter(|id| is_there(id)).map(|id| (id.clone(), Some(of(id)))).collect())
        })
    }
}

/// A clock that jumps to whatever is slept for, once everything else has had its turn.
#[derive(Default)]
pub struct Jumping(pub Mutex<i64>);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(*self.0.lock().expect("one thread"))
    }
    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            for _ in 0..20 {
                a_moment().await;
            }
            let mut now = self.0.lock().expect("one thread");
            *now = (*now).max(at.as_millis());
        })
    }
}

/// Keeps every state; fails from the given write on.
#[derive(Default)]
pub struct Paper {
    pub states: Mutex<Vec<String>>,
    pub fails_at: Option<usize>,
}

impl Journal for Paper {
    fn save(&self, state: &SyncState) -> Result<(), JournalError> {
        let mut states = self.states.lock().expect("one thread");
        if self.fails_at.is_some_and(|n| states.len() >= n) {
            return Err(JournalError { message: "disk full".into() });
        }
        states.push(state.to_json());
        Ok(())
    }
}

/// Polls to the end, at most `polls` times: `None` is a crash there.
pub fn run<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    })
}

pub fn live(manifests: &[Manifest], owner: Option<&str>) -> LiveSet {
    let one = |m: &Manifest| (m.id().clone(), LiveObject { manifest: m.clone(), owner: owner.map(str::to_owned), health: None });
    manifests.iter().map(one).collect()
}
