//! Reads files of resources: what counts as one, and lists of them.

use gitops_manifest::yaml::ParseError;
use gitops_manifest::{Location, Number, Value};

use crate::node::{Document, Map, MeaningError, Node, Scalar, Style, Tag, read_documents};
use crate::resource::Resource;

/// Why a file holds no resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceFileError {
    /// Not YAML.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A document without what every resource has.
    #[error("{at}: the document has no {missing}: every resource needs one")]
    Missing {
        /// Where the document begins.
        at: Location,
        /// `kind` or `metadata.name`.
        missing: &'static str,
    },
    /// `items` of a list kind is no list.
    #[error("{at}: `items` of a {kind} is no list")]
    Items {
        /// Where the document begins.
        at: Location,
        /// Its kind.
        kind: String,
    },
    /// A list that cannot be taken apart.
    #[error("{at}: {message}")]
    Meaning {
        /// Where the document begins.
        at: Location,
        /// What is wrong in it.
        message: String,
    },
}

/// The resources in a file.
///
/// # Errors
/// On anything in it that is none.
pub(crate) fn read(text: &[u8], file: &str) -> Result<Vec<Resource>, ResourceFileError> {
    let at = |line| Location { file: file.to_owned(), line, column: 1 };
    let mut queue = Vec::new();
    for document in read_documents(text, file)? {
        queue.extend(check(document, at)?);
    }
    if !queue.iter().any(|document| kind_of(&document.node).ends_with("List")) {
        return Ok(queue.into_iter().map(|document| Resource::new(document.node)).collect());
    }
    // What a list holds is put behind everything that was there before.
    let mut queue = std::collections::VecDeque::from(queue);
    let mut resources = Vec::new();
    while let Some(document) = queue.pop_front() {
        let kind = kind_of(&document.node);
        if !kind.ends_with("List") || document.node.get("items").is_none() {
            resources.push(Resource::new(document.node));
            continue;
        }
        let (kind, line) = (kind.to_owned(), document.line);
        let meaning = |e: MeaningError| ResourceFileError::Meaning { at: at(line), message: e.to_string() };
        match document.node.to_value().map_err(meaning)?.get("items") {
            Some(Value::List(items)) => {
                for item in items {
                    for document in unwrapped(json_node(item), line) {
                        queue.extend(check(document, at)?);
                    }
                }
            }
            Some(Value::Null) | None => {}
            Some(_) => return Err(ResourceFileError::Items { at: at(line), kind }),
        }
    }
    Ok(resources)
}

fn kind_of(node: &Node) -> &str {
    node.get("kind").map_or("", Node::text)
}

/// A `List` in a list is its items.
fn unwrapped(node: Node, line: usize) -> Vec<Document> {
    match node {
        Node::Map(mut map) if map.get("kind").is_some_and(|k| matches!(k.text(), "List" | "ResourceList")) && map.contains_key("items") => {
            match map.remove("items") {
                Some(Node::List(items)) => items.into_iter().map(|node| Document { node, line }).collect(),
                _ => Vec::new(),
            }
        }
        node => vec![Document { node, line }],
    }
}

/// Whether a document is a resource; nothing for one that is empty.
fn check(document: Document, at: impl Fn(usize) -> Location) -> Result<Option<Document>, ResourceFileError> {
    if document.node.is_null_or_empty() {
        return Ok(None);
    }
    let missing = |missing| Err(ResourceFileError::Missing { at: at(document.line), missing });
    let text = |node: Option<&Node>| node.filter(|n| !n.is_null()).map_or(String::new(), |n| n.text().to_owned());
    let kind = text(document.node.get("kind"));
    if kind.is_empty() {
        return missing("kind");
    }
    if !kind.ends_with("List") && text(document.node.at(&["metadata", "name"])).is_empty() {
        return missing("metadata.name");
    }
    Ok(Some(document))
}

/// As JSON text is read as YAML: every string in quotes.
fn json_node(value: &Value) -> Node {
    match value {
        Value::Null => Node::null(),
        Value::Bool(b) => Node::Scalar(Scalar::new(if *b { "true" } else { "false" }, Tag::Bool, Style::Plain)),
        Value::Number(number) => {
            let tag = if matches!(number, Number::Float(n) if n.fract() != 0.0 || n.abs() >= 1e19) { Tag::Float } else { Tag::Int };
            Node::Scalar(Scalar::new(gitops_manifest::json::print(value), tag, Style::Plain))
        }
        Value::String(text) => Node::Scalar(Scalar::new(text.clone(), Tag::Str, Style::Double)),
        Value::List(list) => Node::List(list.iter().map(json_node).collect()),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| (Scalar::new(key.clone(), Tag::Str, Style::Double), json_node(value)));
            Node::Map(Map::from_entries(entries.collect()))
        }
    }
}
