//! Desired against live by who owns which field: [`compare_owned`].
//!
//! In sync is an object in which every field that is desired is there with an equal value, and no field that is ours is
//! left over. What others set, and what the API server fills in, is no difference. Where only the API server can say whether
//! an apply would change anything, that is a [`Doubt`]: a dry run of the apply, given to [`crate::confirm`], settles it.

use std::collections::{HashMap, HashSet};

use gitops_manifest::{Map, Str, Value, json};
use gitops_schema::{Merge, Schema, Shape, Type};

use crate::align;
use crate::compare::{Change, Difference, LIST_KEYS, map_label};
use crate::equal::{is_empty, is_filled_in, may_be_same, same};
use crate::ignore::IgnoreRule;
use crate::known::KnownNode;
use crate::normal::{CompareOptions, Normal, UNSET_BY_ZERO};
use crate::ownership::{FieldSet, Ownership, fields_of, key_of};
use crate::trail::Trail;

/// What a comparison by ownership found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owned {
    /// What differs for certain.
    pub differences: Vec<Difference>,
    /// What may differ.
    pub doubts: Vec<Doubt>,
}

/// What a comparison by ownership comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do.
    InSync,
    /// An apply would change the object.
    Differs,
    /// Only the API server can say: ask it by a dry run, and give its answer to [`crate::confirm`].
    AskServer,
}

/// A place where an apply may change something.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubt {
    /// What the difference is, if it is one.
    pub difference: Difference,
    /// Why it may be none.
    pub reason: DoubtReason,
}

/// Why a difference may be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DoubtReason {
    /// We applied the field, and the API server did not keep it.
    Dropped,
    /// A field that nobody wrote in git stands in a list or map that is ours as a whole: filled in, or removed in git.
    PerhapsFilledIn,
    /// The type is unknown, and the two texts could mean the same.
    PerhapsSame,
    /// The value in git means "not set", and the API server may fill it in.
    Unset,
    /// The field was ours under another version or another manager, together with what the API server filled in.
    PerhapsOurs,
}

impl std::fmt::Display for DoubtReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DoubtReason::Dropped => "the API server did not keep it",
            DoubtReason::PerhapsFilledIn => "the API server may have filled it in",
            DoubtReason::PerhapsSame => "the two texts may mean the same",
            DoubtReason::Unset => "the value in git means that it is not set",
            DoubtReason::PerhapsOurs => "it was written before it was applied",
        })
    }
}

impl Owned {
    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        match (self.differences.is_empty(), self.doubts.is_empty()) {
            (false, _) => Verdict::Differs,
            (true, false) => Verdict::AskServer,
            (true, true) => Verdict::InSync,
        }
    }
}

/// Everything that a comparison goes by beside the two objects.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The types of the cluster's kinds.
    pub schema: &'a Schema,
    /// What is ignored.
    pub rules: &'a [IgnoreRule],
    /// What is ignored for the whole system, after that.
    pub system: &'a [IgnoreRule],
    /// What is compared.
    pub options: &'a CompareOptions,
}

/// What an apply of `desired` would change in `live`, as far as the two and their types tell.
pub fn compare_owned(desired: &Value, live: &Value, ownership: &Ownership, context: &Context<'_>) -> Owned {
    let normal = Normal::of(desired, live, context);
    let (desired, live) = (normal.desired.as_ref(), normal.live.as_ref());
    let kind = context.schema.kind_of(desired);
    let ignored = normal.ignored_managers();
    let ignored = if ignored.is_empty() { None } else { fields_of(live, &ignored) };
    let mut walk = Walk { trail: Trail::default(), out: Owned::default(), ownership, normal: &normal, probing: false };
    let at = At {
        ty: kind.map_or(Type::any(), |k| k.ty),
        default: None,
        own: ownership.applied.as_ref(),
        uncertain: ownership.uncertain.as_ref(),
        sent: ownership.sent.as_ref(),
        ignored: ignored.as_ref(),
        known: context.options.known_types.of(desired),
        whole: false,
    };
    walk.values(&at, live, desired);
    walk.out
}

