//! Calls: of functions, methods, templates, and of functions that have templates rendered.

use std::rc::Rc;

use super::arguments::{coerce, parameter};
use super::fields::method_of;
use super::{Layer, Machine, Next};
use crate::builtin::{self, Builtin};
use crate::error::{FuncError, TemplateError};
use crate::function::{Body, Finish, Render, Target, Ty};
use crate::object::Method;
use crate::program::{Literal, MethodCall, NodeId, Op, Template};
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Kind, Value};

/// A template that is rendered for a function, and what to go back to.
pub(super) struct Rendering {
    finish: Finish,
    tag: Value,
    function: u16,
    node: NodeId,
    /// Where its text begins in what is written.
    out: usize,
    layer: Option<Rc<Layer>>,
    stack: usize,
    loops: usize,
}

/// Lists longer than this count as made text.
const LONG_LIST: usize = 4096;

impl Machine<'_> {
    pub(super) fn call(&mut self, template: &Template, op: Op) -> Result<Next, TemplateError> {
        match op {
            Op::Call { function, count, piped, node, at } => {
                let base = self.stack.len().saturating_sub(usize::from(count));
                if piped {
                    self.place_piped(template, function, base, at)?;
                }
                match self.function(function, base, node) {
                    Ok(next) => Ok(next),
                    Err(cause) => Err(self.call_failed(template, function, node, cause)),
                }
            }
            Op::CallFunction { count, piped, node, name } => {
                let base = self.stack.len().saturating_sub(usize::from(count));
                if piped {
                    self.stack[base..].rotate_left(1);
                }
                let error = call_non_function(template, &self.stack[base], name);
                let error = FuncError::Calling { function: "call".to_owned(), cause: Box::new(error) };
                Err(self.fail(template, node, error))
            }
            Op::CallMethod { method } => {
                let call = &template.methods[method as usize];
                self.method(template, call)?;
                Ok(Next::On)
            }
            Op::CallTemplate { call } => {
                let call = &template.calls[call as usize];
                let dot = if call.has_pipe { self.pop() } else { Value::Nil };
                if let Some(found) = self.find_template(&call.name) {
                    self.enter(found, dot, None);
                }
                Ok(Next::Frame)
            }
            _ => Ok(Next::On),
        }
    }

    pub(super) fn check_template(&mut self, template: &Template, call: u32) -> Result<(), TemplateError> {
        let call = &template.calls[call as usize];
        if self.find_template(&call.name).is_none() {
            let message = format!("template {} not defined", crate::fmt::quote(&call.name));
            return Err(self.fail(template, call.node, FuncError::Message(message)));
        }
        self.check_depth().map_err(|error| self.fail(template, call.node, error))
    }

    fn check_depth(&self) -> Result<(), FuncError> {
        let depth = self.execution.limits.depth;
        if self.frames.len() >= depth {
            return Err(format!("exceeded maximum template depth ({depth})").into());
        }
        Ok(())
    }

    /// The piped value lies below the arguments, and is the last of them.
    fn place_piped(&mut self, template: &Template, function: u16, base: usize, at: NodeId) -> Result<(), TemplateError> {
        let args = &mut self.stack[base..];
        args.rotate_left(1);
        self.interface = false;
        let Some(last) = args.last_mut() else { return Ok(()) };
        let value = last.take();
        let ty = parameter(self.set.functions.at(function), args.len() - 1);
        match coerce(value, ty, false) {
            Ok(value) => {
                if let Some(last) = self.stack.last_mut() {
                    *last = value;
                }
                Ok(())
            }
            Err(error) => Err(self.fail(template, at, error)),
        }
    }

    /// Calls a function with the values from `base` on, which are replaced by its result.
    fn function(&mut self, function: u16, base: usize, node: NodeId) -> Result<Next, FuncError> {
        let body = self.set.functions.at(function).body;
        let mut scope = Scope { execution: self.execution, template: &self.template.name };
        let result = match body {
            Body::Plain(fun) => fun(&mut scope, &mut self.stack[base..])?,
            Body::Builtin(Builtin::Len) => builtin::len(&self.stack[base], self.interface)?,
            Body::Builtin(_) => Value::Nil,
            Body::Render(fun) => {
                let render = fun(&mut scope, &mut self.stack[base..])?;
                self.stack.truncate(base);
                return self.render(render, function, node);
            }
        };
        self.charge_result(&result)?;
        self.stack.truncate(base);
        self.interface = result.is_nil();
        self.stack.push(result);
        Ok(Next::On)
    }

    fn charge_result(&mut self, result: &Value) -> Result<(), FuncError> {
        match result {
            Value::Str(text) => self.execution.charge(text.len()),
            Value::Bytes(bytes) => self.execution.charge(bytes.len()),
            Value::List(list) if list.len() > LONG_LIST => self.execution.charge(list.len() * size_of::<Value>()),
            _ => Ok(()),
        }
    }

    fn call_failed(&self, template: &Template, function: u16, node: NodeId, cause: FuncError) -> TemplateError {
        let function = self.set.functions.at(function).name.to_owned();
        self.fail(template, node, FuncError::Calling { function, cause: Box::new(self.execution.explain(cause)) })
    }

    /// Begins to render what a function asks for.
    fn render(&mut self, render: Render, function: u16, node: NodeId) -> Result<Next, FuncError> {
        let Render { target, dot, tag, finish } = render;
        let rendering = Rendering {
            finish,
            tag,
            function,
            node,
            out: self.out.len(),
            layer: self.layer.clone(),
            stack: self.stack.len(),
            loops: self.loops.len(),
        };
        self.check_depth()?;
        let found = match target {
            Target::Named(name) => match self.find_template(&name) {
                Some(found) => Ok(found),
                None => Err(self.set.no_template(&name.text())),
            },
            Target::Text { name, text } => self.set.text(&name, &text).map(|parsed| {
                let root = std::sync::Arc::clone(&parsed.root);
                self.layer = Some(Rc::new(Layer { parsed, below: self.layer.take() }));
                root
            }),
        };
        match found {
            Ok(found) => {
                self.enter(found, dot, Some(Box::new(rendering)));
                Ok(Next::Frame)
            }
            Err(error) => {
                let mut scope = Scope { execution: self.execution, template: &self.template.name };
                let result = finish(&mut scope, rendering.tag, Err(error))?;
                self.stack.push(result);
                Ok(Next::On)
            }
        }
    }

    /// Takes what has been rendered, and puts back what was before.
    pub(super) fn rendered(&mut self, rendering: &Rendering) -> Str {
        self.stack.truncate(rendering.stack);
        self.loops.truncate(rendering.loops);
        self.layer.clone_from(&rendering.layer);
        let text = Str::from(&self.out[rendering.out..]);
        self.out.truncate(rendering.out);
        text
    }

    /// Gives the function that asked for a rendering its outcome.
    pub(super) fn finish(&mut self, rendering: Rendering, outcome: Result<Str, TemplateError>) -> Result<(), TemplateError> {
        let mut scope = Scope { execution: self.execution, template: &self.template.name };
        let result = (rendering.finish)(&mut scope, rendering.tag, outcome);
        match result {
            Ok(value) => {
                self.interface = value.is_nil();
                self.stack.push(value);
                Ok(())
            }
            Err(cause) => {
                let template = std::sync::Arc::clone(&self.template);
                Err(self.call_failed(&template, rendering.function, rendering.node, cause))
            }
        }
    }

    /// Makes the value on top fit the parameter of a method.
    pub(super) fn method_arg(&mut self, template: &Template, (method, arg): (u32, u16), direct: bool) -> Result<(), TemplateError> {
        let call = &template.methods[method as usize];
        let at = usize::from(arg);
        let value = self.pop();
        let receiver = self.stack.len().checked_sub(at + 1).and_then(|below| self.stack.get(below));
        let Some(method) = receiver.and_then(|receiver| method_of(receiver, &call.name)) else { return Ok(()) };
        let ty = method_parameter(method, at);
        let arg = &call.args[at];
        let fitting = match &arg.literal {
            Some(literal) => literal_as(literal, ty, value, || template.context(arg.node)),
            None => coerce(value, ty, direct && self.interface),
        };
        self.stack.push(fitting.map_err(|error| self.fail(template, arg.node, error))?);
        Ok(())
    }

    /// Calls a method with arguments; receiver and arguments are on the stack, a piped one below.
    fn method(&mut self, template: &Template, call: &MethodCall) -> Result<(), TemplateError> {
        let mut args = self.stack.split_off(self.stack.len().saturating_sub(call.args.len()));
        let receiver = self.pop();
        if call.piped {
            args.push(self.pop());
        }
        let Some(method) = method_of(&receiver, &call.name) else { return Ok(()) };
        if let (true, Some(piped)) = (call.piped, args.last_mut()) {
            let ty = method_parameter(method, call.args.len());
            *piped = coerce(piped.take(), ty, false).map_err(|error| self.fail(template, call.at, error))?;
        }
        let mut scope = Scope { execution: self.execution, template: &self.template.name };
        let result = (method.body)(&mut scope, &receiver, &mut args);
        let result = result.and_then(|value| self.charge_result(&value).map(|()| value));
        match result {
            Ok(value) => {
                self.interface = value.is_nil();
                self.stack.push(value);
                Ok(())
            }
            Err(cause) => {
                let error = FuncError::Calling { function: call.name.to_string(), cause: Box::new(cause) };
                Err(self.fail(template, call.call, error))
            }
        }
    }
}

