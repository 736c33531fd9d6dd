//! A file's content in the order of writing, as SOPS walks it.

use zeroize::Zeroize;

/// A value that is no list and no map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// RFC 3339.
    Time(String),
    /// Text; any bytes in a binary file.
    Text(Vec<u8>),
}

impl Drop for Scalar {
    fn drop(&mut self) {
        match self {
            Scalar::Text(bytes) => bytes.zeroize(),
            Scalar::Time(text) => text.zeroize(),
            _ => {}
        }
    }
}

impl Scalar {
    /// What the MAC is made of; nothing for null. Rule: SOPS's `ToBytes`.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Scalar::Null => Vec::new(),
            Scalar::Bool(true) => b"True".to_vec(),
            Scalar::Bool(false) => b"False".to_vec(),
            Scalar::Int(i) => i.to_string().into_bytes(),
            Scalar::Float(f) => f.to_string().into_bytes(),
            Scalar::Time(text) => text.clone().into_bytes(),
            Scalar::Text(bytes) => bytes.clone(),
        }
    }

    /// The text, for what is text.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Scalar::Text(bytes) => std::str::from_utf8(bytes).ok(),
            Scalar::Time(text) => Some(text),
            _ => None,
        }
    }
}

/// A scalar and where it was read.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) value: Scalar,
    /// Of formats that are changed in place: where the value stands in the text.
    pub(crate) span: std::ops::Range<usize>,
    /// It was encrypted, and `value` is what it means.
    pub(crate) opened: bool,
    /// Line, from 1; 0 when it is not known.
    pub(crate) line: usize,
}

impl Leaf {
    pub(crate) fn new(value: Scalar) -> Leaf {
        Leaf { value, span: 0..0, opened: false, line: 0 }
    }
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Leaf(Leaf),
    List(Vec<Item>),
    Map(Vec<Entry>),
}

/// An entry of a map, or a comment between entries.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `None` for a comment, whose text is the value.
    pub(crate) key: Option<String>,
    pub(crate) value: Item,
}

impl Item {
    pub(crate) fn get(&self, key: &str) -> Option<&Item> {
        match self {
            Item::Map(entries) => entries.iter().find(|e| e.key.as_deref() == Some(key)).map(|e| &e.value),
            _ => None,
        }
    }

    /// The text of a scalar, numbers and booleans included: formats without types have texts only.
    pub(crate) fn as_text(&self) -> Option<String> {
        match self {
            Item::Leaf(leaf) => match &leaf.value {
                Scalar::Null => None,
                Scalar::Bool(b) => Some(b.to_string()),
                other => String::from_utf8(other.to_bytes()).ok(),
            },
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> &[Item] {
        match self {
            Item::List(items) => items,
            _ => &[],
        }
    }
}

/// Is told of a leaf: the keys that lead to it, and whether it is a comment.
pub(crate) type Visit<'a, E> = dyn FnMut(&[String], &mut Leaf, bool) -> Result<(), E> + 'a;

/// Calls `visit` for each leaf in order, with the keys that lead to it and whether it is a comment.
pub(crate) fn walk<E>(entries: &mut [Entry], path: &mut Vec<String>, visit: &mut Visit<'_, E>) -> Result<(), E> {
    for entry in entries {
        match (&entry.key, &mut entry.value) {
            (None, Item::Leaf(comment)) => visit(path, comment, true)?,
            (None, _) => {}
            (Some(key), value) => {
                path.push(key.clone());
                walk_item(value, path, visit)?;
                path.pop();
            }
        }
    }
    Ok(())
}

fn walk_item<E>(item: &mut Item, path: &mut Vec<String>, visit: &mut Visit<'_, E>) -> Result<(), E> {
    match item {
        Item::Leaf(leaf) => visit(path, leaf, false),
        // A list adds nothing to the path: its elements have that of the list.
        Item::List(items) => items.iter_mut().try_for_each(|item| walk_item(item, path, visit)),
        Item::Map(entries) => walk(entries, path, visit),
    }
}
