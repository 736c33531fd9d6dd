//! Scalars that are one node in the reference. kustomize's label and annotation transformers put the same node at every
//! place that they create in a resource, so whatever later changes the label at one of these places changes it at all:
//! a patch of `metadata.labels.app` changes the selector too.
//!
//! Here such scalars carry the number of a group. Overwriting one of them gives it a stamp, and [`settle`] then carries
//! the newest of each group to the others. Taking one out, or making a map anew, leaves the others alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Node, Scalar};

static CLOCK: AtomicU32 = AtomicU32::new(1);

impl Scalar {
    /// Puts it in a group of its resource.
    pub(crate) fn in_group(mut self, group: u16) -> Scalar {
        self.group = group;
        self
    }

    /// Takes the place of a scalar, and its group.
    pub(super) fn join(&mut self, old: &Scalar) {
        self.group = old.group;
        if old.group != 0 {
            self.stamp = CLOCK.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Carries what was overwritten since the stamp `since` to all of its group; returns the newest stamp.
pub(crate) fn settle(root: &mut Node, since: u32) -> u32 {
    let mut changed: HashMap<u16, Scalar> = HashMap::new();
    collect(root, since, &mut changed);
    let newest = changed.values().map(|scalar| scalar.stamp).max();
    if newest.is_some() {
        spread(root, &changed);
    }
    newest.unwrap_or(since)
}

/// Takes all groups apart, as a copy or a pass through JSON does.
pub(crate) fn part(node: &mut Node) {
    match node {
        Node::Scalar(scalar) => (scalar.group, scalar.stamp) = (0, 0),
        Node::List(list) => list.iter_mut().for_each(part),
        Node::Map(map) => map.entries_mut().iter_mut().for_each(|(_, value)| part(value)),
    }
}

fn collect(node: &Node, since: u32, changed: &mut HashMap<u16, Scalar>) {
    match node {
        Node::Scalar(scalar) if scalar.group != 0 && scalar.stamp > since => {
            if changed.get(&scalar.group).is_none_or(|other| other.stamp < scalar.stamp) {
                changed.insert(scalar.group, scalar.clone());
            }
        }
        Node::Scalar(_) => {}
        Node::List(list) => list.iter().for_each(|item| collect(item, since, changed)),
        Node::Map(map) => map.entries().iter().for_each(|(_, value)| collect(value, since, changed)),
    }
}

fn spread(node: &mut Node, changed: &HashMap<u16, Scalar>) {
    match node {
        Node::Scalar(scalar) if scalar.group != 0 => {
            if let Some(newest) = changed.get(&scalar.group) {
                scalar.clone_from(newest);
            }
        }
        Node::Scalar(_) => {}
        Node::List(list) => list.iter_mut().for_each(|item| spread(item, changed)),
        Node::Map(map) => map.entries_mut().iter_mut().for_each(|(_, value)| spread(value, changed)),
    }
}
