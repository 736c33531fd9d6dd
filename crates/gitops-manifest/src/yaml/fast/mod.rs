//! The fast parser: the YAML that manifests are written in, told to a [`Sink`] in one pass over borrowed text.
//!
//! It covers block maps and lists, plain, quoted, literal and folded scalars, flow collections, comments and several
//! documents. Whatever is rarer (anchors, aliases, tags, `? ` keys, directives, tabs, text behind `---`) and whatever is
//! wrong is [`Halt::Unsure`]: the kept parser reads the whole text again, so that it alone words errors.
//! `tests/fast_agrees.rs` holds both parsers against each other.
//!
//! In one thing it reads more than the kept parser: further lines of quoted scalars may stand at any column, as go-yaml
//! reads, and prints, them.
//!
//! Columns are bytes from 0. A block collection stands at the column of its keys or dashes; what belongs to it stands
//! further right, except that the dashes of a list may stand at the column of the key above them.

mod block;
mod flow;
mod scalar;
mod scan;

use std::borrow::Cow;

use super::event::{Halt, Properties, Scalar, Sink, Step};
use super::node::ScalarStyle;
use scan::{Plain, Stop, Text};

/// A key written longer than this may not be a key.
const LONGEST_KEY: usize = 1000;

fn unsure<T>() -> Step<T> {
    Err(Halt::Unsure)
}

/// A block collection that is open.
#[derive(Clone, Copy)]
struct Level {
    column: usize,
    list: bool,
}

struct Reader<'t, 's, S> {
    text: Text<'t>,
    /// Between lines: the begin of a line.
    pos: usize,
    levels: Vec<Level>,
    /// Whether a document, key or dash still waits for its value.
    pending: bool,
    sink: &'s mut S,
}

/// Reads the whole stream; on [`Halt::Unsure`] what the sink holds is to be thrown away.
pub(crate) fn read<S: Sink>(text: &str, sink: &mut S) -> Step {
    let text = Text::new(text);
    if text.is_doubtful() {
        return unsure();
    }
    Reader { text, pos: 0, levels: Vec::with_capacity(16), pending: true, sink }.stream()
}

