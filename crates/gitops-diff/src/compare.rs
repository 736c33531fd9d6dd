//! What differs, by path: [`compare`].
//!
//! Direction: from live to desired, so `Added` is what applying would add. Lists whose elements have a key of their own
//! (`name`, …) are compared element by element whatever their order, and a change of order is told apart; other lists are
//! aligned by content, then by position.

use std::collections::HashMap;

use gitops_manifest::{ObjectId, Value};

use crate::align::{self, Keyed, Piece};
use crate::ignore::IgnoreRule;
use crate::trail::Trail;

/// Keys that tell list elements apart, first one first.
pub const LIST_KEYS: &[&str] = &["name", "id", "key", "mountPath", "containerPort", "port", "devicePath", "ip", "type"];

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// RFC 6901 pointer: into desired for `Added`, else into live (both without what rules ignore).
    pub pointer: String,
    /// The same for people: `spec.containers[name=web].image`.
    pub path: String,
    /// What it is.
    pub change: Change,
}

/// What a difference is, from live to desired.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Only desired has it.
    Added {
        /// The value in desired.
        value: Value,
    },
    /// Only live has it.
    Removed {
        /// The value in live.
        value: Value,
    },
    /// Both have it, with different values.
    Changed {
        /// The value in live.
        from: Value,
        /// The value in desired.
        to: Value,
    },
    /// The elements that both lists have stand in another order.
    Reordered {
        /// Their keys in live.
        from: Vec<String>,
        /// Their keys in desired.
        to: Vec<String>,
    },
}

/// The differences of two objects, in the order of their fields, without what `rules` ignore.
///
/// A rule applies when it selects the object, which desired names, or live when desired has no kind.
pub fn compare(desired: &Value, live: &Value, rules: &[IgnoreRule]) -> Vec<Difference> {
    compare_with_keys(desired, live, rules, LIST_KEYS)
}

/// As [`compare`], with other keys for list elements; earlier ones are tried first.
pub fn compare_with_keys(desired: &Value, live: &Value, rules: &[IgnoreRule], keys: &[&str]) -> Vec<Difference> {
    let id = identity(if desired.get("kind").is_some() { desired } else { live });
    let selected: Vec<&IgnoreRule> = rules.iter().filter(|r| r.selects(&id)).collect();
    let mut walk = Walk { keys, trail: Trail::default(), out: Vec::new() };
    if selected.iter().any(|r| r.touches(desired) || r.touches(live)) {
        let (mut desired, mut live) = (desired.clone(), live.clone());
        for rule in selected {
            rule.remove_from(&mut desired);
            rule.remove_from(&mut live);
        }
        walk.values(&live, &desired);
    } else {
        walk.values(live, desired);
    }
    walk.out
}

pub(crate) fn identity(value: &Value) -> ObjectId {
    let text = |path: &[&str]| value.str_at(path).unwrap_or("");
    let group = text(&["apiVersion"]).split_once('/').map_or("", |(group, _)| group);
    ObjectId::new(group, text(&["kind"]), text(&["metadata", "namespace"]), text(&["metadata", "name"]))
}

struct Walk<'k> {
    keys: &'k [&'k str],
    trail: Trail,
    out: Vec<Difference>,
}

impl Walk<'_> {
    fn report(&mut self, change: Change) {
        self.out.push(self.trail.difference(change));
    }

    /// Goes one step down, and back.
    fn at(&mut self, token: &str, label: &str, work: impl FnOnce(&mut Self)) {
        let mark = self.trail.enter(token, label);
        work(self);
        self.trail.leave(mark);
    }

    fn values(&mut self, live: &Value, desired: &Value) {
        match (live, desired) {
            (Value::Map(from), Value::Map(to)) => {
                let mut keys: Vec<&str> = from.keys().chain(to.keys()).map(|k| k.as_str()).collect();
                keys.sort_unstable();
                keys.dedup();
                for key in keys {
                    self.at(key, &map_label(key), |walk| walk.members(from.get(key), to.get(key)));
                }
            }
            (Value::List(from), Value::List(to)) => {
                let keys = self.keys;
                match align::by_key(from, to, keys) {
                    Some(keyed) => self.keyed(from, to, &keyed),
                    None => self.aligned(from, to),
                }
            }
            (from, to) if from == to => {}
            (from, to) => self.report(Change::Changed { from: from.clone(), to: to.clone() }),
        }
    }

    fn members(&mut self, live: Option<&Value>, desired: Option<&Value>) {
        match (live, desired) {
            (Some(from), Some(to)) => self.values(from, to),
            (Some(value), None) => self.report(Change::Removed { value: value.clone() }),
            (None, Some(value)) => self.report(Change::Added { value: value.clone() }),
            (None, None) => {}
        }
    }

    fn keyed(&mut self, live: &[Value], desired: &[Value], keyed: &Keyed<'_>) {
        let label = |key: &align::Key<'_>| format!("[{}={key}]", keyed.name);
        let places: HashMap<&align::Key<'_>, usize> = keyed.b.iter().enumerate().map(|(j, k)| (k, j)).collect();
        let mut matched = vec![false; desired.len()];
        let mut order = Vec::new();
        for (i, key) in keyed.a.iter().enumerate() {
            let partner = places.get(key).copied();
            if let Some(j) = partner {
                matched[j] = true;
                order.push(j);
            }
            self.at(&i.to_string(), &label(key), |walk| walk.members(Some(&live[i]), partner.map(|j| &desired[j])));
        }
        for j in (0..desired.len()).filter(|j| !matched[*j]) {
            self.at(&j.to_string(), &label(&keyed.b[j]), |walk| walk.members(None, Some(&desired[j])));
        }
        if !order.is_sorted() {
            let from = order.iter().map(|j| keyed.b[*j].to_string()).collect();
            order.sort_unstable();
            self.report(Change::Reordered { from, to: order.iter().map(|j| keyed.b[*j].to_string()).collect() });
        }
    }

    fn aligned(&mut self, live: &[Value], desired: &[Value]) {
        let (a, b) = align::by_content(live, desired);
        for piece in align::pieces(&a, &b) {
            let Piece::Gap { from, to } = piece else { continue };
            let (mut i, mut j) = from;
            while i < to.0 || j < to.1 {
                let (old, new) = ((i < to.0).then(|| &live[i]), (j < to.1).then(|| &desired[j]));
                let index = if old.is_some() { i } else { j };
                self.at(&index.to_string(), &format!("[{index}]"), |walk| walk.members(old, new));
                (i, j) = (i + usize::from(old.is_some()), j + usize::from(new.is_some()));
            }
        }
    }
}

/// A map key in a path for people: quoted when it is not a plain word.
pub(crate) fn map_label(key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain { key.to_owned() } else { format!("[{key:?}]") }
}
