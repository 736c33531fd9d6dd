//! Errors of parsing and executing, in Go's words.

use crate::text::Str;

/// A template that does not parse, or whose execution failed. Its text is Go's, place included:
/// `template: NAME:LINE:COLUMN: executing "NAME" at <CONTEXT>: …`.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The text is no template.
    #[error("template: {template}:{line}: {message}")]
    Parse {
        /// The template's name.
        template: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong, in Go's words.
        message: String,
    },
    /// Executing it failed.
    #[error("template: {parsed_as}:{line}:{column}: executing {quoted} at <{context}>: {cause}", quoted = crate::fmt::quote(template.as_bytes()))]
    Execute {
        /// The text that the template was defined in.
        parsed_as: String,
        /// Line, from 1.
        line: usize,
        /// Byte in the line, from 0.
        column: usize,
        /// The template, by the name of its definition.
        template: String,
        /// The expression at fault.
        context: String,
        /// What is wrong.
        cause: Box<FuncError>,
    },
    /// Executing a template that another one rendered failed; as text, however many templates are in between.
    #[error("{text}")]
    Inner {
        /// The inner template's error.
        text: String,
    },
    /// There is no such template.
    #[error("template: no template {} associated with template {}", crate::fmt::quote(name.as_bytes()), crate::fmt::quote(set.as_bytes()))]
    NoTemplate {
        /// The name asked for.
        name: String,
        /// The set's name.
        set: String,
    },
    /// There is no such option, or not this value of it.
    #[error("unrecognized option: {option}")]
    Option {
        /// As it was given.
        option: String,
    },
    /// The template has no content.
    #[error("template: {name}: {name:?} is an incomplete or empty template")]
    Incomplete {
        /// The template's name.
        name: String,
    },
}

/// An inner error's text is kept up to this length: the beginning, and most of the end, where the cause is.
const MAX_INNER: usize = 32 << 10;

impl TemplateError {
    /// The error as text: errors of templates in templates in templates must nest neither in memory nor without end.
    pub(crate) fn flat(self) -> TemplateError {
        let TemplateError::Execute { .. } = &self else { return self };
        let mut text = self.to_string();
        if text.len() > MAX_INNER {
            let head = text.floor_char_boundary(MAX_INNER / 16);
            let tail = text.ceil_char_boundary(text.len() - MAX_INNER / 2);
            text = format!("{} … {}", &text[..head], &text[tail..]);
        }
        TemplateError::Inner { text }
    }
}

/// Why a function, or a step of the machine, failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FuncError {
    /// In Go's words.
    #[error("{0}")]
    Message(String),
    /// In Go's words, calling a function.
    #[error("error calling {function}: {cause}")]
    Calling {
        /// The function's or method's name.
        function: String,
        /// What it returned.
        cause: Box<FuncError>,
    },
    /// A template that the function rendered failed.
    #[error("{0}")]
    Template(Box<TemplateError>),
    /// A text before the error of a template that the function rendered (`error during tpl function execution for "…"`).
    #[error("{prefix}: {cause}")]
    Wrapped {
        /// What was being done.
        prefix: String,
        /// What failed.
        cause: Box<FuncError>,
    },
    /// A function stopped at what the execution has left; the machine says which limit that is.
    #[error("no text is left to make")]
    OutOfText,
    /// A limit was reached.
    #[error("the template needs more than the limit of {limit} {what}: raise the limit if it is meant to")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: u64,
    },
}

impl FuncError {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> FuncError {
        FuncError::Message(message.into())
    }

    /// This error behind `prefix` and `: `.
    #[must_use]
    pub fn wrapped(self, prefix: impl Into<String>) -> FuncError {
        FuncError::Wrapped { prefix: prefix.into(), cause: Box::new(self) }
    }
}

impl From<TemplateError> for FuncError {
    fn from(error: TemplateError) -> FuncError {
        FuncError::Template(Box::new(error))
    }
}

impl From<String> for FuncError {
    fn from(message: String) -> FuncError {
        FuncError::Message(message)
    }
}

impl From<&str> for FuncError {
    fn from(message: &str) -> FuncError {
        FuncError::Message(message.to_owned())
    }
}

impl From<Str> for FuncError {
    fn from(message: Str) -> FuncError {
        FuncError::Message(message.text().into_owned())
    }
}
