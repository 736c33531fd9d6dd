//! Content of one object, layer upon layer, and from which file each part of it comes.

use std::sync::{Arc, OnceLock};

use gitops_manifest::patch::merge;
use gitops_manifest::yaml::{self, Node, NodeKind, ParseOptions};
use gitops_manifest::{Location, Value};
use gitops_tree::TreePath;

use crate::document::parse_settings;
use crate::error::Problem;
use crate::files::{Files, at};

/// One settings file, read.
#[derive(Clone)]
pub(super) struct SettingsFile {
    pub(super) path: TreePath,
    /// As it was read, to find the line of a value.
    text: Arc<[u8]>,
    /// The same with the place of everything in it. Made for the first problem only; `None` when that failed.
    nodes: Arc<OnceLock<Option<Node>>>,
    /// Where its one document begins.
    at: Location,
    /// What it holds; `None` when it is empty.
    pub(super) value: Option<Value>,
}

impl SettingsFile {
    pub(super) fn read(files: &mut Files<'_>, path: &TreePath) -> Result<Option<SettingsFile>, Problem> {
        let Some(text) = files.read_at(path)? else { return Ok(None) };
        let document = parse_settings(&text, path, files.limits())?;
        let at = document.as_ref().map_or_else(|| at(path), |d| d.at.clone());
        Ok(Some(SettingsFile { path: path.clone(), text, nodes: Arc::default(), at, value: document.map(|d| d.value) }))
    }

    /// The one file `<stem>.json`, `.yaml` or `.yml` in `directory`.
    pub(super) fn read_stem(files: &mut Files<'_>, directory: &TreePath, stem: &str) -> Result<Option<SettingsFile>, Problem> {
        let mut found: Option<TreePath> = None;
        for extension in ["json", "yaml", "yml"] {
            let path = directory.child(&format!("{stem}.{extension}"));
            if !files.is_file(&path)? {
                continue;
            }
            if let Some(first) = &found {
                return Err(Problem::TwoFiles { at: at(&path), first: at(first) });
            }
            found = Some(path);
        }
        found.map_or(Ok(None), |path| SettingsFile::read(files, &path))
    }

    /// Where the value at a JSON pointer stands: its key, or the item of a list. Of what is not written there (it comes
    /// from an alias or a merge key, or is missing) the nearest value around it.
    pub(super) fn locate(&self, pointer: &str) -> Location {
        if pointer.is_empty() {
            return self.at.clone();
        }
        let (path, options) = (self.path.as_str(), ParseOptions::default());
        let parse = if path.ends_with(".json") { yaml::parse_json_nodes } else { yaml::parse_nodes };
        let read = || parse(&self.text, path, &options).ok()?.into_iter().next();
        match self.nodes.get_or_init(read) {
            Some(root) => {
                let (line, column) = place(root, pointer);
                Location { line, column, ..Location::file(self.path.to_string()) }
            }
            // JSON that is no YAML, e.g. indented with tabs.
            None => Location::file(self.path.to_string()),
        }
    }

    /// Its content as a map; nothing is an empty map.
    pub(super) fn map(&self) -> Result<gitops_manifest::Map, Problem> {
        match &self.value {
            None | Some(Value::Null) => Ok(gitops_manifest::Map::new()),
            Some(Value::Map(map)) => Ok(map.clone()),
            Some(other) => {
                Err(Problem::Expected { at: self.locate(""), field: "the file".into(), expected: "a map", found: other.kind_name() })
            }
        }
    }

    /// A layer of the part `value` of this file, which stands at `pointer`.
    pub(super) fn layer(&self, pointer: &str, value: Value) -> Layer {
        Layer { file: self.clone(), pointer: pointer.to_owned(), value }
    }
}

/// A merge patch and where it comes from.
pub(super) struct Layer {
    file: SettingsFile,
    pointer: String,
    value: Value,
}

/// The layers of one object, the lowest first; at least one.
pub(super) struct Content(pub(super) Vec<Layer>);

impl Content {
    pub(super) fn merged(&self) -> Value {
        // A patch onto nothing, so that a `null` in the lowest layer deletes as it does in the others.
        let mut merged = Value::Null;
        for layer in &self.0 {
            merge::apply(&mut merged, &layer.value);
        }
        merged
    }

