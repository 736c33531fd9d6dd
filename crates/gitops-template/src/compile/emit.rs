//! Code and its tables while a template is being compiled, and which variable has which place.

use std::sync::Arc;

use crate::program::{
    Constant, MethodCall, Node, NodeId, NodeKind, Op, Path, Program, Range, RangeVar, Short, Source, Template, TemplateCall,
};
use crate::text::Str;

/// A name that may be used, in order of appearance.
pub(super) struct Var {
    pub(super) name: Str,
    /// Its place on the stack of variables. None if it was declared where the code does not come by (the other branch of an
    /// `else`), or only assigned: Go's parser lets it be used, and execution looks further out.
    pub(super) slot: Option<u32>,
    /// Declared in an argument that `and` or `or` may skip.
    pub(super) perhaps: bool,
}

/// How a name is to be read.
pub(super) enum Found {
    Slot(u32),
    /// The first that is set.
    Choice(Vec<u32>),
    /// Parsed, but not there when executed.
    Undefined,
}

pub(super) struct Emitter {
    pub(super) code: Vec<Op>,
    nodes: Vec<Node>,
    consts: Vec<Constant>,
    paths: Vec<Path>,
    methods: Vec<MethodCall>,
    ranges: Vec<Range>,
    calls: Vec<TemplateCall>,
    choices: Vec<Vec<u32>>,
    shorts: Vec<Short>,
    messages: Vec<String>,
    pub(super) vars: Vec<Var>,
    /// How many variables there are at this point of the execution.
    pub(super) height: u32,
    /// How many dots have been put aside.
    pub(super) dots: u32,
    /// Arguments of `and` and `or` that this is in.
    pub(super) perhaps: usize,
    /// The node that Go's executor would tell if something failed here.
    pub(super) current: NodeId,
}

fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Emitter {
    pub(super) fn new() -> Emitter {
        Emitter {
            code: Vec::with_capacity(64),
            nodes: Vec::with_capacity(64),
            consts: Vec::new(),
            paths: Vec::new(),
            methods: Vec::new(),
            ranges: Vec::new(),
            calls: Vec::new(),
            choices: Vec::new(),
            shorts: Vec::new(),
            messages: Vec::new(),
            vars: vec![Var { name: Str::from_static("$"), slot: Some(0), perhaps: false }],
            height: 1,
            dots: 0,
            perhaps: 0,
            current: 0,
        }
    }

    /// The template; what was collected for it is empty again, ready for the next one.
    pub(super) fn finish(&mut self, name: Str, source: &Arc<Source>, blank: bool) -> Template {
        fn all<T>(list: &mut Vec<T>) -> Box<[T]> {
            list.drain(..).collect()
        }
        self.op(Op::Return);
        let program = Program {
            source: Arc::clone(source),
            code: all(&mut self.code),
            nodes: all(&mut self.nodes),
            consts: all(&mut self.consts),
            paths: all(&mut self.paths),
            methods: all(&mut self.methods),
            ranges: all(&mut self.ranges),
            calls: all(&mut self.calls),
            choices: all(&mut self.choices),
            shorts: all(&mut self.shorts),
            messages: all(&mut self.messages),
            blank,
        };
        self.vars.truncate(1);
        (self.height, self.dots, self.perhaps, self.current) = (1, 0, 0, 0);
        Template { name, parsed_as: Arc::clone(&source.name), program: Arc::new(program) }
    }

    pub(super) fn op(&mut self, op: Op) {
        self.code.push(op);
    }

    pub(super) fn here(&self) -> usize {
        self.code.len()
    }

    /// Points the jump at `at` to `target`.
    pub(super) fn point(&mut self, at: usize, target: usize) {
        let to = index(target);
        match &mut self.code[at] {
            Op::Jump { target }
            | Op::JumpIfFalse { target }
            | Op::With { target }
            | Op::Break { target }
            | Op::ShortCircuit { target, .. } => *target = to,
            _ => {}
        }
    }

    pub(super) fn node(&mut self, at: usize, start: usize, end: usize, kind: NodeKind) -> NodeId {
        self.nodes.push(Node { at: index(at), start: index(start), end: index(end), kind });
        index(self.nodes.len() - 1)
    }

    /// A node whose end is not known yet.
    pub(super) fn end_node(&mut self, node: NodeId, end: usize) {
        self.nodes[node as usize].end = index(end);
    }

    /// What a node shows.
    pub(super) fn span(&self, node: NodeId) -> (usize, usize) {
        let node = self.nodes[node as usize];
        (node.start as usize, node.end as usize)
    }

    pub(super) fn text(&mut self, start: usize, end: usize) {
        let (start, end) = (index(start), index(end));
        self.op(Op::Text { start, end });
    }

    pub(super) fn constant(&mut self, constant: Constant) {
        self.consts.push(constant);
        self.op(Op::Const { index: index(self.consts.len() - 1) });
    }

    pub(super) fn path(&mut self, path: Path) -> u32 {
        self.paths.push(path);
        index(self.paths.len() - 1)
    }

    /// The names of the path made last, which is given up.
    pub(super) fn take_last_path(&mut self) -> Vec<Str> {
        self.paths.pop().map(|path| path.names).unwrap_or_default()
    }

    pub(super) fn method(&mut self, method: MethodCall) -> u32 {
        self.methods.push(method);
        index(self.methods.len() - 1)
    }

    pub(super) fn method_mut(&mut self, method: u32) -> &mut MethodCall {
        &mut self.methods[method as usize]
    }

    pub(super) fn fail(&mut self, message: impl Into<String>, node: NodeId) {
        self.messages.push(message.into());
        self.op(Op::Fail { message: index(self.messages.len() - 1), node });
    }

    pub(super) fn range(&mut self, key: Option<RangeVar>, value: Option<RangeVar>) -> u32 {
        self.ranges.push(Range { key, value, body: 0, otherwise: 0, node: self.current });
        index(self.ranges.len() - 1)
    }

    pub(super) fn begin_range(&mut self, range: u32) {
        self.ranges[range as usize].body = index(self.code.len());
    }

    pub(super) fn otherwise(&mut self, range: u32, at: usize) {
        self.ranges[range as usize].otherwise = index(at);
    }

    pub(super) fn template_call(&mut self, at: usize, name: Str, has_pipe: bool) -> u32 {
        let call = index(self.calls.len());
        let node = self.node(at, at, at, NodeKind::Template(call));
        self.calls.push(TemplateCall { name, node, has_pipe });
        self.current = node;
        self.op(Op::CheckTemplate { call });
        call
    }

    pub(super) fn call_shows(&mut self, call: u32, start: usize, end: usize) {
        let node = self.calls[call as usize].node;
        self.nodes[node as usize].start = index(start);
        self.end_node(node, end);
    }

    pub(super) fn call_template(&mut self, call: u32) {
        self.op(Op::CallTemplate { call });
    }

    /// A new variable, which takes the value on top.
    pub(super) fn declare(&mut self, name: &Str) -> u32 {
        let slot = self.height;
        self.height += 1;
        self.vars.push(Var { name: name.clone(), slot: Some(slot), perhaps: self.perhaps > 0 });
        self.op(Op::Declare);
        slot
    }

    /// A name that is only assigned to: Go's parser takes it for known from here on.
    pub(super) fn mention(&mut self, name: &Str) {
        self.vars.push(Var { name: name.clone(), slot: None, perhaps: false });
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.vars.iter().any(|var| var.name == *name)
    }

    pub(super) fn find(&self, name: &Str) -> Found {
        let mut slots = Vec::new();
        for var in self.vars.iter().rev().filter(|var| var.name == *name) {
            let Some(slot) = var.slot else { continue };
            if !var.perhaps && slots.is_empty() {
                return Found::Slot(slot);
            }
            slots.push(slot);
            if !var.perhaps {
                break;
            }
        }
        if slots.is_empty() { Found::Undefined } else { Found::Choice(slots) }
    }

    /// An argument that may end `and` or `or`; the jump is to be pointed.
    pub(super) fn short_circuit(&mut self, or: bool) -> usize {
        let short = index(self.shorts.len());
        self.shorts.push(Short { behind: NodeId::MAX, told: self.current });
        self.op(Op::ShortCircuit { or, target: 0, short });
        self.here() - 1
    }

    /// Points the jumps of `and` or `or` here. From here on the current node is one of its own, for which theirs stand in.
    pub(super) fn land(&mut self, jumps: &[usize], behind: NodeId) {
        let here = self.here();
        for &jump in jumps {
            self.point(jump, here);
            if let Op::ShortCircuit { short, .. } = self.code[jump] {
                self.shorts[short as usize].behind = behind;
            }
        }
    }

    /// A copy of the current node.
    pub(super) fn copy_current(&mut self) -> NodeId {
        let node = self.nodes[self.current as usize];
        self.nodes.push(node);
        self.current = index(self.nodes.len() - 1);
        self.current
    }

    pub(super) fn choice(&mut self, slots: Vec<u32>) -> u32 {
        self.choices.push(slots);
        index(self.choices.len() - 1)
    }

    /// Variables after the first `count` are out of reach, but still known by name until the scope ends.
    pub(super) fn forget(&mut self, count: usize, height: u32) {
        for var in &mut self.vars[count..] {
            var.slot = None;
        }
        self.height = height;
    }

    pub(super) fn leave_scope(&mut self, count: usize, height: u32) {
        if self.vars.len() > count {
            self.op(Op::KeepVars { count: height });
        }
        self.vars.truncate(count);
        self.height = height;
    }
}
