//! Tokens of a template: text, and what stands between the delimiters, spaces included.

use memchr::memmem::Finder;

use crate::fmt::integer::unicode;
use crate::fmt::quote;
use crate::fmt::unicode::{is_alphanumeric, is_print};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tok {
    /// The lexer has given up: [`Lexer::error`] says why.
    Error,
    Bool,
    /// Any other printable ASCII character.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Tok {
    fn keyword(word: &str) -> Option<Tok> {
        Some(match word {
            "block" => Tok::Block,
            "break" => Tok::Break,
            "continue" => Tok::Continue,
            "define" => Tok::Define,
            "else" => Tok::Else,
            "end" => Tok::End,
            "if" => Tok::If,
            "nil" => Tok::Nil,
            "range" => Tok::Range,
            "template" => Tok::Template,
            "with" => Tok::With,
            _ => return None,
        })
    }

    fn is_keyword(self) -> bool {
        matches!(
            self,
            Tok::Dot
                | Tok::Nil
                | Tok::Block
                | Tok::Break
                | Tok::Continue
                | Tok::Define
                | Tok::Else
                | Tok::End
                | Tok::If
                | Tok::Range
                | Tok::Template
                | Tok::With
        )
    }
}

/// A token and where it stands, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) tok: Tok,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

pub(crate) struct Lexer<'t> {
    text: &'t str,
    left: Finder<'t>,
    right: &'t str,
    at: usize,
    inside: bool,
    parens: usize,
    /// `break` and `continue` are keywords unless functions are called so.
    pub(crate) break_is_keyword: bool,
    pub(crate) continue_is_keyword: bool,
    error: Option<String>,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

fn is_space(c: char) -> bool {
    SPACES.contains(&c)
}

