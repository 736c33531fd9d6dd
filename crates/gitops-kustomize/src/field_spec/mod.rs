//! Field specs: which fields of which kinds a transformer changes, and the walk to these fields.

use std::borrow::Cow;

use crate::id::Gvk;
use crate::node::{Map, Node, Tag};

mod config;
mod defaults;

pub(crate) use config::{Config, ConfigError, merge as merge_specs};

/// Fields of one kind, or of many where parts are empty.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct FieldSpec {
    pub(crate) group: Cow<'static, str>,
    pub(crate) version: Cow<'static, str>,
    pub(crate) kind: Cow<'static, str>,
    /// Keys with `/` between them (`\/` is a slash in a key); `[]` behind one says that a list stands there.
    pub(crate) path: Cow<'static, str>,
    /// Whether what is missing is made.
    pub(crate) create: bool,
}

impl FieldSpec {
    const fn fixed(group: &'static str, version: &'static str, kind: &'static str, path: &'static str, create: bool) -> FieldSpec {
        FieldSpec {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            path: Cow::Borrowed(path),
            create,
        }
    }

    /// For all kinds.
    pub(crate) const fn any(path: &'static str, create: bool) -> FieldSpec {
        FieldSpec::fixed("", "", "", path, create)
    }

    /// The kinds it is for.
    pub(crate) fn gvk(&self) -> Gvk<'_> {
        Gvk { group: &self.group, version: &self.version, kind: &self.kind }
    }
}

/// Fields that hold names of resources of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackReference {
    group: Cow<'static, str>,
    version: Cow<'static, str>,
    kind: Cow<'static, str>,
    pub(crate) referrers: Cow<'static, [FieldSpec]>,
}

impl BackReference {
    const fn fixed(group: &'static str, version: &'static str, kind: &'static str, referrers: &'static [FieldSpec]) -> BackReference {
        BackReference {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            referrers: Cow::Borrowed(referrers),
        }
    }

    /// The kind that is named.
    pub(crate) fn gvk(&self) -> Gvk<'_> {
        Gvk { group: &self.group, version: &self.version, kind: &self.kind }
    }
}

/// A spec with its path taken apart.
#[derive(Debug)]
pub(crate) struct Compiled<'s> {
    pub(crate) spec: &'s FieldSpec,
    path: Vec<Step<'s>>,
}

#[derive(Debug)]
struct Step<'s> {
    key: Cow<'s, str>,
    /// A list stands there.
    list: bool,
    /// A key that the reference takes for something else: a number, `-`, `*` or `[…]`.
    odd: bool,
}

impl<'s> Compiled<'s> {
    /// Takes the path apart.
    pub(crate) fn new(spec: &'s FieldSpec) -> Compiled<'s> {
        let path = split_path(&spec.path).into_iter().map(Step::new).collect();
        Compiled { spec, path }
    }

    /// Takes the paths of all apart.
    pub(crate) fn all(specs: &'s [FieldSpec]) -> Vec<Compiled<'s>> {
        specs.iter().map(Compiled::new).collect()
    }

    /// Calls `set` at each place in `root` that the path leads to. Kinds are the caller's to compare.
    ///
    /// # Errors
    /// When something on the way is of a kind that does not fit, or `set` fails.
    pub(crate) fn walk(&self, root: &mut Node, made: Option<Made>, set: &mut Setter<'_>) -> Result<(), FieldError> {
        let made = if self.spec.create { made } else { None };
        walk(root, &self.path, made, set).map_err(|mut error| {
            error.path = self.spec.path.to_string();
            error
        })
    }
}

impl<'s> Step<'s> {
    fn new(text: Cow<'s, str>) -> Step<'s> {
        let (key, list) = match text {
            Cow::Borrowed(text) => match text.strip_suffix("[]") {
                Some(key) => (Cow::Borrowed(key), true),
                None => (Cow::Borrowed(text), false),
            },
            Cow::Owned(text) => match text.strip_suffix("[]") {
                Some(key) => (Cow::Owned(key.to_owned()), true),
                None => (Cow::Owned(text), false),
            },
        };
        let unsigned = key.strip_prefix(['+', '-']).unwrap_or(&key);
        let number = !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit());
        let odd = number || matches!(&*key, "" | "-" | "*") || (key.starts_with('[') && key.ends_with(']'));
        Step { key, list, odd }
    }
}

/// What is made where a path ends and nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// A map.
    Map,
    /// A scalar with this tag, where a null stood; without any where nothing was.
    Scalar(Tag),
}

/// Changes what a path leads to.
pub(crate) type Setter<'f> = dyn FnMut(&mut Node) -> Result<(), FieldError> + 'f;

/// Why a field could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{path}`: {message}")]
pub(crate) struct FieldError {
    /// The path of the spec.
    pub(crate) path: String,
    /// What is wrong there.
    pub(crate) message: String,
}

impl FieldError {
    /// Somewhere on the path that the walk knows.
    pub(crate) fn new(message: impl Into<String>) -> FieldError {
        FieldError { path: String::new(), message: message.into() }
    }

    /// For a node of a kind that does not fit.
    pub(crate) fn kind(expected: &str, found: &Node) -> FieldError {
        FieldError::new(format!("expected a {expected}, found a {}", found.kind_name()))
    }
}

/// Splits at `/`, but not at `\/`; a slash in front is left out.
pub(crate) fn split_path(path: &str) -> Vec<Cow<'_, str>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut parts: Vec<Cow<'_, str>> = Vec::new();
    for part in path.split('/') {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                let last = last.to_mut();
                last.pop();
                last.push('/');
                last.push_str(part);
            }
            _ => parts.push(Cow::Borrowed(part)),
        }
    }
    parts
}

fn walk(node: &mut Node, path: &[Step<'_>], made: Option<Made>, set: &mut Setter<'_>) -> Result<(), FieldError> {
    let Some((step, rest)) = path.split_first() else { return set(node) };
    match node {
        Node::Scalar(scalar) if scalar.is_null() => Ok(()),
        Node::Scalar(_) => Err(FieldError::new("expected a list or a map, found a scalar")),
        Node::List(list) => list.iter_mut().try_for_each(|item| walk(item, path, made, set)),
        Node::Map(map) => {
            if step.odd {
                return Err(FieldError::new(format!("`{}` is not a key that a field spec can have", step.key)));
            }
            match field(map, step, rest.is_empty(), made) {
                Some(field) => walk(field, rest, made, set),
                None => Ok(()),
            }
        }
    }
}

/// The field of a step, made where that is asked for.
fn field<'n>(map: &'n mut Map, step: &Step<'_>, last: bool, made: Option<Made>) -> Option<&'n mut Node> {
    let Some(at) = map.position(&step.key) else {
        let made = made.filter(|_| !step.list)?;
        let new = match made {
            Made::Scalar(_) if last => Node::untagged(""),
            _ => Node::Map(Map::new()),
        };
        map.insert(&step.key, new);
        return map.get_mut(&step.key);
    };
    let field = &mut map.entries_mut().get_mut(at)?.1;
    if let Node::Scalar(scalar) = field
        && scalar.is_null()
    {
        match made {
            _ if step.list => *field = Node::List(Vec::new()),
            None => {}
            Some(Made::Scalar(tag)) if last => scalar.tag = tag,
            Some(_) => *field = Node::Map(Map::new()),
        }
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_at_slashes_that_are_not_escaped() {
        assert_eq!(split_path("metadata/annotations/a.b\\/c"), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(split_path("/a//b"), ["a", "", "b"]);
    }
}