    /// Where the value at `pointer` of the merged content comes from: the highest layer that has it, be it a `null` that
    /// deletes it. When none has (a member that is missing), the lowest layer that has the nearest value around it.
    pub(super) fn locate(&self, pointer: &str) -> Location {
        let place = |layer: &Layer, pointer: &str| layer.file.locate(&format!("{}{pointer}", layer.pointer));
        if let Some(layer) = self.0.iter().rev().find(|l| has(&l.value, pointer)) {
            return place(layer, pointer);
        }
        let mut pointer = pointer;
        while let Some((around, _)) = pointer.rsplit_once('/') {
            pointer = around;
            if let Some(layer) = self.0.iter().find(|l| has(&l.value, pointer)) {
                return place(layer, pointer);
            }
        }
        self.base()
    }

    /// The lowest layer's place: where the object is defined.
    pub(super) fn base(&self) -> Location {
        self.0.first().map_or_else(Location::default, |l| l.file.locate(&l.pointer))
    }
}

/// Line and column of the deepest part of a JSON pointer that is written below `root`.
fn place(root: &Node, pointer: &str) -> (usize, usize) {
    let (mut node, mut place) = (root, (root.line, root.column));
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        let next = match &node.kind {
            NodeKind::List(list, _) => name.parse::<usize>().ok().and_then(|i| list.get(i)).map(|item| (item, item)),
            NodeKind::Map(entries, _) => {
                let is_key = |key: &Node| matches!(&key.kind, NodeKind::Scalar(text, _) if *text == name);
                entries.iter().find(|(key, _)| is_key(key)).map(|(key, value)| (key, value))
            }
            NodeKind::Scalar(..) | NodeKind::Alias(_) => None,
        };
        let Some((shown, value)) = next else { break };
        (node, place) = (value, (shown.line, shown.column));
    }
    place
}

/// Whether there is a value at a JSON pointer (RFC 6901).
fn has(value: &Value, pointer: &str) -> bool {
    let mut value = value;
    for part in pointer.split('/').skip(1) {
        let key = part.replace("~1", "/").replace("~0", "~");
        let next = match value {
            Value::Map(map) => map.get(&key),
            Value::List(list) => key.parse::<usize>().ok().and_then(|i| list.get(i)),
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => return false,
        }
    }
    true
}

/// One more part of a JSON pointer.
pub(super) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use gitops_tree::MemoryTree;

    fn file(name: &str, text: &str) -> SettingsFile {
        let (tree, limits) = (MemoryTree::new().with(name, text), Limits::default());
        SettingsFile::read(&mut Files::new(&tree, &limits), &TreePath::parse(name).unwrap()).unwrap().unwrap()
    }

    #[test]
    fn a_value_is_shown_where_its_key_is_written() {
        let yaml =
            file("a.yaml", "# settings\nbase: &base\n  \"a/b\": 1\nlist:\n- x\n- y: 2\nsame: *base\nmerged:\n  <<: *base\n  own: 3\n");
        let place = |pointer: &str| yaml.locate(pointer).to_string();
        assert_eq!(place(""), "a.yaml:2:1");
        assert_eq!(place("/base/a~1b"), "a.yaml:3:3");
        assert_eq!(place("/list/1/y"), "a.yaml:6:3");
        assert_eq!(place("/list/7"), "a.yaml:4:1", "what is missing: around it");
        assert_eq!(place("/same/a~1b"), "a.yaml:7:1", "behind an alias: the alias");
        assert_eq!(place("/merged/own"), "a.yaml:10:3");
        assert_eq!(place("/merged/a~1b"), "a.yaml:8:1", "from a merge key: the map that it is merged into");
        assert_eq!(file("a.json", "{\n\t\"a\": {\n\t\t\"b\": \"\\/\"\n\t}\n}").locate("/a/b").to_string(), "a.json:3:3");
    }

    #[test]
    fn a_value_comes_from_the_highest_layer_that_has_it() {
        let (low, high) = (file("low.yaml", "a: 1\nb:\n  c: 2\n"), file("high.yaml", "production:\n  b:\n    d: null\n"));
        let patch = high.value.clone().unwrap()["production"].clone();
        let content = Content(vec![low.layer("", Value::Map(low.map().unwrap())), high.layer("/production", patch)]);
        let place = |pointer: &str| content.locate(pointer).to_string();
        assert_eq!(place("/a"), "low.yaml:1:1");
        assert_eq!(place("/b"), "high.yaml:2:3");
        assert_eq!(place("/b/c"), "low.yaml:3:3");
        assert_eq!(place("/b/d"), "high.yaml:3:5", "the null that deletes it");
        assert_eq!(place("/b/e"), "low.yaml:2:1");
        assert_eq!(content.base().to_string(), "low.yaml:1:1");
    }
}
