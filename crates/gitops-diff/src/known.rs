//! Types that settings name for fields of custom kinds: `knownTypeFields`. `diff.md` §8.

use std::collections::BTreeMap;

use gitops_manifest::Value;
use gitops_schema::{Type, builtin};
use globset::{GlobBuilder, GlobMatcher};

/// The fields whose types are known, by kind.
#[derive(Clone, Debug)]
pub struct KnownTypes(Vec<(GlobMatcher, KnownNode)>);

/// A field on the way to one whose type is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownNode {
    ty: Option<String>,
    below: BTreeMap<String, KnownNode>,
}

impl Default for KnownTypes {
    /// The one that Argo CD has without configuration.
    fn default() -> KnownTypes {
        let mut known = KnownTypes(Vec::new());
        let _known = known.set("argoproj.io/Rollout", &[("spec.template.spec", "core/v1/PodSpec")]);
        known
    }
}

impl KnownTypes {
    /// Sets the fields of a kind (`group/Kind`, core kinds without a group; `*` and `?` stand for anything), in place of
    /// what was set for it before. Gives back the types that nobody knows: these rules do nothing.
    pub fn set(&mut self, kind: &str, fields: &[(&str, &str)]) -> Vec<String> {
        let mut root = KnownNode::default();
        let mut unknown = Vec::new();
        for (path, name) in fields {
            match builtin().named(name).map(|_| name) {
                Some(name) => root.insert(path, name),
                None => unknown.push((*name).to_owned()),
            }
        }
        let glob = GlobBuilder::new(kind).literal_separator(false).build().map(|g| g.compile_matcher());
        match glob {
            Ok(glob) => {
                self.0.retain(|(known, _)| known.glob().glob() != kind);
                self.0.push((glob, root));
            }
            Err(_) => unknown.push(kind.to_owned()),
        }
        unknown
    }

    pub(crate) fn of(&self, object: &Value) -> Option<&KnownNode> {
        let kind = object.str_at(&["kind"])?;
        let group = object.str_at(&["apiVersion"])?.split_once('/').map(|(group, _)| group);
        let name = group.map_or_else(|| kind.to_owned(), |group| format!("{group}/{kind}"));
        self.0.iter().rev().find(|(glob, _)| glob.is_match(&name)).map(|(_, node)| node)
    }
}

impl KnownNode {
    fn insert(&mut self, path: &str, name: &str) {
        let node = path.split('.').fold(self, |node, field| node.below.entry(field.to_owned()).or_default());
        node.ty = Some(name.to_owned());
    }

    pub(crate) fn ty(&self) -> Option<Type<'static>> {
        builtin().named(self.ty.as_deref()?)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&KnownNode> {
        self.below.get(name)
    }
}
