//! The machine that executes compiled templates. Templates within templates, and those that functions render, are frames on a
//! stack of its own: the real stack stays as it is, however deep they nest.

pub(crate) mod arguments;
mod calls;
mod fields;
mod ranges;

use std::rc::Rc;
use std::sync::Arc;

use crate::error::{FuncError, TemplateError};
use crate::fmt;
use crate::program::{NodeId, Op, Template};
use crate::scope::Execution;
use crate::set::{Parsed, TemplateSet};
use crate::text::Str;
use crate::value::{Kind, Value};

use calls::Rendering;
use ranges::Loop;

/// Executes one template.
pub(crate) fn execute(set: &TemplateSet, template: Arc<Template>, dot: Value, execution: &mut Execution) -> Result<Vec<u8>, TemplateError> {
    let mut machine = Machine {
        set,
        execution,
        template,
        pc: 0,
        vars_base: 0,
        dots_base: 0,
        stack: Vec::with_capacity(16),
        vars: Vec::with_capacity(16),
        dots: Vec::with_capacity(16),
        loops: Vec::new(),
        frames: Vec::new(),
        layer: None,
        out: Vec::with_capacity(1024),
        interface: false,
        short: None,
    };
    machine.vars.push(Slot::concrete(dot.clone()));
    machine.dots.push(Slot::concrete(dot));
    loop {
        match machine.run() {
            Ok(()) => return Ok(machine.out),
            Err(error) => machine.unwind(error)?,
        }
    }
}

/// A value in a variable or as dot, and how Go's reflection would hold it.
#[derive(Clone)]
struct Slot {
    value: Value,
    held: Held,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    /// As itself.
    Concrete,
    /// In an interface: the element of a list or map of such.
    Interface,
    /// The code that sets it was skipped.
    Unset,
}

impl Slot {
    fn concrete(value: Value) -> Slot {
        Slot { value, held: Held::Concrete }
    }

    fn element(value: Value, interface: bool) -> Slot {
        Slot { value, held: if interface { Held::Interface } else { Held::Concrete } }
    }
}

/// A template that waits for another to end.
struct Frame {
    template: Arc<Template>,
    pc: usize,
    vars_base: usize,
    dots_base: usize,
    /// If the other is rendered for a function.
    rendering: Option<Box<Rendering>>,
}

/// Templates that a rendered text defines, before those of the set.
struct Layer {
    parsed: Parsed,
    below: Option<Rc<Layer>>,
}

struct Machine<'e> {
    set: &'e TemplateSet,
    execution: &'e mut Execution,
    template: Arc<Template>,
    pc: usize,
    vars_base: usize,
    dots_base: usize,
    stack: Vec<Value>,
    vars: Vec<Slot>,
    dots: Vec<Slot>,
    loops: Vec<Loop>,
    frames: Vec<Frame>,
    layer: Option<Rc<Layer>>,
    out: Vec<u8>,
    /// Whether the nil that was loaded last came in an interface. Go tells it from no value at all.
    interface: bool,
    /// How the `and` or `or` executed last was ended early.
    short: Option<u32>,
}

/// What to do after an instruction.
enum Next {
    /// The next one.
    On,
    /// There is another frame on top.
    Frame,
}