fn method_parameter(method: &Method, index: usize) -> Ty {
    method.params.get(index).copied().or(method.variadic).unwrap_or(Ty::Any)
}

/// A literal as a parameter's type.
fn literal_as(literal: &Literal, ty: Ty, ideal: Value, shown: impl Fn() -> String) -> Result<Value, FuncError> {
    match (ty, literal) {
        (Ty::Any | Ty::Reflect, _) => Ok(ideal),
        (Ty::Int64, Literal::Number(n)) if n.int.is_some() => Ok(Value::Int64(n.int.unwrap_or_default())),
        (Ty::Int, Literal::Number(n)) if n.int.is_some() => Ok(Value::Int(n.int.unwrap_or_default())),
        (Ty::Float, Literal::Number(n)) if n.float.is_some() => Ok(Value::Float(n.float.unwrap_or_default())),
        (Ty::Bool, Literal::Bool(_)) | (Ty::Str, Literal::Str(_)) => Ok(ideal),
        (ty, Literal::Nil) if ty.can_be_nil() => coerce(Value::Nil, ty, false),
        (ty, literal) => Err(ty.literal_mismatch(literal, &shown()).into()),
    }
}

/// There are no function values but those of host objects, which `call` cannot call.
fn call_non_function(template: &Template, value: &Value, name: NodeId) -> FuncError {
    if value.is_nil() {
        return "call of nil".into();
    }
    let name = match (name, value) {
        (NodeId::MAX, Value::Str(text)) => text.to_string(),
        (NodeId::MAX, _) => format!("<{} Value>", value.type_name()),
        _ => template.context(name),
    };
    if value.kind() == Kind::Func {
        return format!("function {name} cannot be called").into();
    }
    format!("non-function {name} of type {}", value.type_name()).into()
}