/// What is known of a place beside the two values there.
#[derive(Clone, Copy)]
struct At<'a> {
    ty: Type<'a>,
    default: Option<&'a Value>,
    own: Option<&'a FieldSet>,
    uncertain: Option<&'a FieldSet>,
    sent: Option<&'a Value>,
    ignored: Option<&'a FieldSet>,
    known: Option<&'a KnownNode>,
    /// Whether it stands in a list or map that is replaced as a whole.
    whole: bool,
}

impl<'a> At<'a> {
    fn field(&self, name: &str) -> At<'a> {
        let known = self.known.and_then(|k| k.field(name));
        let field = self.ty.field(name);
        At {
            ty: known.and_then(|k| k.ty()).unwrap_or(field.ty),
            default: field.default,
            own: self.own.and_then(|s| s.field(name)),
            uncertain: self.uncertain.and_then(|s| s.field(name)),
            sent: self.sent.and_then(|v| v.get(name)),
            ignored: self.ignored.and_then(|s| s.field(name)),
            known,
            whole: self.whole,
        }
    }

    /// An element that a set names by `key`; `sent` is its counterpart in the record.
    fn element(&self, ty: Type<'a>, key: &str, sent: Option<&'a Value>) -> At<'a> {
        At {
            ty: self.known.and_then(|k| k.ty()).unwrap_or(ty),
            default: None,
            own: self.own.and_then(|s| s.element(key)),
            uncertain: self.uncertain.and_then(|s| s.element(key)),
            sent,
            ignored: self.ignored.and_then(|s| s.element(key)),
            known: self.known,
            whole: self.whole,
        }
    }

    /// A part of what is replaced as a whole: sets name nothing below it.
    fn part(&self, ty: Type<'a>, sent: Option<&'a Value>) -> At<'a> {
        At { ty, default: None, sent, whole: true, ..*self }
    }
}

struct Walk<'w> {
    trail: Trail,
    out: Owned,
    ownership: &'w Ownership,
    normal: &'w Normal<'w>,
    /// Only whether anything differs is asked.
    probing: bool,
}

