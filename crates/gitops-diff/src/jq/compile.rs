//! From text to an expression that runs here, by way of jaq's parser.

use gitops_manifest::{Value, json};
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::ops::{Cmp, Math};
use jaq_core::path::{Opt, Part};

use super::function::Function;

/// Longest expression, in bytes: what people write is a tenth of it, and the parser's stack is finite.
const LONGEST: usize = 1_000;
/// Deepest nesting of brackets.
const DEEPEST: usize = 32;

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JqError {
    /// It does not parse.
    #[error("is not a jq expression; write a path such as `.spec.containers[] | select(.name == \"web\") | .image`")]
    Syntax,
    /// It is longer or deeper than we run.
    #[error("is longer than {LONGEST} bytes or has more than {DEEPEST} brackets within each other; split it into several")]
    TooLong,
    /// A part of the language that does not run here.
    #[error("`{what}` is not supported in ignore rules; write a path with `select`")]
    Unsupported {
        /// Which part.
        what: String,
    },
}

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    Identity,
    Recurse,
    Literal(Value),
    /// Text with expressions in it.
    Text(Vec<Expr>),
    List(Option<Box<Expr>>),
    Map(Vec<(Expr, Expr)>),
    Negate(Box<Expr>),
    Pipe(Box<Expr>, Box<Expr>),
    Bind(Box<Expr>, String, Box<Expr>),
    Comma(Box<Expr>, Box<Expr>),
    Alternative(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Math(Math, Box<Expr>, Box<Expr>),
    Compare(Cmp, Box<Expr>, Box<Expr>),
    Try(Box<Expr>, Option<Box<Expr>>),
    If(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    Variable(String),
    Path(Box<Expr>, Vec<(PathPart, bool)>),
    Call(Function, Vec<Expr>),
}

/// A part of a path; the flag beside it says that a failure gives nothing.
#[derive(Clone, Debug)]
pub(super) enum PathPart {
    Index(Expr),
    Each,
    Slice(Option<Expr>, Option<Expr>),
}

pub(super) fn compile(text: &str) -> Result<Expr, JqError> {
    let mut depth = 0_usize;
    for c in text.bytes() {
        match c {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(JqError::TooLong);
        }
    }
    if text.len() > LONGEST {
        return Err(JqError::TooLong);
    }
    let term = jaq_core::load::parse(text, |parser| parser.term()).ok_or(JqError::Syntax)?;
    Compiler { variables: Vec::new() }.expr(&term)
}

struct Compiler {
    variables: Vec<String>,
}

type Compiled = Result<Expr, JqError>;

fn unsupported<T>(what: &str) -> Result<T, JqError> {
    Err(JqError::Unsupported { what: what.to_owned() })
}

impl Compiler {
    fn boxed(&mut self, term: &Term<&str>) -> Result<Box<Expr>, JqError> {
        self.expr(term).map(Box::new)
    }

    fn expr(&mut self, term: &Term<&str>) -> Compiled {
        Ok(match term {
            Term::Id => Expr::Identity,
            Term::Recurse => Expr::Recurse,
            Term::Num(text) => Expr::Literal(json::parse(text.as_bytes(), "number").map_err(|_| JqError::Syntax)?),
            Term::Str(None, parts) => self.text(parts)?,
            Term::Str(Some(format), _) => return unsupported(format),
            Term::Arr(inner) => Expr::List(inner.as_ref().map(|t| self.boxed(t)).transpose()?),
            Term::Obj(entries) => Expr::Map(entries.iter().map(|(key, value)| self.entry(key, value.as_ref())).collect::<Result<_, _>>()?),
            Term::Neg(inner) => Expr::Negate(self.boxed(inner)?),
            Term::BinOp(left, operator, right) => self.operator(left, operator, right)?,
            Term::TryCatch(tried, caught) => Expr::Try(self.boxed(tried)?, caught.as_ref().map(|t| self.boxed(t)).transpose()?),
            Term::IfThenElse(branches, otherwise) => Expr::If(
                branches.iter().map(|(test, then)| Ok((self.expr(test)?, self.expr(then)?))).collect::<Result<_, _>>()?,
                otherwise.as_ref().map(|t| self.boxed(t)).transpose()?,
            ),
            Term::Call(name, arguments) => self.call(name, arguments)?,
            Term::Var(name) if self.variables.iter().any(|v| v == name) => Expr::Variable((*name).to_owned()),
            Term::Var(name) => return unsupported(name),
            Term::Path(head, path) => Expr::Path(self.boxed(head)?, self.path(&path.0)?),
            Term::Def(..) => return unsupported("def"),
            Term::Fold(name, ..) => return unsupported(name),
            Term::Label(..) | Term::Break(_) => return unsupported("label"),
        })
    }

    fn text(&mut self, parts: &[StrPart<&str, Term<&str>>]) -> Compiled {
        let mut out: Vec<Expr> = Vec::new();
        let mut plain = String::new();
        for part in parts {
            match part {
                StrPart::Str(text) => plain.push_str(text),
                StrPart::Char(c) => plain.push(*c),
                StrPart::Term(term) => {
                    out.push(Expr::Literal(std::mem::take(&mut plain).into()));
                    out.push(self.expr(term)?);
                }
            }
        }
        if out.is_empty() {
            return Ok(Expr::Literal(plain.into()));
        }
        out.push(Expr::Literal(plain.into()));
        Ok(Expr::Text(out))
    }

    fn entry(&mut self, key: &Term<&str>, value: Option<&Term<&str>>) -> Result<(Expr, Expr), JqError> {
        let name = match key {
            Term::Var(name) => Expr::Literal(name.trim_start_matches('$').into()),
            key => self.expr(key)?,
        };
        let value = match (value, key) {
            (Some(value), _) => self.expr(value)?,
            (None, Term::Var(_)) => self.expr(key)?,
            (None, _) => Expr::Path(Box::new(Expr::Identity), vec![(PathPart::Index(name.clone()), false)]),
        };
        Ok((name, value))
    }

    fn operator(&mut self, left: &Term<&str>, operator: &BinaryOp<&str>, right: &Term<&str>) -> Compiled {
        let left = self.boxed(left)?;
        if let BinaryOp::Pipe(Some(pattern)) = operator {
            let Pattern::Var(name) = pattern else { return unsupported("destructuring") };
            self.variables.push((*name).to_owned());
            let right = self.boxed(right);
            self.variables.pop();
            return Ok(Expr::Bind(left, (*name).to_owned(), right?));
        }
        let right = self.boxed(right)?;
        Ok(match operator {
            BinaryOp::Pipe(_) => Expr::Pipe(left, right),
            BinaryOp::Comma => Expr::Comma(left, right),
            BinaryOp::Alt => Expr::Alternative(left, right),
            BinaryOp::Or => Expr::Or(left, right),
            BinaryOp::And => Expr::And(left, right),
            BinaryOp::Math(operation) => Expr::Math(*operation, left, right),
            BinaryOp::Cmp(comparison) => Expr::Compare(*comparison, left, right),
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => return unsupported("assignment"),
        })
    }

    fn call(&mut self, name: &str, arguments: &[Term<&str>]) -> Compiled {
        match (name, arguments.len()) {
            ("true", 0) => return Ok(Expr::Literal(Value::Bool(true))),
            ("false", 0) => return Ok(Expr::Literal(Value::Bool(false))),
            ("null", 0) => return Ok(Expr::Literal(Value::Null)),
            _ => {}
        }
        let Some(function) = Function::named(name, arguments.len()) else { return unsupported(name) };
        Ok(Expr::Call(function, arguments.iter().map(|a| self.expr(a)).collect::<Result<_, _>>()?))
    }

    fn path(&mut self, parts: &[(Part<Term<&str>>, Opt)]) -> Result<Vec<(PathPart, bool)>, JqError> {
        let one = |(part, opt): &(Part<Term<&str>>, Opt)| {
            let part = match part {
                Part::Index(index) => PathPart::Index(self.expr(index)?),
                Part::Range(None, None) => PathPart::Each,
                Part::Range(from, to) => {
                    PathPart::Slice(from.as_ref().map(|t| self.expr(t)).transpose()?, to.as_ref().map(|t| self.expr(t)).transpose()?)
                }
            };
            Ok((part, matches!(opt, Opt::Optional)))
        };
        parts.iter().map(one).collect()
    }
}
