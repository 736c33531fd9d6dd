//! Lists whose elements are told apart by keys: `containers` by `name`, `ports` by `containerPort` and `protocol`.
//!
//! Order: what the patch names stands first, in the patch's order, then the rest as it was. A list of plain values
//! (`finalizers`) is told apart by the values themselves.
//!
//! [`Merge::elements`] has the usual case: one key, which every element has, once. [`Slots`] does what kustomize does with
//! all others, step by step, since nothing shorter gives the same result: elements without their key are lost with others,
//! a second key counts only where some element has it.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{DIRECTIVE, MANY, Merge, MergeError, Outcome, Patch};
use crate::node::{Map, Node};
use crate::openapi::{MergeKeys, Schema};

/// The elements that the patch has.
#[derive(Clone, Copy)]
pub(super) enum Elements<'p> {
    /// These.
    Other(&'p [Node]),
    /// The very list that is patched.
    Itself,
}

/// The value of the directive for the whole list: `- $patch: replace`, nothing beside it, in the first element that has one.
pub(super) fn directive(list: &[Node]) -> Option<&Node> {
    let map = list.iter().filter_map(Node::as_map).find(|map| map.contains_key(DIRECTIVE))?;
    map.get(DIRECTIVE).filter(|_| map.len() == 1)
}

/// Takes the directive out of the list, and what kustomize takes out with it.
pub(super) fn take_directive(list: &mut Vec<Node>, text: &str) -> Result<(), MergeError> {
    let mut failed = None;
    list.retain(|element| match element {
        Node::Map(map) if map.is_empty() => false,
        Node::Map(map) => !has(map, DIRECTIVE, text),
        other => {
            if !other.is_null() && text.is_empty() {
                failed = Some(wrong_kind(other));
            }
            !other.is_null()
        }
    });
    failed.map_or(Ok(()), Err)
}

impl<'a> Merge<'a> {
    /// Merges elements by `keys`.
    pub(super) fn elements(
        &self,
        target: &mut Vec<Node>,
        patch: Elements<'_>,
        keys: &MergeKeys<'_>,
        schema: Option<Schema<'a>>,
    ) -> Result<(), MergeError> {
        let usual = match (keys.0.as_slice(), patch) {
            ([key], Elements::Other(list)) => all_told_apart(target, key) && all_told_apart(list, key),
            ([key], Elements::Itself) => all_told_apart(target, key),
            _ => false,
        };
        match (usual, patch) {
            (true, Elements::Other([])) => self.each(target, Patch::Nothing, schema),
            (true, Elements::Other(list)) => self.by_one_key(target, list, keys.0[0], schema),
            (true, Elements::Itself) => self.each(target, Patch::Itself, schema),
            (false, _) => {
                let keys = if keys.0.is_empty() { &[""][..] } else { &keys.0[..] };
                let own = match patch {
                    Elements::Other(list) => Some(list.iter().map(Cow::Borrowed).collect()),
                    Elements::Itself => None,
                };
                let mut slots = Slots { merge: self, nodes: std::mem::take(target), dest: Vec::new(), patch: own, keys, schema };
                slots.dest = (0..slots.nodes.len()).collect();
                *target = slots.merged()?;
                Ok(())
            }
        }
    }

    fn each(&self, list: &mut Vec<Node>, patch: Patch<'_>, schema: Option<Schema<'a>>) -> Result<(), MergeError> {
        let mut gone = false;
        for (index, element) in list.iter_mut().enumerate() {
            match self.node(Some(element), patch, schema).map_err(|error| error.inside(&format!("[{index}]")))? {
                Outcome::Kept => {}
                Outcome::Replaced(node) => *element = node,
                Outcome::Gone => *element = Node::null(),
            }
            gone |= element.is_null_or_empty();
        }
        if gone {
            list.retain(|element| !element.is_null_or_empty());
        }
        Ok(())
    }

