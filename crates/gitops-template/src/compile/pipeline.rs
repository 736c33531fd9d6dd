//! Pipelines: declarations, commands, operands. Parentheses are kept on a stack of our own.

use super::emit::Found;
use super::{Compiler, Result1};
use crate::builtin::Builtin;
use crate::function::{Body, Ty};
use crate::lex::{Tok, Token};
use crate::number::Number;
use crate::program::{Constant, Literal, MethodArg, MethodCall, NodeId, NodeKind, Op, Path, RangeVar};
use crate::text::Str;

/// Go's own limit of nested parentheses.
const MAX_PARENS: usize = 10_000;

/// The variables of a pipeline.
pub(super) struct Declared {
    pub(super) names: Vec<Str>,
    pub(super) slots: Vec<RangeVar>,
}

/// A pipeline that is being read.
struct Pipe {
    /// Where its parenthesis is.
    open: usize,
    context: &'static str,
    end: Tok,
    node: NodeId,
    names: Vec<Str>,
    assign: bool,
    /// Complete commands.
    commands: usize,
    /// The first command that cannot take what is piped into it.
    not_executable: Option<usize>,
    command: Option<Command>,
}

/// A command that is being read.
struct Command {
    node: NodeId,
    /// Where its code begins, and what the current node was there.
    code: usize,
    before: NodeId,
    operands: usize,
    head: Head,
    /// A value of the command before it is waiting.
    piped: bool,
    /// Of `and` and `or`.
    jumps: Vec<usize>,
    /// The first argument.
    first: NodeId,
    height: u32,
}

/// What the first word is.
enum Head {
    None,
    Function {
        index: u16,
        ident: NodeId,
    },
    /// Fields, which may turn out to be a method.
    Path {
        load: Load,
        place: Place,
    },
    Method(u32),
    /// Takes no arguments; the node is where Go says so.
    Value {
        node: NodeId,
        shown: NodeId,
    },
    /// Code that fails stands for the whole command.
    Failed,
}

/// Where errors of a path are told.
#[derive(Clone, Copy)]
struct Place {
    /// When there is no such field.
    node: NodeId,
    /// When a method fails.
    call: NodeId,
    /// See `Path::of_call`.
    of_call: bool,
}

#[derive(Clone, Copy)]
enum Load {
    Dot,
    Var(u32),
    Top,
}

/// One operand, before the fields behind it.
enum Term {
    Ident(u16),
    Dot,
    Nil,
    Var(Str),
    Field(Str),
    Literal(Literal),
    /// The pipeline, and where its parenthesis is.
    Paren(NodeId, usize),
}

/// A term with its fields.
struct Operand {
    term: Term,
    fields: Vec<Str>,
    node: NodeId,
    /// Of the term alone.
    inner: NodeId,
}

