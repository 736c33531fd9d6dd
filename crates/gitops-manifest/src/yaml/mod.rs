//! YAML in and out.

use crate::{Location, Value};

pub(crate) mod build;
pub mod event;
mod fast;
mod go_scanner;
mod kept;
mod node;
mod print;
mod resolve;
pub(crate) mod source;
mod timestamp;

use build::{Duplicate, ValueBuilder};
use event::Halt;
use node::NodeBuilder;
use source::{Lines, Source};

pub use node::{Node, NodeKind, ScalarStyle};
pub use print::{in_print_order, print, print_all, print_to};

/// How plain scalars resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Schema {
    /// As sigs.k8s.io/yaml reads (go-yaml v2): `on` and `yes` are booleans. Helm and Argo CD.
    #[default]
    Yaml11,
    /// As go-yaml v3 reads: `on` is a string, `010` is 8. kustomize.
    GoYaml3,
}

/// What a key that stands twice in one map means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DuplicateKeys {
    /// An error with both positions.
    #[default]
    Refuse,
    /// The last one wins, and a warning with both positions is returned.
    LastWins,
}

/// How to read, and how much.
#[derive(Clone, Debug)]
pub struct ParseOptions {
    /// How plain scalars resolve.
    pub schema: Schema,
    /// What equal keys mean.
    pub duplicates: DuplicateKeys,
    /// Deepest nesting of maps and lists. Default 200.
    pub max_depth: usize,
    /// Most values that aliases may add. Default 100,000.
    pub max_alias_values: usize,
    /// Most bytes of input. Default 64 MiB.
    pub max_bytes: usize,
}

impl Default for ParseOptions {
    fn default() -> ParseOptions {
        ParseOptions {
            schema: Schema::default(),
            duplicates: DuplicateKeys::default(),
            max_depth: 200,
            max_alias_values: 100_000,
            max_bytes: 64 << 20,
        }
    }
}

/// One document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it means.
    pub value: Value,
    /// Where its first content stands.
    pub at: Location,
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The documents in order. Empty documents (nothing but comments) are left out; an explicit `null` is kept.
    pub documents: Vec<Document>,
    /// What is doubtful but was accepted, e.g. duplicate keys under [`DuplicateKeys::LastWins`].
    pub warnings: Vec<String>,
}

/// Why a text is not YAML or JSON that we accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
#[non_exhaustive]
pub struct ParseError {
    /// Where.
    pub at: Location,
    /// What is wrong.
    pub message: String,
}

impl ParseError {
    /// For readers of formats on top of YAML, which word their errors alike.
    pub fn new(at: Location, message: impl Into<String>) -> ParseError {
        ParseError { at, message: message.into() }
    }
}

/// Reads all documents of `text`, which `file` names in errors.
///
/// # Errors
/// On the first thing that is not YAML, or goes beyond a limit.
pub fn parse(text: &[u8], file: &str, options: &ParseOptions) -> Result<Parsed, ParseError> {
    let source = Source::new(text, file, options.max_bytes)?;
    if let Some(parsed) = read_fast(&source.text, file, options) {
        return Ok(parsed);
    }
    read_kept(&source.text, file, options)
}

fn read_fast(text: &str, file: &str, options: &ParseOptions) -> Option<Parsed> {
    let mut builder = ValueBuilder::new(options);
    fast::read(text, &mut builder).ok()?;
    finish(Ok(()), builder, text, file, options).ok()
}

fn read_kept(text: &str, file: &str, options: &ParseOptions) -> Result<Parsed, ParseError> {
    let mut builder = ValueBuilder::new(options);
    let outcome = kept::read(text, &mut builder);
    finish(outcome, builder, text, file, options)
}

/// What the fast parser reads, if it is sure, and what the kept one does: for tests and benchmarks only.
#[doc(hidden)]
pub mod each {
    use super::*;

    /// The fast parser alone.
    pub fn fast(text: &[u8], options: &ParseOptions) -> Option<Parsed> {
        read_fast(&Source::new(text, "", options.max_bytes).ok()?.text, "", options)
    }

    /// The kept parser alone.
    pub fn kept(text: &[u8], options: &ParseOptions) -> Result<Parsed, ParseError> {
        read_kept(&Source::new(text, "", options.max_bytes)?.text, "", options)
    }

    /// The fast parser alone, into nodes.
    pub fn fast_nodes(text: &[u8]) -> Option<Vec<Node>> {
        let source = Source::new(text, "", usize::MAX).ok()?;
        let mut builder = NodeBuilder::new(&source.text, ParseOptions::default().max_depth);
        fast::read(&source.text, &mut builder).ok()?;
        Some(builder.documents)
    }
}

