//! What a parser tells and what a builder makes of it; [`super::read`] takes a builder from outside. The parsers (`fast`, `kept`) and the builders (`Value`,
//! `Node`) meet here, so that what a document means is decided once.
//!
//! Offsets are bytes into the prepared text (`source`), and are turned into lines and columns only when somebody asks.

use std::borrow::Cow;

use super::node::ScalarStyle;

/// Why a parse stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum Halt {
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

/// What each call of a sink returns.
pub type Step<T = ()> = Result<T, Halt>;

/// Refuses the text at a byte offset, with what is wrong and what to do.
///
/// # Errors
/// Always: that is what it is for.
pub fn refuse<T>(at: usize, message: impl Into<String>) -> Step<T> {
    Err(Halt::Refused { at, message: message.into() })
}

/// A scalar as written.
#[derive(Clone, Debug)]
pub struct Scalar<'t> {
    /// After unquoting and unfolding.
    pub text: Cow<'t, str>,
    /// How it was written.
    pub style: ScalarStyle,
    /// `!!int` as `tag:yaml.org,2002:int`; `!` as itself.
    pub tag: Option<Cow<'t, str>>,
}

/// What may stand before a map, list or scalar.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    /// Number of the anchor in the document; 0 is none.
    pub anchor: usize,
    /// The full tag, if one was written.
    pub tag: Option<String>,
    /// Whether it is in flow style.
    pub flow: bool,
}

/// Takes a stream of documents. Calls are balanced, and in a map a `key` stands before each value: the parsers see to it.
#[expect(clippy::missing_errors_doc, reason = "every call may refuse what it is told, and the parse stops then")]
pub trait Sink {
    /// A document begins; its first content stands at this byte.
    fn document_start(&mut self, at: usize) -> Step;
    /// `empty`: nothing was written, so the one value that was sent stands for nothing.
    fn document_end(&mut self, empty: bool) -> Step;
    /// A map begins.
    fn map_start(&mut self, at: usize, properties: Properties) -> Step;
    /// The innermost open collection, a map, ends.
    fn map_end(&mut self) -> Step;
    /// A list begins.
    fn list_start(&mut self, at: usize, properties: Properties) -> Step;
    /// The innermost open collection, a list, ends.
    fn list_end(&mut self) -> Step;
    /// A key of the open map; its value follows.
    fn key(&mut self, at: usize, key: Scalar<'_>) -> Step;
    /// A scalar with the number of its anchor; 0 is none.
    fn scalar(&mut self, at: usize, anchor: usize, scalar: Scalar<'_>) -> Step;
    /// An alias of the value with this anchor.
    fn alias(&mut self, at: usize, anchor: usize) -> Step;
}