impl Compiler<'_> {
    /// Reads `declarations? command ('|' command)*` up to `end`, which is consumed. Its value is left on the stack.
    pub(super) fn pipeline(&mut self, context: &'static str, end: Tok) -> Result1<Declared> {
        let mut pipes = vec![self.open_pipe(0, context, end)?];
        loop {
            let top = pipes.len() - 1;
            let pipe = &mut pipes[top];
            if pipe.command.is_none() {
                let token = self.next_non_space();
                if token.tok == pipe.end {
                    let Some(pipe) = pipes.pop() else { continue };
                    let (node, open) = (pipe.node, pipe.open);
                    let declared = self.close_pipe(pipe)?;
                    let Some(outer) = pipes.last_mut() else { return Ok(declared) };
                    self.last_end = token.end;
                    self.operand(outer, token, Term::Paren(node, open))?;
                    continue;
                }
                if !starts_operand(token.tok) {
                    return self.unexpected(token, pipe.context);
                }
                self.backup();
                self.open_command(pipe);
            }
            if let Some(inner) = self.read_operand(pipe)? {
                if pipes.len() > MAX_PARENS {
                    return self.fail("max expression depth exceeded");
                }
                pipes.push(inner);
            }
        }
    }

    fn open_pipe(&mut self, open: usize, context: &'static str, end: Tok) -> Result1<Pipe> {
        let start = self.peek_non_space().start;
        let node = self.emitter().node(start, start, start, NodeKind::Plain);
        self.emitter().current = node;
        let mut pipe =
            Pipe { open, context, end, node, names: Vec::new(), assign: false, commands: 0, not_executable: None, command: None };
        self.declarations(&mut pipe)?;
        Ok(pipe)
    }

    fn declarations(&mut self, pipe: &mut Pipe) -> Result1<()> {
        loop {
            let variable = self.peek_non_space();
            if variable.tok != Tok::Variable {
                return Ok(());
            }
            self.next();
            let after = self.peek();
            let next = self.peek_non_space();
            let comma = next.tok == Tok::Char && self.lexer.value(next) == ",";
            if !comma && !matches!(next.tok, Tok::Assign | Tok::Declare) {
                if after.tok == Tok::Space {
                    self.backup3(variable, after);
                } else {
                    self.backup2(variable);
                }
                return Ok(());
            }
            self.next_non_space();
            let name = Str::from(self.lexer.value(variable));
            self.emitter().mention(&name);
            pipe.names.push(name);
            if !comma {
                pipe.assign = next.tok == Tok::Assign;
                return Ok(());
            }
            if pipe.context != "range" || pipe.names.len() >= 2 {
                return self.fail(format!("too many declarations in {}", pipe.context));
            }
            if !matches!(self.peek_non_space().tok, Tok::Variable | Tok::RightDelim | Tok::RightParen) {
                return self.fail("range can only initialize variables");
            }
        }
    }

    fn close_pipe(&mut self, pipe: Pipe) -> Result1<Declared> {
        if pipe.commands == 0 {
            return self.fail(format!("missing value for {}", pipe.context));
        }
        if let Some(stage) = pipe.not_executable {
            return self.fail(format!("non executable command in pipeline stage {stage}"));
        }
        let end = self.last_end;
        let emit = self.emitter();
        emit.end_node(pipe.node, end);
        let mut slots = Vec::new();
        for name in &pipe.names {
            if !pipe.assign {
                slots.push(RangeVar::Slot(emit.declare(name)));
                continue;
            }
            match emit.find(name) {
                Found::Slot(slot) => {
                    emit.op(Op::Assign { slot });
                    slots.push(RangeVar::Slot(slot));
                }
                Found::Choice(choice) => {
                    slots.push(RangeVar::Slot(choice[0]));
                    let choice = emit.choice(choice);
                    emit.op(Op::AssignChoice { choice });
                }
                Found::Undefined => {
                    emit.fail(format!("undefined variable: {name}"), emit.current);
                    slots.push(RangeVar::Undefined);
                }
            }
        }
        Ok(Declared { names: pipe.names, slots })
    }

    fn open_command(&mut self, pipe: &mut Pipe) {
        let start = self.peek_non_space().start;
        let emit = self.emitter();
        let node = emit.node(start, start, start, NodeKind::Plain);
        pipe.command = Some(Command {
            node,
            code: emit.here(),
            before: emit.current,
            operands: 0,
            head: Head::None,
            piped: pipe.commands > 0,
            jumps: Vec::new(),
            first: NodeId::MAX,
            height: emit.height,
        });
    }

    /// Reads one operand, or the end of the command. A parenthesis is handed back to be read first.
    fn read_operand(&mut self, pipe: &mut Pipe) -> Result1<Option<Pipe>> {
        let token = self.next_non_space();
        let term = match token.tok {
            Tok::LeftParen => {
                if let Some(command) = &mut pipe.command {
                    self.before_operand(command);
                }
                return self.open_pipe(token.start, "parenthesized pipeline", Tok::RightParen).map(Some);
            }
            Tok::Identifier => {
                let name = self.lexer.value(token);
                match self.functions.find(name) {
                    Some(index) => Term::Ident(index),
                    None => return self.fail(format!("function {} not defined", crate::fmt::quote(name.as_bytes()))),
                }
            }
            Tok::Dot => Term::Dot,
            Tok::Nil => Term::Nil,
            Tok::Variable => {
                let name = self.lexer.value(token);
                if !self.emitter().knows(name) {
                    return self.fail(format!("undefined variable {}", crate::fmt::quote(name.as_bytes())));
                }
                Term::Var(Str::from(name))
            }
            Tok::Field => Term::Field(Str::from(&self.lexer.value(token)[1..])),
            Tok::Bool => Term::Literal(Literal::Bool(self.lexer.value(token) == "true")),
            Tok::CharConstant | Tok::Complex | Tok::Number => match Number::parse(self.lexer.value(token), token.tok) {
                Ok(number) => Term::Literal(Literal::Number(number)),
                Err(message) => return self.fail(message),
            },
            Tok::String | Tok::RawString => Term::Literal(Literal::Str(self.unquote(token)?)),
            _ => {
                self.backup();
                self.after_operand(pipe)?;
                return Ok(None);
            }
        };
        self.last_end = token.end;
        if let Some(command) = &mut pipe.command {
            self.before_operand(command);
        }
        self.operand(pipe, token, term)?;
        Ok(None)
    }

    /// Fields behind a term, and the code for both. `token` is the term's first token, or the parenthesis that closes it.
    fn operand(&mut self, pipe: &mut Pipe, token: Token, term: Term) -> Result1<()> {
        let start = match term {
            Term::Paren(_, open) => open,
            _ => token.start,
        };
        let inner_end = self.last_end;
        let (mut fields, mut at) = (Vec::new(), None);
        loop {
            let next = self.peek();
            if next.tok != Tok::Field {
                break;
            }
            let next = self.next();
            at.get_or_insert(next.start);
            self.last_end = next.end;
            fields.push(Str::from(&self.lexer.value(next)[1..]));
        }
        if !fields.is_empty() && matches!(term, Term::Dot | Term::Nil | Term::Literal(_)) {
            let shown = crate::fmt::quote(self.lexer.value(token).as_bytes());
            return self.fail(format!("unexpected . after term {shown}"));
        }
        let end = self.last_end;
        let emit = self.emitter();
        let (node, inner) = match term {
            Term::Paren(node, _) if fields.is_empty() => (node, node),
            Term::Paren(node, _) => (emit.node(at.unwrap_or(start), start, end, NodeKind::Plain), node),
            _ => {
                let node = emit.node(at.unwrap_or(start), start, end, NodeKind::Plain);
                let ident = matches!(term, Term::Ident(_)) && !fields.is_empty();
                (node, if ident { emit.node(start, start, inner_end, NodeKind::Plain) } else { node })
            }
        };
        let Some(command) = &mut pipe.command else { return Ok(()) };
        let operand = Operand { term, fields, node, inner };
        if command.operands == 0 {
            if pipe.commands > 0 && pipe.not_executable.is_none() && !executable(&operand) {
                pipe.not_executable = Some(pipe.commands + 1);
            }
            self.head(command, operand);
        } else {
            if command.operands == 1 {
                command.first = node;
            }
            self.argument(command, operand);
        }
        command.operands += 1;
        self.after_operand(pipe)
    }

    fn after_operand(&mut self, pipe: &mut Pipe) -> Result1<()> {
        let token = self.next();
        match token.tok {
            Tok::Space => return Ok(()),
            Tok::RightDelim | Tok::RightParen => self.backup(),
            Tok::Pipe => {}
            _ => return self.unexpected(token, "operand"),
        }
        let Some(command) = pipe.command.take() else { return Ok(()) };
        if command.operands == 0 {
            return self.fail("empty command");
        }
        let end = self.last_end;
        self.emitter().end_node(command.node, end);
        self.close_command(command);
        pipe.commands += 1;
        Ok(())
    }

    /// The head has turned out to have arguments.
    fn before_operand(&mut self, command: &mut Command) {
        if command.operands != 1 {
            return;
        }
        self.takes_arguments(command);
    }

    fn takes_arguments(&mut self, command: &mut Command) {
        match std::mem::replace(&mut command.head, Head::Failed) {
            Head::Path { load, place } => {
                let emit = self.emitter();
                let mut names = emit.take_last_path();
                let Some(name) = names.pop() else { return };
                emit.code.pop();
                if !(names.is_empty() && place.of_call) {
                    emit.load(load, names, place);
                }
                let Place { node, call, of_call } = place;
                let piped = command.piped;
                let method = emit.method(MethodCall { name, args: Vec::new(), piped, node, call, at: node, of_call, end: 0 });
                emit.op(Op::CheckMethod { method });
                command.head = Head::Method(method);
            }
            Head::Value { node, shown } => {
                let shown = self.shown(shown);
                let emit = self.emitter();
                emit.code.truncate(command.code);
                emit.fail(format!("can't give argument to non-function {shown}"), node);
            }
            head => command.head = head,
        }
    }

    fn head(&mut self, command: &mut Command, operand: Operand) {
        let Operand { term, fields, node, inner } = operand;
        let value = match term {
            Term::Ident(index) if fields.is_empty() => {
                self.emitter().current = node;
                command.head = Head::Function { index, ident: node };
                return;
            }
            Term::Field(first) => {
                let mut names = vec![first];
                names.extend(fields);
                self.emitter().current = node;
                return self.path(command, Load::Dot, names, Place { node, call: node, of_call: false });
            }
            Term::Ident(index) => {
                self.call_without_arguments(index, inner);
                return self.path_here(command, fields, node, true);
            }
            Term::Paren(..) if !fields.is_empty() => return self.path_here(command, fields, node, false),
            Term::Var(name) => {
                self.emitter().current = node;
                if !fields.is_empty() {
                    return self.var_path(command, &name, fields, node);
                }
                self.load_var(&name, node);
                Head::Value { node, shown: node }
            }
            // Go has not come to the parentheses yet when it complains.
            Term::Paren(..) => Head::Value { node: command.before, shown: inner },
            Term::Dot => {
                self.emitter().current = node;
                self.emitter().op(Op::Dot);
                Head::Value { node, shown: node }
            }
            Term::Nil => {
                self.emitter().current = node;
                self.emitter().fail("nil is not a command", node);
                Head::Value { node, shown: node }
            }
            Term::Literal(literal) => {
                self.emitter().current = node;
                self.ideal(&literal, node);
                Head::Value { node, shown: node }
            }
        };
        command.head = value;
        if command.piped {
            self.takes_arguments(command);
        }
    }

    fn shown(&mut self, node: NodeId) -> String {
        let (start, end) = self.emitter().span(node);
        self.source.normal(start, end)
    }

    /// Fields of what is on the stack; errors are told at the current node.
    fn path_here(&mut self, command: &mut Command, names: Vec<Str>, call: NodeId, of_call: bool) {
        let node = self.emitter().current;
        self.path(command, Load::Top, names, Place { node, call, of_call });
    }

    fn path(&mut self, command: &mut Command, load: Load, names: Vec<Str>, place: Place) {
        self.emitter().load(load, names, place);
        command.head = Head::Path { load, place };
        if command.piped {
            self.takes_arguments(command);
        }
    }

    fn var_path(&mut self, command: &mut Command, name: &Str, fields: Vec<Str>, node: NodeId) {
        match self.emitter().find(name) {
            Found::Slot(slot) => self.path(command, Load::Var(slot), fields, Place { node, call: node, of_call: false }),
            _ => {
                self.load_var(name, node);
                self.path(command, Load::Top, fields, Place { node, call: node, of_call: true });
            }
        }
    }

    fn load_var(&mut self, name: &Str, node: NodeId) {
        let emit = self.emitter();
        match emit.find(name) {
            Found::Slot(slot) => emit.op(Op::Var { slot }),
            Found::Choice(slots) => {
                let choice = emit.choice(slots);
                emit.op(Op::VarChoice { choice });
            }
            Found::Undefined => emit.fail(format!("undefined variable: {name}"), node),
        }
    }

    /// A literal whose type nothing asks for.
    fn ideal(&mut self, literal: &Literal, node: NodeId) {
        let shown = if let Literal::Number(_) = literal { self.shown(node) } else { String::new() };
        let emit = self.emitter();
        let constant = match literal {
            Literal::Nil => return emit.op(Op::Nil),
            Literal::Bool(b) => Constant::Bool(*b),
            Literal::Str(text) => Constant::Str(text.clone()),
            Literal::Number(number) => match (number.complex, number.float, number.int) {
                (Some((real, imaginary)), _, _) => Constant::Complex(real, imaginary),
                (None, Some(float), _) if Number::written_as_float(&shown) => Constant::Float(float),
                (None, _, Some(int)) => Constant::Int(int),
                _ => return emit.fail(format!("{shown} overflows int"), node),
            },
        };
        emit.constant(constant);
    }

    fn call_without_arguments(&mut self, index: u16, ident: NodeId) {
        self.emitter().current = ident;
        let function = *self.functions.at(index);
        let emit = self.emitter();
        if !function.params.is_empty() {
            let message = wrong_count(function.name, function.params.len(), function.variadic.is_some(), 0, 0);
            return emit.fail(message, ident);
        }
        emit.op(Op::Call { function: index, count: 0, piped: false, node: ident, at: ident });
    }

    fn argument(&mut self, command: &mut Command, operand: Operand) {
        match command.head {
            Head::Function { index, .. } => {
                let at = command.operands - 1;
                let function = *self.functions.at(index);
                let ty = function.params.get(at).copied().or(function.variadic).unwrap_or(Ty::Any);
                let param = u16::try_from(at.min(function.params.len())).unwrap_or(u16::MAX);
                self.function_argument(operand, ty, index, param);
                if let Body::Builtin(builtin @ (Builtin::And | Builtin::Or)) = function.body {
                    let emit = self.emitter();
                    command.jumps.push(emit.short_circuit(builtin == Builtin::Or));
                    if command.jumps.len() == 1 {
                        emit.perhaps += 1;
                    }
                }
            }
            Head::Method(method) => {
                let node = operand.node;
                let direct = !matches!(operand.term, Term::Paren(..)) || !operand.fields.is_empty();
                let literal = literal(&operand.term).filter(|_| operand.fields.is_empty());
                match &literal {
                    Some(literal) => {
                        self.emitter().current = node;
                        self.ideal(literal, node);
                    }
                    None => self.load_operand(operand),
                }
                let emit = self.emitter();
                let at = emit.current;
                let call = emit.method_mut(method);
                call.args.push(MethodArg { node: at, literal });
                call.at = at;
                let arg = u16::try_from(call.args.len() - 1).unwrap_or(u16::MAX);
                emit.op(Op::MethodArg { method, arg, direct });
            }
            _ => {
                // The command fails before it comes to this.
                self.load_operand(operand);
            }
        }
    }

    fn function_argument(&mut self, operand: Operand, ty: Ty, function: u16, param: u16) {
        let node = operand.node;
        if let (Some(literal), true) = (literal(&operand.term), operand.fields.is_empty()) {
            self.emitter().current = node;
            return self.typed_literal(&literal, (function, param), ty, node);
        }
        let direct = !matches!(operand.term, Term::Paren(..)) || !operand.fields.is_empty();
        self.load_operand(operand);
        let len = matches!(self.functions.at(function).body, Body::Builtin(Builtin::Len));
        if !matches!(ty, Ty::Any | Ty::Reflect) || (len && !direct) {
            let emit = self.emitter();
            let node = emit.current;
            emit.op(Op::Coerce { function, param, direct, node });
        }
    }

    /// A literal where a parameter says of which type it is.
    fn typed_literal(&mut self, literal: &Literal, (function, param): (u16, u16), ty: Ty, node: NodeId) {
        let constant = match (ty, literal) {
            (Ty::Any | Ty::Reflect, _) => return self.ideal(literal, node),
            (ty, Literal::Nil) if ty.can_be_nil() => {
                // The coercion makes it a nil of the parameter's type.
                self.emitter().op(Op::Nil);
                return self.emitter().op(Op::Coerce { function, param, direct: false, node });
            }
            (Ty::Bool, Literal::Bool(b)) => Some(Constant::Bool(*b)),
            (Ty::Str, Literal::Str(text)) => Some(Constant::Str(text.clone())),
            (Ty::Int, Literal::Number(n)) => n.int.map(Constant::Int),
            (Ty::Int64, Literal::Number(n)) => n.int.map(Constant::Int64),
            (Ty::Float, Literal::Number(n)) => n.float.map(Constant::Float),
            _ => None,
        };
        match constant {
            Some(constant) => self.emitter().constant(constant),
            None => {
                let shown = self.shown(node);
                let message = ty.literal_mismatch(literal, &shown);
                self.emitter().fail(message, node);
            }
        }
    }

    /// An operand that is an argument, and no literal.
    fn load_operand(&mut self, operand: Operand) {
        let Operand { term, fields, node, inner } = operand;
        match term {
            Term::Paren(..) => {}
            Term::Ident(index) => self.call_without_arguments(index, inner),
            _ => self.emitter().current = node,
        }
        let (load, names) = match term {
            Term::Field(first) => {
                let mut names = vec![first];
                names.extend(fields);
                (Load::Dot, names)
            }
            Term::Var(name) if fields.is_empty() => return self.load_var(&name, node),
            Term::Var(name) => match self.emitter().find(&name) {
                Found::Slot(slot) => (Load::Var(slot), fields),
                _ => {
                    self.load_var(&name, node);
                    (Load::Top, fields)
                }
            },
            Term::Dot => return self.emitter().op(Op::Dot),
            Term::Nil => return self.emitter().op(Op::Nil),
            Term::Literal(literal) => return self.ideal(&literal, node),
            Term::Ident(_) | Term::Paren(..) if fields.is_empty() => return,
            Term::Ident(_) | Term::Paren(..) => {
                let of_call = matches!(term, Term::Ident(_));
                let place = Place { node: self.emitter().current, call: node, of_call };
                return self.emitter().load(Load::Top, fields, place);
            }
        };
        self.emitter().load(load, names, Place { node, call: node, of_call: false });
    }

    fn close_command(&mut self, mut command: Command) {
        let args = command.operands - 1;
        match command.head {
            Head::Function { index, ident } => self.close_call(&mut command, index, ident, args),
            Head::Method(method) => {
                let emit = self.emitter();
                emit.op(Op::CallMethod { method });
                let end = u32::try_from(emit.here()).unwrap_or(u32::MAX);
                emit.method_mut(method).end = end;
            }
            _ => {}
        }
    }

    fn close_call(&mut self, command: &mut Command, index: u16, ident: NodeId, args: usize) {
        let function = *self.functions.at(index);
        let given = args + usize::from(command.piped);
        let fixed = function.params.len();
        let variadic = function.variadic.is_some();
        let logic = matches!(function.body, Body::Builtin(Builtin::And | Builtin::Or));
        let emit = self.emitter();
        if logic && args > 0 {
            emit.perhaps -= 1;
        }
        if given < fixed || (given > fixed && !variadic) {
            emit.code.truncate(command.code);
            return emit.fail(wrong_count(function.name, fixed, variadic, args, given), ident);
        }
        let (at, node, piped) = (emit.current, command.node, command.piped);
        let count = u16::try_from(given).unwrap_or(u16::MAX);
        match function.body {
            Body::Builtin(Builtin::And | Builtin::Or) => self.close_logic(command),
            Body::Builtin(Builtin::Call) => {
                emit.op(Op::CallFunction { count, piped, node, name: command.first });
            }
            _ => emit.op(Op::Call { function: index, count, piped, node, at }),
        }
    }

    fn close_logic(&mut self, command: &mut Command) {
        let emit = self.emitter();
        let behind = emit.copy_current();
        if !command.piped {
            // The last argument is the result, true or not.
            if command.jumps.pop().is_some() {
                emit.code.pop();
            }
            emit.land(&command.jumps, behind);
        } else if !command.jumps.is_empty() {
            let over = emit.here();
            emit.op(Op::Jump { target: 0 });
            emit.land(&command.jumps, behind);
            emit.op(Op::DropUnder);
            emit.point(over, emit.here());
        }
        if emit.height > command.height {
            emit.op(Op::PadVars { count: emit.height });
        }
    }
}

