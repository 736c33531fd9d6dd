//! A compiled template: straight code for the machine, with what its instructions point at.

use std::sync::Arc;

use crate::lex::{Lexer, Tok, Token};
use crate::number::Number;
use crate::text::Str;
use crate::value::Value;

/// Index into [`Template::nodes`].
pub(crate) type NodeId = u32;

/// One instruction. Operands come from the stack of values; `dot` and the variables are separate stacks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Writes `source[start..end]`.
    Text {
        start: u32,
        end: u32,
    },
    /// Pops a value and writes it.
    Print {
        node: NodeId,
    },
    Pop,
    Const {
        index: u32,
    },
    Nil,
    Dot,
    Var {
        slot: u32,
    },
    /// The first of some variables that is set; see [`Template::choices`].
    VarChoice {
        choice: u32,
    },
    DotFields {
        path: u32,
    },
    VarFields {
        slot: u32,
        path: u32,
    },
    TopFields {
        path: u32,
    },
    /// Fails unless the value on top has this method; for method calls with arguments.
    CheckMethod {
        method: u32,
    },
    /// Makes the value on top fit the method's parameter; `direct` as in `Coerce`. The receiver is below the arguments so far.
    MethodArg {
        method: u32,
        arg: u16,
        direct: bool,
    },
    CallMethod {
        method: u32,
    },
    /// The value on top has come out of a pipeline: it is in no interface.
    Unwrap,
    /// Makes the value on top fit a parameter. `direct`: it did not come out of a pipeline, so nil may be an interface.
    Coerce {
        function: u16,
        param: u16,
        direct: bool,
        node: NodeId,
    },
    /// `piped`: the last argument lies below the others, and has not been coerced.
    Call {
        function: u16,
        count: u16,
        piped: bool,
        node: NodeId,
        at: NodeId,
    },
    /// Go's `call`, which tells its first argument's name.
    CallFunction {
        count: u16,
        piped: bool,
        node: NodeId,
        name: NodeId,
    },
    /// Jumps if the value on top is true (`or`) or not (`and`), else pops it.
    /// `short` is the index of [`Template::shorts`].
    ShortCircuit {
        or: bool,
        target: u32,
        short: u32,
    },
    /// Takes out the value below the top.
    DropUnder,
    Jump {
        target: u32,
    },
    /// Pops; jumps if it is false.
    JumpIfFalse {
        target: u32,
    },
    /// Pops; makes it dot if it is true, else jumps.
    With {
        target: u32,
    },
    EndWith,
    /// Declares a variable with the value on top, which stays.
    Declare,
    Assign {
        slot: u32,
    },
    AssignChoice {
        choice: u32,
    },
    /// Forgets variables.
    KeepVars {
        count: u32,
    },
    /// Variables that were skipped get no value.
    PadVars {
        count: u32,
    },
    KeepDots {
        count: u32,
    },
    /// Pops what to range over.
    Range {
        range: u32,
    },
    /// The next round, or on.
    RangeNext {
        range: u32,
    },
    /// Leaves the innermost loop.
    Break {
        target: u32,
    },
    /// Fails unless the template is there.
    CheckTemplate {
        call: u32,
    },
    /// Pops dot if there is a pipeline, and executes the template.
    CallTemplate {
        call: u32,
    },
    Fail {
        message: u32,
        node: NodeId,
    },
    Return,
}

/// A place in the source, for errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// Where the error is said to be.
    pub(crate) at: u32,
    /// What is shown.
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) kind: NodeKind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum NodeKind {
    Plain,
    /// Between delimiters.
    Action,
    /// `{{template "name" pipeline}}`; the index is of [`Template::calls`].
    Template(u32),
}

/// Where an argument of `and` and `or` ended them: errors behind tell its place, not that of the last argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    /// The node behind the call.
    pub(crate) behind: NodeId,
    /// The one to tell instead.
    pub(crate) told: NodeId,
}

/// Fields or methods, one after the other.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) names: Vec<Str>,
    pub(crate) node: NodeId,
    /// When a method fails.
    pub(crate) call: NodeId,
    /// Of what a function without parentheses returned: nil is an interface.
    pub(crate) of_call: bool,
}

#[derive(Debug)]
pub(crate) struct MethodCall {
    pub(crate) name: Str,
    /// Arguments that are written, without a piped one.
    pub(crate) args: Vec<MethodArg>,
    pub(crate) piped: bool,
    pub(crate) node: NodeId,
    /// When the method fails.
    pub(crate) call: NodeId,
    /// Where the last argument's evaluation left off.
    pub(crate) at: NodeId,
    pub(crate) of_call: bool,
    /// The instruction behind the call: where to go on if there is no receiver.
    pub(crate) end: u32,
}

/// Literals take the parameter's type when the method is known.
#[derive(Debug)]
pub(crate) struct MethodArg {
    /// Where its evaluation left off.
    pub(crate) node: NodeId,
    pub(crate) literal: Option<Literal>,
}

