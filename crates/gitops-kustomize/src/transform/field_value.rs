//! A fixed value in a field of chosen resources: the built-in `ValueAddTransformer`.

use crate::field_spec::FieldError;
use crate::node::{Map, Node, Scalar};

/// Sets the value at a path of keys with `/` between them, made where it is missing. At a position above 0 the value is
/// put in between the parts of the path that stands there.
///
/// # Errors
/// When something on the way is no map, or the end no scalar.
pub(crate) fn set(root: &mut Node, path: &str, position: usize, value: &str) -> Result<(), FieldError> {
    let mut node = root;
    for key in crate::field_spec::split_path(path).iter().filter(|key| !key.is_empty()) {
        let Node::Map(map) = node else { return Err(FieldError::kind("map", node)) };
        let at = map.position(key).unwrap_or_else(|| {
            map.insert(key, Node::null());
            map.len() - 1
        });
        let entry = &mut map.entries_mut()[at].1;
        if entry.is_null() {
            *entry = Node::Map(Map::new());
        }
        node = entry;
    }
    if matches!(node, Node::Map(map) if map.is_empty()) {
        *node = Node::untagged("");
    }
    let Node::Scalar(scalar) = &*node else { return Err(FieldError::kind("scalar", node)) };
    let text = if position > 0 { insert_part(&scalar.text, position - 1, value) } else { value.to_owned() };
    node.overwrite(Node::Scalar(Scalar::untagged(text)));
    Ok(())
}

/// `part` put at a place between the parts of a path of files.
fn insert_part(path: &str, at: usize, part: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    parts.insert(at.min(parts.len()), part);
    format!("{}{}", if rooted { "/" } else { "" }, parts.join("/"))
}
