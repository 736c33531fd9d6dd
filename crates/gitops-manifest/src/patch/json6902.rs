//! JSON patch (RFC 6902): `add`, `remove`, `replace`, `move`, `copy`, `test`, in order, all or nothing.
//!
//! Errors name the operation by its place in the patch (from 0) and the token of the path that failed.
//! As the RFC has it: what leads to a path must exist, members that an operation does not know are ignored, numbers are
//! tested by value. Not here: the negative list places that some Go programs accept.

use std::fmt;

use crate::Value;
use crate::pointer::{Pointer, PointerError};

/// A list of operations.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Patch(Vec<Operation>);

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Sets a member, or inserts into a list.
    Add {
        /// Where.
        path: Pointer,
        /// What.
        value: Value,
    },
    /// Takes out what must be there.
    Remove {
        /// Where.
        path: Pointer,
    },
    /// Replaces what must be there.
    Replace {
        /// Where.
        path: Pointer,
        /// With what.
        value: Value,
    },
    /// Takes out at `from` and adds at `path`.
    Move {
        /// From where; not around `path`.
        from: Pointer,
        /// To where.
        path: Pointer,
    },
    /// Adds at `path` what stands at `from`.
    Copy {
        /// From where.
        from: Pointer,
        /// To where.
        path: Pointer,
    },
    /// Fails unless `value` stands there.
    Test {
        /// Where.
        path: Pointer,
        /// What is expected.
        value: Value,
    },
}

/// Why a value is no JSON patch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchParseError {
    /// Not a list.
    #[error("a JSON patch is a list of operations, not a {kind}")]
    NotAList {
        /// What it is.
        kind: &'static str,
    },
    /// An operation that is not a map.
    #[error("operation {index}: must be a map with `op` and `path`, not a {kind}")]
    NotAMap {
        /// Which operation, from 0.
        index: usize,
        /// What it is.
        kind: &'static str,
    },
    /// A field is missing or not a string.
    #[error("operation {index}: `{field}` must be {expected}")]
    Field {
        /// Which operation, from 0.
        index: usize,
        /// Which field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// `op` is none of the six.
    #[error("operation {index}: unknown op `{op}`; use add, remove, replace, move, copy or test")]
    UnknownOp {
        /// Which operation, from 0.
        index: usize,
        /// What stands there.
        op: String,
    },
    /// `path` or `from` is no pointer.
    #[error("operation {index}: `{field}`: {error}")]
    Pointer {
        /// Which operation, from 0.
        index: usize,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        error: PointerError,
    },
    /// `move` into itself.
    #[error("operation {index}: cannot move `{from}` into itself at `{path}`")]
    MoveIntoItself {
        /// Which operation, from 0.
        index: usize,
        /// From where.
        from: Pointer,
        /// To where.
        path: Pointer,
    },
}

/// Why a patch does not fit a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// A path leads nowhere.
    #[error("operation {index} ({op}): {error}")]
    Pointer {
        /// Which operation, from 0.
        index: usize,
        /// Its name.
        op: &'static str,
        /// What is wrong.
        error: PointerError,
    },
    /// `test` found something else. The values are not shown: they may be secret.
    #[error("operation {index} (test): `{path}` has another value than the patch expects")]
    TestFailed {
        /// Which operation, from 0.
        index: usize,
        /// Where.
        path: Pointer,
    },
}

/// Reads a patch from its JSON form.
///
/// # Errors
/// When it is not a list of well-formed operations.
pub fn parse(value: &Value) -> Result<Patch, PatchParseError> {
    let items = value.as_list().ok_or(PatchParseError::NotAList { kind: value.kind_name() })?;
    items.iter().enumerate().map(|(index, item)| operation(index, item)).collect::<Result<_, _>>().map(Patch)
}