impl Walk<'_> {
    fn step(&mut self, token: &str, label: &str, work: impl FnOnce(&mut Self)) {
        let mark = self.trail.enter(token, label);
        work(self);
        self.trail.leave(mark);
    }

    fn report(&mut self, change: Change) {
        let difference = self.trail.difference(change);
        self.out.differences.push(difference);
    }

    fn doubt(&mut self, reason: DoubtReason, change: Change) {
        let difference = self.trail.difference(change);
        self.out.doubts.push(Doubt { difference, reason });
    }

    fn values(&mut self, at: &At<'_>, live: &Value, desired: &Value) {
        match (live, desired) {
            (Value::Map(from), Value::Map(to)) => self.maps(at, from, to),
            (Value::List(from), Value::List(to)) => self.lists(at, from, to),
            (live, desired) if live == desired => {}
            (live, Value::Null) => self.unset(at, live, desired),
            (live, desired) if is_empty(live) && is_empty(desired) => {}
            (live, desired) => self.single(at, live, desired),
        }
    }

    /// `null` in git: the field is not to be set. What the API server fills in does not count.
    fn unset(&mut self, at: &At<'_>, live: &Value, desired: &Value) {
        if !is_empty(live) && !is_filled_in(live, at.ty, at.default) {
            self.doubt(DoubtReason::Unset, Change::Changed { from: live.clone(), to: desired.clone() });
        }
    }

    fn single(&mut self, at: &At<'_>, live: &Value, desired: &Value) {
        let equal = match at.ty.shape() {
            Shape::Scalar(scalar) => same(scalar, live, desired),
            _ => false,
        };
        // What managers own that are left alone counts only where it appears or goes away.
        if equal || at.ignored.is_some_and(|set| set.member || set.is_leaf()) {
            return;
        }
        let change = Change::Changed { from: live.clone(), to: desired.clone() };
        let unset = match desired {
            Value::String(text) => text.is_empty() && !matches!(at.ty.shape(), Shape::Any),
            Value::Number(_) => is_empty(desired) && UNSET_BY_ZERO.iter().any(|name| self.trail.pointer.ends_with(name)),
            _ => false,
        };
        if unset {
            if !is_filled_in(live, at.ty, at.default) {
                self.doubt(DoubtReason::Unset, change);
            }
        } else if matches!(at.ty.shape(), Shape::Any) && may_be_same(live, desired) {
            self.doubt(DoubtReason::PerhapsSame, change);
        } else {
            self.report(change);
        }
    }

    /// A field that is desired, and that live lacks.
    fn missing(&mut self, at: &At<'_>, desired: &Value) {
        let typed = !matches!(at.ty.shape(), Shape::Any);
        let change = || Change::Added { value: desired.clone() };
        if desired.is_null() {
        } else if is_empty(desired) {
            let is_object = matches!(at.ty.shape(), Shape::Object(_));
            let unowned = self.ownership.applied.is_none() && typed && (!is_object || at.sent.is_some());
            // Kept out of storage because it is what a missing field means; another's removal takes our ownership away.
            let ours = at.whole || at.own.is_some() || unowned || self.trail.pointer.starts_with("/metadata/");
            if !ours {
                self.report(change());
            }
        } else if at.default == Some(desired) && (at.whole || at.own.is_some()) {
        } else if (at.whole && at.own.is_some()) || owns_all(at, desired) || (self.ownership.applied.is_none() && at.sent == Some(desired))
        {
            self.doubt(DoubtReason::Dropped, change());
        } else {
            self.report(change());
        }
    }

    fn maps(&mut self, at: &At<'_>, live: &Map, desired: &Map) {
        let atomic = is_atomic(at.ty);
        let of = |name: &str| if atomic || at.whole { whole_field(at, name) } else { at.field(name) };
        for (name, value) in desired.iter() {
            if self.normal.skips(&self.trail.pointer, name) {
                continue;
            }
            let at = of(name);
            self.step(name, &map_label(name), |walk| match live.get(name) {
                Some(live) => walk.values(&at, live, value),
                None => walk.missing(&at, value),
            });
        }
        for (name, value) in live.iter().filter(|(name, _)| !desired.contains_key(name)) {
            if self.normal.skips(&self.trail.pointer, name) {
                continue;
            }
            let at = of(name);
            if at.whole || at.own.is_some() || at.uncertain.is_some() || at.sent.is_some() {
                self.step(name, &map_label(name), |walk| walk.extra(&at, value));
            }
        }
    }

    /// Something in live that is not desired.
    fn extra(&mut self, at: &At<'_>, live: &Value) {
        let change = || Change::Removed { value: live.clone() };
        if at.whole {
            if is_filled_in(live, at.ty, at.default) {
            } else if at.sent.is_some() && self.ownership.applied.is_none() || at.own.is_none() && self.ownership.applied.is_some() {
                self.report(change());
            } else {
                self.doubt(DoubtReason::PerhapsFilledIn, change());
            }
        } else if let Some(own) = at.own {
            self.left_over(at, own, live, false);
        } else if at.sent.is_some_and(|sent| !sent.is_null()) {
            self.sent(at, live);
        } else if let Some(uncertain) = at.uncertain {
            self.left_over(at, uncertain, live, true);
        }
    }

    /// What is ours in a part of live that is not desired at all.
    fn left_over(&mut self, at: &At<'_>, own: &FieldSet, live: &Value, uncertain: bool) {
        let change = || Change::Removed { value: live.clone() };
        if own.is_leaf() {
            let shared = match (live, at.ty.shape()) {
                // An empty map of ours that others have filled since.
                (Value::Map(map), _) => !map.is_empty() && !is_atomic(at.ty),
                _ => false,
            };
            if shared || at.default == Some(live) {
            } else if uncertain {
                if !is_filled_in(live, at.ty, at.default) {
                    self.doubt(DoubtReason::PerhapsOurs, change());
                }
            } else {
                self.report(change());
            }
            return;
        }
        match live {
            Value::Map(map) => {
                for (name, own) in own.fields() {
                    if let Some(value) = map.get(name) {
                        self.step(name, &map_label(name), |walk| walk.left_over(&at.field(name), own, value, uncertain));
                    }
                }
            }
            Value::List(list) => {
                for (i, (key, element)) in elements(at.ty, list).into_iter().enumerate() {
                    let Some(own) = key.as_deref().and_then(|key| own.element(key)) else { continue };
                    let change = Change::Removed { value: element.clone() };
                    let index = i.to_string();
                    self.step(&index, &format!("[{index}]"), |walk| match (own.member, uncertain) {
                        (true, false) => walk.report(change),
                        (true, true) => walk.doubt(DoubtReason::PerhapsOurs, change),
                        (false, _) => {
                            walk.left_over(&at.element(element_type(at.ty), key.as_deref().unwrap_or(""), None), own, element, uncertain)
                        }
                    });
                }
            }
            _ => {}
        }
    }

    /// What the record says was sent, in a part of live that is not desired at all.
    fn sent(&mut self, at: &At<'_>, live: &Value) {
        match (live, at.sent) {
            (Value::Map(map), Some(Value::Map(sent))) if !sent.is_empty() => {
                for (name, value) in map.iter().filter(|(name, _)| sent.contains_key(name)) {
                    self.step(name, &map_label(name), |walk| walk.extra(&At { own: None, ..at.field(name) }, value));
                }
            }
            (Value::Map(map), _) if !map.is_empty() => {}
            (live, _) if is_filled_in(live, at.ty, at.default) => {}
            (live, _) => self.report(Change::Removed { value: live.clone() }),
        }
    }

    fn lists(&mut self, at: &At<'_>, live: &[Value], desired: &[Value]) {
        let merged = matches!(at.ty.shape(), Shape::List { merge: Merge::Keys(_) | Merge::Set, .. });
        if merged && let (Some(from), Some(to)) = (keyed(at.ty, live), keyed(at.ty, desired)) {
            return self.elements(at, live, &from, desired, &to);
        }
        self.whole_list(at, live, desired);
    }

    /// A list whose elements are told apart, in whatever order.
    fn elements(&mut self, at: &At<'_>, live: &[Value], from: &[String], desired: &[Value], to: &[String]) {
        let ty = element_type(at.ty);
        let place =
            |keys: &[String]| -> HashMap<Str, usize> { keys.iter().enumerate().map(|(i, key)| (Str::from(key.as_str()), i)).collect() };
        let (in_live, in_desired) = (place(from), place(to));
        let record = at.sent.and_then(Value::as_list).unwrap_or_default();
        let record: HashMap<String, &Value> = elements(at.ty, record).into_iter().filter_map(|(key, v)| Some((key?, v))).collect();
        let sent = |key: &str| record.get(key).copied();
        for (j, value) in desired.iter().enumerate() {
            let at = at.element(ty, &to[j], sent(&to[j]));
            let found = in_live.get(to[j].as_str());
            let index = found.unwrap_or(&j).to_string();
            self.step(&index, &element_label(value, j), |walk| match found {
                Some(i) => walk.values(&at, &live[*i], value),
                None => walk.missing(&at, value),
            });
        }
        for (i, value) in live.iter().enumerate().filter(|(i, _)| !in_desired.contains_key(from[*i].as_str())) {
            let at = at.element(ty, &from[i], sent(&from[i]));
            self.step(&i.to_string(), &element_label(value, i), |walk| {
                let change = Change::Removed { value: value.clone() };
                match (at.whole, at.own, at.uncertain) {
                    (true, ..) => walk.report(change),
                    (_, Some(own), _) if own.member => walk.report(change),
                    (_, Some(own), _) => walk.left_over(&at, own, value, false),
                    (_, None, _) if at.sent.is_some() => walk.report(change),
                    (_, None, Some(own)) if own.member => walk.doubt(DoubtReason::PerhapsOurs, change),
                    _ => {}
                }
            });
        }
    }

    /// A list that is replaced as a whole: element by element in order, apart from what was put in or taken out at one place.
    fn whole_list(&mut self, at: &At<'_>, live: &[Value], desired: &[Value]) {
        if at.ignored.is_some_and(|set| set.member) && live != desired {
            return;
        }
        // A probe within a probe would double the work at every level.
        if self.probing && live.len() != desired.len() {
            return self.report(Change::Changed { from: Value::Null, to: Value::Null });
        }
        let ty = element_type(at.ty);
        let known = self.known_element(at, ty);
        let sent = at.sent.and_then(Value::as_list).unwrap_or_default();
        let fits = |walk: &Self, i: usize, j: usize| {
            live[i] == desired[j] || {
                let mut probe = Walk { trail: Trail::default(), out: Owned::default(), probing: true, ..*walk };
                probe.values(&at.part(known, None), &live[i], &desired[j]);
                probe.out.differences.is_empty()
            }
        };
        let (mut head, mut tail) = (0, 0);
        if live.len() != desired.len() {
            let shorter = live.len().min(desired.len());
            while head < shorter && fits(self, head, head) {
                head += 1;
            }
            while tail < shorter - head && fits(self, live.len() - 1 - tail, desired.len() - 1 - tail) {
                tail += 1;
            }
        }
        let (from, to) = (live.len() - tail, desired.len() - tail);
        let pairs = (0..head).map(|i| (Some(i), Some(i)));
        let middle = (head..from.max(to)).map(|i| ((i < from).then_some(i), (i < to).then_some(i)));
        let ends = (0..tail).map(|n| (Some(from + n), Some(to + n)));
        for (i, j) in pairs.chain(middle).chain(ends).collect::<Vec<_>>() {
            let index = i.or(j).unwrap_or_default();
            let part = at.part(known, sent.get(index));
            self.step(&index.to_string(), &format!("[{index}]"), |walk| match (i, j) {
                (Some(i), Some(j)) => walk.values(&part, &live[i], &desired[j]),
                (Some(i), None) => walk.report(Change::Removed { value: live[i].clone() }),
                (None, Some(j)) => walk.report(Change::Added { value: desired[j].clone() }),
                (None, None) => {}
            });
        }
    }

    fn known_element<'a>(&self, at: &At<'a>, ty: Type<'a>) -> Type<'a> {
        at.known.and_then(|k| k.ty()).unwrap_or(ty)
    }
}

