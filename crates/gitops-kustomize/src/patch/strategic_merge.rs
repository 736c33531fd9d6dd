//! Merges a patch into a resource, as kustomize does.
//!
//! Maps are merged by key, null takes a key out. Lists are replaced, except those with a merge key in the schema, whose
//! elements are merged by it (see [`associative`]). `$patch: delete | replace | merge` stands in a map or in a list's
//! element. What kustomize does beyond the definition of these patches is done here too, because it shows in what is built:
//! - the whole resource is gone over, not only what the patch touches: a key with nothing behind it is dropped;
//! - a replaced scalar keeps its quotes: `8080` put in the place of `"80"` is a string;
//! - what a patch adds is merged with itself, so that its own nulls and directives have their effect.
//!
//! A map and a list, or either and a scalar, do not merge: that is an error.

mod associative;

use std::collections::HashMap;

use crate::node::{Map, Node, Scalar, Tag};
use crate::openapi::{Schema, Schemas};

/// The key of a directive.
const DIRECTIVE: &str = "$patch";

/// From how many entries on keys are looked up by hash.
const MANY: usize = 16;

/// Why a patch cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MergeError {
    /// Two kinds of node meet.
    #[error("`{path}`: a {found} cannot be merged into a {expected}")]
    WrongKind {
        /// Where, keys joined by dots.
        path: String,
        /// What stands there.
        expected: &'static str,
        /// What the patch has.
        found: &'static str,
    },
    /// A directive that does not exist.
    #[error("`{path}`: unknown directive `$patch: {directive}`; there are delete, replace and merge")]
    UnknownDirective {
        /// Where, keys joined by dots.
        path: String,
        /// What stands there.
        directive: String,
    },
}

impl MergeError {
    /// Puts the step that leads to the place in front.
    fn inside(mut self, step: &str) -> MergeError {
        let (MergeError::WrongKind { path, .. } | MergeError::UnknownDirective { path, .. }) = &mut self;
        if !path.is_empty() && !path.starts_with('[') {
            path.insert(0, '.');
        }
        path.insert_str(0, step);
        self
    }
}

/// What became of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// It is still there.
    Kept,
    /// The patch deletes it.
    Deleted,
}

/// Merges `patch` into `target`. On an error `target` may be half changed.
pub(crate) fn apply(target: &mut Node, patch: &Node, schemas: &Schemas) -> Result<Merged, MergeError> {
    match (Merge { schemas }).node(Some(target), Patch::Other(patch), None)? {
        Outcome::Gone => return Ok(Merged::Deleted),
        Outcome::Kept => {}
        Outcome::Replaced(node) => *target = node,
    }
    Ok(Merged::Kept)
}

/// What the patch has at a place.
#[derive(Clone, Copy)]
enum Patch<'p> {
    /// Nothing.
    Nothing,
    /// This.
    Other(&'p Node),
    /// The very node that is patched: it came from the patch as a whole.
    Itself,
}

/// What becomes of a place.
enum Outcome {
    /// There is nothing any more.
    Gone,
    /// The node that was there, changed in place.
    Kept,
    /// Another one.
    Replaced(Node),
}

/// A `$patch` directive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Delete,
    Replace,
    Merge,
}

impl Directive {
    fn parse(text: &str) -> Option<Directive> {
        Some(match text {
            "delete" => Directive::Delete,
            "replace" => Directive::Replace,
            "merge" => Directive::Merge,
            _ => return None,
        })
    }
}

struct Merge<'a> {
    schemas: &'a Schemas,
}

impl<'a> Merge<'a> {
    fn node(&self, target: Option<&mut Node>, patch: Patch<'_>, schema: Option<Schema<'a>>) -> Result<Outcome, MergeError> {
        let schema = schema.or_else(|| self.own_schema(target.as_deref(), patch));
        let meant = match patch {
            Patch::Other(node) if !node.is_null() => Some(node),
            _ => None,
        };
        let there = match target {
            Some(node) if !node.is_null() => node,
            target => {
                return match (meant, target, patch) {
                    (Some(meant), ..) => self.added(meant, schema),
                    // Null in so many words stays, null by omission goes.
                    (None, Some(Node::Scalar(null)), Patch::Nothing) if !null.text.is_empty() => Ok(Outcome::Kept),
                    _ => Ok(Outcome::Gone),
                };
            }
        };
        if let Some(meant) = meant
            && std::mem::discriminant(&*there) != std::mem::discriminant(meant)
        {
            return Err(MergeError::WrongKind { path: String::new(), expected: there.kind_name(), found: meant.kind_name() });
        }
        match there {
            Node::Map(map) => self.map(map, patch, schema),
            Node::List(list) => self.list(list, patch, schema),
            Node::Scalar(_) => Ok(whole(patch)),
        }
    }

