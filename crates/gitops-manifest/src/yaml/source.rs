//! Prepares text for the parsers: size, UTF-8, BOM, line ends, control characters; and finds lines and columns again.

use std::borrow::Cow;

use super::ParseError;
use crate::Location;

/// Text that is UTF-8, has `\n` line ends only, no BOM and no control characters.
pub(crate) struct Source<'t> {
    pub(crate) text: Cow<'t, str>,
}

/// Checks size and encoding; cuts a BOM off.
pub(crate) fn decode<'t>(bytes: &'t [u8], file: &str, max_bytes: usize) -> Result<&'t str, ParseError> {
    if bytes.len() > max_bytes {
        let message = format!("{} bytes is more than the limit of {max_bytes}: split the file, or raise the limit", bytes.len());
        return Err(ParseError { at: Location::file(file), message });
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|e| {
        let valid = std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default();
        ParseError { at: locate(valid, valid.len(), file), message: "not UTF-8: save the file as UTF-8 text".to_owned() }
    })
}

impl<'t> Source<'t> {
    pub(crate) fn new(bytes: &'t [u8], file: &str, max_bytes: usize) -> Result<Source<'t>, ParseError> {
        let text = decode(bytes, file, max_bytes)?;
        // One pass the compiler can vectorize; the slow look for the place happens only on a hit.
        let forbidden = |b: u8| (b < 0x20 && b != b'\t' && b != b'\n' && b != b'\r') || b == 0x7F;
        if text.as_bytes().iter().fold(false, |any, &b| any | forbidden(b)) {
            let offset = text.bytes().position(forbidden).unwrap_or(0);
            let message = format!(
                "control character U+{:04X} is not allowed: remove it, or write it as an escape in double quotes",
                text.as_bytes()[offset]
            );
            return Err(ParseError { at: locate(text, offset, file), message });
        }
        let text = if memchr::memchr(b'\r', text.as_bytes()).is_some() {
            Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Cow::Borrowed(text)
        };
        Ok(Source { text })
    }
}

/// Line and column (in characters, both from 1) of a byte offset.
pub(crate) fn locate(text: &str, offset: usize, file: &str) -> Location {
    let (line, column) = Lines::new(text).at(offset);
    Location { file: file.to_owned(), line, column }
}

/// Finds lines and columns of offsets that mostly grow, in O(text) for all of them together.
pub(crate) struct Lines<'t> {
    text: &'t str,
    line: usize,
    start: usize,
    seen: usize,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Lines<'t> {
        Lines { text, line: 1, start: 0, seen: 0 }
    }

    pub(crate) fn at(&mut self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        if offset < self.start {
            (self.line, self.start, self.seen) = (1, 0, 0);
        }
        if offset > self.seen {
            for newline in memchr::memchr_iter(b'\n', &self.text.as_bytes()[self.seen..offset]) {
                self.line += 1;
                self.start = self.seen + newline + 1;
            }
            self.seen = offset;
        }
        let before = &self.text.as_bytes()[self.start..offset];
        // Characters, not bytes: continuation bytes of UTF-8 do not count.
        (self.line, 1 + before.iter().filter(|&&b| b & 0xC0 != 0x80).count())
    }
}
