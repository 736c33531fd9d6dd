//! JSON patches as kustomize applies them, which is looser than RFC 6902 in places: `replace` adds a key that is missing,
//! `add` without a value adds null, a negative place counts from the end of a list, and what stands before the first `/`
//! of a path is ignored.
//!
//! The resource passes through JSON: what it looked like in its file is forgotten.

use gitops_manifest::json;
use gitops_manifest::yaml::{self, ParseError, ParseOptions};
use gitops_manifest::{Map, Value};

use crate::node::{MeaningError, Node};

/// A list of operations, read but not yet checked: a fault of an operation shows when it is applied.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Patch(Vec<Map>);

/// Why a text is no JSON patch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatchParseError {
    /// It is neither JSON nor YAML.
    #[error(transparent)]
    Syntax(#[from] ParseError),
    /// It is something else than a list of operations.
    #[error("a JSON patch is a list of operations, each a map; here is a {found}")]
    NotAList {
        /// What it is.
        found: &'static str,
    },
}

/// Why a JSON patch does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatchError {
    /// An operation lacks a field, or it is no text.
    #[error("operation {index}: `{field}` must be a text")]
    Field {
        /// From 0.
        index: usize,
        /// Which one.
        field: &'static str,
    },
    /// There is no such operation.
    #[error("operation {index}: unknown op `{op}`; use add, remove, replace, move, copy or test")]
    UnknownOp {
        /// From 0.
        index: usize,
        /// What stands there.
        op: String,
    },
    /// A path leads nowhere.
    #[error("operation {index} ({op}): the resource has nothing at `{path}`")]
    Missing {
        /// From 0.
        index: usize,
        /// Its name.
        op: &'static str,
        /// Where.
        path: String,
    },
    /// `test` found something else. The values are not shown: they may be secret.
    #[error("operation {index} (test): `{path}` has another value than the patch expects")]
    TestFailed {
        /// From 0.
        index: usize,
        /// Where.
        path: String,
    },
    /// The whole resource is to be something else than a map or list.
    #[error("operation {index} (replace): a whole resource can only be replaced by a map")]
    NotAResource {
        /// From 0.
        index: usize,
    },
    /// The resource cannot pass through JSON.
    #[error("the resource cannot be patched: {message}")]
    Resource {
        /// Why.
        message: String,
    },
}

