//! A tree with further files in it: dependencies of a chart that lie elsewhere, put where Helm looks for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_tree::{ContentId, Entry, EntryKind, MemoryTree, Revision, Tree, TreeError, TreePath};

/// Files that are put into a tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    files: MemoryTree,
    id: String,
}

impl Layer {
    pub(crate) fn new(files: BTreeMap<TreePath, Arc<[u8]>>) -> Layer {
        if files.is_empty() {
            return Layer::default();
        }
        let mut tree = MemoryTree::new();
        files.into_iter().for_each(|(path, bytes)| tree.insert(&path, bytes));
        // A tree in memory cannot fail, and its root is always there.
        let id = tree.entry(&TreePath::root()).ok().flatten().map(|root| root.id.to_string()).unwrap_or_default();
        Layer { files: tree, id }
    }

    /// What is put in, as one id; empty for nothing.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// `base` with `layer` over it. A file of the layer wins; directories of both are one.
pub(crate) struct Overlay<'t> {
    pub(crate) base: &'t dyn Tree,
    pub(crate) layer: &'t Layer,
}

/// The entry that stands for both.
fn joined(base: Option<Entry>, over: Option<Entry>) -> Option<Entry> {
    match (base, over) {
        (Some(base), Some(over)) if base.kind == EntryKind::Directory && over.kind == EntryKind::Directory => {
            Some(Entry { id: ContentId::new(format!("{}+{}", base.id, over.id)), ..base })
        }
        (base, over) => over.or(base),
    }
}

impl Tree for Overlay<'_> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        Ok(joined(self.base.entry(path)?, self.layer.files.entry(path)?))
    }

    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        match self.layer.files.read(path)? {
            Some(bytes) => Ok(Some(bytes)),
            None => self.base.read(path),
        }
    }

    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        let (base, over) = (self.base.list(path)?, self.layer.files.list(path)?);
        let (Some(base), Some(over)) = (&base, &over) else { return Ok(over.or(base)) };
        let mut entries: BTreeMap<&str, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
        base.iter().for_each(|e| entries.entry(&e.name).or_default().0 = Some(e.clone()));
        over.iter().for_each(|e| entries.entry(&e.name).or_default().1 = Some(e.clone()));
        Ok(Some(entries.into_values().filter_map(|(base, over)| joined(base, over)).collect()))
    }

    fn revision(&self) -> Option<&Revision> {
        self.base.revision()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_are_one_tree() {
        let path = |text: &str| TreePath::parse(text).unwrap();
        let base = MemoryTree::new().with("web/Chart.yaml", "a").with("web/charts/x.tgz", "old").with("b", "b");
        let layer = Layer::new([(path("web/charts/x.tgz"), Arc::from(*b"new")), (path("web/charts/y.tgz"), Arc::from(*b"y"))].into());
        let tree = Overlay { base: &base, layer: &layer };
        let names = |at: &str| -> Vec<String> { tree.list(&path(at)).unwrap().unwrap_or_default().into_iter().map(|e| e.name).collect() };
        assert_eq!(
            (names(""), names("web"), names("web/charts")),
            (
                vec!["b".to_owned(), "web".to_owned()],
                vec!["Chart.yaml".to_owned(), "charts".to_owned()],
                vec!["x.tgz".to_owned(), "y.tgz".to_owned()]
            )
        );
        assert_eq!(tree.read(&path("web/charts/x.tgz")).unwrap().as_deref(), Some(&b"new"[..]));
        assert_eq!(tree.read(&path("b")).unwrap().as_deref(), Some(&b"b"[..]));
        let id = |tree: &dyn Tree, at: &str| tree.entry(&path(at)).unwrap().map(|e| e.id);
        assert_ne!(id(&tree, "web"), id(&base, "web"), "another content is another id");
        assert_eq!(id(&tree, "b"), id(&base, "b"));
        assert_eq!(Layer::default().id(), Layer::new(BTreeMap::new()).id());
    }
}
