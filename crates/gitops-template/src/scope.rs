//! What an execution carries along: limits and what is left of them, time and randomness, and the caller's own state.

use std::any::Any;

use crate::error::FuncError;
use crate::text::Str;

/// How far a template may go. Every limit ends in an error that names it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Steps of the machine, over the whole execution. Default 200 million, some seconds.
    pub steps: u64,
    /// Bytes of text made by all functions and templates together, intermediate ones included. Default 1 GiB.
    pub bytes: u64,
    /// Templates within templates: Go's own limit, 100,000.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { steps: 200_000_000, bytes: 1 << 30, depth: 100_000 }
    }
}

/// What is not the same in each execution. Functions that look at it are a source of drift.
#[derive(Clone, Debug, Default)]
pub struct Ambient {
    /// Nanoseconds since 1970, UTC: what `now` returns.
    pub now: i128,
    /// Where random results come from: the same seed, the same results.
    pub seed: [u8; 32],
    /// How many draws have been made of the seed.
    pub draws: u64,
    /// Names of functions called whose results are not the same each time (`now`, `randAlphaNum`, `genCA`), each once.
    pub drift: Vec<&'static str>,
}

/// One execution, or several that share limits and state (all templates of a chart).
#[derive(Default)]
pub struct Execution {
    /// What may be used up.
    pub limits: Limits,
    /// Time and randomness.
    pub ambient: Ambient,
    /// The caller's own state, for its functions: see [`Scope::host`].
    pub host: Option<Box<dyn Any>>,
    /// What has been used up so far.
    pub used: Used,
}

/// What executing has taken, in the units of [`Limits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Steps of the machine.
    pub steps: u64,
    /// Bytes of text.
    pub bytes: u64,
}

/// What a function sees of the execution that it was called from.
pub struct Scope<'e> {
    pub(crate) execution: &'e mut Execution,
    pub(crate) template: &'e Str,
}

impl Scope<'_> {
    /// The caller's state, if it is a `T`.
    pub fn host<T: 'static>(&mut self) -> Option<&mut T> {
        self.execution.host.as_mut().and_then(|host| host.downcast_mut())
    }

    /// Time and randomness.
    pub fn ambient(&mut self) -> &mut Ambient {
        &mut self.execution.ambient
    }

    /// Notes that a result of `function` is not the same each time.
    pub fn note_drift(&mut self, function: &'static str) {
        let drift = &mut self.execution.ambient.drift;
        if !drift.contains(&function) {
            drift.push(function);
        }
    }

    /// The name of the template that is being executed.
    pub fn template_name(&self) -> &str {
        self.template.to_utf8().unwrap_or_default()
    }

    pub(crate) fn left(&self) -> usize {
        self.execution.left()
    }

    /// Asks leave to make `bytes` of text, or about as much of anything else. Functions whose result can be much longer than
    /// their arguments (`repeat`, `until`, `indent`) ask before they build it; the results of all functions are counted anyway.
    pub fn charge(&mut self, bytes: usize) -> Result<(), FuncError> {
        self.execution.charge(bytes)
    }
}

impl Execution {
    /// How many bytes of text may still be made; one more, so that making them is noticed.
    pub(crate) fn left(&self) -> usize {
        let left = self.limits.bytes.saturating_sub(self.used.bytes).saturating_add(1);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), FuncError> {
        self.used.bytes = self.used.bytes.saturating_add(bytes as u64);
        if self.used.bytes > self.limits.bytes {
            return Err(self.out_of_text());
        }
        Ok(())
    }

    fn out_of_text(&self) -> FuncError {
        FuncError::Limit { what: "bytes of text", limit: self.limits.bytes }
    }

    /// An error with its limit.
    pub(crate) fn explain(&self, error: FuncError) -> FuncError {
        if let FuncError::OutOfText = error { self.out_of_text() } else { error }
    }
}
