//! Go's `text/template` and sprig, compiled once and executed many times. No files, no processes, no clock: what a template
//! needs of the world (functions, host objects, time, randomness) is handed in.
//!
//! ```
//! use gitops_template::{Execution, Functions, Map, Options, TemplateSet, Value};
//!
//! let mut set = TemplateSet::new(Functions::builtin(), Options::default());
//! set.parse("hello", "{{range .names}}Hello, {{. | printf \"%q\"}}!\n{{end}}")?;
//! let data = Map::from_iter([("names", Value::from(vec![Value::from("you")]))]);
//! let out = set.execute("hello", Value::Map(data), &mut Execution::default())?;
//! assert_eq!(out, b"Hello, \"you\"!\n");
//! # Ok::<(), gitops_template::TemplateError>(())
//! ```
//!
//! Threads: a `TemplateSet` is shared between threads; `Value`s are not, they belong to one execution.
//! Limits: see [`Limits`]. No template, however it nests or recurses, uses more than a bounded part of the real stack.

mod builtin;
mod compare;
mod compile;
mod convert;
mod error;
mod escape;
mod exec;
pub mod fmt;
mod function;
mod lex;
mod number;
mod object;
mod program;
mod scope;
mod set;
pub mod sprig;
mod text;
mod value;

pub use error::{FuncError, TemplateError};
pub use function::{Body, Finish, Fun, Function, Functions, Render, Target, Ty};
pub use object::{Method, Object};
pub use scope::{Ambient, Execution, Limits, Scope, Used};
pub use set::{MissingKey, Options, Parsed, TemplateSet};
pub use text::Str;
pub use value::{Elem, Kind, List, ListType, Map, MapType, Value};
