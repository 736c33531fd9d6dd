//! Writes a string in its style: quoting, escapes, folding, literal blocks.
//!
//! Units: columns are characters. A line is folded at the first single space that stands beyond column 80; keys never are.

use super::style::Style;
use super::{Emitter, INDENT};

const WIDTH: usize = 80;

impl Emitter<'_, '_> {
    /// `may_fold` is false for simple keys.
    pub(super) fn text(&mut self, text: &str, style: Style, may_fold: bool) {
        let outer = self.indent;
        self.indent = outer.max(0) + INDENT;
        self.separate();
        match style {
            Style::Plain => self.words(text, may_fold),
            Style::Single => self.single(text, may_fold),
            Style::Double => self.double(text, may_fold),
            Style::Literal { unicode_breaks } => self.literal(text, unicode_breaks),
        }
        if !matches!(style, Style::Literal { .. }) {
            self.ended_in_line();
        }
        self.indent = outer;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_all(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += if text.is_ascii() { text.len() } else { text.chars().count() };
    }

    /// Ends the line where a space was, and indents the next.
    fn fold(&mut self) {
        self.fresh = false;
        self.break_and_indent();
    }

    /// Text of one line that needs no escapes.
    fn words(&mut self, text: &str, may_fold: bool) {
        let mut rest = text;
        // Characters are never more than bytes: what fits by bytes fits.
        while may_fold && self.column + rest.len() > WIDTH + 1 {
            let Some(space) = fold_place(rest, (WIDTH + 1).saturating_sub(self.column)) else { break };
            self.out.push_str(&rest[..space]);
            self.fold();
            rest = &rest[space + 1..];
        }
        self.put_all(rest);
    }

    fn single(&mut self, text: &str, may_fold: bool) {
        self.put('\'');
        if text.contains(['\'', '\u{2028}', '\u{2029}']) {
            self.single_by_character(text, may_fold);
        } else {
            self.words(text, may_fold);
        }
        self.put('\'');
    }

    fn single_by_character(&mut self, text: &str, may_fold: bool) {
        let (mut after_space, mut after_break) = (false, false);
        for (i, c) in text.char_indices() {
            match c {
                ' ' if may_fold
                    && !after_space
                    && self.column > WIDTH
                    && i > 0
                    && text.as_bytes().get(i + 1).is_some_and(|b| *b != b' ') =>
                {
                    self.fold();
                }
                '\u{2028}' | '\u{2029}' => {
                    self.out.push(c);
                    self.column = 0;
                }
                _ => {
                    if after_break {
                        self.pad_to(self.indent as usize);
                    }
                    if c == '\'' {
                        self.put('\'');
                    }
                    self.put(c);
                }
            }
            after_space = c == ' ';
            after_break = matches!(c, '\u{2028}' | '\u{2029}');
        }
    }

    fn double(&mut self, text: &str, may_fold: bool) {
        self.put('"');
        // The reference looks for the mark at the start of the text, whatever character it is at.
        let escape_all = text.starts_with('\u{feff}');
        let mut after_space = false;
        for (i, c) in text.char_indices() {
            if escape_all || !is_printable(c) {
                self.escaped(c);
                after_space = false;
            } else if c == ' ' && may_fold && !after_space && self.column > WIDTH && i > 0 && i + 1 < text.len() {
                self.fold();
                if text.as_bytes()[i + 1] == b' ' {
                    self.put('\\');
                }
                after_space = true;
            } else {
                self.put(c);
                after_space = c == ' ';
            }
        }
        self.put('"');
    }

    fn escaped(&mut self, c: char) {
        self.put('\\');
        let short = match c {
            '\0' => '0',
            '\x07' => 'a',
            '\x08' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\x0b' => 'v',
            '\x0c' => 'f',
            '\r' => 'r',
            '\x1b' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => return self.escaped_in_hex(u32::from(c)),
        };
        self.put(short);
    }

    fn escaped_in_hex(&mut self, code: u32) {
        let (mark, digits) = match code {
            0..=0xff => ('x', 2),
            0x100..=0xffff => ('u', 4),
            _ => ('U', 8),
        };
        self.put(mark);
        for place in (0..digits).rev() {
            let digit = (code >> (place * 4)) & 0xf;
            self.put(char::from_digit(digit, 16).unwrap_or('0').to_ascii_uppercase());
        }
    }

    fn literal(&mut self, text: &str, unicode_breaks: bool) {
        self.out.push('|');
        if text.starts_with([' ', '\n', '\u{2028}', '\u{2029}']) {
            self.out.push('2');
        }
        let mut from_end = text.chars().rev();
        match (from_end.next().is_some_and(is_break), from_end.next()) {
            (false, _) => self.out.push('-'),
            (true, None) => self.out.push('+'),
            (true, Some(c)) if is_break(c) => self.out.push('+'),
            (true, Some(_)) => {}
        }
        self.out.push('\n');
        let indent = self.indent as usize;
        let mut at_start = true;
        let is_end = |c: char| c == '\n' || unicode_breaks && is_break(c);
        for line in text.split_inclusive(is_end) {
            self.column = 0;
            if !line.starts_with(is_end) {
                self.pad_to(indent);
            }
            self.out.push_str(line);
            at_start = line.ends_with(is_end);
        }
        self.column = if at_start { 0 } else { indent + 1 };
        self.spaced = true;
        self.fresh = at_start;
    }
}

/// The first space at or beyond the character `from` that stands alone and neither first nor last.
fn fold_place(text: &str, from: usize) -> Option<usize> {
    let b = text.as_bytes();
    let start = match b.get(..from) {
        None => return None,
        Some(head) if head.is_ascii() => from,
        Some(_) => text.char_indices().nth(from)?.0,
    };
    let start = start.max(1);
    let last = b.len().checked_sub(1)?;
    (start..last).find(|&i| b[i] == b' ' && b[i + 1] != b' ' && b[i - 1] != b' ')
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(c: char) -> bool {
    match c {
        '"' | '\\' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        ' '..='~' => true,
        '\u{a0}'..='\u{ffff}' => true,
        _ => false,
    }
}
