//! What is live, as the watches say: objects that an application tracks whole, others as little as possible.
//!
//! A whole object is kept as JSON text and parsed when it is asked for: a tenth of what it takes as values. An object that
//! nobody tracks is kept whole once an application desires one of its name.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use compact_str::CompactString;
use gitops_health::Health;
use gitops_lua::HealthScripts;
use gitops_manifest::{Location, Manifest, ObjectId, Value, json};
use serde::Deserialize;

use crate::kind::{Kind, id_of};
use crate::tracking::{Marks, Tracking};

/// Where an object is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    kind: Arc<Kind>,
    namespace: CompactString,
    name: CompactString,
}

/// One object.
#[derive(Debug)]
struct Entry {
    uid: CompactString,
    /// The resource version as a number: it grows. 0 when it is none.
    version: u64,
    app: Option<Arc<str>>,
    /// Kept whole although nobody tracks it: an application desires one of this name.
    desired: bool,
    whole: Option<Box<str>>,
    health: Option<Health>,
    /// It is being removed, and this is what it waits for.
    waits_for: Option<Box<str>>,
}

#[derive(Default)]
struct Inner {
    kinds: HashMap<Arc<Kind>, HashMap<(CompactString, CompactString), Entry>>,
    by_app: HashMap<Arc<str>, HashSet<Place>>,
}

/// An object as it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) manifest: Manifest,
    pub(crate) app: Option<String>,
    pub(crate) health: Option<Health>,
    pub(crate) waits_for: Option<String>,
}

/// What is known of one object without parsing it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Glimpse {
    pub(crate) uid: String,
    pub(crate) app: Option<String>,
    pub(crate) whole: bool,
    pub(crate) health: Option<Health>,
    pub(crate) waits_for: Option<String>,
}

/// The parts of an object that say where it belongs.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: String,
    uid: String,
    resource_version: String,
    annotations: Option<HashMap<String, String>>,
    labels: Option<HashMap<String, String>>,
    deletion_timestamp: Option<String>,
    finalizers: Option<Vec<String>>,
}

/// The cache of one cluster.
pub(crate) struct Cache {
    inner: RwLock<Inner>,
    tracking: Tracking,
    scripts: HealthScripts,
    /// Counts changes, for those who wait for one.
    changes: tokio::sync::watch::Sender<u64>,
}

impl Cache {
    pub(crate) fn new(tracking: Tracking, scripts: HealthScripts) -> Cache {
        Cache { inner: RwLock::default(), tracking, scripts, changes: tokio::sync::watch::Sender::new(0) }
    }

    pub(crate) fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    /// Wakes at every change from now on.
    pub(crate) fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Takes an object as the API server printed it: its `apiVersion` and `kind` may be missing. Answers the applications that
    /// are concerned; none when it is no news.
    pub(crate) fn put(&self, kind: &Arc<Kind>, text: &str) -> Vec<Arc<str>> {
        let Ok(Meta { metadata }) = serde_json::from_str::<Meta>(text) else {
            tracing::warn!(kind = kind.kind, "an object that is not readable is left out");
            return Vec::new();
        };
        let id = id_of(kind, &metadata.namespace, &metadata.name);
        let marks = Marks {
            annotation: metadata.annotations.as_ref().and_then(|a| a.get(crate::tracking::ANNOTATION)).map(String::as_str),
            label: metadata.labels.as_ref().and_then(|l| l.get(&self.tracking.label)).map(String::as_str),
        };
        let app: Option<Arc<str>> = self.tracking.owner(&id, kind.namespaced, &marks).map(Arc::from);
        let version = metadata.resource_version.parse().unwrap_or(0);
        let key = (CompactString::from(&metadata.namespace), CompactString::from(&metadata.name));
        let before = self.read(|inner| inner.kinds.get(kind).and_then(|k| k.get(&key)).map(|e| (e.version, e.desired, e.uid.clone())));
        if let Some((known, _, uid)) = &before
            && *known >= version
            && version > 0
            && *uid == metadata.uid
        {
            return Vec::new();
        }
        let desired = before.is_some_and(|(_, desired, _)| desired);
        let keep = app.is_some() || desired;
        let whole = keep.then(|| completed(kind, text));
        let health =
            whole.as_deref().and_then(|text| json::parse(text.as_bytes(), "live").ok()).and_then(|value| self.scripts.assess(&value));
        let entry = Entry {
            uid: metadata.uid.into(),
            version,
            app,
            desired,
            health,
            waits_for: metadata.deletion_timestamp.as_ref().map(|_| waits_for(&id, metadata.finalizers.as_deref()).into()),
            whole,
        };
        self.replace(kind, key, Some(entry))
    }

