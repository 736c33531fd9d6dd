//! A target on the plane, and syncs driven at it as the engine drives them.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gitops_apply::{
    Clock, Control, Controller, Driven, Journal, JournalError, LiveSet, Outcome, PlanInput, Settings, SyncRequest, SyncState, Target,
    Timestamp, drive, plan,
};
use gitops_control_plane::{ADMIN, ControlPlane};
use gitops_manifest::{Location, Manifest, yaml};
use gitops_target_kubernetes::{Access, KubernetesConfig, KubernetesTarget};
use serde_json::Value;
use tempfile::TempDir;

/// A target, the namespace of its test, and what its watches said.
pub(crate) struct Cluster<'a> {
    pub(crate) plane: &'a ControlPlane,
    pub(crate) target: KubernetesTarget,
    pub(crate) namespace: String,
    pub(crate) changed: Arc<Mutex<Vec<(String, Instant)>>>,
    _dir: TempDir,
}

impl Cluster<'static> {
    /// A target on the plane of all tests.
    pub(crate) fn shared(name: &str) -> Option<Cluster<'static>> {
        Some(Cluster::on(gitops_control_plane::shared()?, name))
    }
}

impl<'a> Cluster<'a> {
    pub(crate) fn on(plane: &'a ControlPlane, name: &str) -> Cluster<'a> {
        Cluster::with(plane, name, &plane.kubeconfig(ADMIN), |_| {})
    }

    /// A target that reaches the plane by this kubeconfig, with a changed configuration.
    pub(crate) fn with(plane: &'a ControlPlane, name: &str, kubeconfig: &str, change: impl FnOnce(&mut KubernetesConfig)) -> Cluster<'a> {
        let namespace = plane.namespace(name);
        let dir = tempfile::tempdir().unwrap();
        let target = target(&dir, kubeconfig, change);
        Cluster { plane, namespace, target: target.0, changed: target.1, _dir: dir }
    }

    /// Another target of the same namespace: what a restarted server would be.
    pub(crate) fn again(&self) -> Cluster<'a> {
        let dir = tempfile::tempdir().unwrap();
        let (target, changed) = target(&dir, &self.plane.kubeconfig(ADMIN), |_| {});
        Cluster { plane: self.plane, namespace: self.namespace.clone(), target, changed, _dir: dir }
    }

    /// Manifests of YAML text in the test's namespace.
    pub(crate) fn manifests(&self, text: &str) -> Vec<Manifest> {
        let parsed = yaml::parse(text.as_bytes(), "case.yaml", &yaml::ParseOptions::default()).unwrap();
        let object = |document: yaml::Document| Manifest::from_value(document.value, document.at).unwrap();
        let mut all: Vec<Manifest> = parsed.documents.into_iter().map(object).collect();
        for manifest in &mut all {
            let id = manifest.id();
            if id.namespace.is_empty() && self.target.namespaced(&id.group, &id.kind) != Some(false) && !is_global(&id.kind) {
                manifest.set_namespace(&self.namespace);
            }
        }
        all
    }

    /// An application of this test alone: the plane is everybody's.
    pub(crate) fn app(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace)
    }

    /// Syncs with pruning, and fails the test unless that succeeds.
    pub(crate) async fn sync(&self, app: &str, text: &str) -> Outcome {
        let outcome = self.try_sync(app, text, &[]).await;
        assert_eq!(outcome.phase.as_str(), "Succeeded", "{}: {:?}", outcome.message, outcome.results);
        outcome
    }

    pub(crate) async fn try_sync(&self, app: &str, text: &str, options: &[&str]) -> Outcome {
        let (_controller, mut control) = Control::new();
        self.sync_with(app, &self.manifests(text), request(options), &mut control, &Paper::default()).await
    }

    pub(crate) async fn sync_with(
        &self,
        app: &str,
        desired: &[Manifest],
        request: SyncRequest,
        control: &mut Control,
        journal: &Paper,
    ) -> Outcome {
        let state = self.planned(app, desired, &request).await;
        match drive(&self.target, journal, &Now, state, control, 16).await {
            Driven::Done(outcome, _) => outcome,
            other => panic!("not done: {other:?}"),
        }
    }

