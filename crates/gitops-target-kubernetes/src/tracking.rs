//! Whose an object is: the tracking id that Argo CD writes, and reads.
//!
//! `<app>:<group>/<kind>:<namespace>/<name>`; the core group is empty, and an object without a namespace carries the
//! application's destination namespace. An id that names another object than the one it stands on was copied there by a
//! controller: such an object is nobody's.

use gitops_manifest::{Manifest, ObjectId};

/// The annotation.
pub(crate) const ANNOTATION: &str = "argocd.argoproj.io/tracking-id";
/// The label, unless configured otherwise.
pub(crate) const LABEL: &str = "app.kubernetes.io/instance";

/// Longest value of a label.
const LONGEST_LABEL: usize = 63;

/// Where ownership is written and read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrackingMethod {
    /// The annotation alone.
    #[default]
    Annotation,
    /// The annotation; the label is written for others to see.
    AnnotationAndLabel,
    /// The label alone.
    Label,
}

/// How ownership is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// Where.
    pub method: TrackingMethod,
    /// The label's key.
    pub label: String,
}

impl Default for Tracking {
    fn default() -> Tracking {
        Tracking { method: TrackingMethod::Annotation, label: LABEL.to_owned() }
    }
}

/// The part of an object that says whose it is.
pub(crate) struct Marks<'a> {
    pub(crate) annotation: Option<&'a str>,
    pub(crate) label: Option<&'a str>,
}

impl Tracking {
    /// Writes ownership into an object that is about to be applied.
    pub(crate) fn mark(&self, manifest: &mut Manifest, app: &str, namespace: &str) {
        if manifest.id().kind == "CustomResourceDefinition" {
            return;
        }
        if self.method != TrackingMethod::Label {
            manifest.set_annotation(ANNOTATION, &tracking_id(app, manifest.id(), namespace));
        }
        match self.method {
            TrackingMethod::Annotation => {}
            TrackingMethod::AnnotationAndLabel => manifest.set_label(&self.label, shortened(app)),
            TrackingMethod::Label => manifest.set_label(&self.label, app),
        }
    }

    /// The application that an object belongs to. `namespaced`: whether its kind has namespaces.
    pub(crate) fn owner<'a>(&self, id: &ObjectId, namespaced: bool, marks: &Marks<'a>) -> Option<&'a str> {
        if self.method == TrackingMethod::Label {
            return marks.label.filter(|l| !l.is_empty());
        }
        let (app, of) = parse(marks.annotation?)?;
        let same = of.group == id.group && of.kind == id.kind && of.name == id.name;
        (same && (!namespaced || of.namespace == id.namespace)).then_some(app)
    }
}

/// The id of an object of `app`, whose destination namespace is `namespace`.
pub(crate) fn tracking_id(app: &str, id: &ObjectId, namespace: &str) -> String {
    let namespace = if id.namespace.is_empty() { namespace } else { &id.namespace };
    format!("{app}:{}/{}:{namespace}/{}", id.group, id.kind, id.name)
}

/// Reads an id; `None` when it is none.
fn parse(text: &str) -> Option<(&str, ObjectId)> {
    // A name may hold colons (`system:node`): the application and the kind may not.
    let mut parts = text.splitn(3, ':');
    let (app, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
    let (group, kind) = kind.split_once('/')?;
    let (namespace, name) = name.split_once('/')?;
    let whole = !app.is_empty() && !kind.is_empty() && !name.is_empty() && !kind.contains('/') && !name.contains('/');
    whole.then(|| (app, ObjectId::new(group, kind, namespace, name)))
}

fn shortened(app: &str) -> &str {
    let end = app.char_indices().nth(LONGEST_LABEL).map_or(app.len(), |(at, _)| at);
    app[..end].trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner<'a>(tracking: &Tracking, id: &ObjectId, namespaced: bool, annotation: &'a str) -> Option<&'a str> {
        tracking.owner(id, namespaced, &Marks { annotation: Some(annotation), label: None })
    }

    #[test]
    fn ids_are_written_and_read_back() {
        let tracking = Tracking::default();
        let web = ObjectId::new("", "Service", "default", "web");
        assert_eq!(tracking_id("guestbook", &web, "other"), "guestbook:/Service:default/web");
        assert_eq!(owner(&tracking, &web, true, "guestbook:/Service:default/web"), Some("guestbook"));
        let role = ObjectId::new("rbac.authorization.k8s.io", "ClusterRole", "", "system:reader");
        let id = tracking_id("a_b", &role, "shop");
        assert_eq!(id, "a_b:rbac.authorization.k8s.io/ClusterRole:shop/system:reader");
        assert_eq!(owner(&tracking, &role, false, &id), Some("a_b"));
    }

    #[test]
    fn copied_and_broken_ids_are_nobodys() {
        let tracking = Tracking::default();
        let copy = ObjectId::new("", "Endpoints", "default", "web");
        for text in ["guestbook:/Service:default/web", "guestbook", "a:b:c", ":/Endpoints:default/web", "g:/Endpoints:other/web"] {
            assert_eq!(owner(&tracking, &copy, true, text), None, "{text}");
        }
        assert_eq!(owner(&tracking, &copy, true, "g:/Endpoints:default/web"), Some("g"));
    }

    #[test]
    fn labels_are_shortened_only_beside_the_annotation() {
        assert_eq!(shortened("web"), "web");
        assert_eq!(shortened(&format!("{}--x", "a".repeat(61))), "a".repeat(61));
        let label = Tracking { method: TrackingMethod::Label, ..Tracking::default() };
        let id = ObjectId::new("", "Service", "default", "web");
        assert_eq!(label.owner(&id, true, &Marks { annotation: None, label: Some("shop") }), Some("shop"));
    }
}
