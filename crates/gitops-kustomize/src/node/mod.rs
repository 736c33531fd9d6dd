//! What a resource is made of while it is built: a tree that keeps what kustomize keeps of the text.
//!
//! A scalar keeps its source text, its tag and whether it was quoted; what it means is decided when it is printed, as
//! kustomize decides it (a name `010` that a transformer sets without a tag is the number 8 in the output). Maps keep
//! the order of writing, and equal keys: they are an error only in what is printed.

mod read;
pub(crate) mod shared;
mod write;

pub(crate) use read::{Document, read_documents};
pub(crate) use write::MeaningError;

use gitops_manifest::Str;

/// A node: 32 bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A scalar, null included.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Map),
}

/// A scalar as written, or as set by a transformer.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    /// After unquoting and unfolding. Null keeps its text too (`null`, `~` or nothing).
    pub(crate) text: Str,
    /// What it was resolved as when it was read.
    pub(crate) tag: Tag,
    /// How it was written.
    pub(crate) style: Style,
    /// Which scalars of its resource are one and the same node in the reference; 0 is none. See [`shared`].
    pub(super) group: u16,
    /// When a scalar of a group was last overwritten.
    pub(super) stamp: u32,
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Scalar) -> bool {
        self.tag == other.tag && self.style == other.style && self.text == other.text
    }
}

