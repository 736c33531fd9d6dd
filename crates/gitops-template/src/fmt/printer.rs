//! One operand and one verb: Go's `%v` of each kind of value, and what the other verbs do with it.

use super::{float, integer, quote};
use crate::convert::MAX_DEPTH;
use crate::error::FuncError;
use crate::object::Object;
use crate::text::Str;
use crate::value::{Kind, List, Map, Value};

/// A text longer than this is refused.
pub(crate) const MAX_TEXT: usize = 256 << 20;

/// Flags, width and precision of one verb.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flags {
    pub(crate) width: Option<usize>,
    pub(crate) precision: Option<usize>,
    pub(crate) minus: bool,
    pub(crate) plus: bool,
    pub(crate) sharp: bool,
    pub(crate) space: bool,
    pub(crate) zero: bool,
    /// `%+v`
    pub(crate) plus_v: bool,
    /// `%#v`
    pub(crate) sharp_v: bool,
}

pub(crate) struct Printer {
    pub(crate) out: Vec<u8>,
    pub(crate) flags: Flags,
    pub(crate) failure: Option<FuncError>,
    /// Inside the text about a bad verb: `String()` methods are not asked.
    erroring: bool,
    /// How long the text may become.
    limit: usize,
}

impl Printer {
    pub(crate) fn new(limit: usize) -> Printer {
        let limit = limit.min(MAX_TEXT);
        Printer { out: Vec::new(), flags: Flags::default(), failure: None, erroring: false, limit }
    }

    pub(crate) fn finish(self) -> Result<Str, FuncError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(Str::from(self.out)),
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn char(&mut self, c: char) {
        quote::push_char(c, &mut self.out);
    }

    /// Padding to the width, zeros only to the left.
    pub(crate) fn pad(&mut self, bytes: &[u8]) {
        let missing = self.flags.width.unwrap_or(0).saturating_sub(rune_count(bytes));
        if self.flags.minus {
            self.out.extend_from_slice(bytes);
            self.padding(missing);
        } else {
            self.padding(missing);
            self.out.extend_from_slice(bytes);
        }
    }

    pub(crate) fn padding(&mut self, count: usize) {
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.out.resize(self.out.len() + count, byte);
    }

