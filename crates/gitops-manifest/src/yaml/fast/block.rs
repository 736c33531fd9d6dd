//! Literal (`|`) and folded (`>`) block scalars: header, indentation, folding, chomping (`-` none, `+` all line ends).

use std::borrow::Cow;

use super::{Reader, unsure};
use crate::yaml::event::{Sink, Step};
use crate::yaml::node::ScalarStyle;

/// Which line ends at the end stay.
#[derive(Clone, Copy, PartialEq)]
enum Chomp {
    One,
    None,
    All,
}

struct Header {
    chomp: Chomp,
    /// The indentation that was written, beyond that of the collection.
    indent: Option<usize>,
}

impl<S: Sink> Reader<'_, '_, S> {
    /// Reads the scalar at `pos`, and goes to the line behind it.
    pub(super) fn block_scalar(&mut self) -> Step {
        let at = self.pos;
        let style = if self.text.at(at) == Some(b'|') { ScalarStyle::Literal } else { ScalarStyle::Folded };
        self.pos += 1;
        let Header { chomp, indent } = self.header()?;
        // At the top of a document parsers differ about the least indentation.
        let Some(parent) = self.levels.last().map(|level| level.column) else { return unsure() };
        let column = match indent {
            Some(indent) => parent + indent,
            None => self.indentation(parent + 1)?,
        };
        let mut out = String::new();
        let blank = if style == ScalarStyle::Literal { self.literal(column, &mut out)? } else { self.folded(column, &mut out)? };
        let newlines = match chomp {
            Chomp::One => 1,
            Chomp::None => 0,
            Chomp::All => 1 + blank,
        };
        out.extend(std::iter::repeat_n('\n', newlines));
        self.scalar(at, Cow::Owned(out), style)
    }

    fn header(&mut self) -> Step<Header> {
        let mut header = Header { chomp: Chomp::One, indent: None };
        loop {
            match self.text.at(self.pos) {
                Some(b'-') if header.chomp == Chomp::One => header.chomp = Chomp::None,
                Some(b'+') if header.chomp == Chomp::One => header.chomp = Chomp::All,
                Some(b @ b'1'..=b'9') if header.indent.is_none() => header.indent = Some(usize::from(b - b'0')),
                _ => break,
            }
            self.pos += 1;
        }
        self.line_end()?;
        Ok(header)
    }

    /// The column of the first line that is not blank; a scalar without one is rare and left to the kept parser.
    fn indentation(&self, least: usize) -> Step<usize> {
        let (mut line, mut longest) = (self.pos, 0);
        loop {
            let spaces = self.text.spaces(line);
            match self.text.at(line + spaces) {
                Some(b'\n') => {
                    longest = longest.max(spaces);
                    line += spaces + 1;
                }
                Some(b'\t') | None => return unsure(),
                Some(_) if spaces < least || longest > spaces => return unsure(),
                Some(_) => return Ok(spaces),
            }
        }
    }

    /// Goes over blank lines, and says how many; `None` when content follows at `column` or deeper, which `pos` then shows.
    fn blank_lines(&mut self, column: usize) -> Step<(usize, bool)> {
        let mut blank = 0;
        loop {
            let spaces = self.text.spaces(self.pos);
            let next = self.text.at(self.pos + spaces);
            if spaces > column || (spaces == column && !matches!(next, None | Some(b'\n'))) {
                // Spaces beyond the indentation at the text's very end are rare.
                return if next.is_none() { unsure() } else { Ok((blank, true)) };
            }
            match next {
                Some(b'\n') => {
                    self.pos += spaces + 1;
                    blank += 1;
                }
                Some(b'\t') => return unsure(),
                None if spaces > 0 => return unsure(),
                _ => return Ok((blank, false)),
            }
        }
    }

    /// One line of content without its indentation; goes behind it. A text that ends without a line end is left to the
    /// kept parser.
    #[inline]
    fn block_line(&mut self, column: usize) -> Step<&str> {
        let start = self.pos + column;
        let end = self.text.line_end(start);
        if end == self.text.bytes().len() {
            return unsure();
        }
        self.pos = end + 1;
        Ok(self.text.slice(start, end))
    }

    /// Adds the lines but the last line end, and says how many blank lines follow.
    fn literal(&mut self, column: usize, out: &mut String) -> Step<usize> {
        let mut any = false;
        loop {
            let (blank, more) = self.blank_lines(column)?;
            if !more {
                return if any { Ok(blank) } else { unsure() };
            }
            out.extend(std::iter::repeat_n('\n', blank + usize::from(any)));
            out.push_str(self.block_line(column)?);
            any = true;
        }
    }

    /// As `literal`, but a single line end between two lines that begin without a space is a space.
    fn folded(&mut self, column: usize, out: &mut String) -> Step<usize> {
        // Whether the line before is there, and begins without a space.
        let mut before: Option<bool> = None;
        loop {
            let (blank, more) = self.blank_lines(column)?;
            if !more {
                return if before.is_some() { Ok(blank) } else { unsure() };
            }
            let line = self.block_line(column)?;
            let flush = !line.starts_with([' ', '\t']);
            match before {
                None => out.extend(std::iter::repeat_n('\n', blank)),
                Some(true) if flush && blank == 0 => out.push(' '),
                Some(true) if flush => out.extend(std::iter::repeat_n('\n', blank)),
                Some(_) => out.extend(std::iter::repeat_n('\n', blank + 1)),
            }
            out.push_str(line);
            before = Some(flush);
        }
    }
}