impl Machine<'_> {
    /// Runs until the outermost template ends, or something fails.
    fn run(&mut self) -> Result<(), TemplateError> {
        loop {
            let template = Arc::clone(&self.template);
            if self.run_frame(&template)? {
                return Ok(());
            }
        }
    }

    /// Runs until another frame is on top; true if none is left.
    fn run_frame(&mut self, template: &Template) -> Result<bool, TemplateError> {
        let mut pc = self.pc;
        let steps = self.execution.limits.steps;
        let code = &template.program.code[..];
        loop {
            let op = code[pc];
            pc += 1;
            self.execution.used.steps += 1;
            if self.execution.used.steps > steps {
                let node = node_of(op);
                return Err(self.fail(template, node, FuncError::Limit { what: "steps", limit: steps }));
            }
            match op {
                Op::Jump { target } => pc = target as usize,
                Op::JumpIfFalse { target } => {
                    if !self.pop().truth() {
                        pc = target as usize;
                    }
                }
                Op::ShortCircuit { or, target, short } => {
                    self.short = None;
                    if self.top().truth() == or {
                        self.short = Some(short);
                        pc = target as usize;
                    } else {
                        self.stack.pop();
                    }
                }
                Op::With { target } => {
                    let value = self.pop();
                    if value.truth() {
                        self.dots.push(Slot::concrete(value));
                    } else {
                        pc = target as usize;
                    }
                }
                Op::Range { range } => pc = self.range(template, range, pc)?,
                Op::RangeNext { range } => {
                    let range = &template.ranges[range as usize];
                    if self.next_round(range) {
                        pc = range.body as usize;
                    }
                }
                Op::Break { target } => {
                    self.leave_loop();
                    pc = target as usize;
                }
                Op::CheckMethod { method } => {
                    let call = &template.methods[method as usize];
                    match self.check_method(call) {
                        Ok(true) => {}
                        Ok(false) => pc = call.end as usize,
                        Err(error) => return Err(self.fail(template, call.node, error)),
                    }
                }
                Op::Call { .. } | Op::CallFunction { .. } | Op::CallMethod { .. } | Op::CallTemplate { .. } => {
                    self.pc = pc;
                    if let Next::Frame = self.call(template, op)? {
                        return Ok(false);
                    }
                }
                Op::Return => {
                    self.pc = pc;
                    return self.leave_frame();
                }
                _ => self.simple(template, op)?,
            }
        }
    }

    /// Instructions after which the next one follows.
    #[inline]
    fn simple(&mut self, template: &Template, op: Op) -> Result<(), TemplateError> {
        match op {
            Op::Text { start, end } => {
                self.out.extend_from_slice(&template.source.text.as_bytes()[start as usize..end as usize]);
                self.count_output((end - start) as usize).map_err(|error| self.fail(template, 0, error))?;
            }
            Op::Print { node } => self.print(template, node)?,
            Op::Pop | Op::DropUnder => {
                let top = self.pop();
                if let Op::DropUnder = op {
                    self.stack.pop();
                    self.stack.push(top);
                }
            }
            Op::Const { index } => self.stack.push(template.consts[index as usize].value()),
            Op::Nil => self.stack.push(Value::Nil),
            Op::Dot => self.push_slot(self.dots.last().cloned()),
            Op::Var { slot } => self.push_slot(self.vars.get(self.vars_base + slot as usize).cloned()),
            Op::VarChoice { choice } => {
                let slot = self.chosen(template, choice);
                self.push_slot(self.vars.get(slot).cloned());
            }
            Op::DotFields { path } => self.load_fields(template, path, self.dots.len().wrapping_sub(1), true)?,
            Op::VarFields { slot, path } => self.load_fields(template, path, self.vars_base + slot as usize, false)?,
            Op::TopFields { path } => self.top_fields(template, path)?,
            Op::Coerce { function, param, direct, node } => {
                let ty = arguments::parameter(self.set.functions.at(function), usize::from(param));
                let interface = direct && self.interface;
                let value = self.pop();
                let value = arguments::coerce(value, ty, interface).map_err(|error| self.fail(template, node, error))?;
                self.interface = false;
                self.stack.push(value);
            }
            Op::MethodArg { method, arg, direct } => self.method_arg(template, (method, arg), direct)?,
            Op::Unwrap => self.interface = false,
            Op::EndWith => {
                self.dots.pop();
            }
            Op::Declare => {
                let value = self.top().clone();
                self.vars.push(Slot::concrete(value));
            }
            Op::Assign { slot } => self.assign(self.vars_base + slot as usize),
            Op::AssignChoice { choice } => self.assign(self.chosen(template, choice)),
            Op::KeepVars { count } => self.vars.truncate(self.vars_base + count as usize),
            Op::PadVars { count } => {
                self.vars.resize(self.vars_base + count as usize, Slot { value: Value::Nil, held: Held::Unset });
            }
            Op::KeepDots { count } => self.dots.truncate(self.dots_base + 1 + count as usize),
            Op::CheckTemplate { call } => self.check_template(template, call)?,
            Op::Fail { message, node } => {
                let message = template.messages[message as usize].clone();
                return Err(self.fail(template, node, FuncError::Message(message)));
            }
            _ => {}
        }
        Ok(())
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or_default()
    }

    fn top(&self) -> &Value {
        self.stack.last().unwrap_or(&Value::Nil)
    }

    fn push_slot(&mut self, slot: Option<Slot>) {
        let slot = slot.unwrap_or_else(|| Slot::concrete(Value::Nil));
        self.interface = slot.held == Held::Interface;
        self.stack.push(slot.value);
    }

    fn assign(&mut self, slot: usize) {
        let value = self.top().clone();
        if let Some(slot) = self.vars.get_mut(slot) {
            *slot = Slot::concrete(value);
        }
    }

    /// The first variable of a choice that is set.
    fn chosen(&self, template: &Template, choice: u32) -> usize {
        let mut slots = template.choices[choice as usize].iter().map(|slot| self.vars_base + *slot as usize);
        let set = |slot: &usize| self.vars.get(*slot).is_some_and(|slot| slot.held != Held::Unset);
        slots.find(set).unwrap_or(usize::MAX)
    }

    fn print(&mut self, template: &Template, node: NodeId) -> Result<(), TemplateError> {
        let value = self.pop();
        let before = self.out.len();
        let printed = match &value {
            Value::Object(object) if object.kind() == Kind::Func => {
                let shown = template.context(node);
                Err(format!("can't print {shown} of type {}", value.type_name()).into())
            }
            Value::Str(text) => {
                self.out.extend_from_slice(text);
                Ok(())
            }
            _ => fmt::display_to(&value, &mut self.out, self.execution.left()),
        };
        let printed = printed.and_then(|()| self.count_output(self.out.len().saturating_sub(before)));
        printed.map_err(|error| self.fail(template, node, self.execution.explain(error)))
    }

    fn count_output(&mut self, bytes: usize) -> Result<(), FuncError> {
        self.execution.charge(bytes)
    }

    /// An error at a node of the template that is being executed.
    #[cold]
    fn fail(&self, template: &Template, node: NodeId, cause: FuncError) -> TemplateError {
        let short = self.short.and_then(|short| template.shorts.get(short as usize));
        let node = short.filter(|short| short.behind == node).map_or(node, |short| short.told);
        let (line, column) = template.place(node);
        TemplateError::Execute {
            parsed_as: template.parsed_as.to_string(),
            line,
            column,
            template: template.name.to_string(),
            context: template.context(node),
            cause: Box::new(cause),
        }
    }

    fn find_template(&self, name: &Str) -> Option<Arc<Template>> {
        let mut layer = self.layer.as_ref();
        while let Some(here) = layer {
            if let Some(template) = here.parsed.templates.get(name) {
                return Some(Arc::clone(template));
            }
            layer = here.below.as_ref();
        }
        self.set.templates.get(name).cloned()
    }

    /// Puts a template on top, with its own variables.
    fn enter(&mut self, template: Arc<Template>, dot: Value, rendering: Option<Box<Rendering>>) {
        let outer = std::mem::replace(&mut self.template, template);
        self.frames.push(Frame { template: outer, pc: self.pc, vars_base: self.vars_base, dots_base: self.dots_base, rendering });
        self.pc = 0;
        self.vars_base = self.vars.len();
        self.dots_base = self.dots.len();
        self.vars.push(Slot::concrete(dot.clone()));
        self.dots.push(Slot::concrete(dot));
    }

    /// Takes the top frame off, its variables with it.
    fn drop_frame(&mut self) -> Option<Option<Box<Rendering>>> {
        let frame = self.frames.pop()?;
        self.vars.truncate(self.vars_base);
        self.dots.truncate(self.dots_base);
        self.template = frame.template;
        self.pc = frame.pc;
        self.vars_base = frame.vars_base;
        self.dots_base = frame.dots_base;
        Some(frame.rendering)
    }

    /// A template has ended; true if it was the outermost.
    fn leave_frame(&mut self) -> Result<bool, TemplateError> {
        let Some(rendering) = self.drop_frame() else { return Ok(true) };
        if let Some(rendering) = rendering {
            let outcome = Ok(self.rendered(&rendering));
            self.finish(*rendering, outcome)?;
        }
        Ok(false)
    }

    /// Goes back to the innermost function that had something rendered, and gives it the error.
    fn unwind(&mut self, mut error: TemplateError) -> Result<(), TemplateError> {
        loop {
            let Some(rendering) = self.drop_frame() else { return Err(error) };
            let Some(rendering) = rendering else { continue };
            self.rendered(&rendering);
            match self.finish(*rendering, Err(error.flat())) {
                Ok(()) => return Ok(()),
                Err(outer) => error = outer,
            }
        }
    }
}

/// The node that an instruction would tell.
fn node_of(op: Op) -> NodeId {
    match op {
        Op::Print { node } | Op::Call { node, .. } | Op::CallFunction { node, .. } | Op::Coerce { node, .. } => node,
        _ => 0,
    }
}
