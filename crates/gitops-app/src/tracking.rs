//! Whose object it is: the tracking id in `argocd.argoproj.io/tracking-id`. `sync.md` §9.

use std::fmt;

use gitops_manifest::ObjectId;

/// The annotation that carries a [`TrackingId`].
pub const TRACKING_ANNOTATION: &str = "argocd.argoproj.io/tracking-id";

/// An application's claim to an object: `<app>:<group>/<kind>:<namespace>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackingId {
    /// Instance name of the application; see [`instance_name`].
    pub app: String,
    /// The object.
    pub object: ObjectId,
}

impl TrackingId {
    /// The claim of `app` to `object`; an object without namespace gets the destination's, cluster-scoped kinds too.
    pub fn new(app: &str, object: &ObjectId, destination_namespace: &str) -> TrackingId {
        let mut object = object.clone();
        if object.namespace.is_empty() {
            object.namespace = destination_namespace.to_owned();
        }
        TrackingId { app: app.to_owned(), object }
    }

    /// Reads what [`fmt::Display`] writes. What does not parse is no claim.
    pub fn parse(text: &str) -> Option<TrackingId> {
        // Names of RBAC objects may hold colons, so only the first two separate.
        let mut parts = text.splitn(3, ':');
        let (app, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
        let (group, kind) = two(kind)?;
        let (namespace, name) = two(name)?;
        Some(TrackingId { app: app.to_owned(), object: ObjectId::new(group, kind, namespace, name) })
    }

    /// Whether it names the object that carries it. A copy of an object, made by another controller, does not.
    /// The namespace is not looked at for live objects without one.
    pub fn names(&self, object: &ObjectId) -> bool {
        let o = &self.object;
        o.group == object.group
            && o.kind == object.kind
            && o.name == object.name
            && (object.namespace.is_empty() || o.namespace == object.namespace)
    }
}

fn two(text: &str) -> Option<(&str, &str)> {
    text.split_once('/').filter(|(_, b)| !b.contains('/'))
}

impl fmt::Display for TrackingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let o = &self.object;
        write!(f, "{}:{}/{}:{}/{}", self.app, o.group, o.kind, o.namespace, o.name)
    }
}

/// The name by which objects refer to an application: `name`, or `namespace_name` outside the engine's own namespace.
pub fn instance_name(name: &str, namespace: &str, engine_namespace: &str) -> String {
    if namespace.is_empty() || namespace == engine_namespace { name.to_owned() } else { format!("{namespace}_{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        for text in ["guestbook:/Service:default/web", "ns_app:apps/Deployment:x/y", "a:rbac.authorization.k8s.io/ClusterRole:d/system:x"] {
            assert_eq!(TrackingId::parse(text).map(|t| t.to_string()).as_deref(), Some(text));
        }
        for bad in ["", "a", "a:b", "a:Service:default/web", "a:/Service:web", "a:x/y/z:default/web", "a:/Service:d/e/f"] {
            assert_eq!(TrackingId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_copy_is_not_ours() {
        let service = ObjectId::new("", "Service", "", "web");
        let id = TrackingId::new(&instance_name("shop", "team", "argocd"), &service, "prod");
        assert_eq!(id.to_string(), "team_shop:/Service:prod/web");
        assert!(id.names(&ObjectId::new("", "Service", "prod", "web")));
        assert!(id.names(&service));
        assert!(!id.names(&ObjectId::new("", "Endpoints", "prod", "web")));
        assert!(!id.names(&ObjectId::new("", "Service", "other", "web")));
    }
}