    fn by_one_key(&self, target: &mut Vec<Node>, patch: &[Node], key: &str, schema: Option<Schema<'a>>) -> Result<(), MergeError> {
        let mut rest: Vec<Option<Node>> = std::mem::take(target).into_iter().map(Some).collect();
        let many = rest.len() > MANY && patch.len() > 1;
        let places: HashMap<String, usize> = if many {
            rest.iter().enumerate().filter_map(|(at, node)| Some((key_of(node.as_ref()?, key).to_owned(), at))).collect()
        } else {
            HashMap::new()
        };
        let mut merged = Vec::with_capacity(rest.len() + patch.len());
        for element in patch {
            let value = key_of(element, key);
            let at = match many {
                true => places.get(value).copied(),
                false => rest.iter().position(|node| node.as_ref().is_some_and(|node| key_of(node, key) == value)),
            };
            let mut old = at.and_then(|at| rest[at].take());
            let outcome = self.node(old.as_mut(), Patch::Other(element), schema);
            match (outcome.map_err(|error| error.inside(&format!("[{key}={value}]")))?, old) {
                (Outcome::Gone, _) => {}
                // An element that is to be replaced stands in the new one's place in the end: that is kustomize's.
                (Outcome::Kept | Outcome::Replaced(_), Some(old)) => merged.push(old),
                (Outcome::Replaced(new), None) => merged.push(new),
                (Outcome::Kept, None) => {}
            }
        }
        let mut rest: Vec<Node> = rest.into_iter().flatten().collect();
        self.each(&mut rest, Patch::Nothing, schema)?;
        merged.append(&mut rest);
        *target = merged;
        Ok(())
    }
}

/// Whether all elements are maps with this key, no two with the same text there.
fn all_told_apart(list: &[Node], key: &str) -> bool {
    let key_text = |node: &Node| {
        let value = node.as_map().and_then(|map| map.get(key));
        matches!(value, Some(Node::Scalar(scalar)) if !scalar.is_null() && !scalar.text.is_empty())
    };
    if !list.iter().all(key_text) {
        return false;
    }
    if list.len() > MANY {
        let mut seen = std::collections::HashSet::with_capacity(list.len());
        return list.iter().all(|node| seen.insert(key_of(node, key)));
    }
    list.iter().enumerate().all(|(at, node)| list[..at].iter().all(|other| key_of(other, key) != key_of(node, key)))
}

fn key_of<'n>(node: &'n Node, key: &str) -> &'n str {
    node.as_map().and_then(|map| map.get(key)).map_or("", Node::text)
}

/// Whether a field of this name has this text.
fn has(map: &Map, field: &str, text: &str) -> bool {
    map.iter().any(|(key, value)| key == field && value.text() == text)
}

fn wrong_kind(found: &Node) -> MergeError {
    MergeError::WrongKind { path: String::new(), expected: "MappingNode", found: found.kind_name() }
}

/// A merge step by step. Elements are referred to by their place in `nodes`: one can stand in two lists, and twice in one.
struct Slots<'m, 'a, 'p> {
    merge: &'m Merge<'a>,
    nodes: Vec<Node>,
    /// The list that is patched.
    dest: Vec<usize>,
    /// The patch's elements; `None` when the list is patched by itself. A directive counts at the first visit only.
    patch: Option<Vec<Cow<'p, Node>>>,
    /// One empty key for plain values.
    keys: &'p [&'p str],
    schema: Option<Schema<'a>>,
}

