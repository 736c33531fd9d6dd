//! Desired against live: by who owns which field, with the types of the cluster.
//!
//! Where only the API server can say whether an apply would change something, it is asked in the background by a dry run, and
//! its answer is kept for that version of the object: a pass that follows finds it. Until then the object counts as it did,
//! which is in sync when nothing is known, so that a doubt alone starts no operation.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use gitops_apply::{LiveObject, Seen, WriteOptions};
use gitops_diff::{Comparer, IgnoreRule, Managers, Verdict};
use gitops_manifest::{Manifest, ObjectId, json};
use gitops_schema::{Schema, from_crd};

use crate::config::KubernetesConfig;
use crate::connection::{Call, Impersonated};
use crate::core::Core;
use crate::desired;
use crate::kind::Kind;
use crate::tracking::ANNOTATION;
use crate::writing::{Mode, Writer};

/// Answers that are kept.
const KEPT: usize = 20_000;

/// What the server said, or is being asked, about one object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settled {
    Asked,
    InSync,
    Differs,
}

/// What the comparisons of one cluster share.
pub(crate) struct Comparing {
    comparer: Comparer,
    schema: RwLock<Schema>,
    /// By object: what was compared, and what came of it.
    settled: Mutex<HashMap<ObjectId, (u64, Settled)>>,
}

impl Comparing {
    pub(crate) fn new(config: &KubernetesConfig) -> Comparing {
        let mut applied = vec![config.field_manager.clone()];
        applied.extend(config.taken_over.iter().filter(|m| m.starts_with("argocd")).cloned());
        let managers = Managers { applied, updated: config.taken_over.clone() };
        let comparer = Comparer { managers, options: config.compare.clone(), rules: config.rules.clone() };
        Comparing { comparer, schema: RwLock::default(), settled: Mutex::default() }
    }

    /// Learns the types of a definition, if it is one that is in use or `always`.
    pub(crate) fn learn(&self, name: &str, definition: &[u8], always: bool) {
        let known = self.schema.read().unwrap_or_else(PoisonError::into_inner).contains(name);
        if !known && !always {
            return;
        }
        let Ok(value) = json::parse(definition, name) else { return };
        match from_crd(&value) {
            Ok(table) => self.schema.write().unwrap_or_else(PoisonError::into_inner).set(name, table),
            Err(e) => tracing::warn!(definition = name, "its types are not known: {e}"),
        }
    }

    /// Whether the types of a kind are known.
    pub(crate) fn knows(&self, kind: &Kind) -> bool {
        self.schema.read().unwrap_or_else(PoisonError::into_inner).kind(&kind.group, &kind.version, &kind.kind).is_some()
    }

    fn verdict(&self, desired: &Manifest, live: &LiveObject, rules: &[IgnoreRule]) -> Verdict {
        let schema = self.schema.read().unwrap_or_else(PoisonError::into_inner);
        self.comparer.compare(&schema, desired.body(), live.manifest.body(), rules).verdict()
    }

    fn settled(&self, id: &ObjectId, key: u64) -> Option<Settled> {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.get(id).filter(|(of, _)| *of == key).map(|(_, settled)| *settled)
    }

    fn settle(&self, id: &ObjectId, key: u64, answer: Settled) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if settled.len() >= KEPT {
            settled.clear();
        }
        settled.insert(id.clone(), (key, answer));
    }
}

/// Whether an apply would change a live object that is ours.
pub(crate) fn differs(
    core: &Arc<Core>,
    acting_as: Option<&Impersonated>,
    desired: &Manifest,
    live: &LiveObject,
    rules: &[IgnoreRule],
) -> bool {
    let id = desired.id();
    let Some(kind) = core.kinds().exact(&id.group, desired.version(), &id.kind) else { return true };
    let sent = sent(core, &kind, desired, live);
    match core.comparing.verdict(&sent, live, rules) {
        Verdict::InSync => false,
        Verdict::Differs => true,
        Verdict::AskServer => {
            let key = fingerprint(&sent, live, rules);
            match core.comparing.settled(id, key) {
                Some(answer) => answer == Settled::Differs,
                None => {
                    core.comparing.settle(id, key, Settled::Asked);
                    let (core, acting_as, live, rules) = (core.clone(), acting_as.cloned(), live.clone(), rules.to_vec());
                    let id = id.clone();
                    tokio::spawn(async move { ask(&core, acting_as.as_ref(), &kind, &id, &sent, &live, &rules, key).await });
                    false
                }
            }
        }
    }
}