/// Reads all documents of `text` as they are written; see [`Node`].
///
/// # Errors
/// On the first thing that is not YAML, or goes beyond a limit. Equal keys are kept.
pub fn parse_nodes(text: &[u8], file: &str, options: &ParseOptions) -> Result<Vec<Node>, ParseError> {
    nodes(text, file, options, |text, builder| kept::read(text, builder))
}

/// Reads a JSON text as it is written; see [`Node`]. Whether it is JSON is for [`crate::json::parse`] to say.
///
/// # Errors
/// On the first thing that is not even YAML 1.2, or goes beyond a limit.
pub fn parse_json_nodes(text: &[u8], file: &str, options: &ParseOptions) -> Result<Vec<Node>, ParseError> {
    nodes(text, file, options, |text, builder| kept::read_json(text, builder))
}

fn nodes(
    text: &[u8],
    file: &str,
    options: &ParseOptions,
    read: impl Fn(&str, &mut NodeBuilder<'_>) -> event::Step,
) -> Result<Vec<Node>, ParseError> {
    let source = Source::new(text, file, options.max_bytes)?;
    let mut builder = NodeBuilder::new(&source.text, options.max_depth);
    match read(&source.text, &mut builder) {
        Ok(()) => Ok(builder.documents),
        Err(halt) => Err(error(halt, &source.text, file)),
    }
}

/// Tells all documents of `text` to a sink; `sink` makes a fresh one, and is called again when a first, fast reading
/// does not cover the text.
///
/// # Errors
/// On the first thing that is not YAML, goes beyond a limit of the options that concerns the text alone, or that the sink
/// refuses.
pub fn read<S: event::Sink>(text: &[u8], file: &str, options: &ParseOptions, mut sink: impl FnMut() -> S) -> Result<S, ParseError> {
    let source = Source::new(text, file, options.max_bytes)?;
    let mut told = sink();
    if fast::read(&source.text, &mut told).is_ok() {
        return Ok(told);
    }
    let mut told = sink();
    match kept::read(&source.text, &mut told) {
        Ok(()) => Ok(told),
        Err(halt) => Err(error(halt, &source.text, file)),
    }
}

/// What a plain scalar is when it is not a string, under a schema. Timestamps are strings here.
pub fn resolve_plain(text: &str, schema: Schema) -> Option<Value> {
    resolve::plain(text, schema)
}

/// The timestamp that a plain scalar is for go-yaml, as Go's JSON writes it: `2001-01-01` is `2001-01-01T00:00:00Z`.
pub fn timestamp_in_json(text: &str) -> Option<String> {
    timestamp::Moment::read(text).map(|moment| moment.to_string())
}

/// Line and column, from 1, of the value at a JSON pointer in the document with this index (as [`parse`] counts them).
pub fn locate(text: &[u8], document: usize, pointer: &str) -> Option<(usize, usize)> {
    let nodes = parse_nodes(text, "", &ParseOptions::default()).ok()?;
    node::find(nodes.get(document)?, pointer).map(|node| (node.line, node.column))
}

fn error(halt: Halt, text: &str, file: &str) -> ParseError {
    match halt {
        Halt::Refused { at, message } => ParseError { at: source::locate(text, at, file), message },
        Halt::Unsure => ParseError { at: Location::file(file), message: "not YAML that we cover".to_owned() },
    }
}

/// Turns what was built into the answer; also used by `json`.
pub(crate) fn finish(
    outcome: Result<(), Halt>,
    builder: ValueBuilder<'_>,
    text: &str,
    file: &str,
    options: &ParseOptions,
) -> Result<Parsed, ParseError> {
    let mut lines = Lines::new(text);
    let mut warnings = Vec::new();
    for Duplicate { key, first, second } in &builder.duplicates {
        let (first, (line, column)) = (lines.at(*first), lines.at(*second));
        let at = Location { file: file.to_owned(), line, column };
        let message = format!("the key `{key}` stands twice, first at line {}, column {}", first.0, first.1);
        if options.duplicates == DuplicateKeys::Refuse {
            return Err(ParseError { at, message: message + ": remove one of them" });
        }
        warnings.push(format!("{at}: {message}; this one is used"));
    }
    outcome.map_err(|halt| error(halt, text, file))?;
    let documents = builder.documents.into_iter().map(|(value, at)| {
        let (line, column) = lines.at(at);
        Document { value, at: Location { file: file.to_owned(), line, column } }
    });
    Ok(Parsed { documents: documents.collect(), warnings })
}