impl Slots<'_, '_, '_> {
    fn merged(mut self) -> Result<Vec<Node>, MergeError> {
        let mut tuples = self.tuples();
        if self.keys.len() > 1 {
            unite(&mut tuples);
        }
        let used: Vec<bool> = (0..self.keys.len()).map(|key| tuples.iter().any(|tuple| !tuple[key].is_empty())).collect();
        let any = used.contains(&true);
        let pick = |at: usize| !any || used[at];
        let keys: Vec<&str> = self.keys.iter().enumerate().filter(|(at, _)| pick(*at)).map(|(_, key)| *key).collect();
        let mut items = Vec::new();
        for tuple in &tuples {
            let values: Vec<&str> = tuple.iter().enumerate().filter(|(at, _)| pick(*at)).map(|(_, value)| value.as_str()).collect();
            if let Some(slot) = self.element(&keys, &values)? {
                self.set(&mut items, Some(slot), &keys, &values)?;
            }
        }
        if !tuples.is_empty() {
            for slot in std::mem::take(&mut self.dest) {
                self.append(&mut items, slot, &keys)?;
            }
            self.dest = items;
        }
        Ok(self.taken())
    }

    /// The values of the keys, of the patch's elements and then of the others, each once.
    fn tuples(&self) -> Vec<Vec<String>> {
        let of_patch = self.patch.iter().flatten().map(|node| &**node);
        let mut seen = std::collections::HashSet::new();
        let elements = of_patch.chain(self.dest.iter().map(|slot| &self.nodes[*slot]));
        elements.map(|node| tuple(node, self.keys)).filter(|tuple| seen.insert(tuple.clone())).collect()
    }

    /// Merges the elements with these values. `None`: there is none any more, and none in the patched list.
    fn element(&mut self, keys: &[&str], values: &[&str]) -> Result<Option<usize>, MergeError> {
        // An element is looked for by the keys that have a value.
        let some = values.iter().any(|value| !value.is_empty());
        let wanted: Vec<(&str, &str)> = keys.iter().copied().zip(values.iter().copied()).filter(|(_, v)| !some || !v.is_empty()).collect();
        let old = self.dest.iter().copied().find(|slot| matches(&self.nodes[*slot], &wanted));
        let (merge, schema) = (self.merge, self.schema);
        let visited = self.patch.as_mut().map(|list| list.iter_mut().find(|node| matches(node, &wanted)));
        let patch = match &visited {
            None => Patch::Itself,
            Some(None) => Patch::Nothing,
            Some(Some(node)) => Patch::Other(node),
        };
        let outcome = merge.node(old.map(|slot| &mut self.nodes[slot]), patch, schema);
        if let Some(Some(node)) = visited
            && node.as_map().is_some_and(|map| map.get(DIRECTIVE).is_some_and(|value| super::directive(value).is_ok()))
            && let Some(map) = node.to_mut().as_map_mut()
        {
            map.remove(DIRECTIVE);
        }
        let slot = match outcome.map_err(|error| error.inside(&format!("[{}]", values.join(","))))? {
            Outcome::Gone => None,
            Outcome::Kept => old,
            Outcome::Replaced(node) => {
                self.nodes.push(node);
                Some(self.nodes.len() - 1)
            }
        };
        let empty = |node: &Node| node.is_null() || node.as_map().is_some_and(Map::is_empty);
        let Some(slot) = slot.filter(|slot| !empty(&self.nodes[*slot])) else {
            let mut dest = std::mem::take(&mut self.dest);
            self.set(&mut dest, None, keys, values)?;
            self.dest = dest;
            return Ok(None);
        };
        for (key, value) in keys.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            complete(&mut self.nodes[slot], key, value)?;
        }
        Ok(Some(slot))
    }

    /// Puts an element in the place of all that match, or at the end; `None` takes them out. Empty elements are lost.
    fn set(&self, list: &mut Vec<usize>, element: Option<usize>, keys: &[&str], values: &[&str]) -> Result<(), MergeError> {
        let by_map = keys.first().is_some_and(|key| !key.is_empty()) && values.first().is_some_and(|value| !value.is_empty());
        let mut kept = Vec::with_capacity(list.len() + 1);
        let mut found = false;
        for slot in list.iter().copied() {
            let node = &self.nodes[slot];
            if node.is_null() || node.as_map().is_some_and(Map::is_empty) {
                continue;
            }
            if by_map && node.as_map().is_none() {
                kept.push(slot);
            } else if !is_meant(node, keys, values)? {
                // Without any value nothing is kept.
                kept.extend((!values.is_empty()).then_some(slot));
            } else {
                found = true;
                kept.extend(element);
            }
        }
        // A null is put in another's place, but never added.
        if !found {
            kept.extend(element.filter(|slot| !self.nodes[*slot].is_null()));
        }
        *list = kept;
        Ok(())
    }

    /// Puts an element of the patched list in its place among the merged ones, or behind them.
    fn append(&self, items: &mut Vec<usize>, slot: usize, keys: &[&str]) -> Result<(), MergeError> {
        let node = &self.nodes[slot];
        if keys[0].is_empty() {
            return self.set(items, Some(slot), &[""], &[node.text()]);
        }
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            let field = match node {
                Node::Map(map) => map.get(key),
                node if node.is_null() => None,
                node => return Err(wrong_kind(node)),
            };
            match field {
                Some(field) => values.push(field.text()),
                None => items.push(slot),
            }
        }
        if keys.len() > 1 {
            self.set(items, None, keys, &values)?;
        }
        self.set(items, Some(slot), keys, &values)
    }

    fn taken(self) -> Vec<Node> {
        let mut left = vec![0_usize; self.nodes.len()];
        for slot in &self.dest {
            left[*slot] += 1;
        }
        let mut nodes = self.nodes;
        let mut take = |slot: usize| {
            left[slot] -= 1;
            if left[slot] == 0 { std::mem::replace(&mut nodes[slot], Node::null()) } else { nodes[slot].clone() }
        };
        self.dest.iter().map(|slot| take(*slot)).collect()
    }
}