    pub(crate) async fn planned(&self, app: &str, desired: &[Manifest], request: &SyncRequest) -> SyncState {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let app = &self.app(app);
        let live = self.target.live(app, desired).await.unwrap();
        let plan = plan(&PlanInput {
            operation: &format!("{app}-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            app,
            namespace: &self.namespace,
            desired,
            live: &live,
            unchanged: &|desired, live| !self.target.differs(desired, live, &[]),
            activation: &|_| None,
            activate_also: &[],
            request,
            revision: "0123456789",
            started_at: Now.now(),
            deletion_approved: None,
        });
        SyncState::new(plan.unwrap(), Settings { health_poll: Duration::from_millis(100), ..Settings::default() })
    }

    pub(crate) async fn live(&self, app: &str, text: &str) -> LiveSet {
        self.target.live(&self.app(app), &self.manifests(text)).await.unwrap()
    }

    /// Names of the desired objects that are missing, not ours, or differ.
    pub(crate) async fn out_of_sync(&self, app: &str, text: &str) -> Vec<String> {
        let (desired, app) = (self.manifests(text), &self.app(app));
        let live = self.target.live(app, &desired).await.unwrap();
        let synced =
            |m: &Manifest| live.get(m.id()).is_some_and(|l| l.owner.as_deref() == Some(app.as_str()) && !self.target.differs(m, l, &[]));
        desired.iter().filter(|m| !synced(m)).map(|m| m.id().to_string()).collect()
    }

    /// Path of objects in the test's namespace, for example `configmaps` or `apps/v1/deployments/web`.
    pub(crate) fn path(&self, rest: &str) -> String {
        match rest.split('/').nth(1).filter(|v| v.starts_with('v')) {
            None => format!("/api/v1/namespaces/{}/{rest}", self.namespace),
            Some(version) => {
                let group = rest.split('/').next().unwrap();
                let rest = rest.splitn(3, '/').nth(2).unwrap();
                format!("/apis/{group}/{version}/namespaces/{}/{rest}", self.namespace)
            }
        }
    }

    pub(crate) fn get(&self, rest: &str) -> Option<Value> {
        let (status, body) = self.plane.request("GET", &self.path(rest), None);
        (status == 200).then_some(body)
    }

    pub(crate) fn create(&self, rest: &str, body: &Value) {
        let (status, answer) = self.plane.request("POST", &self.path(rest), Some(body));
        assert_eq!(status, 201, "{answer}");
    }

    pub(crate) fn patch(&self, rest: &str, body: &Value) {
        let (status, answer) = self.plane.request("PATCH", &self.path(rest), Some(body));
        assert_eq!(status, 200, "{answer}");
    }

    /// Waits until the watches said that an application changed, after `since`.
    pub(crate) async fn told_of(&self, app: &str, since: Instant) -> Duration {
        let app = &self.app(app);
        let found =
            || self.changed.lock().unwrap().iter().find(|(name, at)| name == app && *at >= since).map(|(_, at)| at.duration_since(since));
        eventually(&format!("a change of {app}"), || found().is_some()).await;
        found().unwrap()
    }
}

type Changed = Arc<Mutex<Vec<(String, Instant)>>>;

fn target(dir: &TempDir, kubeconfig: &str, change: impl FnOnce(&mut KubernetesConfig)) -> (KubernetesTarget, Changed) {
    let file = dir.path().join("kubeconfig");
    std::fs::write(&file, kubeconfig).unwrap();
    let mut config = KubernetesConfig::new("test", Access::Kubeconfig { file, context: None });
    change(&mut config);
    let changed = Changed::default();
    let sink = changed.clone();
    (KubernetesTarget::new(config, move |app| sink.lock().unwrap().push((app.to_owned(), Instant::now()))), changed)
}

/// Kinds of the cases that have no namespace and are not known before the first look.
fn is_global(kind: &str) -> bool {
    matches!(kind, "Namespace" | "CustomResourceDefinition" | "ClusterRole" | "ClusterRoleBinding" | "ValidatingWebhookConfiguration")
}

pub(crate) fn request(options: &[&str]) -> SyncRequest {
    let options = options.iter().map(|o| (*o).to_owned()).collect();
    SyncRequest { prune: true, options, target_takes_part: true, ..SyncRequest::default() }
}

/// Looks until it holds.
pub(crate) async fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Keeps states in memory.
#[derive(Default)]
pub(crate) struct Paper(pub(crate) Mutex<Vec<String>>);

impl Journal for Paper {
    fn save(&self, state: &SyncState) -> Result<(), JournalError> {
        self.0.lock().unwrap().push(state.to_json());
        Ok(())
    }
}

pub(crate) struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
    }
    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(tokio::time::sleep(at.since(self.now())))
    }
}

/// A pair to steer an operation with.
pub(crate) fn steering() -> (Controller, Control) {
    Control::new()
}

/// One document.
pub(crate) fn one(text: &str) -> Manifest {
    let parsed = yaml::parse(text.as_bytes(), "case.yaml", &yaml::ParseOptions::default()).unwrap();
    Manifest::from_value(parsed.documents.into_iter().next().unwrap().value, Location::default()).unwrap()
}
