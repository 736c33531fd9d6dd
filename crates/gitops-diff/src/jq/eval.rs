//! Runs an expression: every result is handed to the caller's closure as it comes.

use std::borrow::Cow;

use gitops_manifest::{Map, Number, Value, json};
use jaq_core::ops::{Cmp, Math};

use super::compile::{Expr, PathPart};
use super::{Step, order};

/// Why an expression ends early.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// An error of the language; `try` and `?` catch it.
    Error(Value),
    /// No steps are left. Nothing catches it.
    Exhausted,
    /// The caller has seen enough; carries which caller.
    Enough(u64),
}

pub(super) type Flow = Result<(), Stop>;

/// A value on its way, and where it stands in the object when a path led to it.
#[derive(Clone, Debug)]
pub(super) struct Item<'v> {
    pub(super) value: Cow<'v, Value>,
    pub(super) path: Option<Vec<Step>>,
    /// For a slice: where in the list at `path` it begins.
    pub(super) slice: Option<usize>,
}

pub(super) type Out<'o, 'v> = &'o mut dyn FnMut(&mut Run, Item<'v>) -> Flow;

/// Variables, innermost last.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    name: &'s str,
    value: Option<&'s Value>,
    outer: Option<&'s Scope<'s>>,
}

/// One run.
pub(super) struct Run {
    steps: u64,
    labels: u64,
}

pub(super) fn error<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Error(Value::from(text.into())))
}

impl<'v> Item<'v> {
    pub(super) fn computed(value: impl Into<Value>) -> Item<'v> {
        Item { value: Cow::Owned(value.into()), path: None, slice: None }
    }
}

