//! The kinds that an API server has, from its aggregated discovery, and the paths of their objects.

use std::collections::HashMap;
use std::sync::Arc;

use gitops_manifest::ObjectId;
use serde::Deserialize;

/// One kind in one version.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    /// Its name in paths.
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    /// Whether it can be listed and watched.
    pub(crate) watched: bool,
}

/// A name that would lead out of its path.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be the name of an object or namespace: it is `.` or `..`, or holds `/`, `%`, `?`, `#` or a blank")]
pub(crate) struct BadName(String);

/// Refuses what would lead elsewhere when it stands in a path. Whatever else is wrong with a name the server says.
fn segment(text: &str) -> Result<&str, BadName> {
    let bad =
        matches!(text, "." | "..") || text.contains(['/', '%', '?', '#']) || text.contains(|c: char| c.is_whitespace() || c.is_control());
    if bad || !text.is_ascii() { Err(BadName(text.to_owned())) } else { Ok(text) }
}

impl Kind {
    /// `apiVersion`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Path of the objects in a namespace; of all without one.
    pub(crate) fn list_path(&self, namespace: Option<&str>) -> Result<String, BadName> {
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) };
        Ok(match namespace.filter(|n| self.namespaced && !n.is_empty()) {
            Some(namespace) => format!("{root}/{}/namespaces/{}/{}", self.version, segment(namespace)?, self.plural),
            None => format!("{root}/{}/{}", self.version, self.plural),
        })
    }

    /// Path of one object.
    pub(crate) fn path(&self, namespace: &str, name: &str) -> Result<String, BadName> {
        Ok(format!("{}/{}", self.list_path(Some(namespace))?, segment(name)?))
    }
}

/// What discovery said.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    /// By group and kind: its versions, the server's favourite first.
    by_kind: HashMap<(String, String), Vec<Arc<Kind>>>,
}

/// How the answer is asked for.
pub(crate) const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

#[derive(Deserialize)]
struct Discovery {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: GroupName,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
struct GroupName {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: String,
    #[serde(default)]
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct ResponseKind {
    kind: String,
}

impl Kinds {
    /// Adds what one of the two discovery answers says.
    pub(crate) fn add(&mut self, json: &[u8]) -> Result<(), String> {
        let discovery: Discovery = serde_json::from_slice(json)
            .map_err(|e| format!("discovery is not readable ({e}): Kubernetes 1.27 or newer is needed, which has aggregated discovery"))?;
        for group in discovery.items {
            for version in group.versions {
                for resource in version.resources {
                    let Some(kind) = resource.response_kind else { continue };
                    let has = |verb: &str| resource.verbs.iter().any(|v| v == verb);
                    let found = Kind {
                        group: group.metadata.name.clone(),
                        version: version.version.clone(),
                        kind: kind.kind.clone(),
                        plural: resource.resource,
                        namespaced: resource.scope == "Namespaced",
                        watched: has("list") && has("watch"),
                    };
                    let versions = self.by_kind.entry((group.metadata.name.clone(), kind.kind)).or_default();
                    if !versions.iter().any(|k| k.version == found.version) {
                        versions.push(Arc::new(found));
                    }
                }
            }
        }
        Ok(())
    }

    /// A kind in a version.
    pub(crate) fn exact(&self, group: &str, version: &str, kind: &str) -> Option<Arc<Kind>> {
        self.versions(group, kind).iter().find(|k| k.version == version).cloned()
    }

    /// A kind in the version that the server likes best.
    pub(crate) fn preferred(&self, group: &str, kind: &str) -> Option<Arc<Kind>> {
        self.versions(group, kind).first().cloned()
    }

    fn versions(&self, group: &str, kind: &str) -> &[Arc<Kind>] {
        self.by_kind.get(&(group.to_owned(), kind.to_owned())).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every kind that can be watched and may hold tracked objects, in its favourite version.
    pub(crate) fn watchable(&self) -> Vec<Arc<Kind>> {
        let mut all: Vec<Arc<Kind>> =
            self.by_kind.values().filter_map(|v| v.first()).filter(|k| k.watched && !is_excluded(&k.group, &k.kind)).cloned().collect();
        all.sort_by(|a, b| (&a.group, &a.kind).cmp(&(&b.group, &b.kind)));
        all
    }
}

/// Kinds that come and go by themselves and are never managed. Rule: Argo CD's core exclusions.
fn is_excluded(group: &str, kind: &str) -> bool {
    matches!(group, "events.k8s.io" | "metrics.k8s.io" | "coordination.k8s.io") || (group.is_empty() && kind == "Event")
}

/// The identity of an object of this kind.
pub(crate) fn id_of(kind: &Kind, namespace: &str, name: &str) -> ObjectId {
    ObjectId::new(&kind.group, &kind.kind, namespace, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> Kinds {
        let mut kinds = Kinds::default();
        let answer = br#"{"items": [{"metadata": {"name": "autoscaling"}, "versions": [
            {"version": "v2", "resources": [{"resource": "horizontalpodautoscalers", "responseKind": {"kind": "HorizontalPodAutoscaler"},
                "scope": "Namespaced", "verbs": ["get", "list", "watch"]}]},
            {"version": "v1", "resources": [{"resource": "horizontalpodautoscalers", "responseKind": {"kind": "HorizontalPodAutoscaler"},
                "scope": "Namespaced", "verbs": ["get", "list", "watch"]}]}]},
            {"metadata": {}, "versions": [{"version": "v1", "resources": [
                {"resource": "namespaces", "responseKind": {"kind": "Namespace"}, "scope": "Cluster", "verbs": ["get"]}]}]}]}"#;
        kinds.add(answer).expect("readable");
        kinds
    }

    #[test]
    fn versions_are_kept_apart_and_the_first_is_the_favourite() {
        let kinds = kinds();
        assert_eq!(kinds.preferred("autoscaling", "HorizontalPodAutoscaler").map(|k| k.version.clone()).as_deref(), Some("v2"));
        let v1 = kinds.exact("autoscaling", "v1", "HorizontalPodAutoscaler").expect("there");
        assert_eq!(v1.path("shop", "web").as_deref(), Ok("/apis/autoscaling/v1/namespaces/shop/horizontalpodautoscalers/web"));
        let namespace = kinds.exact("", "v1", "Namespace").expect("there");
        assert_eq!(namespace.path("shop", "shop").as_deref(), Ok("/api/v1/namespaces/shop"));
        assert_eq!(kinds.watchable().len(), 1);
    }

    #[test]
    fn names_cannot_lead_elsewhere() {
        let kinds = kinds();
        let hpa = kinds.preferred("autoscaling", "HorizontalPodAutoscaler").expect("there");
        for name in ["..", "a/../../secrets", "a%2fb", "a?force=true", "a b", "ä"] {
            assert!(hpa.path("shop", name).is_err(), "{name}");
            assert!(hpa.path(name, "web").is_err(), "{name}");
        }
        assert!(hpa.path("shop", "system:node").is_ok());
    }
}
