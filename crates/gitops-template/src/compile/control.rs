//! Actions: `if`, `with`, `range`, `else`, `end`, `break`, `continue`, `template`, `block`.

use super::pipeline::Declared;
use super::{Compiler, Result1, TreeKind};
use crate::lex::{Tok, Token};
use crate::program::{NodeKind, Op, RangeVar};

/// An `if`, `with` or `range` that is open.
pub(super) struct Control {
    kind: Kind,
    /// Variables that there were before its pipeline, and after.
    vars_before: usize,
    vars_of_list: usize,
    height_before: u32,
    height_of_list: u32,
    dots: u32,
    /// Jumps to be pointed at the `else`, and at the end.
    to_else: usize,
    to_end: Vec<usize>,
    /// Jumps of `continue`.
    to_next: Vec<usize>,
    range: u32,
    in_else: bool,
    /// An `else if`: its end is the end of the one around it too.
    chained: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    If,
    With,
    Range,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::If => "if",
            Kind::With => "with",
            Kind::Range => "range",
        }
    }
}

impl Compiler<'_> {
    /// What follows a left delimiter.
    pub(super) fn action(&mut self) -> Result1<()> {
        let token = self.next_non_space();
        match token.tok {
            Tok::Else => return self.else_control(),
            Tok::End => return self.end_control(),
            _ => self.tree().blank = false,
        }
        match token.tok {
            Tok::If => self.control(Kind::If, false),
            Tok::With => self.control(Kind::With, false),
            Tok::Range => self.control(Kind::Range, false),
            Tok::Block => self.block(),
            Tok::Break | Tok::Continue => {
                self.leave(token.tok)?;
                self.action_done()
            }
            Tok::Template => {
                self.template()?;
                self.action_done()
            }
            _ => {
                self.backup();
                let token = self.peek();
                let declared = self.pipeline("command", Tok::RightDelim)?;
                let end = self.last_end;
                let emit = self.emitter();
                if declared.names.is_empty() {
                    let node = emit.node(token.start, token.start, end, NodeKind::Action);
                    emit.op(Op::Print { node });
                } else {
                    emit.op(Op::Pop);
                }
                self.action_done()
            }
        }
    }

    fn action_done(&mut self) -> Result1<()> {
        self.tree().action = None;
        Ok(())
    }

    fn control(&mut self, kind: Kind, chained: bool) -> Result1<()> {
        let (vars_before, height_before) = (self.emitter().vars.len(), self.emitter().height);
        let declared = self.pipeline(kind.name(), Tok::RightDelim)?;
        let emit = self.emitter();
        let dots = emit.dots;
        let to_else = emit.here();
        let mut range = 0;
        match kind {
            Kind::If => emit.op(Op::JumpIfFalse { target: 0 }),
            Kind::With => {
                emit.op(Op::With { target: 0 });
                emit.dots += 1;
            }
            Kind::Range => {
                let (key, value) = range_vars(&declared);
                range = emit.range(key, value);
                emit.op(Op::Range { range });
                emit.begin_range(range);
                emit.dots += 1;
            }
        }
        let (vars_of_list, height_of_list) = (emit.vars.len(), emit.height);
        self.tree().controls.push(Control {
            kind,
            vars_before,
            vars_of_list,
            height_before,
            height_of_list,
            dots,
            to_else,
            to_end: Vec::new(),
            to_next: Vec::new(),
            range,
            in_else: false,
            chained,
        });
        Ok(())
    }

    /// Ends the code of the part that is run when there is something.
    fn end_list(&mut self, control: &mut Control, more: bool) {
        let emit = self.emitter();
        match control.kind {
            Kind::If => {}
            Kind::With => emit.op(Op::EndWith),
            Kind::Range => {
                let next = emit.here();
                for jump in control.to_next.drain(..) {
                    emit.point(jump, next);
                }
                emit.op(Op::RangeNext { range: control.range });
            }
        }
        emit.dots = control.dots;
        if more {
            control.to_end.push(emit.here());
            emit.op(Op::Jump { target: 0 });
        }
        let here = emit.here();
        match control.kind {
            Kind::Range => emit.otherwise(control.range, here),
            _ => emit.point(control.to_else, here),
        }
        emit.forget(control.vars_of_list, control.height_of_list);
    }

    fn end(&mut self, mut control: Control) {
        if !control.in_else {
            self.end_list(&mut control, false);
        }
        let emit = self.emitter();
        let here = emit.here();
        for jump in control.to_end {
            emit.point(jump, here);
        }
        emit.leave_scope(control.vars_before, control.height_before);
    }

    fn else_control(&mut self) -> Result1<()> {
        let next = self.peek_non_space();
        if !matches!(next.tok, Tok::If | Tok::With) {
            self.expect(Tok::RightDelim, "else")?;
        }
        let kind = self.tree().kind;
        let Some(mut control) = self.tree().controls.pop() else {
            return match kind {
                TreeKind::File => self.fail("unexpected {{else}}"),
                TreeKind::Define => self.fail("unexpected {{else}} in define clause"),
                TreeKind::Block { .. } => self.fail_in_outer("unexpected {{else}} in block clause"),
            };
        };
        if control.in_else {
            return self.fail("expected end; found {{else}}");
        }
        self.end_list(&mut control, true);
        control.in_else = true;
        let again = match (control.kind, next.tok) {
            (Kind::If, Tok::If) => Some(Kind::If),
            (Kind::With, Tok::With) => Some(Kind::With),
            _ => None,
        };
        self.tree().controls.push(control);
        self.tree().action = None;
        if let Some(kind) = again {
            self.next_non_space();
            self.control(kind, true)?;
        }
        Ok(())
    }

    fn end_control(&mut self) -> Result1<()> {
        self.expect(Tok::RightDelim, "end")?;
        self.tree().action = None;
        if self.tree().controls.is_empty() {
            return if self.tree().kind == TreeKind::File { self.fail("unexpected {{end}}") } else { self.close() };
        }
        while let Some(control) = self.tree().controls.pop() {
            let chained = control.chained;
            self.end(control);
            if !chained {
                break;
            }
        }
        Ok(())
    }

    /// An error that the outer tree tells, at its own last token.
    fn fail_in_outer<T>(&mut self, message: &str) -> Result1<T> {
        self.tokens[0] = self.tree().outer_token;
        self.fail(message)
    }

    /// `{{break}}` and `{{continue}}`.
    fn leave(&mut self, tok: Tok) -> Result1<()> {
        let name = if tok == Tok::Break { "{{break}}" } else { "{{continue}}" };
        let token = self.next_non_space();
        if token.tok != Tok::RightDelim {
            return self.unexpected(token, name);
        }
        let tree = self.tree();
        let inner = tree.controls.iter().rposition(|c| c.kind == Kind::Range && !c.in_else);
        let Some(inner) = inner else { return self.fail(format!("{name} outside {{{{range}}}}")) };
        let at = tree.emit.here();
        if tok == Tok::Continue {
            tree.emit.op(Op::Jump { target: 0 });
            tree.controls[inner].to_next.push(at);
            return Ok(());
        }
        // In the `else` of a range, Go's break leaves that `else` and nothing more.
        let innermost = tree.controls.iter().rposition(|c| c.kind == Kind::Range).unwrap_or(inner);
        let control = &mut tree.controls[innermost];
        if control.in_else {
            tree.emit.op(Op::KeepDots { count: control.dots });
            control.to_end.push(at + 1);
            tree.emit.op(Op::Jump { target: 0 });
        } else {
            control.to_end.push(at);
            tree.emit.op(Op::Break { target: 0 });
        }
        Ok(())
    }

    fn template_name(&mut self, context: &str) -> Result1<(Token, crate::text::Str)> {
        let token = self.next_non_space();
        match token.tok {
            Tok::String | Tok::RawString => Ok((token, self.unquote(token)?)),
            _ => self.unexpected(token, context),
        }
    }

    fn template(&mut self) -> Result1<()> {
        let (token, name) = self.template_name("template clause")?;
        let has_pipe = self.next_non_space().tok != Tok::RightDelim;
        let call = self.emitter().template_call(token.start, name, has_pipe);
        if has_pipe {
            self.backup();
            self.call_pipeline(call, "template clause")?;
        }
        self.emitter().call_template(call);
        Ok(())
    }

    fn block(&mut self) -> Result1<()> {
        let (token, name) = self.template_name("block clause")?;
        let call = self.emitter().template_call(token.start, name.clone(), true);
        self.call_pipeline(call, "block clause")?;
        self.open(name, TreeKind::Block { call });
        Ok(())
    }

    fn call_pipeline(&mut self, call: u32, context: &'static str) -> Result1<()> {
        let start = self.peek_non_space().start;
        self.pipeline(context, Tok::RightDelim)?;
        let end = self.last_end;
        self.emitter().call_shows(call, start, end);
        Ok(())
    }
}

fn range_vars(declared: &Declared) -> (Option<RangeVar>, Option<RangeVar>) {
    match declared.slots.as_slice() {
        [] => (None, None),
        [value] => (None, Some(*value)),
        [key, value, ..] => (Some(*key), Some(*value)),
    }
}