fn operation(index: usize, item: &Value) -> Result<Operation, PatchParseError> {
    if item.as_map().is_none() {
        return Err(PatchParseError::NotAMap { index, kind: item.kind_name() });
    }
    let text =
        |field: &'static str| item.get(field).and_then(Value::as_str).ok_or(PatchParseError::Field { index, field, expected: "a string" });
    let pointer = |field: &'static str| Pointer::parse(text(field)?).map_err(|error| PatchParseError::Pointer { index, field, error });
    let value = || item.get("value").cloned().ok_or(PatchParseError::Field { index, field: "value", expected: "given" });
    let op = text("op")?;
    let path = pointer("path")?;
    Ok(match op {
        "add" => Operation::Add { path, value: value()? },
        "remove" => Operation::Remove { path },
        "replace" => Operation::Replace { path, value: value()? },
        "copy" => Operation::Copy { from: pointer("from")?, path },
        "test" => Operation::Test { path, value: value()? },
        "move" => {
            let from = pointer("from")?;
            if from != path && from.contains(&path) {
                return Err(PatchParseError::MoveIntoItself { index, from, path });
            }
            Operation::Move { from, path }
        }
        op => return Err(PatchParseError::UnknownOp { index, op: op.to_owned() }),
    })
}

/// Applies all operations in order. On failure `value` is as it was.
///
/// # Errors
/// When a path leads nowhere or a test fails.
pub fn apply(patch: &Patch, value: &mut Value) -> Result<(), PatchError> {
    // A copy is dear only beside a patch of one operation, which changes nothing when it fails (`move` might).
    if let [only @ (Operation::Add { .. } | Operation::Remove { .. } | Operation::Replace { .. } | Operation::Test { .. })] =
        patch.0.as_slice()
    {
        return only.apply(0, value);
    }
    let mut changed = value.clone();
    for (index, operation) in patch.0.iter().enumerate() {
        operation.apply(index, &mut changed)?;
    }
    *value = changed;
    Ok(())
}

impl Patch {
    /// From operations.
    pub fn new(operations: Vec<Operation>) -> Patch {
        Patch(operations)
    }

    /// The operations in order.
    pub fn operations(&self) -> &[Operation] {
        &self.0
    }

    /// The patch in its JSON form.
    pub fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(Operation::to_value).collect())
    }
}

impl Operation {
    fn apply(&self, index: usize, target: &mut Value) -> Result<(), PatchError> {
        let changed = match self {
            Operation::Add { path, value } => path.insert(target, value.clone()).map(drop),
            Operation::Remove { path } => path.remove(target).map(drop),
            Operation::Replace { path, value } => path.get_mut(target).map(|at| *at = value.clone()),
            Operation::Move { from, path } if from == path => from.get(target).map(drop),
            Operation::Move { from, path } => from.remove(target).and_then(|taken| path.insert(target, taken)).map(drop),
            Operation::Copy { from, path } => from.get(target).cloned().and_then(|taken| path.insert(target, taken)).map(drop),
            Operation::Test { path, value } => match path.get(target) {
                Ok(found) if found == value => Ok(()),
                Ok(_) => return Err(PatchError::TestFailed { index, path: path.clone() }),
                Err(error) => Err(error),
            },
        };
        changed.map_err(|error| PatchError::Pointer { index, op: self.name(), error })
    }

    /// `add`, `remove`, `replace`, `move`, `copy` or `test`.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::Add { .. } => "add",
            Operation::Remove { .. } => "remove",
            Operation::Replace { .. } => "replace",
            Operation::Move { .. } => "move",
            Operation::Copy { .. } => "copy",
            Operation::Test { .. } => "test",
        }
    }

    fn to_value(&self) -> Value {
        let (path, from, value) = match self {
            Operation::Add { path, value } | Operation::Replace { path, value } | Operation::Test { path, value } => {
                (path, None, Some(value))
            }
            Operation::Remove { path } => (path, None, None),
            Operation::Move { from, path } | Operation::Copy { from, path } => (path, Some(from), None),
        };
        let mut entries = vec![("op", Value::from(self.name())), ("path", path.to_string().into())];
        entries.extend(from.map(|from| ("from", from.to_string().into())));
        entries.extend(value.map(|value| ("value", value.clone())));
        Value::Map(entries.into_iter().collect())
    }
}

