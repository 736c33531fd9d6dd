//! Fields and methods of values.

use super::{Held, Machine};
use crate::builtin::zero;
use crate::error::{FuncError, TemplateError};
use crate::object::Method;
use crate::program::{MethodCall, Path, Template};
use crate::scope::Scope;
use crate::set::MissingKey;
use crate::text::Str;
use crate::value::{Elem, Value};

/// A value on the way along a path, and whether it came out of an interface.
struct Here {
    value: Value,
    interface: bool,
}

/// A failure, and whether a method made it.
enum Failure {
    Field(FuncError),
    Method(FuncError),
}

fn no_field(name: &Str, value: &Value, interface: bool) -> FuncError {
    let ty = if interface { "interface {}" } else { value.type_name() };
    FuncError::Message(format!("can't evaluate field {name} in type {ty}"))
}

/// A method of any value.
pub(super) fn method_of(value: &Value, name: &[u8]) -> Option<&'static Method> {
    let named = |methods: &'static [Method]| methods.iter().find(|method| method.name.as_bytes() == name);
    match value {
        Value::Map(map) => named(map.ty().methods),
        Value::List(list) => named(list.ty().methods),
        Value::Object(object) => std::str::from_utf8(name).ok().and_then(|name| object.method(name)),
        _ => None,
    }
}

impl Machine<'_> {
    /// Pushes what a path leads to from dot (`at` in the stack of dots) or a variable.
    pub(super) fn load_fields(&mut self, template: &Template, path: u32, at: usize, dot: bool) -> Result<(), TemplateError> {
        let slots = if dot { &self.dots } else { &self.vars };
        let Some(slot) = slots.get(at) else { return Ok(()) };
        let path = &template.paths[path as usize];
        let interface = slot.held == Held::Interface;
        // The common case, without touching the first value's reference count.
        let here = match (&slot.value, path.names.as_slice()) {
            (Value::Map(map), [first, ..]) if map.ty().methods.is_empty() => match map.get(first) {
                Some(value) => (Here { value, interface: map.ty().elem == Elem::Any }, 1),
                None => (Here { value: slot.value.clone(), interface }, 0),
            },
            _ => (Here { value: slot.value.clone(), interface }, 0),
        };
        self.follow(template, path, here)
    }

    /// Goes on from the value on top.
    pub(super) fn top_fields(&mut self, template: &Template, path: u32) -> Result<(), TemplateError> {
        let path = &template.paths[path as usize];
        let value = self.pop();
        let interface = path.of_call && value.is_nil();
        self.follow(template, path, (Here { value, interface }, 0))
    }

    fn follow(&mut self, template: &Template, path: &Path, (mut here, from): (Here, usize)) -> Result<(), TemplateError> {
        for name in &path.names[from..] {
            here = match self.field(here, name) {
                Ok(next) => next,
                Err(Failure::Field(error)) => return Err(self.fail(template, path.node, error)),
                Err(Failure::Method(cause)) => {
                    let error = FuncError::Calling { function: name.to_string(), cause: Box::new(cause) };
                    return Err(self.fail(template, path.call, error));
                }
            };
        }
        self.interface = here.interface;
        self.stack.push(here.value);
        Ok(())
    }

    fn field(&mut self, here: Here, name: &Str) -> Result<Here, Failure> {
        let Here { value, interface } = here;
        if value.is_nil() {
            return self.field_of_nil(interface, name).map_err(Failure::Field);
        }
        if let Some(method) = method_of(&value, name) {
            if !method.params.is_empty() {
                let message = format!("wrong number of args for {name}: want {} got 0", method.params.len());
                return Err(Failure::Field(message.into()));
            }
            let mut scope = Scope { execution: self.execution, template: &self.template.name };
            let value = (method.body)(&mut scope, &value, &mut []).map_err(Failure::Method)?;
            // What a method or a field of a host object lacks is an interface that holds nothing.
            return Ok(Here { interface: value.is_nil(), value });
        }
        match &value {
            Value::Map(map) => {
                let elem = map.ty().elem;
                match map.get(name) {
                    Some(value) => Ok(Here { value, interface: elem == Elem::Any }),
                    None => self.missing(elem, name).map_err(Failure::Field),
                }
            }
            Value::Object(object) => match std::str::from_utf8(name).ok().and_then(|name| object.field(name)) {
                Some(value) => Ok(Here { interface: value.is_nil(), value }),
                None => Err(Failure::Field(no_field(name, &value, interface))),
            },
            _ => Err(Failure::Field(no_field(name, &value, interface))),
        }
    }

    fn field_of_nil(&self, interface: bool, name: &Str) -> Result<Here, FuncError> {
        if interface {
            return Err(format!("nil pointer evaluating interface {{}}.{name}").into());
        }
        if self.set.options.missing_key == MissingKey::Error {
            return Err(format!("nil data; no entry for key {}", crate::fmt::quote(name)).into());
        }
        Ok(Here { value: Value::Nil, interface: false })
    }

    fn missing(&self, elem: Elem, name: &Str) -> Result<Here, FuncError> {
        match self.set.options.missing_key {
            MissingKey::Default => Ok(Here { value: Value::Nil, interface: false }),
            MissingKey::Zero => Ok(Here { value: zero(elem), interface: elem == Elem::Any }),
            MissingKey::Error => Err(format!("map has no entry for key {}", crate::fmt::quote(name)).into()),
        }
    }

    /// Whether the value on top has a method that can be called with arguments. False if there is no value: then the call has no
    /// value either, and its arguments are not evaluated.
    pub(super) fn check_method(&mut self, call: &MethodCall) -> Result<bool, FuncError> {
        let value = self.pop();
        let interface = if value.is_nil() { self.interface || call.of_call } else { false };
        if value.is_nil() {
            self.field_of_nil(interface, &call.name)?;
            if call.piped {
                self.stack.pop();
            }
            self.interface = false;
            self.stack.push(Value::Nil);
            return Ok(false);
        }
        let name = &call.name;
        let Some(method) = method_of(&value, name) else {
            return Err(match &value {
                Value::Map(_) => format!("{name} is not a method but has arguments").into(),
                Value::Object(object) if std::str::from_utf8(name).is_ok_and(|name| object.field(name).is_some()) => {
                    format!("{name} has arguments but cannot be invoked as function").into()
                }
                _ => no_field(name, &value, self.interface),
            });
        };
        let given = call.args.len() + usize::from(call.piped);
        let fixed = method.params.len();
        if method.variadic.is_some() && given < fixed {
            return Err(format!("wrong number of args for {name}: want at least {fixed} got {}", call.args.len()).into());
        }
        if method.variadic.is_none() && given != fixed {
            return Err(format!("wrong number of args for {name}: want {fixed} got {given}").into());
        }
        self.stack.push(value);
        Ok(true)
    }
}