/// Whether a condition holds.
pub(super) fn holds(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

impl Run {
    pub(super) fn new(steps: u64) -> Run {
        Run { steps, labels: 0 }
    }

    pub(super) fn paths(&mut self, expr: &Expr, object: &Value) -> Result<Vec<Vec<Step>>, Stop> {
        let mut out = Vec::new();
        let input = Item { value: Cow::Borrowed(object), path: Some(Vec::new()), slice: None };
        let scope = Scope { name: "", value: None, outer: None };
        self.run(expr, input, scope, &mut |run, item| {
            run.charge(1)?;
            match (item.path, item.slice) {
                (Some(path), Some(from)) => {
                    let count = item.value.as_list().map_or(0, <[Value]>::len);
                    run.charge((count * path.len()) as u64)?;
                    out.extend((from..from + count).map(|i| path.iter().cloned().chain([Step::Index(i)]).collect()));
                }
                (Some(path), None) => out.push(path),
                (None, _) => return error("the expression gives a value, not a path"),
            }
            Ok(())
        })?;
        Ok(out)
    }

    pub(super) fn charge(&mut self, steps: u64) -> Flow {
        self.steps = self.steps.checked_sub(steps).ok_or(Stop::Exhausted)?;
        Ok(())
    }

    /// As many steps as a value has parts: for a copy of it.
    pub(super) fn charge_for(&mut self, value: &Value) -> Flow {
        match value {
            Value::String(text) => self.charge(1 + text.len() as u64 / 64),
            Value::List(list) => {
                self.charge(1)?;
                list.iter().try_for_each(|v| self.charge_for(v))
            }
            Value::Map(map) => {
                self.charge(1)?;
                map.values().try_for_each(|v| self.charge_for(v))
            }
            _ => self.charge(1),
        }
    }

    pub(super) fn owned(&mut self, value: &Value) -> Result<Value, Stop> {
        self.charge_for(value)?;
        Ok(value.clone())
    }

    /// A copy of an item; one that is borrowed from the object costs next to nothing.
    pub(super) fn copy<'v>(&mut self, item: &Item<'v>) -> Result<Item<'v>, Stop> {
        if let Cow::Owned(value) = &item.value {
            self.charge_for(value)?;
        }
        self.charge(item.path.as_ref().map_or(1, |path| 1 + path.len() as u64))?;
        Ok(item.clone())
    }

    /// A copy of its value, off the path.
    fn plain<'v>(&mut self, item: &Item<'v>) -> Result<Item<'v>, Stop> {
        Ok(Item { path: None, slice: None, ..self.copy(item)? })
    }

    /// A mark for [`Stop::Enough`] that no other caller has.
    pub(super) fn label(&mut self) -> u64 {
        self.labels += 1;
        self.labels
    }

    /// All results of an expression, off the path.
    pub(super) fn all<'v>(&mut self, expr: &Expr, input: &Item<'v>, scope: Scope<'_>) -> Result<Vec<Value>, Stop> {
        let mut out = Vec::new();
        let input = self.plain(input)?;
        self.run(expr, input, scope, &mut |run, item| {
            let value = run.owned(&item.value)?;
            out.push(value);
            Ok(())
        })?;
        Ok(out)
    }

    pub(super) fn run<'v>(&mut self, expr: &Expr, input: Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        self.charge(1)?;
        match expr {
            Expr::Identity => out(self, input),
            Expr::Recurse => self.recurse(input, out),
            Expr::Literal(value) => out(self, Item::computed(value.clone())),
            Expr::Variable(name) => {
                let value = self.owned(scope.find(name))?;
                out(self, Item::computed(value))
            }
            Expr::Pipe(left, right) => self.run(left, input, scope, &mut |run, item| run.run(right, item, scope, out)),
            Expr::Comma(left, right) => {
                let copy = self.copy(&input)?;
                self.run(left, copy, scope, out)?;
                self.run(right, input, scope, out)
            }
            Expr::Bind(value, name, body) => {
                for value in self.all(value, &input, scope)? {
                    let inner = Scope { name, value: Some(&value), outer: Some(&scope) };
                    let copy = self.copy(&input)?;
                    self.run(body, copy, inner, out)?;
                }
                Ok(())
            }
            Expr::Path(head, parts) => {
                let origin = self.plain(&input)?;
                self.run(head, input, scope, &mut |run, item| run.path(parts, item, &origin, scope, out))
            }
            Expr::Try(tried, caught) => self.attempt(tried, caught.as_deref(), input, scope, out),
            Expr::If(branches, otherwise) => self.branch(branches, otherwise.as_deref(), input, scope, out),
            Expr::Alternative(left, right) => self.alternative(left, right, input, scope, out),
            Expr::Call(function, arguments) => self.call(*function, arguments, input, scope, out),
            computed => self.compute(computed, &input, scope, out),
        }
    }

    /// Expressions whose results are values off the path.
    fn compute<'v>(&mut self, expr: &Expr, input: &Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        match expr {
            Expr::List(inner) => {
                let list = inner.as_ref().map(|e| self.all(e, input, scope)).transpose()?.unwrap_or_default();
                out(self, Item::computed(Value::List(list)))
            }
            Expr::Map(entries) => self.map(entries, Map::new(), input, scope, out),
            Expr::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match self.all(part, input, scope)?.as_slice() {
                        [Value::String(part)] => text.push_str(part),
                        [value] => text.push_str(&json::print(value)),
                        _ => return error("a text takes one value"),
                    }
                    self.charge(text.len() as u64 / 64)?;
                }
                out(self, Item::computed(text))
            }
            Expr::Negate(inner) => {
                for value in self.all(inner, input, scope)? {
                    let zero = Value::from(0);
                    let negated = self.math(Math::Sub, &zero, &value)?;
                    out(self, Item::computed(negated))?;
                }
                Ok(())
            }
            Expr::Or(left, right) => self.logic(true, left, right, input, scope, out),
            Expr::And(left, right) => self.logic(false, left, right, input, scope, out),
            Expr::Math(operation, left, right) => self.pairs(left, right, input, scope, &mut |run, a, b| {
                let value = run.math(*operation, a, b)?;
                out(run, Item::computed(value))
            }),
            Expr::Compare(comparison, left, right) => self.pairs(left, right, input, scope, &mut |run, a, b| {
                let found = order::compare(a, b);
                let holds = match comparison {
                    Cmp::Lt => found.is_lt(),
                    Cmp::Le => found.is_le(),
                    Cmp::Gt => found.is_gt(),
                    Cmp::Ge => found.is_ge(),
                    Cmp::Eq => found.is_eq(),
                    Cmp::Ne => found.is_ne(),
                };
                out(run, Item::computed(holds))
            }),
            // `run` has taken the others.
            _ => Ok(()),
        }
    }

    fn pairs<'v>(
        &mut self,
        left: &Expr,
        right: &Expr,
        input: &Item<'v>,
        scope: Scope<'_>,
        each: &mut dyn FnMut(&mut Run, &Value, &Value) -> Flow,
    ) -> Flow {
        let (left, right) = (self.all(left, input, scope)?, self.all(right, input, scope)?);
        for b in &right {
            for a in &left {
                self.charge(1)?;
                each(self, a, b)?;
            }
        }
        Ok(())
    }

    /// `or` when `deciding`, else `and`: the right side runs only when the left one does not decide.
    fn logic<'v>(&mut self, deciding: bool, left: &Expr, right: &Expr, input: &Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        for a in self.all(left, input, scope)? {
            if holds(&a) == deciding {
                out(self, Item::computed(deciding))?;
                continue;
            }
            for b in self.all(right, input, scope)? {
                out(self, Item::computed(holds(&b)))?;
            }
        }
        Ok(())
    }

    fn map<'v>(&mut self, entries: &[(Expr, Expr)], made: Map, input: &Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        let Some(((key, value), rest)) = entries.split_first() else { return out(self, Item::computed(made)) };
        for key in self.all(key, input, scope)? {
            let Value::String(key) = key else { return error("a key of a map is a text") };
            for value in self.all(value, input, scope)? {
                let mut made = made.clone();
                self.charge(made.len() as u64)?;
                made.insert(key.clone(), value);
                self.map(rest, made, input, scope, out)?;
            }
        }
        Ok(())
    }

    fn branch<'v>(
        &mut self,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        input: Item<'v>,
        scope: Scope<'_>,
        out: Out<'_, 'v>,
    ) -> Flow {
        let Some(((test, then), rest)) = branches.split_first() else {
            return match otherwise {
                Some(otherwise) => self.run(otherwise, input, scope, out),
                None => out(self, input),
            };
        };
        for test in self.all(test, &input, scope)? {
            let copy = self.copy(&input)?;
            if holds(&test) {
                self.run(then, copy, scope, out)?;
            } else {
                self.branch(rest, otherwise, copy, scope, out)?;
            }
        }
        Ok(())
    }

    fn attempt<'v>(&mut self, tried: &Expr, caught: Option<&Expr>, input: Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        // Errors of what comes after are not caught here.
        let mut later = None;
        let flow = self.run(tried, input, scope, &mut |run, item| {
            out(run, item).map_err(|stop| {
                later = Some(stop);
                Stop::Enough(0)
            })
        });
        match (later, flow, caught) {
            (Some(stop), ..) => Err(stop),
            (None, Err(Stop::Error(value)), Some(caught)) => self.run(caught, Item::computed(value), scope, out),
            (None, Err(Stop::Error(_)), None) => Ok(()),
            (None, flow, _) => flow,
        }
    }

    /// `a // b`: the results of `a` that hold, else those of `b`.
    fn alternative<'v>(&mut self, left: &Expr, right: &Expr, input: Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        let (mut any, mut later) = (false, None);
        let copy = self.copy(&input)?;
        let flow = self.run(left, copy, scope, &mut |run, item| {
            if !holds(&item.value) {
                return Ok(());
            }
            any = true;
            out(run, item).map_err(|stop| {
                later = Some(stop);
                Stop::Enough(0)
            })
        });
        match (later, flow) {
            (Some(stop), _) => Err(stop),
            (None, Err(Stop::Exhausted)) => Err(Stop::Exhausted),
            (None, _) if any => Ok(()),
            (None, _) => self.run(right, input, scope, out),
        }
    }

    fn recurse<'v>(&mut self, input: Item<'v>, out: Out<'_, 'v>) -> Flow {
        let mut waiting = vec![input];
        while let Some(item) = waiting.pop() {
            self.charge(1)?;
            let copy = self.copy(&item)?;
            out(self, copy)?;
            let mut children = Vec::new();
            self.each(item, &mut |_, child| {
                children.push(child);
                Ok(())
            })
            .or_else(|stop| if matches!(stop, Stop::Error(_)) { Ok(()) } else { Err(stop) })?;
            waiting.extend(children.into_iter().rev());
        }
        Ok(())
    }

    fn path<'v>(&mut self, parts: &[(PathPart, bool)], item: Item<'v>, origin: &Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        let Some(((part, optional), rest)) = parts.split_first() else { return out(self, item) };
        let mut later = None;
        let mut next = |run: &mut Run, item: Item<'v>| {
            run.path(rest, item, origin, scope, out).map_err(|stop| {
                later = Some(stop);
                Stop::Enough(0)
            })
        };
        let flow = match part {
            PathPart::Each => self.each(item, &mut next),
            PathPart::Index(index) => self.all(index, origin, scope).and_then(|indexes| {
                for index in indexes {
                    let copy = self.copy(&item)?;
                    let child = self.index(copy, &index)?;
                    next(self, child)?;
                }
                Ok(())
            }),
            PathPart::Slice(from, to) => {
                let bound = |run: &mut Run, bound: &Option<Expr>| bound.as_ref().map(|e| run.all(e, origin, scope)).transpose();
                let (from, to) = (bound(self, from)?, bound(self, to)?);
                self.slice(item, from, to, &mut next)
            }
        };
        match (later, flow) {
            (Some(stop), _) => Err(stop),
            (None, Err(Stop::Error(_))) if *optional => Ok(()),
            (None, flow) => flow,
        }
    }

    /// `.[]`.
    pub(super) fn each<'v>(&mut self, item: Item<'v>, out: Out<'_, 'v>) -> Flow {
        let Item { value, path, slice } = item;
        let from = slice.unwrap_or_default();
        let mut child = |run: &mut Run, step: Step, value: Cow<'v, Value>| {
            run.charge(path.as_ref().map_or(1, |path| 1 + path.len() as u64))?;
            let path = path.as_ref().map(|path| path.iter().cloned().chain([step]).collect());
            out(run, Item { value, path, slice: None })
        };
        match value {
            Cow::Borrowed(Value::List(list)) => {
                list.iter().enumerate().try_for_each(|(i, v)| child(self, Step::Index(from + i), Cow::Borrowed(v)))
            }
            Cow::Borrowed(Value::Map(map)) => map.iter().try_for_each(|(k, v)| child(self, Step::Key(k.clone()), Cow::Borrowed(v))),
            Cow::Owned(Value::List(list)) => {
                list.into_iter().enumerate().try_for_each(|(i, v)| child(self, Step::Index(from + i), Cow::Owned(v)))
            }
            Cow::Owned(Value::Map(map)) => map.into_iter().try_for_each(|(k, v)| child(self, Step::Key(k), Cow::Owned(v))),
            other => error(format!("a {} has no elements", other.kind_name())),
        }
    }

    /// `.[index]`.
    pub(super) fn index<'v>(&mut self, item: Item<'v>, index: &Value) -> Result<Item<'v>, Stop> {
        self.charge(1)?;
        let step = match (item.value.as_ref(), index) {
            (Value::Map(_) | Value::Null, Value::String(key)) => Some(Step::Key(key.clone())),
            (Value::List(list), Value::Number(n)) => {
                let n = n.as_f64().floor();
                let n = if n < 0.0 { n + list.len() as f64 } else { n };
                (n >= 0.0).then_some(Step::Index(n as usize))
            }
            (Value::Null, Value::Number(n)) => (n.as_f64() >= 0.0).then_some(Step::Index(n.as_f64() as usize)),
            (Value::Null, Value::Null) => return Ok(Item::computed(Value::Null)),
            (value, index) => return error(format!("a {} has no element by a {}", value.kind_name(), index.kind_name())),
        };
        let path = match (item.path, &step) {
            (Some(mut path), Some(step)) => {
                self.charge(path.len() as u64)?;
                path.push(match (step, item.slice) {
                    (Step::Index(i), Some(from)) => Step::Index(i + from),
                    (step, _) => step.clone(),
                });
                Some(path)
            }
            _ => None,
        };
        let value = match (item.value, step) {
            (Cow::Borrowed(value), step) => child(value, step.as_ref()).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
            (Cow::Owned(value), step) => {
                let found = child(&value, step.as_ref()).unwrap_or(&Value::Null);
                Cow::Owned(self.owned(found)?)
            }
        };
        Ok(Item { value, path, slice: None })
    }

    fn slice<'v>(&mut self, item: Item<'v>, from: Option<Vec<Value>>, to: Option<Vec<Value>>, out: Out<'_, 'v>) -> Flow {
        let bound = |bound: Option<Vec<Value>>, length: usize, default: usize| match bound.as_deref() {
            None | Some([Value::Null]) => Ok(default),
            Some([Value::Number(n)]) => {
                let n = n.as_f64();
                Ok(if n < 0.0 { (n + length as f64).max(0.0) } else { n.min(length as f64) } as usize)
            }
            _ => error("a slice is bounded by one number each"),
        };
        match item.value.as_ref() {
            Value::List(list) => {
                let (from, to) = (bound(from, list.len(), 0)?, bound(to, list.len(), list.len())?);
                let part = list.get(from..to).unwrap_or_default().to_vec();
                self.charge(part.len() as u64)?;
                part.iter().try_for_each(|v| self.charge_for(v))?;
                let from = from + item.slice.unwrap_or_default();
                out(self, Item { value: Cow::Owned(Value::List(part)), path: item.path, slice: Some(from) })
            }
            Value::Null => out(self, Item::computed(Value::Null)),
            other => error(format!("a {} has no slices here", other.kind_name())),
        }
    }

    pub(super) fn math(&mut self, operation: Math, a: &Value, b: &Value) -> Result<Value, Stop> {
        self.charge_for(a)?;
        self.charge_for(b)?;
        Ok(match (operation, a, b) {
            (Math::Add, Value::Null, other) | (Math::Add, other, Value::Null) => other.clone(),
            (Math::Add, Value::String(a), Value::String(b)) => Value::from(format!("{a}{b}")),
            (Math::Add, Value::List(a), Value::List(b)) => Value::List(a.iter().chain(b).cloned().collect()),
            (Math::Add, Value::Map(a), Value::Map(b)) => Value::Map(Map::from_entries(a.clone().into_iter().chain(b.clone()).collect())),
            (Math::Sub, Value::List(a), Value::List(b)) => {
                self.charge((a.len() * b.len()) as u64)?;
                Value::List(a.iter().filter(|v| !b.contains(v)).cloned().collect())
            }
            (operation, Value::Number(a), Value::Number(b)) => number(operation, *a, *b)?,
            (_, a, b) => return error(format!("a {} and a {} do not compute", a.kind_name(), b.kind_name())),
        })
    }
}