    /// An object is gone.
    pub(crate) fn remove(&self, kind: &Arc<Kind>, namespace: &str, name: &str, uid: Option<&str>) -> Vec<Arc<str>> {
        let key = (CompactString::from(namespace), CompactString::from(name));
        let other = self.read(|inner| {
            let entry = inner.kinds.get(kind).and_then(|k| k.get(&key));
            entry.is_some_and(|e| uid.is_some_and(|uid| e.uid != uid))
        });
        // A younger object of the same name stays.
        if other { Vec::new() } else { self.replace(kind, key, None) }
    }

    /// An object is gone, as the API server printed it last.
    pub(crate) fn remove_printed(&self, kind: &Arc<Kind>, text: &str) -> Vec<Arc<str>> {
        let Ok(Meta { metadata }) = serde_json::from_str::<Meta>(text) else { return Vec::new() };
        self.remove(kind, &metadata.namespace, &metadata.name, Some(&metadata.uid))
    }

    /// After a list: whatever of this kind (in this namespace) is not in it, is gone.
    pub(crate) fn keep_only(
        &self,
        kind: &Arc<Kind>,
        namespace: Option<&str>,
        listed: &HashSet<(CompactString, CompactString)>,
    ) -> Vec<Arc<str>> {
        let gone: Vec<_> = self.read(|inner| {
            let all = inner.kinds.get(kind).map(|k| k.keys().collect::<Vec<_>>()).unwrap_or_default();
            let ours = |key: &&(CompactString, CompactString)| namespace.is_none_or(|n| key.0 == n) && !listed.contains(*key);
            all.into_iter().filter(ours).cloned().collect()
        });
        gone.into_iter().flat_map(|key| self.replace(kind, key, None)).collect()
    }

    fn replace(&self, kind: &Arc<Kind>, key: (CompactString, CompactString), entry: Option<Entry>) -> Vec<Arc<str>> {
        let mut concerned: Vec<Arc<str>> = Vec::new();
        {
            let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
            let place = Place { kind: kind.clone(), namespace: key.0.clone(), name: key.1.clone() };
            let new = entry.as_ref().and_then(|e| e.app.clone());
            let objects = inner.kinds.entry(kind.clone()).or_default();
            let old = match entry {
                Some(entry) => objects.insert(key, entry),
                None => objects.remove(&key),
            };
            let old = old.and_then(|e| e.app);
            if old != new {
                if let Some(app) = &old
                    && let Some(places) = inner.by_app.get_mut(app)
                {
                    places.remove(&place);
                    if places.is_empty() {
                        inner.by_app.remove(app);
                    }
                }
                if let Some(app) = &new {
                    inner.by_app.entry(app.clone()).or_default().insert(place);
                }
            }
            for app in [old, new].into_iter().flatten() {
                if !concerned.contains(&app) {
                    concerned.push(app);
                }
            }
        }
        self.changes.send_modify(|n| *n += 1);
        concerned
    }

