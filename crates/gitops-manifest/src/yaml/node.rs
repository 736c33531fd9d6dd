//! A document as written: every scalar with its text, style, tag and place; map entries in their order. What a value
//! means is not decided here.

use std::collections::HashMap;

use super::build::DEEPEST;
use super::event::{Properties, Scalar, Sink, Step, refuse};
use super::source::Lines;

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// `'…'`.
    SingleQuoted,
    /// `"…"`.
    DoubleQuoted,
    /// A `|` block.
    Literal,
    /// A `>` block.
    Folded,
}

/// A node with what was written about it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its full tag, e.g. `tag:yaml.org,2002:str`, if one was written.
    pub tag: Option<String>,
    /// Number of its anchor in the document; 0 is none.
    pub anchor: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// The kinds of nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A scalar: its text after unquoting and unfolding, and its style.
    Scalar(String, ScalarStyle),
    /// A list; whether in flow style.
    List(Vec<Node>, bool),
    /// A map, entries in source order, equal keys kept; whether in flow style.
    Map(Vec<(Node, Node)>, bool),
    /// An alias of the node with this anchor.
    Alias(usize),
}

/// Builds nodes.
pub(crate) struct NodeBuilder<'t> {
    lines: Lines<'t>,
    open: Vec<(Node, Option<Node>)>,
    root: Option<Node>,
    max_depth: usize,
    pub(crate) documents: Vec<Node>,
}

impl<'t> NodeBuilder<'t> {
    pub(crate) fn new(text: &'t str, max_depth: usize) -> NodeBuilder<'t> {
        NodeBuilder { lines: Lines::new(text), open: Vec::new(), root: None, max_depth: max_depth.min(DEEPEST), documents: Vec::new() }
    }

    fn make(&mut self, at: usize, kind: NodeKind, tag: Option<String>, anchor: usize) -> Node {
        let (line, column) = self.lines.at(at);
        Node { kind, tag, anchor, line, column }
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            Some((Node { kind: NodeKind::List(list, _), .. }, _)) => list.push(node),
            Some((Node { kind: NodeKind::Map(entries, _), .. }, key)) => entries.extend(key.take().map(|key| (key, node))),
            _ => self.root = Some(node),
        }
    }

    fn open(&mut self, at: usize, kind: NodeKind, properties: Properties) -> Step {
        if self.open.len() >= self.max_depth {
            return refuse(at, format!("nested deeper than {} levels: flatten it, or raise the limit", self.max_depth));
        }
        let node = self.make(at, kind, properties.tag, properties.anchor);
        self.open.push((node, None));
        Ok(())
    }

    fn close(&mut self) {
        if let Some((node, _)) = self.open.pop() {
            self.add(node);
        }
    }
}

impl Sink for NodeBuilder<'_> {
    fn document_start(&mut self, _: usize) -> Step {
        self.root = None;
        Ok(())
    }
    fn document_end(&mut self, empty: bool) -> Step {
        self.documents.extend(self.root.take().filter(|_| !empty));
        Ok(())
    }
    fn map_start(&mut self, at: usize, properties: Properties) -> Step {
        let kind = NodeKind::Map(Vec::new(), properties.flow);
        self.open(at, kind, properties)
    }
    fn map_end(&mut self) -> Step {
        self.close();
        Ok(())
    }
    fn list_start(&mut self, at: usize, properties: Properties) -> Step {
        let kind = NodeKind::List(Vec::new(), properties.flow);
        self.open(at, kind, properties)
    }
    fn list_end(&mut self) -> Step {
        self.close();
        Ok(())
    }
    fn key(&mut self, at: usize, key: Scalar<'_>) -> Step {
        let node = self.make(at, NodeKind::Scalar(key.text.into_owned(), key.style), key.tag.map(Into::into), 0);
        if let Some((_, pending)) = self.open.last_mut() {
            *pending = Some(node);
        }
        Ok(())
    }
    fn scalar(&mut self, at: usize, anchor: usize, scalar: Scalar<'_>) -> Step {
        let node = self.make(at, NodeKind::Scalar(scalar.text.into_owned(), scalar.style), scalar.tag.map(Into::into), anchor);
        self.add(node);
        Ok(())
    }
    fn alias(&mut self, at: usize, anchor: usize) -> Step {
        let node = self.make(at, NodeKind::Alias(anchor), None, 0);
        self.add(node);
        Ok(())
    }
}

/// The node at a JSON pointer, aliases followed. Merge keys are not: the pointer names what is written.
pub(crate) fn find<'n>(root: &'n Node, pointer: &str) -> Option<&'n Node> {
    let mut anchors = HashMap::new();
    collect(root, &mut anchors);
    let mut node = root;
    if pointer.is_empty() {
        return Some(node);
    }
    for part in pointer.strip_prefix('/')?.split('/') {
        let part = part.replace("~1", "/").replace("~0", "~");
        while let NodeKind::Alias(anchor) = node.kind {
            node = anchors.get(&anchor)?;
        }
        node = match &node.kind {
            NodeKind::List(list, _) => list.get(part.parse::<usize>().ok()?)?,
            NodeKind::Map(entries, _) => {
                // Of equal keys the last one is the value.
                &entries.iter().rev().find(|(key, _)| matches!(&key.kind, NodeKind::Scalar(text, _) if *text == part))?.1
            }
            _ => return None,
        };
    }
    Some(node)
}

fn collect<'n>(node: &'n Node, anchors: &mut HashMap<usize, &'n Node>) {
    if node.anchor != 0 {
        anchors.insert(node.anchor, node);
    }
    match &node.kind {
        NodeKind::List(list, _) => list.iter().for_each(|n| collect(n, anchors)),
        NodeKind::Map(entries, _) => entries.iter().for_each(|(_, n)| collect(n, anchors)),
        _ => {}
    }
}
