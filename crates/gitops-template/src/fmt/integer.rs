//! Integers in their bases, with flags, and bytes in hexadecimal.

use super::printer::Printer;
use super::quote;
use super::unicode::is_print;

#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) base: u64,
    pub(crate) upper: bool,
    pub(crate) verb: char,
}

pub(crate) fn push(printer: &mut Printer, magnitude: u64, negative: bool, form: Form) {
    let flags = printer.flags;
    if flags.width.is_none() && flags.precision.is_none() && form.base == 10 && !flags.plus && !flags.space {
        if negative {
            printer.out.push(b'-');
        }
        let mut buffer = [0; 20];
        let start = decimal(magnitude, &mut buffer);
        return printer.out.extend_from_slice(&buffer[start..]);
    }
    let zero = std::mem::replace(&mut printer.flags.zero, false);
    let mut least = 0;
    if let Some(precision) = flags.precision {
        least = precision;
        if precision == 0 && magnitude == 0 {
            printer.padding(flags.width.unwrap_or(0));
            printer.flags.zero = zero;
            return;
        }
    } else if let (true, false, Some(width)) = (zero, flags.minus, flags.width) {
        least = width.saturating_sub(usize::from(negative || flags.plus || flags.space));
    }
    let mut text = digits(magnitude, form);
    text.resize(text.len().max(least), b'0');
    prefix(&mut text, form, flags.sharp);
    if negative {
        text.push(b'-');
    } else if flags.plus {
        text.push(b'+');
    } else if flags.space {
        text.push(b' ');
    }
    text.reverse();
    printer.pad(&text);
    printer.flags.zero = zero;
}

fn decimal(mut n: u64, buffer: &mut [u8; 20]) -> usize {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + u8::try_from(n % 10).unwrap_or(0);
        n /= 10;
        if n == 0 {
            return at;
        }
    }
}

/// The digits, last first.
fn digits(mut n: u64, form: Form) -> Vec<u8> {
    let table = if form.upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut text = Vec::with_capacity(24);
    loop {
        text.push(table[usize::try_from(n % form.base).unwrap_or(0)]);
        n /= form.base;
        if n == 0 {
            return text;
        }
    }
}

/// `0x` and the like, behind the digits, which stand last first.
fn prefix(text: &mut Vec<u8>, form: Form, sharp: bool) {
    match form.base {
        2 if sharp => text.extend_from_slice(b"b0"),
        8 if sharp && text.last() != Some(&b'0') => text.push(b'0'),
        16 if sharp => text.extend_from_slice(if form.upper { b"X0" } else { b"x0" }),
        _ => {}
    }
    if form.verb == 'O' {
        text.extend_from_slice(b"o0");
    }
}

/// `U+0078`, with `'x'` behind it if `sharp`.
pub(crate) fn unicode(code: u64, precision: Option<usize>, sharp: bool) -> Vec<u8> {
    let mut text = digits(code, Form { base: 16, upper: true, verb: 'U' });
    text.resize(text.len().max(precision.unwrap_or(4).max(4)), b'0');
    text.extend_from_slice(b"+U");
    text.reverse();
    if let Some(c) = u32::try_from(code).ok().and_then(char::from_u32).filter(|c| sharp && is_print(*c)) {
        text.extend_from_slice(b" '");
        quote::push_char(c, &mut text);
        text.push(b'\'');
    }
    text
}

/// `%x` of text.
pub(crate) fn push_hex_bytes(printer: &mut Printer, bytes: &[u8], upper: bool) {
    let flags = printer.flags;
    let bytes = &bytes[..bytes.len().min(flags.precision.unwrap_or(usize::MAX))];
    if bytes.is_empty() {
        return printer.padding(flags.width.unwrap_or(0));
    }
    let table = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mark: &[u8] = match (flags.sharp, upper) {
        (false, _) => b"",
        (true, false) => b"0x",
        (true, true) => b"0X",
    };
    let mut text = Vec::with_capacity(bytes.len() * 2 + 2);
    text.extend_from_slice(mark);
    for (at, byte) in bytes.iter().enumerate() {
        if flags.space && at > 0 {
            text.push(b' ');
            text.extend_from_slice(mark);
        }
        text.push(table[usize::from(byte >> 4)]);
        text.push(table[usize::from(byte & 15)]);
    }
    printer.pad(&text);
}