/// Reads a patch: JSON when it begins with `[`, else the first document of YAML.
pub(crate) fn parse(text: &[u8], file: &str) -> Result<Patch, PatchParseError> {
    let value = if text.starts_with(b"[") {
        json::parse(text, file)?
    } else {
        let parsed = yaml::parse(text, file, &ParseOptions::default())?;
        parsed.documents.into_iter().next().map_or(Value::Null, |document| document.value)
    };
    let items = match value {
        Value::Null => return Ok(Patch::default()),
        Value::List(items) => items,
        other => return Err(PatchParseError::NotAList { found: other.kind_name() }),
    };
    let operation = |item: Value| match item {
        Value::Map(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        other => Err(PatchParseError::NotAList { found: other.kind_name() }),
    };
    items.into_iter().map(operation).collect::<Result<_, _>>().map(Patch)
}

/// Applies all operations in order. On an error `node` is as it was.
pub(crate) fn apply(patch: &Patch, node: &mut Node) -> Result<(), PatchError> {
    let through_json = |error: MeaningError| PatchError::Resource { message: error.to_string() };
    let mut value = node.to_value().map_err(through_json)?;
    for (index, operation) in patch.0.iter().enumerate() {
        Operation { index, fields: operation }.apply(&mut value)?;
    }
    match value {
        Value::Map(map) if !map.is_empty() => *node = Node::from_value(Value::Map(map)),
        // An empty one leaves the resource as it was.
        Value::Map(_) => {}
        other => return Err(PatchError::Resource { message: format!("the patch makes it a {}", other.kind_name()) }),
    }
    Ok(())
}

impl Patch {
    /// How many operations there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Where something stands in a value: the container and the last step.
enum Place<'v> {
    Map(&'v mut Map, String),
    List(&'v mut Vec<Value>, String),
}

struct Operation<'p> {
    index: usize,
    fields: &'p Map,
}

impl Operation<'_> {
    fn apply(&self, root: &mut Value) -> Result<(), PatchError> {
        match self.fields.get("op").and_then(Value::as_str).unwrap_or("unknown") {
            "add" => self.add(root, "add", self.text("path")?, self.value()),
            "remove" => self.take(root, "remove", self.text("path")?).map(drop),
            "replace" => self.replace(root),
            "move" => {
                let value = self.take(root, "move", self.text("from")?)?;
                self.add(root, "move", self.text("path")?, value)
            }
            "copy" => {
                let value = self.get(root, "copy", self.text("from")?)?.cloned().unwrap_or(Value::Null);
                self.add(root, "copy", self.text("path")?, value)
            }
            "test" => self.test(root),
            op => Err(PatchError::UnknownOp { index: self.index, op: op.to_owned() }),
        }
    }

    fn text(&self, field: &'static str) -> Result<&str, PatchError> {
        self.fields.get(field).and_then(Value::as_str).ok_or(PatchError::Field { index: self.index, field })
    }

    fn value(&self) -> Value {
        self.fields.get("value").cloned().unwrap_or(Value::Null)
    }

    fn missing(&self, op: &'static str, path: &str) -> PatchError {
        PatchError::Missing { index: self.index, op, path: path.to_owned() }
    }

    fn place<'v>(&self, root: &'v mut Value, op: &'static str, path: &str) -> Result<Place<'v>, PatchError> {
        find(root, path).ok_or_else(|| self.missing(op, path))
    }

    fn add(&self, root: &mut Value, op: &'static str, path: &str, value: Value) -> Result<(), PatchError> {
        match self.place(root, op, path)? {
            Place::Map(map, key) => drop(map.insert(key, value)),
            Place::List(list, key) if key == "-" => list.push(value),
            Place::List(list, key) => {
                let at = place_in(&key, list.len() + 1).ok_or_else(|| self.missing(op, path))?;
                list.insert(at, value);
            }
        }
        Ok(())
    }

    fn take(&self, root: &mut Value, op: &'static str, path: &str) -> Result<Value, PatchError> {
        let taken = match self.place(root, op, path)? {
            Place::Map(map, key) => map.remove(&key),
            Place::List(list, key) => place_in(&key, list.len()).map(|at| list.remove(at)),
        };
        taken.ok_or_else(|| self.missing(op, path))
    }

    /// `None` for a missing key of a map, which is no error yet.
    fn get<'v>(&self, root: &'v mut Value, op: &'static str, path: &str) -> Result<Option<&'v Value>, PatchError> {
        match self.place(root, op, path)? {
            Place::Map(map, key) => Ok(map.get(&key)),
            Place::List(list, key) => {
                let at = place_in(&key, list.len()).ok_or_else(|| self.missing(op, path))?;
                Ok(list.get(at))
            }
        }
    }

    fn replace(&self, root: &mut Value) -> Result<(), PatchError> {
        let (path, value) = (self.text("path")?, self.value());
        if path.is_empty() {
            if !matches!(value, Value::Map(_) | Value::List(_)) {
                return Err(PatchError::NotAResource { index: self.index });
            }
            *root = value;
            return Ok(());
        }
        match self.place(root, "replace", path)? {
            Place::Map(map, key) => drop(map.insert(key, value)),
            Place::List(list, key) => {
                let at = place_in(&key, list.len()).ok_or_else(|| self.missing("replace", path))?;
                list[at] = value;
            }
        }
        Ok(())
    }

    fn test(&self, root: &mut Value) -> Result<(), PatchError> {
        let (path, wanted) = (self.text("path")?, self.value());
        let equal = match path {
            "" => *root == wanted,
            path => match self.get(root, "test", path)? {
                Some(found) => *found == wanted,
                None => wanted.is_null(),
            },
        };
        if equal { Ok(()) } else { Err(PatchError::TestFailed { index: self.index, path: path.to_owned() }) }
    }
}

/// The container that the last step of a path is in. `None` when the path leads through something else, or has no `/`.
fn find<'v>(root: &'v mut Value, path: &str) -> Option<Place<'v>> {
    let mut steps = path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    let mut step = steps.next()?;
    let mut value = root;
    for next in steps {
        value = match value {
            Value::Map(map) => map.get_mut(&step)?,
            Value::List(list) => {
                let at = place_in(&step, list.len())?;
                list.get_mut(at)?
            }
            _ => return None,
        };
        step = next;
    }
    match value {
        Value::Map(map) => Some(Place::Map(map, step)),
        Value::List(list) => Some(Place::List(list, step)),
        _ => None,
    }
}