/// A live object as people are to see it, and as an apply makes it.
pub(crate) fn seen(core: &Arc<Core>, desired: Option<&Manifest>, live: &LiveObject, rules: &[IgnoreRule]) -> Seen {
    let kind = desired.and_then(|m| Some((m, core.kinds().exact(&m.id().group, m.version(), &m.id().kind)?)));
    let schema = core.comparing.schema.read().unwrap_or_else(PoisonError::into_inner);
    let comparer = &core.comparing.comparer;
    let body = live.manifest.body();
    let found = kind.map(|(m, kind)| comparer.compare(&schema, sent(core, &kind, m, live).body(), body, rules));
    let (live, predicted) = comparer.seen(body, &found.unwrap_or_default());
    Seen { live, predicted }
}

/// Desired as it would be sent over this live object.
fn sent(core: &Core, kind: &Kind, desired: &Manifest, live: &LiveObject) -> Manifest {
    let mut sent = desired::placed(desired, kind, "");
    // Whose it is was decided before: the mark is the live one's, in whatever form it is kept.
    if let Some(mark) = live.manifest.annotation(ANNOTATION) {
        sent.set_annotation(ANNOTATION, mark);
    }
    let label = &core.cache.tracking().label;
    if core.cache.tracking().method != crate::tracking::TrackingMethod::Annotation
        && let Some(mark) = live.manifest.label(label)
    {
        sent.set_label(label, mark);
    }
    sent
}

fn fingerprint(sent: &Manifest, live: &LiveObject, rules: &[IgnoreRule]) -> u64 {
    let mut hasher = DefaultHasher::new();
    json::print(sent.body()).hash(&mut hasher);
    live.manifest.body().str_at(&["metadata", "resourceVersion"]).hash(&mut hasher);
    live.manifest.body().str_at(&["metadata", "uid"]).hash(&mut hasher);
    format!("{rules:?}").hash(&mut hasher);
    hasher.finish()
}

/// Asks the server by a dry run, keeps its answer, and has the application looked at again when it differs.
#[expect(clippy::too_many_arguments, reason = "one question: who asks, what, and under which key the answer is kept")]
async fn ask(
    core: &Arc<Core>,
    acting_as: Option<&Impersonated>,
    kind: &Arc<Kind>,
    id: &ObjectId,
    sent: &Manifest,
    live: &LiveObject,
    rules: &[IgnoreRule],
    key: u64,
) {
    let app = live.owner.clone().unwrap_or_default();
    let writer = Writer { core, acting_as, app: &app };
    let predicted = writer.patch(kind, sent, &WriteOptions::default(), Mode::DryRun).await;
    let answer = match predicted.map(|text| json::parse(text.as_bytes(), "dry run")) {
        Ok(Ok(predicted)) => {
            let schema = core.comparing.schema.read().unwrap_or_else(PoisonError::into_inner).clone();
            let confirmed = core.comparing.comparer.confirm(&schema, &predicted, live.manifest.body(), rules, false);
            if confirmed.differences.is_empty() { Settled::InSync } else { Settled::Differs }
        }
        // What the server refuses is found out by the apply, which says so.
        Ok(Err(_)) => Settled::InSync,
        Err(refusal) if refusal.passes() => return core.comparing.forget(id),
        Err(_) => Settled::Differs,
    };
    core.comparing.settle(id, key, answer);
    if answer == Settled::Differs {
        (core.on_change)(&app);
    }
}

impl Comparing {
    /// The server could not be asked: the next comparison asks again.
    fn forget(&self, id: &ObjectId) {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// Reads the definition of a custom kind, so that its objects are compared by its types.
pub(crate) async fn learn_kind(core: &Arc<Core>, kind: &Kind) {
    if kind.group.is_empty() || core.comparing.knows(kind) {
        return;
    }
    let name = format!("{}.{}", kind.plural, kind.group);
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
    // Kinds of aggregated API servers have no definition, and ours may not be allowed to read it: compared without types then.
    if let Ok(definition) = core.connection.call(&Call::get(path), None).await {
        core.comparing.learn(&name, &definition, true);
    }
}
