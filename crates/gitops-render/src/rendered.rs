//! What a render gives.

use std::collections::HashMap;

use gitops_manifest::{Manifest, ObjectId};
use gitops_tree::ReadSet;

/// The objects of one source at one commit.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The objects: by path of file and place in it, no identity twice.
    pub manifests: Vec<Manifest>,
    /// All that was read or looked for. While it stays the same, so do the objects.
    pub reads: ReadSet,
    /// What is doubtful but was accepted. One line each, with its file.
    pub warnings: Vec<String>,
    /// The engine that did it: `directory`, `kustomize`, `helm` or `environment`; `several` after [`Rendered::join`] of
    /// different ones.
    pub engine: &'static str,
}

impl Rendered {
    /// Joins the sources of one application in their order. Of two objects with one identity the last stays, with a
    /// warning that names both places, as Argo CD does.
    pub fn join(parts: Vec<Rendered>, namespace: &str) -> Rendered {
        let mut all = Rendered::default();
        for (i, part) in parts.into_iter().enumerate() {
            all.engine = if i == 0 || all.engine == part.engine { part.engine } else { "several" };
            all.manifests.extend(part.manifests);
            all.reads.merge(part.reads);
            all.warnings.extend(part.warnings);
        }
        let (manifests, repeated) = keep_last(all.manifests, namespace);
        all.manifests = manifests;
        all.warnings.extend(repeated.iter().map(Repeated::warning));
        all
    }
}

/// Two objects with one identity.
pub(crate) struct Repeated {
    pub(crate) id: ObjectId,
    pub(crate) first: gitops_manifest::Location,
    pub(crate) last: gitops_manifest::Location,
}

impl Repeated {
    pub(crate) fn warning(&self) -> String {
        format!("{}: {} appears twice, first in {}: this one, the last, is used", self.last, self.id, self.first)
    }
}

/// What makes two objects the same at a target: an object without a namespace goes to the application's. `None` when
/// the target makes up the name.
fn identity(manifest: &Manifest, namespace: &str) -> Option<ObjectId> {
    manifest.body().str_at(&["metadata", "name"]).filter(|name| !name.is_empty())?;
    let mut id = manifest.id().clone();
    if id.namespace.is_empty() {
        namespace.clone_into(&mut id.namespace);
    }
    Some(id)
}

/// Keeps, of the objects with one identity, the last; and says which were repeated.
pub(crate) fn keep_last(manifests: Vec<Manifest>, namespace: &str) -> (Vec<Manifest>, Vec<Repeated>) {
    let mut latest: HashMap<ObjectId, usize> = HashMap::with_capacity(manifests.len());
    let mut dropped = vec![false; manifests.len()];
    let mut repeated = Vec::new();
    for (i, manifest) in manifests.iter().enumerate() {
        let Some(id) = identity(manifest, namespace) else { continue };
        if let Some(before) = latest.insert(id.clone(), i) {
            dropped[before] = true;
            repeated.push(Repeated { id, first: manifests[before].at().clone(), last: manifest.at().clone() });
        }
    }
    let kept = manifests.into_iter().zip(dropped).filter_map(|(m, dropped)| (!dropped).then_some(m)).collect();
    (kept, repeated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_manifest::{Location, Map, Value};

    fn config(namespace: &str, file: &str) -> Manifest {
        let metadata: Map = [("name", "web"), ("namespace", namespace)].into_iter().filter(|(_, v)| !v.is_empty()).collect();
        let body: [(&str, Value); 3] = [("apiVersion", "v1".into()), ("kind", "ConfigMap".into()), ("metadata", metadata.into())];
        Manifest::from_value(Value::Map(body.into_iter().collect()), Location::file(file)).unwrap()
    }

    #[test]
    fn of_several_sources_the_last_wins() {
        let source = |engine, manifest| Rendered { manifests: vec![manifest], engine, ..Rendered::default() };
        let parts = vec![source("directory", config("shop", "a.yaml")), source("environment", config("", "b.yaml"))];
        let joined = Rendered::join(parts, "shop");
        assert_eq!(joined.manifests.len(), 1);
        assert_eq!(joined.manifests[0].at().file, "b.yaml");
        assert_eq!(joined.warnings, ["b.yaml: /ConfigMap/shop/web appears twice, first in a.yaml: this one, the last, is used"]);
        assert_eq!(joined.engine, "several");
        let apart = vec![source("directory", config("shop", "a.yaml")), source("directory", config("other", "b.yaml"))];
        assert_eq!(Rendered::join(apart, "shop").manifests.len(), 2);
    }
}