impl fmt::Display for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::json::print(&self.to_value()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes(), "test").expect("valid JSON")
    }

    fn patched(target: &str, patch: &str) -> Result<String, String> {
        let mut v = value(target);
        let before = v.clone();
        let patch = parse(&value(patch)).map_err(|e| e.to_string())?;
        let done = apply(&patch, &mut v).map_err(|e| e.to_string());
        if done.is_err() {
            assert_eq!(v, before, "a failed patch must change nothing");
        }
        done.map(|()| json::print(&v))
    }

    #[test]
    fn the_rfc_examples() {
        for (target, patch, result) in [
            (r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux"}]"#, r#"{"baz":"qux","foo":"bar"}"#),
            (r#"{"foo":["bar","baz"]}"#, r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#, r#"{"foo":["bar","qux","baz"]}"#),
            (r#"{"baz":"qux","foo":"bar"}"#, r#"[{"op":"remove","path":"/baz"}]"#, r#"{"foo":"bar"}"#),
            (r#"{"foo":["bar","qux","baz"]}"#, r#"[{"op":"remove","path":"/foo/1"}]"#, r#"{"foo":["bar","baz"]}"#),
            (r#"{"baz":"qux"}"#, r#"[{"op":"replace","path":"/baz","value":"boo"}]"#, r#"{"baz":"boo"}"#),
            (
                r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
                r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
                r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#,
            ),
            (
                r#"{"foo":["all","grass","cows","eat"]}"#,
                r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
                r#"{"foo":["all","cows","eat","grass"]}"#,
            ),
            (
                r#"{"baz":"qux","foo":["a",2,"c"]}"#,
                r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2.0}]"#,
                r#"{"baz":"qux","foo":["a",2,"c"]}"#,
            ),
            (r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/child","value":{"x":{}},"xyz":1}]"#, r#"{"child":{"x":{}},"foo":"bar"}"#),
            (r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":10}]"#, r#"{"/":9,"~1":10}"#),
            (r#"{"foo":["bar"]}"#, r#"[{"op":"add","path":"/foo/-","value":["abc"]}]"#, r#"{"foo":["bar",["abc"]]}"#),
            (
                r#"{"a":[1]}"#,
                r#"[{"op":"copy","from":"/a","path":"/b"},{"op":"add","path":"/b/0","value":null}]"#,
                r#"{"a":[1],"b":[null,1]}"#,
            ),
            (r#"{"a":1}"#, r#"[{"op":"replace","path":"","value":[]}]"#, "[]"),
            (r#"{"a":1}"#, "[]", r#"{"a":1}"#),
        ] {
            assert_eq!(patched(target, patch).as_deref(), Ok(result), "{target} + {patch}");
        }
    }

    #[test]
    fn failures_say_which_operation_and_token() {
        for (patch, error) in [
            (
                r#"[{"op":"add","path":"/a","value":1},{"op":"remove","path":"/x/y"}]"#,
                "operation 1 (remove): `/x/y`: token 0 (`x`): no such member",
            ),
            (r#"[{"op":"test","path":"/foo","value":"x"}]"#, "operation 0 (test): `/foo` has another value than the patch expects"),
            (r#"[{"op":"move","from":"/foo","path":"/x/y"}]"#, "operation 0 (move): `/x/y`: token 0 (`x`): no such member"),
            (r#"[{"op":"move","from":"/foo","path":"/foo/y"}]"#, "operation 0: cannot move `/foo` into itself at `/foo/y`"),
            (r#"[{"op":"add","path":"/a"}]"#, "operation 0: `value` must be given"),
            (r#"[{"op":"ad","path":"/a"}]"#, "operation 0: unknown op `ad`; use add, remove, replace, move, copy or test"),
            (
                r#"[{"op":"add","path":"a","value":1}]"#,
                "operation 0: `path`: `a` is not a JSON pointer: it must be empty or start with `/`",
            ),
            ("[1]", "operation 0: must be a map with `op` and `path`, not a number"),
            ("{}", "a JSON patch is a list of operations, not a map"),
        ] {
            assert_eq!(patched(r#"{"foo":"bar"}"#, patch), Err(error.to_owned()));
        }
    }

    #[test]
    fn prints_what_it_reads() {
        let text = r#"[{"from":"/a","op":"copy","path":"/b"},{"op":"test","path":"/b","value":null}]"#;
        assert_eq!(parse(&value(text)).expect("valid patch").to_string(), text);
    }
}