fn child<'v>(value: &'v Value, step: Option<&Step>) -> Option<&'v Value> {
    match step? {
        Step::Key(key) => value.get(key),
        Step::Index(i) => value.as_list()?.get(*i),
    }
}

fn number(operation: Math, a: Number, b: Number) -> Result<Value, Stop> {
    let whole = |f: fn(i64, i64) -> Option<i64>| f(a.as_i64()?, b.as_i64()?).map(Value::from);
    let (x, y) = (a.as_f64(), b.as_f64());
    Ok(match operation {
        Math::Add => whole(i64::checked_add).unwrap_or_else(|| Value::from(x + y)),
        Math::Sub => whole(i64::checked_sub).unwrap_or_else(|| Value::from(x - y)),
        Math::Mul => whole(i64::checked_mul).unwrap_or_else(|| Value::from(x * y)),
        Math::Div if y == 0.0 => return error("a division by zero"),
        Math::Div => whole(|a, b| if a.checked_rem(b)? == 0 { a.checked_div(b) } else { None }).unwrap_or_else(|| Value::from(x / y)),
        Math::Rem => match whole(i64::checked_rem) {
            Some(value) => value,
            None => return error("a division by zero"),
        },
    })
}

impl<'s> Scope<'s> {
    fn find(&self, name: &str) -> &'s Value {
        const NOTHING: &Value = &Value::Null;
        let mut scope = Some(self);
        while let Some(here) = scope {
            if here.name == name
                && let Some(value) = here.value
            {
                return value;
            }
            scope = here.outer;
        }
        NOTHING
    }
}
