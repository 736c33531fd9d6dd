//! `range`: what can be ranged over, and the rounds.

use std::rc::Rc;

use super::{Held, Machine, Slot};
use crate::error::{FuncError, TemplateError};
use crate::fmt;
use crate::program::{Range, RangeVar, Template};
use crate::text::Str;
use crate::value::{Elem, List, Value};

/// A loop that is being executed.
pub(super) struct Loop {
    over: Over,
    round: usize,
    vars: usize,
    dots: usize,
}

enum Over {
    List(List),
    /// The entries as they were when the loop began.
    Map(Rc<Vec<(Str, Value)>>, bool),
    Bytes(Rc<Vec<u8>>),
    /// Integers from 0, of the bound's type.
    Count(Value, u64),
}

impl Over {
    fn of(value: Value) -> Result<Option<Over>, Value> {
        let count = |value: Value, n: i64| u64::try_from(n).ok().filter(|n| *n > 0).map(|n| Over::Count(value, n));
        Ok(match value {
            Value::Nil => None,
            Value::List(list) => (!list.is_empty()).then_some(Over::List(list)),
            Value::Map(map) => (!map.is_empty()).then(|| Over::Map(map.entries(), map.ty().elem == Elem::Any)),
            Value::Bytes(bytes) => (!bytes.is_empty()).then_some(Over::Bytes(bytes)),
            Value::Int(n) | Value::Int64(n) => count(value, n),
            Value::Int32(n) => count(value, i64::from(n)),
            Value::Uint8(n) => count(value, i64::from(n)),
            Value::Uint64(n) => (n > 0).then_some(Over::Count(value, n)),
            other => return Err(other),
        })
    }

    fn round(&self, round: usize) -> Option<(Value, Slot)> {
        let key = Value::Int(i64::try_from(round).unwrap_or(i64::MAX));
        Some(match self {
            Over::List(list) => (key, Slot::element(list.get(round)?.clone(), list.ty().elem == Elem::Any)),
            Over::Bytes(bytes) => (key, Slot::concrete(Value::Uint8(*bytes.get(round)?))),
            Over::Map(entries, interface) => {
                let (name, value) = entries.get(round)?;
                (Value::Str(name.clone()), Slot::element(value.clone(), *interface))
            }
            Over::Count(bound, n) => {
                let at = u64::try_from(round).ok().filter(|at| at < n)?;
                let signed = i64::try_from(at).unwrap_or(i64::MAX);
                let value = match bound {
                    Value::Int64(_) => Value::Int64(signed),
                    Value::Int32(_) => Value::Int32(i32::try_from(at).unwrap_or(i32::MAX)),
                    Value::Uint8(_) => Value::Uint8(u8::try_from(at).unwrap_or(u8::MAX)),
                    Value::Uint64(_) => Value::Uint64(at),
                    _ => Value::Int(signed),
                };
                (Value::Nil, Slot::concrete(value))
            }
        })
    }
}

fn is_integer(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Int64(_) | Value::Int32(_) | Value::Uint8(_) | Value::Uint64(_))
}

impl Machine<'_> {
    /// Begins a loop; returns where to go on.
    pub(super) fn range(&mut self, template: &Template, range: u32, body: usize) -> Result<usize, TemplateError> {
        let range = &template.ranges[range as usize];
        let value = self.pop();
        if let (true, Some(_)) = (is_integer(&value), range.key) {
            let bound = fmt::display(&value).unwrap_or_default();
            let message = format!("can't use {bound} to iterate over more than one variable");
            return Err(self.fail(template, range.node, FuncError::Message(message)));
        }
        let over = match Over::of(value) {
            Ok(None) => return Ok(range.otherwise as usize),
            Ok(Some(over)) => over,
            Err(value) => {
                let mut text = b"range can't iterate over ".to_vec();
                let shown = fmt::display_to(&value, &mut text, self.execution.left());
                let error = shown.map_or_else(|error| error, |()| Str::from(text).into());
                return Err(self.fail(template, range.node, self.execution.explain(error)));
            }
        };
        self.loops.push(Loop { over, round: 0, vars: self.vars.len(), dots: self.dots.len() });
        self.set_round(range);
        Ok(body)
    }

    /// Sets variables and dot for the round; false if there is none.
    fn set_round(&mut self, range: &Range) -> bool {
        let Some(inner) = self.loops.last() else { return false };
        self.vars.truncate(inner.vars);
        self.dots.truncate(inner.dots);
        let Some((key, element)) = inner.over.round(inner.round) else { return false };
        if let Some(RangeVar::Slot(slot)) = range.key {
            self.set_var(slot, Slot::concrete(key));
        }
        if let Some(RangeVar::Slot(slot)) = range.value {
            self.set_var(slot, element.clone());
        }
        self.dots.push(element);
        true
    }

    fn set_var(&mut self, slot: u32, value: Slot) {
        if let Some(var) = self.vars.get_mut(self.vars_base + slot as usize).filter(|var| var.held != Held::Unset) {
            *var = value;
        }
    }

    /// The next round; false, and the loop is left, if there is none.
    pub(super) fn next_round(&mut self, range: &Range) -> bool {
        if let Some(inner) = self.loops.last_mut() {
            inner.round += 1;
        }
        if self.set_round(range) {
            return true;
        }
        self.leave_loop();
        false
    }

    pub(super) fn leave_loop(&mut self) {
        if let Some(inner) = self.loops.pop() {
            self.dots.truncate(inner.dots);
        }
    }
}
