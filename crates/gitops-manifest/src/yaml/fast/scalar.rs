//! Plain and quoted scalars, of one line (borrowed) and of several (folded: one line end is a space, more are one less).

use std::borrow::Cow;

use super::scan::{Plain, Stop};
use super::{Reader, unsure};
use crate::yaml::event::{Sink, Step};
use crate::yaml::node::ScalarStyle;

impl<'t, S: Sink> Reader<'t, '_, S> {
    /// The text of a plain scalar, of which the first line is known; goes to the next line.
    #[inline]
    pub(super) fn plain_lines(&mut self, at: usize, first: &Plain) -> Step<Cow<'t, str>> {
        let text = self.text.slice(at, first.end);
        let next = self.text.next_line(first.next);
        self.pos = next;
        if first.stop == Stop::Comment {
            return Ok(Cow::Borrowed(text));
        }
        let column = self.text.spaces(next);
        match self.text.at(next + column) {
            Some(b'\n') => {}
            Some(_) if column >= self.least() => {}
            _ => return Ok(Cow::Borrowed(text)),
        }
        self.more_plain(text)
    }

    /// Adds the lines that go on with a plain scalar.
    fn more_plain(&mut self, text: &'t str) -> Step<Cow<'t, str>> {
        let (least, mut joined) = (self.least(), Cow::Borrowed(text));
        loop {
            let (mut line, mut blank) = (self.pos, 0);
            let column = loop {
                let column = self.text.spaces(line);
                if self.text.at(line + column) != Some(b'\n') {
                    break column;
                }
                line += column + 1;
                blank += 1;
            };
            let start = line + column;
            match self.text.at(start) {
                None | Some(b'#') => return Ok(joined),
                Some(b'\t') => return unsure(),
                Some(_) if column < least || (column == 0 && self.text.is_marker(start)) => return Ok(joined),
                Some(_) if self.text.is_dash(start) => return unsure(),
                Some(_) => {}
            }
            let plain = self.text.plain(start)?;
            if plain.stop == Stop::Colon {
                return unsure();
            }
            fold(joined.to_mut(), blank);
            joined.to_mut().push_str(self.text.slice(start, plain.end));
            self.pos = self.text.next_line(plain.next);
            if plain.stop == Stop::Comment {
                return Ok(joined);
            }
        }
    }

    /// Reads a quoted scalar up to behind its closing quote. `least`: the least column of its further lines.
    #[inline]
    pub(super) fn quoted(&mut self, least: usize) -> Step<(Cow<'t, str>, ScalarStyle)> {
        let bytes = self.text.bytes();
        let start = self.pos + 1;
        if bytes[self.pos] == b'"' {
            return match memchr::memchr3(b'"', b'\\', b'\n', &bytes[start..]) {
                Some(n) if bytes[start + n] == b'"' => Ok((self.simple(start, start + n), ScalarStyle::DoubleQuoted)),
                Some(_) => Ok((Cow::Owned(self.double_quoted(start, least)?), ScalarStyle::DoubleQuoted)),
                None => unsure(),
            };
        }
        match memchr::memchr2(b'\'', b'\n', &bytes[start..]) {
            Some(n) if bytes[start + n] == b'\'' && bytes.get(start + n + 1) != Some(&b'\'') => {
                Ok((self.simple(start, start + n), ScalarStyle::SingleQuoted))
            }
            Some(_) => Ok((Cow::Owned(self.single_quoted(start, least)?), ScalarStyle::SingleQuoted)),
            None => unsure(),
        }
    }

    #[inline]
    fn simple(&mut self, start: usize, end: usize) -> Cow<'t, str> {
        self.pos = end + 1;
        Cow::Borrowed(self.text.slice(start, end))
    }

    fn single_quoted(&mut self, start: usize, least: usize) -> Step<String> {
        let (bytes, mut out, mut from) = (self.text.bytes(), String::new(), start);
        loop {
            let Some(n) = memchr::memchr2(b'\'', b'\n', &bytes[from..]) else { return unsure() };
            let stop = from + n;
            if bytes[stop] == b'\n' {
                out.push_str(self.before_line_end(from, stop));
                from = self.fold_lines(stop, least, &mut out)?;
                continue;
            }
            out.push_str(self.text.slice(from, stop));
            if bytes.get(stop + 1) != Some(&b'\'') {
                self.pos = stop + 1;
                return Ok(out);
            }
            out.push('\'');
            from = stop + 2;
        }
    }

    fn double_quoted(&mut self, start: usize, least: usize) -> Step<String> {
        let (bytes, mut out, mut from) = (self.text.bytes(), String::new(), start);
        loop {
            let Some(n) = memchr::memchr3(b'"', b'\\', b'\n', &bytes[from..]) else { return unsure() };
            let stop = from + n;
            match bytes[stop] {
                b'\n' => {
                    out.push_str(self.before_line_end(from, stop));
                    from = self.fold_lines(stop, least, &mut out)?;
                }
                b'\\' if bytes.get(stop + 1) == Some(&b'\n') => {
                    out.push_str(self.text.slice(from, stop));
                    let (next, blank) = self.quoted_line(stop + 1, least)?;
                    out.extend(std::iter::repeat_n('\n', blank));
                    from = next;
                }
                b'\\' => {
                    out.push_str(self.text.slice(from, stop));
                    from = self.escape(stop + 1, &mut out)?;
                }
                _ => {
                    out.push_str(self.text.slice(from, stop));
                    self.pos = stop + 1;
                    return Ok(out);
                }
            }
        }
    }

    /// What stands before a line end in quotes, spaces and tabs cut off.
    fn before_line_end(&self, from: usize, stop: usize) -> &'t str {
        self.text.slice(from, stop).trim_end_matches([' ', '\t'])
    }

    fn fold_lines(&self, newline: usize, least: usize, out: &mut String) -> Step<usize> {
        let (next, blank) = self.quoted_line(newline, least)?;
        fold(out, blank);
        Ok(next)
    }

    /// From a line end in quotes to the next content, and how many blank lines lie between.
    fn quoted_line(&self, newline: usize, mut least: usize) -> Step<(usize, usize)> {
        let (mut line, mut blank) = (newline + 1, 0);
        loop {
            let mut column = self.text.spaces(line);
            // Behind a tab the column does not matter: go-yaml looks at none in quotes.
            while self.text.at(line + column) == Some(b'\t') {
                column += 1 + self.text.spaces(line + column + 1);
                least = 0;
            }
            match self.text.at(line + column) {
                Some(b'\n') => {
                    line += column + 1;
                    blank += 1;
                }
                None => return unsure(),
                Some(_) if column < least || (column == 0 && self.text.is_marker(line)) => return unsure(),
                Some(_) => return Ok((line + column, blank)),
            }
        }
    }

    /// Reads the escape whose letter stands at `pos`, and returns where it ends.
    fn escape(&self, pos: usize, out: &mut String) -> Step<usize> {
        let (c, digits) = match self.text.at(pos) {
            Some(b'n') => ('\n', 0),
            Some(b't' | b'\t') => ('\t', 0),
            Some(b'r') => ('\r', 0),
            Some(b'"') => ('"', 0),
            Some(b'\'') => ('\'', 0),
            Some(b'\\') => ('\\', 0),
            Some(b' ') => (' ', 0),
            Some(b'0') => ('\0', 0),
            Some(b'a') => ('\x07', 0),
            Some(b'b') => ('\x08', 0),
            Some(b'v') => ('\x0B', 0),
            Some(b'f') => ('\x0C', 0),
            Some(b'e') => ('\x1B', 0),
            Some(b'x') => ('\0', 2),
            Some(b'u') => ('\0', 4),
            Some(b'U') => ('\0', 8),
            _ => return unsure(),
        };
        let end = pos + 1 + digits;
        if digits == 0 {
            out.push(c);
            return Ok(end);
        }
        let hex =
            self.text.bytes().get(pos + 1..end).and_then(|hex| hex.iter().try_fold(0, |n, &b| Some(n << 4 | char::from(b).to_digit(16)?)));
        // Halves of surrogate pairs are no characters: the kept parser decides about them.
        match hex.and_then(char::from_u32) {
            Some(c) => {
                out.push(c);
                Ok(end)
            }
            None => unsure(),
        }
    }
}

fn fold(out: &mut String, blank: usize) {
    if blank == 0 {
        out.push(' ');
    } else {
        out.extend(std::iter::repeat_n('\n', blank));
    }
}
