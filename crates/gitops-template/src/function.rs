//! Functions that templates call: how they are declared, registered and found.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{FuncError, TemplateError};
use crate::program::Literal;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::Value;

/// The Go type of a parameter. Arguments are checked, and literals converted, before the function is called: a body may rely on
/// its arguments having these types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// `interface{}`: anything, nil included.
    Any,
    /// `reflect.Value`: anything; unlike `Any` only in Go's error texts.
    Reflect,
    /// `bool`
    Bool,
    /// `string`
    Str,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `float64`
    Float,
    /// `[]byte`
    Bytes,
    /// `map[string]interface{}`; nil arrives as a nil map (see `Map::is_nil`).
    Map,
    /// `[]interface{}`; nil arrives as a nil list.
    List,
    /// `[]string`; nil arrives as a nil list.
    Strings,
    /// A host object's type, by its Go name. Nil arrives as `Value::Nil` if the name begins with `*`.
    Object(&'static str),
}

impl Ty {
    /// As Go prints the type.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Ty::Any => "interface {}",
            Ty::Reflect => "reflect.Value",
            Ty::Bool => "bool",
            Ty::Str => "string",
            Ty::Int => "int",
            Ty::Int64 => "int64",
            Ty::Float => "float64",
            Ty::Bytes => "[]uint8",
            Ty::Map => "map[string]interface {}",
            Ty::List => "[]interface {}",
            Ty::Strings => "[]string",
            Ty::Object(name) => name,
        }
    }

    pub(crate) fn can_be_nil(self) -> bool {
        match self {
            Ty::Any | Ty::Reflect | Ty::Bytes | Ty::Map | Ty::List | Ty::Strings => true,
            Ty::Object(name) => name.starts_with('*'),
            Ty::Bool | Ty::Str | Ty::Int | Ty::Int64 | Ty::Float => false,
        }
    }

    /// What Go says of a literal that this type cannot be.
    pub(crate) fn literal_mismatch(self, literal: &Literal, shown: &str) -> String {
        match (self, literal) {
            (_, Literal::Nil) => format!("cannot assign nil to {}", self.name()),
            (Ty::Bool, _) => format!("expected bool; found {shown}"),
            (Ty::Str, _) => format!("expected string; found {shown}"),
            (Ty::Int | Ty::Int64, _) => format!("expected integer; found {shown}"),
            (Ty::Float, _) => format!("expected float; found {shown}"),
            _ => format!("can't handle {shown} for arg of type {}", self.name()),
        }
    }
}

/// The code of a function: context, then the arguments. Take arguments out with `args[0].take()` where a clone would cost.
pub type Fun = fn(&mut Scope<'_>, &mut [Value]) -> Result<Value, FuncError>;

/// What a function does when it is called.
#[derive(Clone, Copy)]
pub enum Body {
    /// Computes a value.
    Plain(Fun),
    /// Asks for a template to be rendered (`include`, `tpl`). The machine renders it without recursing on the real stack and
    /// hands the outcome to [`Render::finish`].
    Render(fn(&mut Scope<'_>, &mut [Value]) -> Result<Render, FuncError>),
    /// One that the machine itself carries out.
    Builtin(crate::builtin::Builtin),
}

/// A template to be rendered on behalf of a function.
pub struct Render {
    /// Which template.
    pub target: Target,
    /// Its dot.
    pub dot: Value,
    /// Kept for `finish`.
    pub tag: Value,
    /// Makes the function's result of the output, or of the error.
    pub finish: Finish,
}

/// Makes a function's result of what was rendered for it, and of the tag that it left.
pub type Finish = fn(&mut Scope<'_>, Value, Result<Str, TemplateError>) -> Result<Value, FuncError>;

/// Which template a [`Render`] means.
pub enum Target {
    /// A template of the set, by name; like `ExecuteTemplate`.
    Named(Str),
    /// A text, parsed now (once for equal texts) under this name. What it defines is seen by it and by what it calls, as in a
    /// clone of the set.
    Text {
        /// The template's name in errors.
        name: Str,
        /// The template.
        text: Str,
    },
}

/// A function for templates. Usually in a `const` table.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name, as a template writes it.
    pub name: &'static str,
    /// The types of its fixed parameters.
    pub params: &'static [Ty],
    /// The element type of a trailing `...` parameter.
    pub variadic: Option<Ty>,
    /// The code.
    pub body: Body,
}

impl Function {
    /// A function with a fixed number of parameters.
    pub const fn new(name: &'static str, params: &'static [Ty], fun: Fun) -> Function {
        Function { name, params, variadic: None, body: Body::Plain(fun) }
    }

    /// A function whose last parameter is `...rest`.
    pub const fn variadic(name: &'static str, params: &'static [Ty], rest: Ty, fun: Fun) -> Function {
        Function { name, params, variadic: Some(rest), body: Body::Plain(fun) }
    }

    /// A function that renders a template.
    pub const fn render(
        name: &'static str,
        params: &'static [Ty],
        fun: fn(&mut Scope<'_>, &mut [Value]) -> Result<Render, FuncError>,
    ) -> Function {
        Function { name, params, variadic: None, body: Body::Render(fun) }
    }
}

/// The functions of a template set, by name. Cheap to clone.
#[derive(Clone)]
pub struct Functions {
    inner: Arc<Table>,
}

#[derive(Clone)]
struct Table {
    all: Vec<Function>,
    by_name: HashMap<&'static str, u16>,
}

impl Functions {
    /// Go's own: `and`, `call`, `html`, `index`, `slice`, `js`, `len`, `not`, `or`, `print`, `printf`, `println`, `urlquery` and
    /// the comparisons.
    pub fn builtin() -> Functions {
        let empty = Functions { inner: Arc::new(Table { all: Vec::new(), by_name: HashMap::new() }) };
        empty.with(crate::builtin::FUNCTIONS)
    }

    /// These and `more`; of equal names the later one wins, built-in ones included.
    #[must_use]
    pub fn with(mut self, more: &[Function]) -> Functions {
        let table = Arc::make_mut(&mut self.inner);
        for function in more {
            let at = u16::try_from(table.all.len()).unwrap_or(u16::MAX);
            table.all.push(*function);
            table.by_name.insert(function.name, at);
        }
        self
    }

    pub(crate) fn find(&self, name: &str) -> Option<u16> {
        self.inner.by_name.get(name).copied()
    }

    pub(crate) fn at(&self, index: u16) -> &Function {
        &self.inner.all[usize::from(index)]
    }
}
