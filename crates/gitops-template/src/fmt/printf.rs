//! The format of `Printf`: flags, indexes, widths, precisions, verbs.

use super::printer::{Flags, Printer};
use crate::value::Value;

/// A width or precision beyond this is none.
const TOO_LARGE: i64 = 1_000_000;

struct Format<'f> {
    text: &'f [u8],
    at: usize,
    operands: &'f [Value],
    next: usize,
    /// An index such as `[3]` was seen: unused operands are not told.
    reordered: bool,
    index_is_good: bool,
    after_index: bool,
}

pub(crate) fn run(printer: &mut Printer, text: &[u8], operands: &[Value]) {
    let mut format = Format { text, at: 0, operands, next: 0, reordered: false, index_is_good: true, after_index: false };
    while let Some(start) = format.text.get(format.at..).filter(|rest| !rest.is_empty() && printer.failure.is_none()) {
        format.index_is_good = true;
        let plain = start.iter().position(|b| *b == b'%').unwrap_or(start.len());
        printer.out.extend_from_slice(&start[..plain]);
        format.at += plain;
        if format.at >= format.text.len() {
            break;
        }
        format.at += 1;
        printer.flags = Flags::default();
        format.verb(printer);
    }
    format.extra(printer);
}

impl Format<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn verb(&mut self, printer: &mut Printer) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => printer.flags.sharp = true,
                b'0' => printer.flags.zero = true,
                b'+' => printer.flags.plus = true,
                b'-' => printer.flags.minus = true,
                b' ' => printer.flags.space = true,
                b'a'..=b'z' if self.next < self.operands.len() => {
                    self.at += 1;
                    return self.operand(printer, char::from(byte));
                }
                _ => break,
            }
            self.at += 1;
        }
        self.index();
        self.width(printer);
        self.precision(printer);
        if !self.after_index {
            self.index();
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(first) = rest.utf8_chunks().next() else { return printer.text("%!(NOVERB)") };
        let verb = first.valid().chars().next();
        self.at += verb.map_or(1, char::len_utf8);
        let verb = verb.unwrap_or(char::REPLACEMENT_CHARACTER);
        if verb == '%' {
            printer.char('%');
        } else if !self.index_is_good {
            printer.text("%!");
            printer.char(verb);
            printer.text("(BADINDEX)");
        } else if self.next >= self.operands.len() {
            printer.text("%!");
            printer.char(verb);
            printer.text("(MISSING)");
        } else {
            self.operand(printer, verb);
        }
    }

    fn operand(&mut self, printer: &mut Printer, verb: char) {
        if matches!(verb, 'v' | 'w') {
            printer.flags.sharp_v = std::mem::take(&mut printer.flags.sharp);
            printer.flags.plus_v = std::mem::take(&mut printer.flags.plus);
        }
        printer.argument(&self.operands[self.next], verb);
        self.next += 1;
    }

    fn width(&mut self, printer: &mut Printer) {
        if self.peek() != Some(b'*') {
            printer.flags.width = self.number();
            if self.after_index && printer.flags.width.is_some() {
                self.index_is_good = false;
            }
            return;
        }
        self.at += 1;
        match self.star() {
            None => printer.text("%!(BADWIDTH)"),
            Some(width) => {
                if width < 0 {
                    printer.flags.minus = true;
                    printer.flags.zero = false;
                }
                printer.flags.width = usize::try_from(width.unsigned_abs()).ok();
            }
        }
        self.after_index = false;
    }

    fn precision(&mut self, printer: &mut Printer) {
        if self.peek() != Some(b'.') || self.at + 1 >= self.text.len() {
            return;
        }
        self.at += 1;
        if self.after_index {
            self.index_is_good = false;
        }
        self.index();
        if self.peek() != Some(b'*') {
            printer.flags.precision = Some(self.number().unwrap_or(0));
            return;
        }
        self.at += 1;
        printer.flags.precision = self.star().and_then(|n| usize::try_from(n).ok());
        if printer.flags.precision.is_none() {
            printer.text("%!(BADPREC)");
        }
        self.after_index = false;
    }

    /// An integer operand as width or precision.
    fn star(&mut self) -> Option<i64> {
        let operand = self.operands.get(self.next)?;
        self.next += 1;
        let number = match operand {
            Value::Int(n) | Value::Int64(n) => *n,
            Value::Uint8(n) => i64::from(*n),
            Value::Int32(n) => i64::from(*n),
            Value::Uint64(n) => i64::try_from(*n).ok()?,
            Value::Object(object) => object.int()?,
            _ => return None,
        };
        (-TOO_LARGE..=TOO_LARGE).contains(&number).then_some(number)
    }

    /// Digits. A number that is too large swallows the whole rest.
    fn number(&mut self) -> Option<usize> {
        let (number, end) = parse_number(self.text, self.at, self.text.len());
        self.at = end;
        number
    }

    /// `[3]`: the operand to take next.
    fn index(&mut self) {
        self.after_index = false;
        if self.peek() != Some(b'[') {
            return;
        }
        self.reordered = true;
        let start = self.at;
        let close = self.text[start..].iter().position(|b| *b == b']').filter(|_| self.text.len() - start >= 3);
        let Some(close) = close else {
            self.at += 1;
            self.index_is_good = false;
            return;
        };
        self.at = start + close + 1;
        let (number, end) = parse_number(self.text, start + 1, start + close);
        let number = number.filter(|_| end == start + close);
        match number.and_then(|n| n.checked_sub(1)).filter(|n| *n < self.operands.len()) {
            Some(index) => {
                self.next = index;
                self.after_index = true;
            }
            None => {
                self.index_is_good = false;
                self.after_index = number.is_some();
            }
        }
    }

    fn extra(&self, printer: &mut Printer) {
        if self.reordered || self.next >= self.operands.len() {
            return;
        }
        printer.flags = Flags::default();
        printer.text("%!(EXTRA ");
        for (at, operand) in self.operands[self.next..].iter().enumerate() {
            if at > 0 {
                printer.text(", ");
            }
            if operand.is_nil() {
                printer.text("<nil>");
            } else {
                let name = operand.type_name().to_owned();
                printer.text(&name);
                printer.char('=');
                printer.argument(operand, 'v');
            }
        }
        printer.char(')');
    }
}

fn parse_number(text: &[u8], start: usize, end: usize) -> (Option<usize>, usize) {
    let mut number: Option<i64> = None;
    let mut at = start;
    while at < end && text[at].is_ascii_digit() {
        let so_far = number.unwrap_or(0);
        if so_far > TOO_LARGE {
            return (None, end);
        }
        number = Some(so_far * 10 + i64::from(text[at] - b'0'));
        at += 1;
    }
    (number.and_then(|n| usize::try_from(n).ok()), at)
}