/// A place below `len`, as Go reads a number; a negative one counts from the end.
fn place_in(step: &str, len: usize) -> Option<usize> {
    let number: i64 = step.parse().ok()?;
    let at = if number < 0 { number.checked_add(i64::try_from(len).ok()?)? } else { number };
    usize::try_from(at).ok().filter(|at| *at < len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(resource: &str, patch: &str) -> Result<String, String> {
        let mut node = Node::from_value(json::parse(resource.as_bytes(), "resource").map_err(|e| e.to_string())?);
        let patch = parse(patch.as_bytes(), "patch").map_err(|e| e.to_string())?;
        apply(&patch, &mut node).map_err(|e| e.to_string())?;
        node.to_value().map(|value| json::print(&value)).map_err(|e| e.to_string())
    }

    #[test]
    fn operations() {
        let from = r#"{"a":{"b":[1,2,3]},"c/d":"x"}"#;
        for (patch, to) in [
            (r#"[{"op":"add","path":"/a/b/1","value":9}]"#, r#"{"a":{"b":[1,9,2,3]},"c/d":"x"}"#),
            (r#"[{"op":"add","path":"/a/b/-","value":9}]"#, r#"{"a":{"b":[1,2,3,9]},"c/d":"x"}"#),
            (r#"[{"op":"add","path":"/a/b/-1","value":9}]"#, r#"{"a":{"b":[1,2,3,9]},"c/d":"x"}"#),
            (r#"[{"op":"remove","path":"/a/b/-1"}]"#, r#"{"a":{"b":[1,2]},"c/d":"x"}"#),
            (r#"[{"op":"replace","path":"/a/new","value":1}]"#, r#"{"a":{"b":[1,2,3],"new":1},"c/d":"x"}"#),
            (r#"[{"op":"add","path":"/e"}]"#, r#"{"a":{"b":[1,2,3]},"c/d":"x","e":null}"#),
            (r#"[{"op":"move","from":"/c~1d","path":"/a/b/0"}]"#, r#"{"a":{"b":["x",1,2,3]}}"#),
            (r#"[{"op":"copy","from":"/a/b","path":"/e"}]"#, r#"{"a":{"b":[1,2,3]},"c/d":"x","e":[1,2,3]}"#),
            (r#"[{"op":"test","path":"/a/none"},{"op":"test","path":"/a/b/0","value":1}]"#, from),
            (r#"[{"op":"replace","path":"ignored/a","value":1}]"#, r#"{"a":1,"c/d":"x"}"#),
            (r#"[{"op":"replace","path":"","value":{"z":1}}]"#, r#"{"z":1}"#),
            ("- op: replace\n  path: /a\n  value: yes\n", r#"{"a":true,"c/d":"x"}"#),
            ("[]", from),
        ] {
            assert_eq!(patched(from, patch).as_deref(), Ok(to), "{patch}");
        }
    }

    #[test]
    fn errors_name_the_operation() {
        for (patch, error) in [
            (r#"[{"op":"remove","path":"/x"}]"#, "operation 0 (remove): the resource has nothing at `/x`"),
            (r#"[{"op":"add","path":"/x/y","value":1}]"#, "operation 0 (add): the resource has nothing at `/x/y`"),
            (r#"[{"op":"add","path":"x","value":1}]"#, "operation 0 (add): the resource has nothing at `x`"),
            (r#"[{"op":"add","path":"/a/4","value":1}]"#, "operation 0 (add): the resource has nothing at `/a/4`"),
            (r#"[{"op":"test","path":"/a/0","value":2}]"#, "operation 0 (test): `/a/0` has another value than the patch expects"),
            (r#"[{"op":"put","path":"/a"}]"#, "operation 0: unknown op `put`; use add, remove, replace, move, copy or test"),
            (r#"[{"op":"add","value":1}]"#, "operation 0: `path` must be a text"),
            ("a: b", "a JSON patch is a list of operations, each a map; here is a map"),
        ] {
            assert_eq!(patched(r#"{"a":[1,2,3]}"#, patch), Err(error.to_owned()));
        }
    }
}
