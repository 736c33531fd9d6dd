//! Flow collections, `[a, b]` and `{a: b}`, on one line or more; JSON is one of them. Entries without a value, pairs in
//! lists and plain scalars of several lines are rare and left to the kept parser.

use std::borrow::Cow;

use super::{Reader, unsure};
use crate::yaml::event::{Properties, Scalar, Sink, Step};
use crate::yaml::node::ScalarStyle;

/// Deeper ones are left to the kept parser: this one recurses.
const DEEPEST: usize = 64;

/// Bytes at which a plain scalar in a flow collection may end.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"\n\t:#,[]{}?";
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] = true;
        i += 1;
    }
    table
};

impl<'t, S: Sink> Reader<'t, '_, S> {
    /// Reads the collection at `pos`, and goes behind it.
    pub(super) fn flow(&mut self) -> Step {
        let least = self.least();
        self.flow_node(least, 0)
    }

    fn flow_node(&mut self, least: usize, depth: usize) -> Step {
        let at = self.pos;
        match self.text.at(at) {
            Some(b'[') if depth < DEEPEST => {
                self.sink.list_start(at, Properties { flow: true, ..Properties::default() })?;
                self.flow_items(b']', |reader| reader.flow_node(least, depth + 1))?;
                self.sink.list_end()
            }
            Some(b'{') if depth < DEEPEST => {
                self.sink.map_start(at, Properties { flow: true, ..Properties::default() })?;
                self.flow_items(b'}', |reader| reader.flow_entry(least, depth))?;
                self.sink.map_end()
            }
            Some(b'[' | b'{') => unsure(),
            _ => {
                let (text, style) = self.flow_scalar(least)?;
                self.scalar(at, text, style)
            }
        }
    }

    fn flow_items(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Step) -> Step {
        self.pos += 1;
        loop {
            self.flow_space()?;
            if self.text.at(self.pos) == Some(close) {
                break;
            }
            item(self)?;
            self.flow_space()?;
            match self.text.at(self.pos) {
                Some(b',') => self.pos += 1,
                Some(b) if b == close => break,
                _ => return unsure(),
            }
        }
        self.pos += 1;
        self.pending = false;
        Ok(())
    }

    fn flow_entry(&mut self, least: usize, depth: usize) -> Step {
        let at = self.pos;
        let (text, style) = self.flow_scalar(least)?;
        let written = self.text.slice(at, self.pos);
        if self.text.at(self.pos) != Some(b':') || written.len() > super::LONGEST_KEY || written.contains('\n') {
            return unsure();
        }
        self.pos += 1;
        if style == ScalarStyle::Plain && !matches!(self.text.at(self.pos), Some(b' ' | b'\n')) {
            return unsure();
        }
        self.sink.key(at, Scalar { text, style, tag: None })?;
        self.flow_space()?;
        match self.text.at(self.pos) {
            Some(b',' | b'}') => unsure(),
            _ => self.flow_node(least, depth + 1),
        }
    }

    fn flow_scalar(&mut self, least: usize) -> Step<(Cow<'t, str>, ScalarStyle)> {
        let start = self.pos;
        let bytes = self.text.bytes();
        match self.text.at(start) {
            Some(b'"' | b'\'') => return self.quoted(least),
            Some(b'-') if !matches!(self.text.at(start + 1), Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-')) => return unsure(),
            Some(b) if super::scan::begins_plain(b) => {}
            _ => return unsure(),
        }
        let mut end = start;
        loop {
            match bytes[end..].iter().position(|&b| SPECIAL[b as usize]) {
                None => return unsure(),
                Some(n) => end += n,
            }
            match bytes[end] {
                b'\n' | b',' | b']' | b'}' => break,
                b':' if matches!(self.text.at(end + 1), Some(b' ' | b'\n')) => break,
                b':' if matches!(self.text.at(end + 1), Some(b',' | b'[' | b']' | b'{' | b'}')) => return unsure(),
                b'#' if bytes[end - 1] == b' ' => break,
                b':' | b'#' => end += 1,
                _ => return unsure(),
            }
        }
        let text_end = self.text.trimmed(start, end);
        // A key's colon must be at `pos`; spaces before it are part of the gap.
        self.pos = if bytes[end] == b':' { end } else { text_end };
        Ok((Cow::Borrowed(self.text.slice(start, text_end)), ScalarStyle::Plain))
    }

    /// Goes over spaces, line ends and comments. go-yaml looks at no column in brackets.
    fn flow_space(&mut self) -> Step {
        let mut fresh = false;
        // Behind plain text a tab may be refused.
        let plain = !matches!(self.text.bytes()[self.pos - 1], b'[' | b'{' | b',' | b':' | b']' | b'}' | b'"' | b'\'');
        loop {
            let mut spaces = self.text.spaces(self.pos);
            self.pos += spaces;
            while self.text.at(self.pos) == Some(b'\t') && !plain {
                self.pos += 1 + self.text.spaces(self.pos + 1);
                spaces = usize::MAX;
            }
            match self.text.at(self.pos) {
                Some(b'\n') => {
                    self.pos += 1;
                    fresh = true;
                }
                Some(b'#') if fresh || spaces > 0 => {
                    self.pos = self.text.next_line(self.pos);
                    fresh = true;
                }
                None | Some(b'#' | b'\t') => return unsure(),
                Some(_) if fresh && spaces == 0 && self.text.is_marker(self.pos) => return unsure(),
                Some(_) => return Ok(()),
            }
        }
    }
}