impl<'t, S: Sink> Reader<'t, '_, S> {
    fn stream(&mut self) -> Step {
        while let Some(column) = self.next_line()? {
            if !(column == 0 && self.marker()?) {
                self.line(column)?;
            }
        }
        self.document_end()
    }

    /// Moves to the next content, and says at which column it stands.
    #[inline]
    fn next_line(&mut self) -> Step<Option<usize>> {
        loop {
            let column = self.text.spaces(self.pos);
            self.pos += column;
            match self.text.at(self.pos) {
                None => return Ok(None),
                Some(b'\n') => self.pos += 1,
                Some(b'#') => self.pos = self.text.next_line(self.pos),
                Some(b'\t') => return unsure(),
                Some(_) => return Ok(Some(column)),
            }
        }
    }

    /// Reads `---` and `...`.
    fn marker(&mut self) -> Step<bool> {
        if !self.text.is_marker(self.pos) {
            return Ok(false);
        }
        self.document_end()?;
        self.pos += 3;
        self.line_end()?;
        Ok(true)
    }

    fn document_end(&mut self) -> Step {
        if self.levels.is_empty() && self.pending {
            return Ok(());
        }
        self.nothing()?;
        while self.levels.last().is_some() {
            self.close()?;
        }
        self.pending = true;
        self.sink.document_end(false)
    }

    /// What still waits gets null.
    fn nothing(&mut self) -> Step {
        if self.pending {
            self.scalar(self.pos, Cow::Borrowed(""), ScalarStyle::Plain)?;
        }
        Ok(())
    }

    fn open(&mut self, column: usize, list: bool) -> Step {
        self.levels.push(Level { column, list });
        if list { self.sink.list_start(self.pos, Properties::default()) } else { self.sink.map_start(self.pos, Properties::default()) }
    }

    fn close(&mut self) -> Step {
        match self.levels.pop() {
            Some(Level { list: true, .. }) => self.sink.list_end(),
            _ => self.sink.map_end(),
        }
    }

    /// The least column of what belongs to the open collection.
    #[inline]
    fn least(&self) -> usize {
        self.levels.last().map_or(0, |level| level.column + 1)
    }

    #[inline]
    fn scalar(&mut self, at: usize, text: Cow<'t, str>, style: ScalarStyle) -> Step {
        self.pending = false;
        self.sink.scalar(at, 0, Scalar { text, style, tag: None })
    }

    /// Nothing more than a comment may stand in this line; goes to the next one.
    #[inline]
    fn line_end(&mut self) -> Step {
        let spaces = self.text.spaces(self.pos);
        match self.text.at(self.pos + spaces) {
            None => self.pos += spaces,
            Some(b'\n') => self.pos += spaces + 1,
            Some(b'#') if spaces > 0 => self.pos = self.text.next_line(self.pos),
            Some(_) => return unsure(),
        }
        Ok(())
    }

    /// Reads what begins at the first column with content of a line.
    fn line(&mut self, column: usize) -> Step {
        let dash = self.text.is_dash(self.pos);
        if self.pending {
            let below = match self.levels.last() {
                None => true,
                Some(top) => column > top.column || (column == top.column && dash && !top.list),
            };
            if below {
                return self.node(column, dash);
            }
            self.nothing()?;
        }
        loop {
            match self.levels.last() {
                Some(top) if column == top.column && top.list == dash => break,
                Some(top) if column < top.column || (column == top.column && top.list) => self.close()?,
                _ => return unsure(),
            }
        }
        if dash { self.item(column) } else { self.content(column, true) }
    }

    fn node(&mut self, column: usize, dash: bool) -> Step {
        if self.levels.is_empty() {
            self.sink.document_start(self.pos)?;
        }
        self.pending = false;
        if dash {
            self.open(column, true)?;
            return self.item(column);
        }
        self.content(column, false)
    }

    /// Reads a dash, and what stands behind it in the same line.
    fn item(&mut self, mut column: usize) -> Step {
        loop {
            self.pos += 1;
            let spaces = self.text.spaces(self.pos);
            match self.text.at(self.pos + spaces) {
                None | Some(b'\n' | b'#') => {
                    self.pending = true;
                    return self.line_end();
                }
                Some(_) => {
                    self.pos += spaces;
                    column += 1 + spaces;
                    if !self.text.is_dash(self.pos) {
                        return self.content(column, false);
                    }
                    self.open(column, true)?;
                }
            }
        }
    }

    /// Reads a key with its value, or a value. `key`: it must be a key of the open map; otherwise a key opens a map.
    #[inline]
    fn content(&mut self, column: usize, key: bool) -> Step {
        let at = self.pos;
        match self.text.at(at) {
            Some(b'"' | b'\'') => {
                let (text, style) = self.quoted(0)?;
                if self.text.at(self.pos) == Some(b':') {
                    return self.entry(at, column, text, style, key);
                }
                self.value_only(key)?;
                self.scalar(at, text, style)?;
                self.line_end()
            }
            Some(b) if scan::begins_plain(b) => {
                let plain = self.text.plain(at)?;
                if plain.stop == Stop::Colon {
                    self.pos = plain.next;
                    return self.entry(at, column, Cow::Borrowed(self.text.slice(at, plain.end)), ScalarStyle::Plain, key);
                }
                self.value_only(key)?;
                self.plain(&plain)
            }
            Some(_) => {
                self.value_only(key)?;
                self.other()
            }
            None => unsure(),
        }
    }

    fn value_only(&self, key: bool) -> Step {
        if key { unsure() } else { Ok(()) }
    }

    /// Tells a key, with `pos` at its colon, and reads its value.
    #[inline]
    fn entry(&mut self, at: usize, column: usize, text: Cow<'t, str>, style: ScalarStyle, open: bool) -> Step {
        let colon = self.pos;
        let written = self.text.slice(at, colon);
        if written.len() > LONGEST_KEY || (style != ScalarStyle::Plain && memchr::memchr(b'\n', written.as_bytes()).is_some()) {
            return unsure();
        }
        if !open {
            self.pos = at;
            self.open(column, false)?;
            self.pos = colon;
        }
        self.sink.key(at, Scalar { text, style, tag: None })?;
        self.value()
    }

    /// Reads what stands behind a colon in its line.
    #[inline]
    fn value(&mut self) -> Step {
        self.pos += 1;
        let spaces = self.text.spaces(self.pos);
        let at = self.pos + spaces;
        match self.text.at(at) {
            None | Some(b'\n' | b'#') => {
                self.pending = true;
                self.line_end()
            }
            Some(_) if spaces == 0 => unsure(),
            Some(b'"' | b'\'') => {
                self.pos = at;
                let (text, style) = self.quoted(0)?;
                self.scalar(at, text, style)?;
                self.line_end()
            }
            Some(b) if scan::begins_plain(b) && !self.text.is_dash(at) => {
                self.pos = at;
                let plain = self.text.plain(at)?;
                if plain.stop == Stop::Colon {
                    return unsure();
                }
                self.plain(&plain)
            }
            Some(_) => {
                self.pos = at;
                self.other()
            }
        }
    }

    /// Reads a plain scalar at `pos`, of which the first line is known.
    #[inline]
    fn plain(&mut self, first: &Plain) -> Step {
        let at = self.pos;
        let text = self.plain_lines(at, first)?;
        self.scalar(at, text, ScalarStyle::Plain)
    }

    /// Reads a value that begins with an indicator.
    fn other(&mut self) -> Step {
        match self.text.at(self.pos) {
            Some(b'|' | b'>') => self.block_scalar(),
            Some(b'[' | b'{') => {
                self.flow()?;
                self.line_end()
            }
            _ => unsure(),
        }
    }
}
