//! What a parser tells and what a builder makes of it. The parsers (`fast`, `kept`) and the builders (`Value`,
//! `Node`) meet here, so that what a document means is decided once.
//!
//! Offsets are bytes into the prepared text (`source`), and are turned into lines and columns only when somebody asks.

use std::borrow::Cow;

use super::node::ScalarStyle;

/// Why a parse stopped.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The text is refused.
    Refused {
        /// Byte offset.
        at: usize,
        /// What is wrong and what to do.
        message: String,
    },
    /// The fast parser does not cover this text, or it is wrong: the kept parser decides.
    Unsure,
}

pub(crate) type Step<T = ()> = Result<T, Halt>;

pub(crate) fn refuse<T>(at: usize, message: impl Into<String>) -> Step<T> {
    Err(Halt::Refused { at, message: message.into() })
}

/// A scalar as written.
#[derive(Clone, Debug)]
pub(crate) struct Scalar<'t> {
    pub(crate) text: Cow<'t, str>,
    pub(crate) style: ScalarStyle,
    /// `!!int` as `tag:yaml.org,2002:int`; `!` as itself.
    pub(crate) tag: Option<Cow<'t, str>>,
}

/// What may stand before a map, list or scalar. `anchor` 0 is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Properties {
    pub(crate) anchor: usize,
    pub(crate) tag: Option<String>,
    pub(crate) flow: bool,
}

/// Takes a stream of documents. Calls are balanced, and in a map a `key` stands before each value: the parsers see to it.
pub(crate) trait Sink {
    fn document_start(&mut self, at: usize) -> Step;
    /// `empty`: nothing was written, so the one value that was sent stands for nothing.
    fn document_end(&mut self, empty: bool) -> Step;
    fn map_start(&mut self, at: usize, properties: Properties) -> Step;
    fn map_end(&mut self) -> Step;
    fn list_start(&mut self, at: usize, properties: Properties) -> Step;
    fn list_end(&mut self) -> Step;
    fn key(&mut self, at: usize, key: Scalar<'_>) -> Step;
    fn scalar(&mut self, at: usize, anchor: usize, scalar: Scalar<'_>) -> Step;
    fn alias(&mut self, at: usize, anchor: usize) -> Step;
}