impl super::emit::Emitter {
    fn load(&mut self, load: Load, names: Vec<Str>, place: Place) {
        if names.is_empty() {
            return match load {
                Load::Dot => self.op(Op::Dot),
                Load::Var(slot) => self.op(Op::Var { slot }),
                Load::Top => self.op(Op::Unwrap),
            };
        }
        let path = self.path(Path { names, node: place.node, call: place.call, of_call: place.of_call });
        self.op(match load {
            Load::Dot => Op::DotFields { path },
            Load::Var(slot) => Op::VarFields { slot, path },
            Load::Top => Op::TopFields { path },
        });
    }
}

fn starts_operand(tok: Tok) -> bool {
    matches!(
        tok,
        Tok::Bool
            | Tok::CharConstant
            | Tok::Complex
            | Tok::Dot
            | Tok::Field
            | Tok::Identifier
            | Tok::Number
            | Tok::Nil
            | Tok::RawString
            | Tok::String
            | Tok::Variable
            | Tok::LeftParen
    )
}

/// Whether a command that begins so can take a piped value, for all that the parser knows.
fn executable(operand: &Operand) -> bool {
    !operand.fields.is_empty() || !matches!(operand.term, Term::Dot | Term::Nil | Term::Literal(_))
}

fn literal(term: &Term) -> Option<Literal> {
    match term {
        Term::Nil => Some(Literal::Nil),
        Term::Literal(literal) => Some(literal.clone()),
        _ => None,
    }
}

fn wrong_count(name: &str, fixed: usize, variadic: bool, written: usize, given: usize) -> String {
    if variadic {
        format!("wrong number of args for {name}: want at least {fixed} got {written}")
    } else {
        format!("wrong number of args for {name}: want {fixed} got {given}")
    }
}