/// The tag of a scalar. What was parsed has one; what code sets often has none, and is resolved when it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// None: the text decides, unless it is quoted.
    Unset,
    /// `!!str`
    Str,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!bool`
    Bool,
    /// `!!null`
    Null,
    /// `!!timestamp`: a string in the output.
    Timestamp,
    /// `!!binary`
    Binary,
    /// `!!merge`: the key `<<`.
    Merge,
    /// Any other, which nothing can print.
    Other,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

impl Scalar {
    /// From its parts.
    pub(crate) fn new(text: impl Into<Str>, tag: Tag, style: Style) -> Scalar {
        Scalar { text: text.into(), tag, style, group: 0, stamp: 0 }
    }

    /// With a tag that is to be found out when it is printed: what most of kustomize's setters write.
    pub(crate) fn untagged(text: impl Into<Str>) -> Scalar {
        Scalar::new(text, Tag::Unset, Style::Plain)
    }

    /// A string, whatever its text looks like.
    pub(crate) fn string(text: impl Into<Str>) -> Scalar {
        Scalar::new(text, Tag::Str, Style::Plain)
    }

    /// Null.
    pub(crate) fn null() -> Scalar {
        Scalar::new("null", Tag::Null, Style::Plain)
    }

    /// Becomes another, in its place: what is one with it becomes that too.
    pub(crate) fn take(&mut self, mut new: Scalar) {
        new.join(self);
        *self = new;
    }

    /// Whether it is tagged as null; `null` set without a tag is not.
    pub(crate) fn is_null(&self) -> bool {
        self.tag == Tag::Null
    }
}

/// A map in the order of writing.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Map {
    entries: Vec<(Scalar, Node)>,
}

impl Map {
    /// An empty one.
    pub(crate) fn new() -> Map {
        Map::default()
    }

    /// From entries in order, as they are.
    pub(crate) fn from_entries(entries: Vec<(Scalar, Node)>) -> Map {
        Map { entries }
    }

    /// The entries.
    pub(crate) fn entries(&self) -> &[(Scalar, Node)] {
        &self.entries
    }

    /// The entries, to change.
    pub(crate) fn entries_mut(&mut self) -> &mut Vec<(Scalar, Node)> {
        &mut self.entries
    }

    /// The entries, taken out.
    pub(crate) fn into_entries(self) -> Vec<(Scalar, Node)> {
        self.entries
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys and values.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Node)> + DoubleEndedIterator {
        self.entries.iter().map(|(key, value)| (&*key.text, value))
    }

    /// Where the first entry with this key is.
    pub(crate) fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(k, _)| k.text.as_str() == key)
    }

    /// The value of the first entry with this key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(k, _)| k.text.as_str() == key).map(|(_, value)| value)
    }

    /// As [`Map::get`], to change.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|(k, _)| k.text.as_str() == key).map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub(crate) fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Replaces the value of the first entry with this key whatever its style, or adds one at the end with an untagged key.
    pub(crate) fn insert(&mut self, key: &str, value: Node) {
        match self.get_mut(key) {
            Some(old) => *old = value,
            None => self.entries.push((Scalar::untagged(key), value)),
        }
    }

    /// Adds an entry at the end, without a look at what is there.
    pub(crate) fn push(&mut self, key: Scalar, value: Node) {
        self.entries.push((key, value));
    }

    /// Takes the first entry with this key out.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Node> {
        self.position(key).map(|i| self.entries.remove(i).1)
    }

    /// kustomize's way to set a field (kyaml's `FieldSetter` without `OverrideStyle`): null clears it, an existing
    /// scalar's style stays, a new value that YAML 1.1 would not read as a string is quoted. Whether an entry was added.
    pub(crate) fn set_field(&mut self, key: &str, mut value: Node) -> bool {
        if value.is_null() {
            self.remove(key);
            return false;
        }
        if let Node::Scalar(scalar) = &mut value {
            scalar.quote_if_doubtful();
        }
        match self.get_mut(key).filter(|old| !old.is_null()) {
            Some(old) => old.overwrite(value),
            None => match self.position(key) {
                Some(at) => self.entries[at].1.overwrite(value),
                None => {
                    self.entries.push((Scalar::untagged(key), value));
                    return true;
                }
            },
        }
        false
    }

    /// The map under this key, made first if there is nothing or null. `None` when something else is there.
    pub(crate) fn map_or_create(&mut self, key: &str) -> Option<&mut Map> {
        let at = match self.position(key) {
            Some(at) => at,
            None => {
                self.entries.push((Scalar::untagged(key), Node::Map(Map::new())));
                self.entries.len() - 1
            }
        };
        let slot = &mut self.entries[at].1;
        if slot.is_null() {
            *slot = Node::Map(Map::new());
        }
        slot.as_map_mut()
    }
}

impl Node {
    /// A scalar without a tag; see [`Scalar::untagged`].
    pub(crate) fn untagged(text: impl Into<Str>) -> Node {
        Node::Scalar(Scalar::untagged(text))
    }

    /// A string; see [`Scalar::string`].
    pub(crate) fn string(text: impl Into<Str>) -> Node {
        Node::Scalar(Scalar::string(text))
    }

    /// Null.
    pub(crate) fn null() -> Node {
        Node::Scalar(Scalar::null())
    }

    /// Whether it is tagged as null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Node::Scalar(scalar) if scalar.is_null())
    }

    /// Null, or a map or list without entries (kyaml's `IsYNodeNilOrEmpty`).
    pub(crate) fn is_null_or_empty(&self) -> bool {
        match self {
            Node::Scalar(scalar) => scalar.is_null(),
            Node::List(list) => list.is_empty(),
            Node::Map(map) => map.is_empty(),
        }
    }

    /// The text of a scalar, whatever its tag; nothing for a list or map, as kustomize has it.
    pub(crate) fn text(&self) -> &str {
        match self {
            Node::Scalar(scalar) => &scalar.text,
            _ => "",
        }
    }

    /// A scalar.
    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        match self {
            Node::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// A list.
    pub(crate) fn as_list(&self) -> Option<&Vec<Node>> {
        match self {
            Node::List(list) => Some(list),
            _ => None,
        }
    }

    /// A map.
    pub(crate) fn as_map(&self) -> Option<&Map> {
        match self {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    /// A map, to change.
    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The member of a map; `None` for anything else.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.as_map().and_then(|map| map.get(key))
    }

    /// The member of a map, to change.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_map_mut().and_then(|map| map.get_mut(key))
    }

    /// The member at a path of map keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// kyaml's `SetYNode`: what stands here becomes `value`, and so does everything that is one node with it in the
    /// reference ([`shared`]). The style of a scalar stays: callers that want the new one use [`Node::replace`].
    pub(crate) fn overwrite(&mut self, mut value: Node) {
        if let Node::Scalar(new) = &mut value {
            new.style = if let Node::Scalar(old) = self { old.style } else { Style::Plain };
        }
        self.replace(value);
    }

    /// As [`Node::overwrite`], with the style of `value`.
    pub(crate) fn replace(&mut self, mut value: Node) {
        if let (Node::Scalar(new), Node::Scalar(old)) = (&mut value, &*self) {
            new.join(old);
        }
        *self = value;
    }

    /// What kind of node it is, in kustomize's words.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Node::Scalar(_) => "ScalarNode",
            Node::List(_) => "SequenceNode",
            Node::Map(_) => "MappingNode",
        }
    }
}

impl From<Map> for Node {
    fn from(map: Map) -> Node {
        Node::Map(map)
    }
}