fn has_left_marker(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

fn has_right_marker(text: &str) -> bool {
    matches!(text.as_bytes(), [b' ' | b'\t' | b'\r' | b'\n', b'-', ..])
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str, left: &'t str, right: &'t str) -> Lexer<'t> {
        Lexer {
            text,
            left: Finder::new(if left.is_empty() { "{{" } else { left }),
            right: if right.is_empty() { "}}" } else { right },
            at: 0,
            inside: false,
            parens: 0,
            break_is_keyword: true,
            continue_is_keyword: true,
            error: None,
        }
    }

    /// A lexer that starts between the delimiters, for `text[start..end]` of an action that has been parsed before.
    pub(crate) fn inside(text: &'t str, start: usize, right: &'t str) -> Lexer<'t> {
        Lexer { at: start, inside: true, ..Lexer::new(text, "", right) }
    }

    pub(crate) fn error(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }

    pub(crate) fn value(&self, token: Token) -> &'t str {
        &self.text[token.start..token.end]
    }

    /// A token as an error names it.
    pub(crate) fn describe(&self, token: Token) -> String {
        let value = self.value(token);
        match token.tok {
            Tok::Eof => "EOF".to_owned(),
            Tok::Error => self.error().to_owned(),
            tok if tok.is_keyword() => format!("<{value}>"),
            _ if value.len() > 10 => {
                let cut: String = value.chars().take(10).collect();
                format!("{}...", crate::fmt::quote(cut.as_bytes()))
            }
            _ => crate::fmt::quote(value.as_bytes()),
        }
    }

    pub(crate) fn next(&mut self) -> Token {
        if self.error.is_some() {
            return self.token(Tok::Eof, self.at);
        }
        if self.inside { self.action() } else { self.outside() }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn token(&self, tok: Tok, start: usize) -> Token {
        Token { tok, start, end: self.at }
    }

    fn fail(&mut self, start: usize, message: impl Into<String>) -> Token {
        self.error = Some(message.into());
        Token { tok: Tok::Error, start, end: start }
    }

    fn outside(&mut self) -> Token {
        loop {
            let start = self.at;
            let Some(found) = self.left.find(self.rest().as_bytes()) else {
                self.at = self.text.len();
                return self.token(if start < self.at { Tok::Text } else { Tok::Eof }, start);
            };
            let delim = start + found;
            let mut end = delim;
            if has_left_marker(&self.text[delim + self.left.needle().len()..]) {
                end = start + self.text[start..delim].trim_end_matches(SPACES).len();
            }
            self.at = delim;
            if end > start {
                return Token { tok: Tok::Text, start, end };
            }
            self.at += self.left.needle().len();
            let marker = if has_left_marker(self.rest()) { 2 } else { 0 };
            if self.text[self.at + marker..].starts_with("/*") {
                self.at += marker;
                if let Err(error) = self.comment() {
                    return error;
                }
                continue;
            }
            let token = self.token(Tok::LeftDelim, delim);
            self.inside = true;
            self.at += marker;
            self.parens = 0;
            return token;
        }
    }

    fn comment(&mut self) -> Result<(), Token> {
        let start = self.at;
        let Some(end) = self.text[start + 2..].find("*/") else {
            return Err(self.fail(start, "unclosed comment"));
        };
        self.at = start + 2 + end + 2;
        let Some(trim) = self.at_right_delim() else {
            return Err(self.fail(start, "comment ends before closing delimiter"));
        };
        self.close(trim);
        Ok(())
    }

    /// Whether a right delimiter is next, and whether it trims.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_marker(rest) && rest[2..].starts_with(self.right) {
            return Some(true);
        }
        rest.starts_with(self.right).then_some(false)
    }

    /// Steps over a right delimiter, which is known to be there, and what it trims. Returns where it begins and ends.
    fn close(&mut self, trim: bool) -> (usize, usize) {
        let start = if trim { self.at + 2 } else { self.at };
        let end = start + self.right.len();
        self.at = end;
        if trim {
            self.at = self.text.len() - self.rest().trim_start_matches(SPACES).len();
        }
        (start, end)
    }

    fn right_delim(&mut self, trim: bool) -> Token {
        let (start, end) = self.close(trim);
        self.inside = false;
        Token { tok: Tok::RightDelim, start, end }
    }

    fn action(&mut self) -> Token {
        let start = self.at;
        if let Some(trim) = self.at_right_delim() {
            return if self.parens == 0 { self.right_delim(trim) } else { self.fail(start, "unclosed left paren") };
        }
        let Some(c) = self.bump() else { return self.fail(start, "unclosed action") };
        match c {
            _ if is_space(c) => self.space(start),
            '=' => self.token(Tok::Assign, start),
            ':' if self.bump() == Some('=') => self.token(Tok::Declare, start),
            ':' => self.fail(start, "expected :="),
            '|' => self.token(Tok::Pipe, start),
            '"' => self.quoted(start, '"', Tok::String, "unterminated quoted string"),
            '\'' => self.quoted(start, '\'', Tok::CharConstant, "unterminated character constant"),
            '`' => match self.rest().find('`') {
                Some(length) => {
                    self.at += length + 1;
                    self.token(Tok::RawString, start)
                }
                None => self.fail(start, "unterminated raw quoted string"),
            },
            '$' => self.name(start, Tok::Variable),
            '.' if self.peek().is_some_and(|next| !next.is_ascii_digit()) => self.name(start, Tok::Field),
            '.' | '+' | '-' | '0'..='9' => {
                self.at = start;
                self.number()
            }
            _ if is_alphanumeric(c) => self.identifier(start),
            '(' => {
                self.parens += 1;
                self.token(Tok::LeftParen, start)
            }
            ')' if self.parens == 0 => self.fail(start, "unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.token(Tok::RightParen, start)
            }
            _ if c.is_ascii() && is_print(c) => self.token(Tok::Char, start),
            _ => self.fail(start, format!("unrecognized character in action: {}", character(Some(c)))),
        }
    }

    fn space(&mut self, start: usize) -> Token {
        self.at = start + (self.text[start..].len() - self.text[start..].trim_start_matches(SPACES).len());
        // The last space may belong to a delimiter that trims.
        let last = &self.text[self.at - 1..];
        if has_right_marker(last) && last[2..].starts_with(self.right) {
            self.at -= 1;
            if self.at == start {
                return self.right_delim(true);
            }
        }
        self.token(Tok::Space, start)
    }

    fn quoted(&mut self, start: usize, quote: char, tok: Tok, unterminated: &str) -> Token {
        loop {
            let plain = memchr::memchr3(quote as u8, b'\\', b'\n', self.rest().as_bytes());
            self.at = plain.map_or(self.text.len(), |length| self.at + length);
            match self.bump() {
                Some('\\') => {
                    if matches!(self.bump(), None | Some('\n')) {
                        return self.fail(start, unterminated);
                    }
                }
                None | Some('\n') => return self.fail(start, unterminated),
                Some(c) if c == quote => return self.token(tok, start),
                Some(_) => {}
            }
        }
    }

    /// What may follow a name.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with(self.right),
        }
    }

    fn run(&mut self) {
        loop {
            let ascii = self.rest().bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            self.at += ascii;
            // Beyond ASCII a letter may follow; mostly nothing does.
            match self.peek() {
                Some(c) if !c.is_ascii() && is_alphanumeric(c) => self.at += c.len_utf8(),
                _ => return,
            }
        }
    }

    /// `$name` or `.name`, whose first character is past.
    fn name(&mut self, start: usize, tok: Tok) -> Token {
        if self.at_terminator() {
            return self.token(if tok == Tok::Field { Tok::Dot } else { tok }, start);
        }
        self.run();
        if !self.at_terminator() {
            return self.bad_character(start);
        }
        self.token(tok, start)
    }

    fn bad_character(&mut self, start: usize) -> Token {
        let next = self.peek();
        self.fail(start, format!("bad character {}", character(next)))
    }

    fn identifier(&mut self, start: usize) -> Token {
        self.run();
        if !self.at_terminator() {
            return self.bad_character(start);
        }
        let word = &self.text[start..self.at];
        let tok = match Tok::keyword(word) {
            Some(Tok::Break) if !self.break_is_keyword => Tok::Identifier,
            Some(Tok::Continue) if !self.continue_is_keyword => Tok::Identifier,
            Some(keyword) => keyword,
            None if matches!(word, "true" | "false") => Tok::Bool,
            None => Tok::Identifier,
        };
        self.token(tok, start)
    }

    fn number(&mut self) -> Token {
        let start = self.at;
        if !self.scan_number() {
            return self.bad_number(start);
        }
        if !matches!(self.peek(), Some('+' | '-')) {
            return self.token(Tok::Number, start);
        }
        if !self.scan_number() || !self.text[..self.at].ends_with('i') {
            return self.bad_number(start);
        }
        self.token(Tok::Complex, start)
    }

    fn bad_number(&mut self, start: usize) -> Token {
        let seen = crate::fmt::quote(&self.text.as_bytes()[start..self.at]);
        self.fail(start, format!("bad number syntax: {seen}"))
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|c| valid.contains(c));
        if found {
            self.bump();
        }
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    /// Takes wrong numbers too; reading them finds out.
    fn scan_number(&mut self) -> bool {
        const DECIMAL: &str = "0123456789_";
        const HEX: &str = "0123456789abcdefABCDEF_";
        self.accept("+-");
        let mut digits = DECIMAL;
        if self.accept("0") {
            if self.accept("xX") {
                digits = HEX;
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if (digits == DECIMAL && self.accept("eE")) || (digits == HEX && self.accept("pP")) {
            self.accept("+-");
            self.accept_run(DECIMAL);
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.bump();
            return false;
        }
        true
    }
}

/// `%#U`
fn character(c: Option<char>) -> String {
    let text = match c {
        Some(c) => unicode(u64::from(u32::from(c)), None, true),
        None => unicode(u64::MAX, None, true),
    };
    String::from_utf8_lossy(&text).into_owned()
}

/// A text in quotes, without them and without escapes.
pub(crate) fn unquote(text: &str) -> Option<Vec<u8>> {
    quote::unquote(text)
}