    /// A part that is an object of its own has its kind's schema where there is none for the field.
    fn own_schema(&self, target: Option<&Node>, patch: Patch<'_>) -> Option<Schema<'a>> {
        let patch = match patch {
            Patch::Other(node) => Some(node),
            Patch::Nothing | Patch::Itself => None,
        };
        let object = |node: &Node| {
            let map = node.as_map()?;
            let (kind, version) = (map.get("kind")?.text(), map.get("apiVersion")?.text());
            (!kind.is_empty() && !version.is_empty()).then(|| self.schemas.resource(version, kind))?
        };
        [target, patch].into_iter().flatten().find_map(object)
    }

    /// What the patch adds where there is nothing.
    fn added(&self, patch: &Node, schema: Option<Schema<'a>>) -> Result<Outcome, MergeError> {
        let node = match patch {
            Node::Scalar(_) => patch.clone(),
            Node::Map(map) => {
                let directive = map.get(DIRECTIVE).and_then(|value| Directive::parse(value.text()));
                if directive == Some(Directive::Delete) {
                    return Ok(Outcome::Gone);
                }
                let mut map = map.clone();
                if directive.is_some() {
                    map.remove(DIRECTIVE);
                }
                self.fields(&mut map, Patch::Itself, schema)?;
                Node::Map(map)
            }
            Node::List(list) => {
                let mut list = list.clone();
                if let Some(keys) = schema.and_then(|schema| schema.merge_keys()) {
                    let elements = schema.and_then(|schema| schema.elements());
                    self.elements(&mut list, associative::Elements::Itself, &keys, elements)?;
                }
                Node::List(list)
            }
        };
        Ok(Outcome::Replaced(node))
    }

    fn map(&self, target: &mut Map, patch: Patch<'_>, schema: Option<Schema<'a>>) -> Result<Outcome, MergeError> {
        let found = match patch {
            Patch::Nothing => None,
            Patch::Other(node) => match node.as_map() {
                Some(map) => map.get(DIRECTIVE),
                // Null: the other kinds are refused before.
                None => return Ok(Outcome::Gone),
            },
            Patch::Itself => target.get(DIRECTIVE),
        };
        match found.map(directive).transpose()? {
            Some(Directive::Delete) => {
                if matches!(patch, Patch::Itself) {
                    target.remove(DIRECTIVE);
                }
                return Ok(Outcome::Gone);
            }
            Some(Directive::Replace) => {
                if let Patch::Other(node) = patch {
                    return self.added(node, schema);
                }
                target.remove(DIRECTIVE);
            }
            Some(Directive::Merge) => {
                if matches!(patch, Patch::Itself) {
                    target.remove(DIRECTIVE);
                }
            }
            None => {}
        }
        self.fields(target, patch, schema)?;
        Ok(Outcome::Kept)
    }

    /// Merges field by field. A directive in `patch` is known to be one, and is no field.
    fn fields(&self, target: &mut Map, patch: Patch<'_>, schema: Option<Schema<'a>>) -> Result<(), MergeError> {
        let from = match patch {
            Patch::Other(node) => node.as_map(),
            Patch::Nothing | Patch::Itself => None,
        };
        let wanted = Fields::of(from);
        let mut gone = Vec::new();
        for (at, (key, value)) in target.entries_mut().iter_mut().enumerate() {
            let of_patch = match patch {
                Patch::Other(_) => wanted.get(&key.text).map_or(Patch::Nothing, Patch::Other),
                other => other,
            };
            let field = schema.and_then(|schema| schema.field(&key.text));
            match self.node(Some(value), of_patch, field).map_err(|error| error.inside(&key.text))? {
                // What stays is set anew by kustomize, and gets the quotes that a new value would get.
                Outcome::Kept => {
                    if let Node::Scalar(scalar) = value {
                        scalar.quote_if_doubtful();
                    }
                }
                Outcome::Gone => gone.push(at),
                Outcome::Replaced(mut node) => {
                    if let Node::Scalar(scalar) = &mut node {
                        scalar.quote_if_doubtful();
                    }
                    value.overwrite(node);
                }
            }
        }
        if let Some(from) = from {
            self.new_fields(target, from, schema)?;
        }
        if !gone.is_empty() {
            let mut at = 0..;
            target.entries_mut().retain(|_| at.next().is_none_or(|at| gone.binary_search(&at).is_err()));
        }
        Ok(())
    }

    fn new_fields(&self, target: &mut Map, from: &Map, schema: Option<Schema<'a>>) -> Result<(), MergeError> {
        let known = from.len().min(target.len()) > MANY;
        let known = known.then(|| target.iter().map(|(key, _)| key.to_owned()).collect::<std::collections::HashSet<_>>());
        for (written, value) in from.entries() {
            let key = written.text.as_str();
            let there = known.as_ref().map_or_else(|| target.contains_key(key), |known| known.contains(key));
            if there || key == DIRECTIVE || value.is_null() {
                continue;
            }
            let field = schema.and_then(|schema| schema.field(key));
            let outcome = self.node(None, Patch::Other(value), field).map_err(|error| error.inside(key))?;
            if let Outcome::Replaced(mut node) = outcome {
                if let Node::Scalar(scalar) = &mut node {
                    scalar.quote_if_doubtful();
                }
                target.push(Scalar::new(key, Tag::Unset, written.style), node);
            }
        }
        Ok(())
    }

    fn list(&self, target: &mut Vec<Node>, patch: Patch<'_>, schema: Option<Schema<'a>>) -> Result<Outcome, MergeError> {
        let Some(keys) = schema.and_then(|schema| schema.merge_keys()) else {
            return Ok(whole(patch));
        };
        let elements = schema.and_then(|schema| schema.elements());
        let found = match patch {
            Patch::Nothing => None,
            Patch::Other(node) => match node.as_list() {
                Some(list) => associative::directive(list),
                None => return Ok(Outcome::Gone),
            },
            Patch::Itself => associative::directive(target),
        };
        let found = match found {
            None => None,
            Some(value) => Some((directive(value)?, value.text().to_owned())),
        };
        match (found, patch) {
            (Some((Directive::Delete, _)), _) => return Ok(Outcome::Gone),
            (Some((directive, text)), Patch::Other(node)) => {
                let mut list = node.as_list().cloned().unwrap_or_default();
                associative::take_directive(&mut list, &text)?;
                if directive == Directive::Replace {
                    self.elements(&mut list, associative::Elements::Itself, &keys, elements)?;
                    return Ok(Outcome::Replaced(Node::List(list)));
                }
                self.elements(target, associative::Elements::Other(&list), &keys, elements)?;
            }
            (Some((_, text)), _) => {
                associative::take_directive(target, &text)?;
                self.elements(target, associative::Elements::Itself, &keys, elements)?;
            }
            (None, Patch::Other(node)) => {
                let list = node.as_list().map(Vec::as_slice).unwrap_or_default();
                self.elements(target, associative::Elements::Other(list), &keys, elements)?;
            }
            (None, Patch::Itself) => self.elements(target, associative::Elements::Itself, &keys, elements)?,
            (None, Patch::Nothing) => self.elements(target, associative::Elements::Other(&[]), &keys, elements)?,
        }
        Ok(Outcome::Kept)
    }
}

fn directive(value: &Node) -> Result<Directive, MergeError> {
    let unknown = || MergeError::UnknownDirective { path: String::new(), directive: value.text().to_owned() };
    Directive::parse(value.text()).ok_or_else(unknown)
}

/// A scalar, or a list that is replaced as a whole.
fn whole(patch: Patch<'_>) -> Outcome {
    match patch {
        Patch::Nothing | Patch::Itself => Outcome::Kept,
        Patch::Other(node) if node.is_null() => Outcome::Gone,
        Patch::Other(node) => Outcome::Replaced(node.clone()),
    }
}

/// The fields of a patch by key.
enum Fields<'p> {
    Few(Option<&'p Map>),
    Many(HashMap<&'p str, &'p Node>),
}

impl<'p> Fields<'p> {
    fn of(map: Option<&'p Map>) -> Fields<'p> {
        match map.filter(|map| map.len() > MANY) {
            // The first of equal keys counts.
            Some(map) => Fields::Many(map.iter().rev().collect()),
            None => Fields::Few(map),
        }
    }

    fn get(&self, key: &str) -> Option<&'p Node> {
        match self {
            _ if key == DIRECTIVE => None,
            Fields::Few(map) => map.and_then(|map| map.get(key)),
            Fields::Many(map) => map.get(key).copied(),
        }
    }
}

#[cfg(test)]
mod tests;
