//! The compiler: one pass from tokens to code, without a tree and without recursion, so that no nesting in a template can use up
//! the stack. Errors are those of Go's parser, which reads the same tokens with the same look-ahead.

mod control;
mod emit;
mod pipeline;

use std::sync::Arc;

use crate::error::TemplateError;
use crate::function::Functions;
use crate::lex::{Lexer, Tok, Token};
use crate::program::{Source, Template};
use crate::text::Str;

use control::Control;
use emit::Emitter;

/// Compiles a text and what it defines. Of a name defined twice, one definition is blank and left out.
pub(crate) fn compile(source: Arc<Source>, left: &str, functions: &Functions) -> Result<Vec<Template>, TemplateError> {
    let text = Arc::clone(&source);
    let mut lexer = Lexer::new(&text.text, left, &text.right);
    lexer.break_is_keyword = functions.find("break").is_none();
    lexer.continue_is_keyword = functions.find("continue").is_none();
    let nothing = Token { tok: Tok::Eof, start: 0, end: 0 };
    let mut compiler = Compiler {
        lexer,
        functions,
        tokens: [nothing; 3],
        peeked: 0,
        trees: Vec::new(),
        spare: None,
        done: Vec::new(),
        source,
        last_end: 0,
    };
    compiler.run()?;
    Ok(compiler.done)
}

type Result1<T> = Result<T, TemplateError>;

/// One template being compiled: the file itself, or a definition in it.
struct Tree {
    emit: Emitter,
    name: Str,
    blank: bool,
    controls: Vec<Control>,
    /// Where the action began that an error is in.
    action: Option<usize>,
    kind: TreeKind,
    /// The outer tree's last token: Go's parser has one look-ahead buffer for each tree, and tells its line.
    outer_token: Token,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TreeKind {
    File,
    Define,
    /// To be called by the outer tree when it is complete.
    Block {
        call: u32,
    },
}

struct Compiler<'t> {
    lexer: Lexer<'t>,
    functions: &'t Functions,
    /// Look-ahead, latest first.
    tokens: [Token; 3],
    peeked: usize,
    trees: Vec<Tree>,
    /// Of the definition that was closed last: its memory serves the next one.
    spare: Option<Emitter>,
    done: Vec<Template>,
    source: Arc<Source>,
    /// End of the last token that belongs to an operand.
    last_end: usize,
}

impl Compiler<'_> {
    fn next(&mut self) -> Token {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.tokens[0] = self.lexer.next();
        }
        self.tokens[self.peeked]
    }

    fn backup(&mut self) {
        self.peeked += 1;
    }

    /// Puts back `first`, which came before the latest token.
    fn backup2(&mut self, first: Token) {
        self.tokens[1] = first;
        self.peeked = 2;
    }

    fn backup3(&mut self, first: Token, second: Token) {
        self.tokens[1] = second;
        self.tokens[2] = first;
        self.peeked = 3;
    }

    fn peek(&mut self) -> Token {
        if self.peeked == 0 {
            self.peeked = 1;
            self.tokens[0] = self.lexer.next();
        }
        self.tokens[self.peeked - 1]
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.tok != Tok::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn line(&self, at: usize) -> usize {
        1 + memchr::memchr_iter(b'\n', &self.source.text.as_bytes()[..at]).count()
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result1<T> {
        Err(TemplateError::Parse { template: self.source.name.to_string(), line: self.line(self.tokens[0].start), message: message.into() })
    }

    fn unexpected<T>(&self, token: Token, context: &str) -> Result1<T> {
        let description = self.lexer.describe(token);
        if token.tok != Tok::Error {
            return self.fail(format!("unexpected {description} in {context}"));
        }
        let started = self.trees.last().and_then(|tree| tree.action).map(|at| self.line(at));
        match started.filter(|line| *line != self.line(token.start)) {
            None => self.fail(description),
            Some(line) => {
                let action = if description.ends_with(" action") { "" } else { " in action" };
                self.fail(format!("{description}{action} started at {}:{line}", self.source.name))
            }
        }
    }

    fn expect(&mut self, tok: Tok, context: &str) -> Result1<Token> {
        let token = self.next_non_space();
        if token.tok == tok { Ok(token) } else { self.unexpected(token, context) }
    }

    fn tree(&mut self) -> &mut Tree {
        let top = self.trees.len() - 1;
        &mut self.trees[top]
    }

    fn emitter(&mut self) -> &mut Emitter {
        &mut self.tree().emit
    }

    fn open(&mut self, name: Str, kind: TreeKind) {
        let emit = self.spare.take().unwrap_or_else(Emitter::new);
        self.trees.push(Tree { emit, name, blank: true, controls: Vec::new(), action: None, kind, outer_token: self.tokens[0] });
    }

    /// Ends the innermost tree.
    fn close(&mut self) -> Result1<()> {
        let Some(mut tree) = self.trees.pop() else { return Ok(()) };
        let template = tree.emit.finish(tree.name, &self.source, tree.blank);
        self.spare = Some(tree.emit);
        let there = self.done.iter().position(|other| other.name == template.name);
        match there {
            None => self.done.push(template),
            Some(at) if self.done[at].blank => self.done[at] = template,
            Some(_) if template.blank => {}
            Some(_) => {
                let name = crate::fmt::quote(&template.name);
                return self.fail(format!("template: multiple definition of template {name}"));
            }
        }
        if tree.kind != TreeKind::File {
            self.tokens[0] = tree.outer_token;
        }
        if let TreeKind::Block { call } = tree.kind {
            self.emitter().call_template(call);
            self.tree().action = None;
        }
        Ok(())
    }

    fn run(&mut self) -> Result1<()> {
        self.open(Str::from(&*self.source.name), TreeKind::File);
        loop {
            let at_top = self.trees.len() == 1 && self.tree().controls.is_empty();
            if at_top {
                match self.peek().tok {
                    Tok::Eof => break,
                    Tok::LeftDelim if self.definition()? => continue,
                    _ => {}
                }
            } else if self.peek_non_space().tok == Tok::Eof {
                return self.fail("unexpected EOF");
            }
            self.text_or_action()?;
        }
        self.close()
    }

    /// `{{define "name"}}`, if it is one.
    fn definition(&mut self) -> Result1<bool> {
        let delim = self.next();
        if self.next_non_space().tok != Tok::Define {
            self.backup2(delim);
            return Ok(false);
        }
        // The new tree's look-ahead is empty, and so would its line be.
        self.open(Str::EMPTY, TreeKind::Define);
        let token = self.next_non_space();
        if !matches!(token.tok, Tok::String | Tok::RawString) {
            return self.unexpected(token, "define clause");
        }
        self.tree().name = self.unquote(token)?;
        self.expect(Tok::RightDelim, "define clause")?;
        Ok(true)
    }

    fn unquote(&mut self, token: Token) -> Result1<Str> {
        match crate::lex::unquote(self.lexer.value(token)) {
            Some(name) => Ok(Str::from(name)),
            None => self.fail("invalid syntax"),
        }
    }

    fn text_or_action(&mut self) -> Result1<()> {
        let token = self.next_non_space();
        match token.tok {
            Tok::Text => {
                let blank = self.lexer.value(token).trim().is_empty();
                let tree = self.tree();
                tree.blank &= blank;
                tree.emit.text(token.start, token.end);
                Ok(())
            }
            Tok::LeftDelim => {
                self.tree().action = Some(token.start);
                self.action()
            }
            _ => self.unexpected(token, "input"),
        }
    }
}