fn whole_field<'a>(at: &At<'a>, name: &str) -> At<'a> {
    let known = at.known.and_then(|k| k.field(name));
    let field = at.ty.field(name);
    let ty = known.and_then(|k| k.ty()).unwrap_or(field.ty);
    At { default: field.default, known, ..at.part(ty, at.sent.and_then(|v| v.get(name))) }
}

/// Whether every single value in `desired` is ours here.
fn owns_all(at: &At<'_>, desired: &Value) -> bool {
    let Some(own) = at.own else { return false };
    match desired {
        Value::Map(map) if !map.is_empty() && !own.is_leaf() => map.iter().all(|(name, value)| owns_all(&at.field(name), value)),
        _ => true,
    }
}

pub(crate) fn element_type(ty: Type<'_>) -> Type<'_> {
    match ty.shape() {
        Shape::List { element, .. } => element,
        _ => Type::any(),
    }
}

/// Elements with what a set calls them; `None` for those that lack a key.
pub(crate) fn elements<'v>(ty: Type<'_>, list: &'v [Value]) -> Vec<(Option<String>, &'v Value)> {
    list.iter().map(|element| (name_of(ty, element), element)).collect()
}

fn name_of(ty: Type<'_>, element: &Value) -> Option<String> {
    match ty.shape() {
        Shape::List { element: of, merge: Merge::Keys(keys) } => key_of(element, keys, of),
        Shape::List { merge: Merge::Set, .. } => Some(json::print(element)),
        _ => None,
    }
}

/// The elements' names, if all have one and no two the same.
pub(crate) fn keyed(ty: Type<'_>, list: &[Value]) -> Option<Vec<String>> {
    let names = list.iter().map(|element| name_of(ty, element)).collect::<Option<Vec<_>>>()?;
    let distinct: HashSet<&String> = names.iter().collect();
    (distinct.len() == names.len()).then_some(names)
}

/// An element in a path for people.
pub(crate) fn element_label(element: &Value, index: usize) -> String {
    match element {
        Value::String(text) => format!("[={text}]"),
        Value::Map(_) => match align::by_key(std::slice::from_ref(element), &[], LIST_KEYS) {
            Some(keyed) => format!("[{}={}]", keyed.name, keyed.a[0]),
            None => format!("[{index}]"),
        },
        _ => format!("[{index}]"),
    }
}

pub(crate) fn is_atomic(ty: Type<'_>) -> bool {
    match ty.shape() {
        Shape::Object(object) => object.atomic,
        Shape::Map { atomic, .. } => atomic,
        _ => false,
    }
}
