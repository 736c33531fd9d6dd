//! Choices that proptest makes and shrinks: a list of numbers that the generator reads from. Behind its end all are 0.

/// A resource that was made: what a patch of it must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: &'static str,
    pub(crate) namespace: &'static str,
}

/// Numbers still to be used, and what was made of the others.
pub(crate) struct Tape<'t> {
    numbers: &'t [u16],
    /// The resources so far.
    pub(crate) known: Vec<Known>,
    /// The namespace of the last one.
    pub(crate) namespace: &'static str,
}

impl<'t> Tape<'t> {
    /// From numbers.
    pub(crate) fn new(numbers: &'t [u16]) -> Tape<'t> {
        Tape { numbers, known: Vec::new(), namespace: "" }
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let Some((first, rest)) = self.numbers.split_first() else { return 0 };
        self.numbers = rest;
        usize::from(*first) % n.max(1)
    }

    /// True in `percent` of a hundred cases; false behind the end.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        100 - self.below(100) <= percent
    }

    /// One of the resources so far, mostly; else nothing.
    pub(crate) fn known(&mut self) -> Option<Known> {
        if self.known.is_empty() || self.chance(8) {
            return None;
        }
        let at = self.below(self.known.len());
        self.known.get(at).cloned()
    }

    /// One of these.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
