//! What people look at and nothing is decided by: what an application's objects made (by owner references), events, logs. Asked
//! for when somebody looks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use gitops_apply::TargetError;
use gitops_manifest::{ObjectId, Value, json};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::answer::Refusal;
use crate::connection::Call;
use crate::core::{Continue, Core, METADATA_LIST, PAGE, bad_name, read};
use crate::kind::{Kind, id_of};
use crate::target::KubernetesTarget;

/// Kinds that are listed at the same time.
const LISTS: usize = 8;
/// The most of a log that is read.
const LONGEST_LOG: usize = 1 << 20;

/// One object of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which.
    pub id: ObjectId,
    /// Its unique id.
    pub uid: String,
    /// The unique id of what made it; `None` for what the application tracks itself.
    pub parent: Option<String>,
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// `Normal` or `Warning`.
    pub kind: String,
    /// A word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// When it last happened.
    pub last: String,
    /// How often.
    pub count: i64,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: Continue,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Owned,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Owned {
    name: String,
    namespace: String,
    uid: String,
    owner_references: Vec<Owner>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Owner {
    uid: String,
}

impl KubernetesTarget {
    /// What an application tracks, and what that made: ReplicaSets of Deployments, their Pods, and so on.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn tree(&self, app: &str) -> Result<Vec<Node>, TargetError> {
        let core = self.core();
        core.ready(core).await?;
        let mut nodes = Vec::new();
        let mut namespaces = BTreeSet::new();
        for (kind, namespace, name) in core.cache.of_app(app) {
            let Some(glimpse) = core.cache.glimpse(&kind, &namespace, &name) else { continue };
            nodes.push(Node { id: id_of(&kind, &namespace, &name), uid: glimpse.uid, parent: None });
            namespaces.insert(namespace);
        }
        let mut children: BTreeMap<String, Vec<Node>> = BTreeMap::new();
        for (id, owned) in everything(core, &namespaces).await {
            for owner in owned.owner_references {
                let node = Node { id: id.clone(), uid: owned.uid.clone(), parent: Some(owner.uid.clone()) };
                children.entry(owner.uid).or_default().push(node);
            }
        }
        let mut known: BTreeSet<String> = nodes.iter().map(|n| n.uid.clone()).collect();
        let mut open: VecDeque<String> = known.iter().cloned().collect();
        while let Some(uid) = open.pop_front() {
            for node in children.remove(&uid).unwrap_or_default() {
                if known.insert(node.uid.clone()) {
                    open.push_back(node.uid.clone());
                    nodes.push(node);
                }
            }
        }
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(nodes)
    }

    /// What happened to an object, the oldest first.
    ///
    /// # Errors
    /// When it is not there, or the cluster refuses.
    pub async fn events(&self, id: &ObjectId) -> Result<Vec<Happening>, TargetError> {
        let refused = |refusal: Refusal| refusal.error(&format!("events of {id}"));
        let core = self.core();
        let kind = match core.kinds().preferred(&id.group, &id.kind) {
            Some(kind) => Some(kind),
            None => core.discover().await.map_err(refused)?.preferred(&id.group, &id.kind),
        };
        let kind = kind.ok_or_else(|| TargetError::permanent(format!("events of {id}: the cluster has no such kind")))?;
        let path = kind.path(&id.namespace, &id.name).map_err(bad_name).map_err(refused)?;
        let live = core.connection.call(&Call::get(path), None).await.map_err(refused)?;
        let live = json::parse(&live, "live").map_err(|e| TargetError::transient(e.to_string()))?;
        let uid = live.str_at(&["metadata", "uid"]).unwrap_or_default();
        let namespace = if id.namespace.is_empty() { "default" } else { &id.namespace };
        let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.uid%3D{uid}&limit={PAGE}");
        let list = core.connection.call(&Call::get(path), None).await.map_err(refused)?;
        let list = json::parse(&list, "events").map_err(|e| TargetError::transient(e.to_string()))?;
        let mut all: Vec<Happening> = list.get("items").and_then(Value::as_list).unwrap_or_default().iter().map(happening).collect();
        all.sort_by(|a, b| a.last.cmp(&b.last));
        Ok(all)
    }

    /// The last lines of a container's log, 1 MiB at most. `container`: `None` where the pod has one.
    ///
    /// # Errors
    /// When the pod is not there or has not begun.
    pub async fn logs(&self, namespace: &str, pod: &str, container: Option<&str>, lines: u32) -> Result<String, TargetError> {
        let refused = |refusal: Refusal| refusal.error(&format!("log of pod {namespace}/{pod}"));
        let core = self.core();
        let pods = core.kind("", "v1", "Pod").await.map_err(refused)?;
        let pods = pods.ok_or_else(|| TargetError::permanent("the cluster has no pods"))?;
        let path = pods.path(namespace, pod).map_err(bad_name).map_err(refused)?;
        let chosen = match container {
            // The same rule as for names: it stands in a query.
            Some(name) if pods.path(namespace, name).is_ok() && !name.contains('&') => format!("&container={name}"),
            Some(name) => return Err(TargetError::permanent(format!("`{name}` is no name of a container"))),
            None => String::new(),
        };
        let call = Call::get(format!("{path}/log?tailLines={lines}&limitBytes={LONGEST_LOG}{chosen}"));
        let text = core.connection.call(&Call { accept: "*/*", ..call }, None).await.map_err(refused)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn happening(event: &Value) -> Happening {
    let text = |path: &[&str]| event.str_at(path).unwrap_or_default().to_owned();
    let last = [&["lastTimestamp"][..], &["series", "lastObservedTime"], &["eventTime"], &["metadata", "creationTimestamp"]];
    Happening {
        kind: text(&["type"]),
        reason: text(&["reason"]),
        message: text(&["message"]),
        last: last.into_iter().map(text).find(|t| !t.is_empty()).unwrap_or_default(),
        count: event.get("count").and_then(Value::as_i64).unwrap_or(1),
    }
}

/// Metadata of every object that somebody made, in these namespaces. A kind that may not be listed is left out.
async fn everything(core: &Arc<Core>, namespaces: &BTreeSet<String>) -> Vec<(ObjectId, Owned)> {
    let permits = Arc::new(Semaphore::new(LISTS));
    let mut lists = tokio::task::JoinSet::new();
    for kind in core.kinds().watchable().into_iter().filter(|k| k.namespaced) {
        for namespace in namespaces.iter().filter(|n| !n.is_empty()) {
            let (core, permits, kind, namespace) = (core.clone(), permits.clone(), kind.clone(), namespace.clone());
            lists.spawn(async move {
                let _permit = permits.acquire_owned().await;
                list(&core, &kind, &namespace).await.unwrap_or_default()
            });
        }
    }
    let mut all = Vec::new();
    while let Some(some) = lists.join_next().await {
        all.extend(some.unwrap_or_default());
    }
    all
}

async fn list(core: &Core, kind: &Arc<Kind>, namespace: &str) -> Result<Vec<(ObjectId, Owned)>, Refusal> {
    let path = kind.list_path(Some(namespace)).map_err(bad_name)?;
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let call = Call { accept: METADATA_LIST, ..Call::get(format!("{path}?limit={PAGE}{next}")) };
        let page: Page = read(&core.connection.call(&call, None).await?)?;
        let owned = page.items.into_iter().map(|i| i.metadata).filter(|m| !m.owner_references.is_empty());
        all.extend(owned.map(|m| (id_of(kind, &m.namespace, &m.name), m)));
        if page.metadata.token.is_empty() {
            return Ok(all);
        }
        next = format!("&continue={}", page.metadata.token);
    }
}
