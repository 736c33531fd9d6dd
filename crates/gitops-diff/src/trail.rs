//! Where a walk through two objects stands: as a pointer, and as a path for people.

use gitops_manifest::pointer;

use crate::compare::{Change, Difference};

/// A place in an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    /// RFC 6901.
    pub(crate) pointer: String,
    path: String,
}

/// Where a trail stood before a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(usize, usize);

impl Trail {
    /// One step down; [`Trail::leave`] takes it back.
    pub(crate) fn enter(&mut self, token: &str, label: &str) -> Mark {
        let mark = Mark(self.pointer.len(), self.path.len());
        pointer::append(&mut self.pointer, token);
        self.append(label);
        mark
    }

    /// Back to where it stood.
    pub(crate) fn leave(&mut self, mark: Mark) {
        self.pointer.truncate(mark.0);
        self.path.truncate(mark.1);
    }

    /// A difference here.
    pub(crate) fn difference(&self, change: Change) -> Difference {
        Difference { pointer: self.pointer.clone(), path: self.path.clone(), change }
    }

    /// A difference that was found from here on.
    pub(crate) fn below(&self, found: Difference) -> Difference {
        let mut trail = self.clone();
        trail.pointer.push_str(&found.pointer);
        trail.append(&found.path);
        trail.difference(found.change)
    }

    fn append(&mut self, label: &str) {
        if !label.is_empty() && !label.starts_with('[') && !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(label);
    }
}