    fn pad_with_spaces(&mut self, bytes: &[u8]) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(bytes);
        self.flags.zero = zero;
    }

    /// An operand as it stands in the list of operands.
    pub(crate) fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(value, verb),
            (_, 'T') => {
                let name = truncate(value.type_name().as_bytes(), self.flags.precision);
                let name = name.to_vec();
                self.pad(&name);
            }
            (Value::Bytes(bytes), 'v') if self.flags.sharp_v => self.go_bytes("[]byte", bytes, verb),
            (_, 'p') => self.pointer(value),
            _ => self.value(value, verb, 0),
        }
    }

    /// There are no addresses to show.
    fn pointer(&mut self, value: &Value) {
        match value.kind() {
            Kind::Map | Kind::Slice | Kind::Ptr | Kind::Func => self.pad(b"0x0"),
            _ => self.bad_verb(value, 'p'),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if self.failure.is_some() {
            return;
        }
        if depth > MAX_DEPTH {
            self.failure = Some(FuncError::Limit { what: "levels of nested values", limit: MAX_DEPTH as u64 });
            return;
        }
        if self.out.len() > self.limit {
            // Less than that is what the execution has left, and the machine says so.
            let error = FuncError::Limit { what: "bytes in one text", limit: self.limit as u64 };
            self.failure = Some(if self.limit < MAX_TEXT { FuncError::OutOfText } else { error });
            return;
        }
        if verb == 'w' && depth == 0 && matches!(value, Value::List(_) | Value::Map(_) | Value::Object(_)) {
            return self.bad_verb(value, verb);
        }
        match value {
            Value::Nil if self.flags.sharp_v => self.text("interface {}(nil)"),
            Value::Nil => self.text("<nil>"),
            Value::Bool(b) => match verb {
                't' | 'v' => self.pad(if *b { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(n) | Value::Int64(n) => self.integer(value, n.unsigned_abs(), *n < 0, true, verb),
            Value::Int32(n) => self.integer(value, u64::from(n.unsigned_abs()), *n < 0, true, verb),
            Value::Uint8(n) => self.integer(value, u64::from(*n), false, false, verb),
            Value::Uint64(n) => self.integer(value, *n, false, false, verb),
            Value::Float(n) => self.float(value, *n, verb),
            Value::Complex(n) => self.complex(value, **n, verb),
            Value::Str(text) => self.string(value, text, verb),
            Value::Bytes(bytes) => self.bytes(bytes, verb, depth),
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Object(object) => self.object(value, object.as_ref(), verb, depth),
        }
    }

    fn integer(&mut self, value: &Value, magnitude: u64, negative: bool, signed: bool, verb: char) {
        let (base, upper) = match verb {
            'v' if self.flags.sharp_v && !signed => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                integer::push(self, magnitude, negative, integer::Form { base: 16, upper: false, verb });
                self.flags.sharp = sharp;
                return;
            }
            'v' | 'd' => (10, false),
            'b' => (2, false),
            'o' | 'O' => (8, false),
            'x' => (16, false),
            'X' => (16, true),
            'c' | 'q' | 'U' => return self.rune(magnitude, negative, verb),
            _ => return self.bad_verb(value, verb),
        };
        integer::push(self, magnitude, negative, integer::Form { base, upper, verb });
    }

    fn rune(&mut self, magnitude: u64, negative: bool, verb: char) {
        let code = if negative { magnitude.wrapping_neg() } else { magnitude };
        if verb == 'U' {
            let text = integer::unicode(code, self.flags.precision, self.flags.sharp);
            return self.pad_with_spaces(&text);
        }
        let c = u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut text = Vec::with_capacity(12);
        match verb {
            'c' => quote::push_char(c, &mut text),
            _ => quote::push_rune(c, self.flags.plus, &mut text),
        }
        self.pad(&text);
    }

    fn float(&mut self, value: &Value, n: f64, verb: char) {
        match verb {
            'v' => self.float_as(n, b'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.float_as(n, verb as u8, None),
            'f' | 'e' | 'E' => self.float_as(n, verb as u8, Some(6)),
            'F' => self.float_as(n, b'f', Some(6)),
            _ => self.bad_verb(value, verb),
        }
    }

    fn float_as(&mut self, n: f64, format: u8, precision: Option<usize>) {
        let precision = self.flags.precision.or(precision);
        let mut text = Vec::with_capacity(24);
        text.push(b'+');
        float::push(n, format, precision, &mut text);
        if matches!(text[1], b'-' | b'+') {
            text.remove(0);
        }
        if self.flags.space && text[0] == b'+' && !self.flags.plus {
            text[0] = b' ';
        }
        if matches!(text[1], b'I' | b'N') {
            if text[1] == b'N' && !self.flags.space && !self.flags.plus {
                text.remove(0);
            }
            return self.pad_with_spaces(&text);
        }
        if self.flags.sharp && format != b'b' {
            keep_zeros(&mut text, format, precision);
        }
        if !self.flags.plus && text[0] == b'+' {
            return self.pad(&text[1..]);
        }
        let missing = self.flags.width.unwrap_or(0).saturating_sub(text.len());
        if self.flags.zero && !self.flags.minus && missing > 0 {
            self.out.push(text[0]);
            self.padding(missing);
            self.out.extend_from_slice(&text[1..]);
            return;
        }
        self.pad(&text);
    }

    fn complex(&mut self, value: &Value, (real, imaginary): (f64, f64), verb: char) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(value, verb);
        }
        let plus = self.flags.plus;
        self.out.push(b'(');
        self.float(value, real, verb);
        self.flags.plus = true;
        self.float(value, imaginary, verb);
        self.text("i)");
        self.flags.plus = plus;
    }

    fn string(&mut self, value: &Value, text: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' if self.flags.width.is_none() && self.flags.precision.is_none() => self.out.extend_from_slice(text),
            'v' | 's' => {
                let text = truncate(text, self.flags.precision);
                self.pad(text);
            }
            'x' | 'X' => integer::push_hex_bytes(self, text, verb == 'X'),
            'q' => self.quoted(text),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let text = truncate(text, self.flags.precision);
        let mut quoted = Vec::with_capacity(text.len() + 2);
        if self.flags.sharp && quote::can_backquote(text) {
            quoted.push(b'`');
            quoted.extend_from_slice(text);
            quoted.push(b'`');
        } else {
            quote::push(text, '"', self.flags.plus, &mut quoted);
        }
        self.pad(&quoted);
    }

    fn bytes(&mut self, bytes: &[u8], verb: char, depth: usize) {
        match verb {
            's' => {
                let text = truncate(bytes, self.flags.precision);
                self.pad(text);
            }
            'q' => self.quoted(bytes),
            'x' | 'X' => integer::push_hex_bytes(self, bytes, verb == 'X'),
            _ if self.flags.sharp_v => self.go_bytes("[]uint8", bytes, verb),
            _ => {
                self.out.push(b'[');
                for (at, byte) in bytes.iter().enumerate() {
                    if at > 0 {
                        self.out.push(b' ');
                    }
                    self.value(&Value::Uint8(*byte), verb, depth + 1);
                }
                self.out.push(b']');
            }
        }
    }

    fn go_bytes(&mut self, type_name: &str, bytes: &[u8], verb: char) {
        self.text(type_name);
        self.out.push(b'{');
        for (at, byte) in bytes.iter().enumerate() {
            if at > 0 {
                self.text(", ");
            }
            self.value(&Value::Uint8(*byte), verb, 1);
        }
        self.out.push(b'}');
    }

    fn separator(&mut self) {
        self.text(if self.flags.sharp_v { ", " } else { " " });
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) {
        if self.flags.sharp_v {
            self.text(list.ty().name);
            if list.is_nil() {
                return self.text("(nil)");
            }
        }
        self.out.push(if self.flags.sharp_v { b'{' } else { b'[' });
        for (at, item) in list.iter().enumerate() {
            if at > 0 {
                self.separator();
            }
            self.value(item, verb, depth + 1);
        }
        self.out.push(if self.flags.sharp_v { b'}' } else { b']' });
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) {
        if self.flags.sharp_v {
            self.text(map.ty().name);
            if map.is_nil() {
                return self.text("(nil)");
            }
            self.out.push(b'{');
        } else {
            self.text("map[");
        }
        for (at, (key, item)) in map.entries().iter().enumerate() {
            if at > 0 {
                self.separator();
            }
            self.value(&Value::Str(key.clone()), verb, depth + 1);
            self.out.push(b':');
            self.value(item, verb, depth + 1);
        }
        self.out.push(if self.flags.sharp_v { b'}' } else { b']' });
    }

    fn object(&mut self, value: &Value, object: &dyn Object, verb: char, depth: usize) {
        let stringable = !self.erroring && !self.flags.sharp_v && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q');
        if let Some(text) = stringable.then(|| object.string()).flatten() {
            return self.string(value, &text, verb);
        }
        if let Some(n) = object.int() {
            return self.integer(value, n.unsigned_abs(), n < 0, true, verb);
        }
        if object.kind() == Kind::Ptr {
            self.out.push(b'&');
        }
        self.fields(object, verb, depth);
    }

    /// As an action prints a value: what a pointer points at, and something for nothing.
    pub(crate) fn as_printed(&mut self, value: &Value) {
        match value {
            Value::Nil => self.text("<no value>"),
            Value::Object(object) if object.kind() == Kind::Ptr => self.pointed_at(value, object.as_ref()),
            _ => self.argument(value, 'v'),
        }
    }

    fn pointed_at(&mut self, value: &Value, object: &dyn Object) {
        match object.string() {
            Some(text) => self.string(value, &text, 'v'),
            None => self.fields(object, 'v', 0),
        }
    }

    fn fields(&mut self, object: &dyn Object, verb: char, depth: usize) {
        if self.flags.sharp_v {
            let name = object.type_name().trim_start_matches('*').to_owned();
            self.text(&name);
        }
        self.out.push(b'{');
        for (at, (name, field)) in object.fields().iter().enumerate() {
            if at > 0 {
                self.separator();
            }
            if self.flags.plus_v || self.flags.sharp_v {
                self.text(name);
                self.out.push(b':');
            }
            self.value(field, verb, depth + 1);
        }
        self.out.push(b'}');
    }

    /// `%!d(string=hi)`
    pub(crate) fn bad_verb(&mut self, value: &Value, verb: char) {
        self.erroring = true;
        self.text("%!");
        self.char(verb);
        self.out.push(b'(');
        if value.is_nil() {
            self.text("<nil>");
        } else {
            let name = value.type_name().to_owned();
            self.text(&name);
            self.out.push(b'=');
            self.value(value, 'v', 0);
        }
        self.out.push(b')');
        self.erroring = false;
    }
}

/// The `#` flag: a decimal point always, and the zeros that `%g` takes off.
fn keep_zeros(text: &mut Vec<u8>, format: u8, precision: Option<usize>) {
    let mut digits = match format {
        b'g' | b'G' | b'x' => i64::try_from(precision.unwrap_or(6)).unwrap_or(i64::MAX),
        _ => 0,
    };
    let hex = matches!(format, b'x' | b'X');
    let mut end = text.len();
    let (mut point, mut nonzero) = (false, false);
    for (at, byte) in text.iter().enumerate().skip(1) {
        match byte {
            b'.' => point = true,
            b'p' | b'P' => {
                end = at;
                break;
            }
            b'e' | b'E' if !hex => {
                end = at;
                break;
            }
            _ => {
                nonzero |= *byte != b'0';
                digits -= i64::from(nonzero);
            }
        }
    }
    let tail = text.split_off(end);
    if !point {
        if text.as_slice() == [text[0], b'0'] {
            digits -= 1;
        }
        text.push(b'.');
    }
    text.resize(text.len() + usize::try_from(digits).unwrap_or(0), b'0');
    text.extend_from_slice(&tail);
}

fn rune_count(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// The first `precision` characters.
fn truncate(bytes: &[u8], precision: Option<usize>) -> &[u8] {
    let Some(mut left) = precision else { return bytes };
    let mut end = 0;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left == 0 {
                return &bytes[..end];
            }
            left -= 1;
            end += c.len_utf8();
        }
        let taken = left.min(chunk.invalid().len());
        left -= taken;
        end += taken;
        if taken < chunk.invalid().len() {
            return &bytes[..end];
        }
    }
    bytes
}