    fn read<T>(&self, with: impl FnOnce(&Inner) -> T) -> T {
        with(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of an object.
    pub(crate) fn glimpse(&self, kind: &Arc<Kind>, namespace: &str, name: &str) -> Option<Glimpse> {
        self.read(|inner| {
            let entry = inner.kinds.get(kind)?.get(&(namespace.into(), name.into()))?;
            Some(Glimpse {
                uid: entry.uid.to_string(),
                app: entry.app.as_ref().map(ToString::to_string),
                whole: entry.whole.is_some(),
                health: entry.health.clone(),
                waits_for: entry.waits_for.as_deref().map(str::to_owned),
            })
        })
    }

    /// An object, if it is kept whole.
    pub(crate) fn object(&self, kind: &Arc<Kind>, namespace: &str, name: &str) -> Option<Seen> {
        let kept = self.read(|inner| {
            let entry = inner.kinds.get(kind)?.get(&(namespace.into(), name.into()))?;
            let app = entry.app.as_ref().map(ToString::to_string);
            Some((entry.whole.clone()?, app, entry.health.clone(), entry.waits_for.as_deref().map(str::to_owned)))
        });
        let (text, app, health, waits_for) = kept?;
        Some(Seen { manifest: manifest(&text)?, app, health, waits_for })
    }

    /// Every object that an application tracks, by kind, namespace and name.
    pub(crate) fn of_app(&self, app: &str) -> Vec<(Arc<Kind>, String, String)> {
        self.read(|inner| {
            let places = inner.by_app.get(app).into_iter().flatten();
            places.map(|p| (p.kind.clone(), p.namespace.to_string(), p.name.to_string())).collect()
        })
    }

    /// From now on the object is kept whole, whoever tracks it.
    pub(crate) fn desire(&self, kind: &Arc<Kind>, text: &str) {
        let Ok(Meta { metadata }) = serde_json::from_str::<Meta>(text) else { return };
        {
            let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
            let key = (CompactString::from(metadata.namespace), CompactString::from(metadata.name));
            if let Some(entry) = inner.kinds.get_mut(kind).and_then(|k| k.get_mut(&key)) {
                entry.desired = true;
                // The text that comes next counts, although it may be no younger.
                entry.version = 0;
            }
        }
        self.put(kind, text);
    }

    /// Forgets a kind that is gone.
    pub(crate) fn forget(&self, kind: &Arc<Kind>) -> Vec<Arc<str>> {
        self.keep_only(kind, None, &HashSet::new())
    }

    /// How many objects are kept, and how many of them whole.
    pub(crate) fn count(&self) -> (usize, usize) {
        self.read(|inner| {
            let all = || inner.kinds.values().flat_map(HashMap::values);
            (all().count(), all().filter(|e| e.whole.is_some()).count())
        })
    }
}

/// An object's text with `apiVersion` and `kind`, which items of lists lack.
fn completed(kind: &Kind, text: &str) -> Box<str> {
    let text = text.trim_start();
    // The server prints them first, or not at all.
    if text.get(..40.min(text.len())).is_some_and(|start| start.contains("\"apiVersion\"") || start.contains("\"kind\"")) {
        return text.into();
    }
    let rest = text.strip_prefix('{').unwrap_or(text);
    format!("{{\"apiVersion\":\"{}\",\"kind\":\"{}\",{rest}", kind.api_version(), kind.kind).into()
}

/// A kept text as a manifest.
pub(crate) fn manifest(text: &str) -> Option<Manifest> {
    let value: Value = json::parse(text.as_bytes(), "live").ok()?;
    Manifest::from_value(value, Location::default()).ok()
}

/// What an object that is being removed waits for.
fn waits_for(id: &ObjectId, finalizers: Option<&[String]>) -> String {
    match finalizers.unwrap_or_default() {
        [] => "is being deleted: waits for its grace period".to_owned(),
        [one] if one == "foregroundDeletion" => "is being deleted: waits for what it owns".to_owned(),
        many => format!("is being deleted: waits for finalizer {} on {id}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_maps() -> Arc<Kind> {
        Arc::new(Kind {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            namespaced: true,
            watched: true,
        })
    }

    fn text(name: &str, version: u64, app: Option<&str>) -> String {
        let annotations = app.map(|a| format!(r#","annotations":{{"argocd.argoproj.io/tracking-id":"{a}:/ConfigMap:shop/{name}"}}"#));
        let annotations = annotations.unwrap_or_default();
        format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"shop","uid":"u-{name}","resourceVersion":"{version}"{annotations}}},"data":{{"a":"b"}}}}"#
        )
    }

    fn names(apps: &[Arc<str>]) -> Vec<&str> {
        apps.iter().map(|a| &**a).collect()
    }

    #[test]
    fn tracked_objects_are_whole_and_others_are_not() {
        let (cache, kind) = (Cache::new(Tracking::default(), HealthScripts::default()), config_maps());
        assert_eq!(names(&cache.put(&kind, &text("ours", 5, Some("web")))), ["web"]);
        assert!(cache.put(&kind, &text("other", 6, None)).is_empty());
        assert_eq!(cache.count(), (2, 1));
        let seen = cache.object(&kind, "shop", "ours").expect("whole");
        assert_eq!((seen.manifest.id().to_string().as_str(), seen.app.as_deref()), ("/ConfigMap/shop/ours", Some("web")));
        assert!(cache.object(&kind, "shop", "other").is_none());
        cache.desire(&kind, &text("other", 6, None));
        assert!(cache.object(&kind, "shop", "other").is_some());
        cache.put(&kind, &text("other", 7, None));
        assert_eq!(cache.count(), (2, 2), "it stays whole");
        assert_eq!(cache.of_app("web").len(), 1);
    }

    #[test]
    fn what_is_old_is_no_news_and_what_changes_hands_concerns_both() {
        let (cache, kind) = (Cache::new(Tracking::default(), HealthScripts::default()), config_maps());
        cache.put(&kind, &text("a", 5, Some("web")));
        assert!(cache.put(&kind, &text("a", 5, Some("web"))).is_empty());
        assert!(cache.put(&kind, &text("a", 4, None)).is_empty());
        assert_eq!(names(&cache.put(&kind, &text("a", 6, Some("shop")))), ["web", "shop"]);
        assert!(cache.remove(&kind, "shop", "a", Some("another")).is_empty(), "a younger object of the same name stays");
        assert_eq!(names(&cache.keep_only(&kind, None, &HashSet::new())), ["shop"]);
        assert!(cache.of_app("shop").is_empty() && cache.of_app("web").is_empty());
    }
}