/// The texts of an element's keys; of a plain value its own.
fn tuple(node: &Node, keys: &[&str]) -> Vec<String> {
    let value = |key: &&str| match *key {
        "" => node.text().to_owned(),
        key => node.as_map().and_then(|map| map.get(key)).filter(|value| !value.is_null()).map_or("", Node::text).to_owned(),
    };
    keys.iter().map(value).collect()
}

/// Tuples that differ only where one of them has nothing are one: a port without protocol is the port with one.
fn unite(tuples: &mut [Vec<String>]) {
    for i in 0..tuples.len() {
        let one = tuples[i].clone();
        for j in 0..tuples.len() {
            if let Some(united) = united(&one, &tuples[j]) {
                tuples[i].clone_from(&united);
                tuples[j] = united;
            }
        }
    }
}

fn united(one: &[String], other: &[String]) -> Option<Vec<String>> {
    let fits = one.iter().zip(other).all(|(a, b)| a == b || a.is_empty() || b.is_empty());
    let alike = one.iter().zip(other).any(|(a, b)| a == b);
    (fits && alike).then(|| one.iter().zip(other).map(|(a, b)| if a.is_empty() { b.clone() } else { a.clone() }).collect())
}

/// Whether an element has all these fields with these texts; a plain value has the empty key.
fn matches(node: &Node, wanted: &[(&str, &str)]) -> bool {
    match (node, wanted) {
        (node, [("", value), ..]) => node.text() == *value,
        (Node::Map(map), wanted) => wanted.iter().all(|(key, value)| has(map, key, value)),
        _ => false,
    }
}

/// Whether an element is meant by these values, when it is to be set. An empty value stands for any, and a missing one for
/// what the value before it said.
fn is_meant(node: &Node, keys: &[&str], values: &[&str]) -> Result<bool, MergeError> {
    let mut meant = false;
    for (at, key) in keys.iter().enumerate() {
        match (values.get(at).copied(), node) {
            (None, _) => {}
            (Some(value), Node::Scalar(scalar)) if key.is_empty() => meant = scalar.text.as_str() == value,
            (Some(""), Node::Map(map)) if !key.is_empty() => meant = map.contains_key(key),
            (Some(value), Node::Map(map)) if !key.is_empty() => meant = has(map, key, value),
            (Some(_), node) => return Err(wrong_kind(node)),
        }
        if !meant {
            return Ok(false);
        }
    }
    Ok(meant)
}

/// Gives an element a key that it was found without.
fn complete(node: &mut Node, key: &str, value: &str) -> Result<(), MergeError> {
    match node {
        Node::Map(map) if key.is_empty() || map.contains_key(key) => {}
        Node::Map(map) => {
            map.set_field(key, Node::untagged(value));
        }
        scalar @ Node::Scalar(_) if key.is_empty() => scalar.overwrite(Node::untagged(value)),
        other => return Err(wrong_kind(other)),
    }
    Ok(())
}