#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Nil,
    Bool(bool),
    Number(Number),
    Str(Str),
}

#[derive(Debug)]
pub(crate) struct Range {
    /// The variables set in each round.
    pub(crate) key: Option<RangeVar>,
    pub(crate) value: Option<RangeVar>,
    /// First instruction of the body.
    pub(crate) body: u32,
    /// Where to go if there is nothing.
    pub(crate) otherwise: u32,
    pub(crate) node: NodeId,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum RangeVar {
    Slot(u32),
    /// An assignment to a variable that was never declared.
    Undefined,
}

#[derive(Debug)]
pub(crate) struct TemplateCall {
    pub(crate) name: Str,
    pub(crate) node: NodeId,
    pub(crate) has_pipe: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Constant {
    Bool(bool),
    Int(i64),
    Int64(i64),
    Float(f64),
    Complex(f64, f64),
    Str(Str),
}

impl Constant {
    pub(crate) fn value(&self) -> Value {
        match self {
            Constant::Bool(b) => Value::Bool(*b),
            Constant::Int(n) => Value::Int(*n),
            Constant::Int64(n) => Value::Int64(*n),
            Constant::Float(n) => Value::Float(*n),
            Constant::Complex(real, imaginary) => Value::Complex(Box::new((*real, *imaginary))),
            Constant::Str(text) => Value::Str(text.clone()),
        }
    }
}

/// A text that was parsed.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: String,
    pub(crate) right: String,
}

/// One template of a set. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) name: Str,
    /// The name of the text that it stood in. Equal texts have one program under several names.
    pub(crate) parsed_as: Arc<str>,
    pub(crate) program: Arc<Program>,
}

/// What a template does.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) source: Arc<Source>,
    pub(crate) code: Box<[Op]>,
    pub(crate) nodes: Box<[Node]>,
    pub(crate) consts: Box<[Constant]>,
    pub(crate) paths: Box<[Path]>,
    pub(crate) methods: Box<[MethodCall]>,
    pub(crate) ranges: Box<[Range]>,
    pub(crate) calls: Box<[TemplateCall]>,
    pub(crate) choices: Box<[Vec<u32>]>,
    pub(crate) shorts: Box<[Short]>,
    pub(crate) messages: Box<[String]>,
    /// Nothing but space and comments.
    pub(crate) blank: bool,
}

impl std::ops::Deref for Template {
    type Target = Program;
    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Program {
    /// Line from 1 and byte in the line from 0 of a node.
    pub(crate) fn place(&self, node: NodeId) -> (usize, usize) {
        let at = self.nodes.get(node as usize).map_or(0, |node| node.at as usize);
        let before = &self.source.text.as_bytes()[..at.min(self.source.text.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = at - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        (line, column)
    }

    /// The node's source as Go prints the parsed node: single spaces, ` | ` between commands.
    pub(crate) fn context(&self, node: NodeId) -> String {
        let Some(node) = self.nodes.get(node as usize) else { return String::new() };
        let inner = self.source.normal(node.start as usize, node.end as usize);
        match node.kind {
            NodeKind::Plain => inner,
            NodeKind::Action => format!("{{{{{inner}}}}}"),
            NodeKind::Template(call) => {
                let name = self.calls.get(call as usize).map(|call| crate::fmt::quote(&call.name)).unwrap_or_default();
                let space = if inner.is_empty() { "" } else { " " };
                format!("{{{{template {name}{space}{inner}}}}}")
            }
        }
    }
}

impl Source {
    /// Tokens of `text[start..end]`, spaced as Go prints nodes.
    pub(crate) fn normal(&self, start: usize, end: usize) -> String {
        let text = &self.text[..end];
        let mut lexer = Lexer::inside(text, start, &self.right);
        let (mut out, mut space, mut before) = (String::new(), false, None);
        loop {
            let token: Token = lexer.next();
            match token.tok {
                Tok::Eof | Tok::Error | Tok::RightDelim => break,
                Tok::Space => {
                    space = true;
                    continue;
                }
                Tok::Pipe => out.push_str(" | "),
                Tok::Declare => out.push_str(" := "),
                Tok::Assign => out.push_str(" = "),
                Tok::Char => out.push_str(", "),
                tok => {
                    let after_mark = matches!(before, None | Some(Tok::Pipe | Tok::Declare | Tok::Assign | Tok::Char | Tok::LeftParen));
                    if space && !after_mark && tok != Tok::RightParen {
                        out.push(' ');
                    }
                    out.push_str(lexer.value(token));
                }
            }
            space = false;
            before = Some(token.tok);
        }
        // A pipe with nothing behind it is no part of the node.
        while out.ends_with(" | ") {
            out.truncate(out.len() - 3);
        }
        out
    }
}
