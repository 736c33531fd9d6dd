//! The difference as an RFC 6902 patch. Applying `to_json_patch(live, desired)` to `live` gives `desired`.

use gitops_manifest::{Map, Value, pointer};

use crate::align::{self, Piece};
use crate::compare::LIST_KEYS;

/// The patch that makes `desired` of `live`: a list of `add`, `remove` and `replace`, empty when they are equal.
///
/// Values are those of the arguments: mask first, with [`crate::Masker`], what people are to see.
pub fn to_json_patch(live: &Value, desired: &Value) -> Value {
    let mut patch = Patch { pointer: String::new(), operations: Vec::new() };
    patch.values(live, desired);
    Value::List(patch.operations)
}

struct Patch {
    pointer: String,
    operations: Vec<Value>,
}

impl Patch {
    fn operation(&mut self, op: &str, value: Option<&Value>) {
        let mut entries = vec![("op", Value::from(op)), ("path", Value::from(self.pointer.as_str()))];
        entries.extend(value.map(|v| ("value", v.clone())));
        self.operations.push(Value::Map(entries.into_iter().collect()));
    }

    fn at(&mut self, token: &str, work: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        pointer::append(&mut self.pointer, token);
        work(self);
        self.pointer.truncate(length);
    }

    fn values(&mut self, live: &Value, desired: &Value) {
        match (live, desired) {
            (Value::Map(from), Value::Map(to)) => self.maps(from, to),
            (Value::List(from), Value::List(to)) => {
                let pieces = match align::by_key(from, to, LIST_KEYS) {
                    Some(keyed) => align::pieces(&keyed.a, &keyed.b),
                    None => {
                        let (a, b) = align::by_content(from, to);
                        align::pieces(&a, &b)
                    }
                };
                self.lists(from, to, &pieces);
            }
            (from, to) if from == to => {}
            (_, to) => self.operation("replace", Some(to)),
        }
    }

    fn maps(&mut self, live: &Map, desired: &Map) {
        for key in live.keys().filter(|k| !desired.contains_key(k)) {
            self.at(key, |p| p.operation("remove", None));
        }
        for (key, to) in desired.iter() {
            self.at(key, |p| match live.get(key) {
                Some(from) => p.values(from, to),
                None => p.operation("add", Some(to)),
            });
        }
    }

    /// From the end to the beginning: so every index is still that of `live` when its operation runs.
    fn lists(&mut self, live: &[Value], desired: &[Value], pieces: &[Piece]) {
        for piece in pieces.iter().rev() {
            match *piece {
                Piece::Match(i, j) => self.at(&i.to_string(), |p| p.values(&live[i], &desired[j])),
                Piece::Gap { from, to } => {
                    let both = (to.0 - from.0).min(to.1 - from.1);
                    for i in (from.0 + both..to.0).rev() {
                        self.at(&i.to_string(), |p| p.operation("remove", None));
                    }
                    for j in (from.1 + both..to.1).rev() {
                        self.at(&to.0.to_string(), |p| p.operation("add", Some(&desired[j])));
                    }
                    for k in (0..both).rev() {
                        self.at(&(from.0 + k).to_string(), |p| p.values(&live[from.0 + k], &desired[from.1 + k]));
                    }
                }
            }
        }
    }
}
