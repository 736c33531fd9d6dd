//! What an apply would change, by the API server's own answer: [`confirm`].
//!
//! The answer to a dry run is the object as it would be stored, with defaults and in canonical form, so equality needs no
//! types. What counts is what is ours in it, or was: what web hooks change at every write is not drift.

use std::collections::HashMap;

use gitops_manifest::Value;
use gitops_schema::Type;

use crate::compare::{Change, Difference, LIST_KEYS, compare_with_keys, map_label};
use crate::normal::Normal;
use crate::owned::{Context, Owned, element_label, element_type, elements, is_atomic, keyed};
use crate::ownership::{FieldSet, Managers, Ownership, fields_of};
use crate::trail::Trail;

/// What an apply changes, by the API server's answer to a dry run of it: of what is ours, where the answer and live differ.
///
/// With `all`, also what web hooks and others change in the answer.
pub fn confirm(predicted: &Value, live: &Value, ownership: &Ownership, managers: &Managers, all: bool, context: &Context<'_>) -> Owned {
    let normal = Normal::of(predicted, live, context);
    let names: Vec<&str> = managers.applied.iter().map(String::as_str).collect();
    let ours = fields_of(predicted, &names);
    let (predicted, live) = (normal.desired.as_ref(), normal.live.as_ref());
    let (predicted, live) = (normal.visible(predicted), normal.visible(live));
    let mut out = Owned::default();
    let ty = context.schema.kind_of(&predicted).map_or(Type::any(), |k| k.ty);
    let sets = [ours.as_ref(), ownership.applied.as_ref(), ownership.uncertain.as_ref()];
    if all {
        out.differences = compare_with_keys(&predicted, &live, &[], LIST_KEYS);
    } else {
        let mut confirm = Confirm { trail: Trail::default(), out: &mut out.differences };
        confirm.values(ty, sets, Some(&predicted), Some(&live));
    }
    out
}

/// Compares the API server's answer with live, where one of the sets claims something.
struct Confirm<'o> {
    trail: Trail,
    out: &'o mut Vec<Difference>,
}

type Sets<'a> = [Option<&'a FieldSet>; 3];

impl Confirm<'_> {
    fn values(&mut self, ty: Type<'_>, sets: Sets<'_>, predicted: Option<&Value>, live: Option<&Value>) {
        if predicted == live || sets.iter().all(Option::is_none) {
            return;
        }
        match (predicted, live) {
            (Some(Value::Map(to)), Some(Value::Map(from))) if !is_atomic(ty) => {
                let mut names: Vec<&str> = from.keys().chain(to.keys()).map(|k| k.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                for name in names {
                    let below = sets.map(|set| set.and_then(|s| s.field(name)));
                    self.step(name, &map_label(name), |c| c.values(ty.field(name).ty, below, to.get(name), from.get(name)));
                }
            }
            (Some(Value::List(to)), Some(Value::List(from))) if keyed(ty, to).is_some() && keyed(ty, from).is_some() => {
                let (to, from) = (elements(ty, to), elements(ty, from));
                let places = |list: &[(Option<String>, &Value)]| -> HashMap<Option<String>, usize> {
                    list.iter().enumerate().map(|(i, (key, _))| (key.clone(), i)).collect()
                };
                let (in_from, in_to) = (places(&from), places(&to));
                let added = to.iter().filter(|(key, _)| !in_from.contains_key(key));
                for (key, element) in from.iter().chain(added) {
                    let (i, j) = (in_from.get(key).copied(), in_to.get(key).copied());
                    let below = sets.map(|set| set.and_then(|s| s.element(key.as_deref()?)));
                    let index = i.or(j).unwrap_or_default();
                    self.step(&index.to_string(), &element_label(element, index), |c| {
                        c.values(element_type(ty), below, j.map(|j| to[j].1), i.map(|i| from[i].1));
                    });
                }
            }
            (predicted, live) => self.plain(predicted, live),
        }
    }

    fn plain(&mut self, predicted: Option<&Value>, live: Option<&Value>) {
        let change = match (predicted, live) {
            (Some(to), Some(from)) => {
                let found = compare_with_keys(to, from, &[], LIST_KEYS);
                self.out.extend(found.into_iter().map(|difference| self.trail.below(difference)));
                return;
            }
            (Some(value), None) => Change::Added { value: value.clone() },
            (None, Some(value)) => Change::Removed { value: value.clone() },
            (None, None) => return,
        };
        self.out.push(self.trail.difference(change));
    }

    fn step(&mut self, token: &str, label: &str, work: impl FnOnce(&mut Self)) {
        let mark = self.trail.enter(token, label);
        work(self);
        self.trail.leave(mark);
    }
}
