//! Go's `fmt` and `strconv`: how values become text.
//!
//! Limits: a value that nests more than 256 deep (one that holds itself does) and a text over 256 MiB are errors.

pub(crate) mod float;
pub(crate) mod integer;
mod printer;
mod printf;
pub(crate) mod quote;
pub(crate) mod unicode;

use crate::error::FuncError;
use crate::text::Str;
use crate::value::Value;

use printer::{MAX_TEXT, Printer};

/// `fmt.Sprint`: operands one after the other, with a space between two that are both no strings.
pub fn sprint(values: &[Value]) -> Result<Str, FuncError> {
    sprint_within(MAX_TEXT, values)
}

pub(crate) fn sprint_within(limit: usize, values: &[Value]) -> Result<Str, FuncError> {
    let mut printer = Printer::new(limit);
    let mut after_string = true;
    for value in values {
        let string = matches!(value, Value::Str(_));
        if !string && !after_string {
            printer.out.push(b' ');
        }
        printer.argument(value, 'v');
        after_string = string;
    }
    printer.finish()
}

/// `fmt.Sprint` of what pointers point at, and of `<no value>` for nil: what Go's escaping functions escape.
pub(crate) fn sprint_pointed_at(limit: usize, values: &[Value]) -> Result<Str, FuncError> {
    let mut printer = Printer::new(limit);
    let mut after_string = true;
    for value in values {
        let string = matches!(value, Value::Str(_) | Value::Nil);
        if !string && !after_string {
            printer.out.push(b' ');
        }
        printer.as_printed(value);
        after_string = string;
    }
    printer.finish()
}

/// `fmt.Sprintln`: with spaces between operands, and a line feed.
pub fn sprintln(values: &[Value]) -> Result<Str, FuncError> {
    sprintln_within(MAX_TEXT, values)
}

pub(crate) fn sprintln_within(limit: usize, values: &[Value]) -> Result<Str, FuncError> {
    let mut printer = Printer::new(limit);
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            printer.out.push(b' ');
        }
        printer.argument(value, 'v');
    }
    printer.out.push(b'\n');
    printer.finish()
}

/// `fmt.Sprintf`.
pub fn sprintf(format: &[u8], values: &[Value]) -> Result<Str, FuncError> {
    sprintf_within(MAX_TEXT, format, values)
}

pub(crate) fn sprintf_within(limit: usize, format: &[u8], values: &[Value]) -> Result<Str, FuncError> {
    let mut printer = Printer::new(limit);
    printf::run(&mut printer, format, values);
    printer.finish()
}

/// `%v` of one value.
pub fn display(value: &Value) -> Result<Str, FuncError> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        _ => sprint(std::slice::from_ref(value)),
    }
}

/// Appends a value as an action prints it.
pub(crate) fn display_to(value: &Value, out: &mut Vec<u8>, limit: usize) -> Result<(), FuncError> {
    let mut printer = Printer::new(limit.saturating_add(out.len()));
    printer.out = std::mem::take(out);
    printer.as_printed(value);
    *out = std::mem::take(&mut printer.out);
    printer.failure.map_or(Ok(()), Err)
}

/// `strconv.Quote`.
pub fn quote(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    quote::push(text, '"', false, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// `strconv.FormatFloat(n, format, precision, 64)`; a precision of `None` gives the shortest that reads back the same.
pub fn float(n: f64, format: char, precision: Option<usize>) -> String {
    let mut out = Vec::with_capacity(24);
    float::push(n, u8::try_from(format).unwrap_or(b'g'), precision, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
