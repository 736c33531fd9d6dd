//! The text, byte by byte: what stands where. Nothing here allocates.

use super::unsure;
use crate::yaml::event::Step;

/// What ended a line of a plain scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The line, or the text.
    Line,
    /// A `#` behind a space.
    Comment,
    /// A `:` before a space or the line's end.
    Colon,
}

/// A line of a plain scalar.
pub(super) struct Plain {
    /// Where its text ends, spaces cut off.
    pub(super) end: usize,
    /// Where the newline, `#` or `:` stands.
    pub(super) next: usize,
    pub(super) stop: Stop,
}

/// Bytes at which a plain scalar in a block may end.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    table[b'\n' as usize] = true;
    table[b'\t' as usize] = true;
    table[b':' as usize] = true;
    table[b'#' as usize] = true;
    table
};

/// Bytes at which no plain scalar begins, or only under conditions that are rare.
const INDICATOR: [bool; 256] = {
    let mut table = [false; 256];
    let indicators = b"?:,[]{}#&*!|>'\"%@`\t\n ";
    let mut i = 0;
    while i < indicators.len() {
        table[indicators[i] as usize] = true;
        i += 1;
    }
    table
};

#[inline]
pub(super) fn begins_plain(b: u8) -> bool {
    !INDICATOR[b as usize]
}

#[derive(Clone, Copy)]
pub(super) struct Text<'t> {
    text: &'t str,
}

impl<'t> Text<'t> {
    pub(super) fn new(text: &'t str) -> Text<'t> {
        Text { text }
    }

    #[inline]
    pub(super) fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    #[inline]
    pub(super) fn at(&self, pos: usize) -> Option<u8> {
        self.bytes().get(pos).copied()
    }

    #[inline]
    pub(super) fn slice(&self, from: usize, to: usize) -> &'t str {
        &self.text[from..to]
    }

    /// Whether there are characters that YAML versions take differently: C1 controls with NEL, U+2028, U+2029, BOM, noncharacters.
    pub(super) fn is_doubtful(&self) -> bool {
        let bytes = self.bytes();
        if bytes.is_ascii() {
            return false;
        }
        memchr::memchr3_iter(0xC2, 0xE2, 0xEF, bytes).any(|i| match bytes[i..] {
            [0xC2, second, ..] => second < 0xA0,
            [0xE2, 0x80, third, ..] => matches!(third, 0xA8 | 0xA9),
            [0xEF, 0xBB, 0xBF, ..] => true,
            [0xEF, 0xBF, third, ..] => matches!(third, 0xBE | 0xBF),
            _ => false,
        })
    }

    /// How many spaces stand here.
    #[inline]
    pub(super) fn spaces(&self, pos: usize) -> usize {
        let bytes = &self.bytes()[pos..];
        let mut count = 0;
        while let Some(eight) = bytes.get(count..count + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok()) {
            let differ = u64::from_le_bytes(eight) ^ 0x2020_2020_2020_2020;
            if differ != 0 {
                return count + differ.trailing_zeros() as usize / 8;
            }
            count += 8;
        }
        count + bytes[count..].iter().take_while(|&&b| b == b' ').count()
    }

    /// The newline that ends this line, or the text's end.
    #[inline]
    pub(super) fn line_end(&self, pos: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes()[pos..]).map_or(self.text.len(), |i| pos + i)
    }

    /// The begin of the line behind this one, or the text's end.
    #[inline]
    pub(super) fn next_line(&self, pos: usize) -> usize {
        (self.line_end(pos) + 1).min(self.text.len())
    }

    #[inline]
    fn is_space_or_end(&self, pos: usize) -> bool {
        matches!(self.at(pos), None | Some(b' ' | b'\n'))
    }

    /// Whether a list item begins here.
    #[inline]
    pub(super) fn is_dash(&self, pos: usize) -> bool {
        self.at(pos) == Some(b'-') && self.is_space_or_end(pos + 1)
    }

    /// Whether `---` or `...` stands here, at the begin of a line. A tab behind it counts, and makes us unsure later.
    pub(super) fn is_marker(&self, pos: usize) -> bool {
        let rest = &self.bytes()[pos..];
        (rest.starts_with(b"---") || rest.starts_with(b"...")) && matches!(rest.get(3), None | Some(b' ' | b'\n' | b'\t'))
    }

    /// Scans a line of a plain scalar in a block.
    #[inline]
    pub(super) fn plain(&self, start: usize) -> Step<Plain> {
        let bytes = self.bytes();
        let mut i = start;
        let stop = loop {
            match bytes[i..].iter().position(|&b| SPECIAL[b as usize]) {
                None => {
                    i = bytes.len();
                    break Stop::Line;
                }
                Some(n) => i += n,
            }
            match bytes[i] {
                b'\n' => break Stop::Line,
                b':' if self.is_space_or_end(i + 1) => break Stop::Colon,
                b'#' if i > start && bytes[i - 1] == b' ' => break Stop::Comment,
                b'\t' => return unsure(),
                _ => i += 1,
            }
        };
        Ok(Plain { end: self.trimmed(start, i), next: i, stop })
    }

    /// `end` without the spaces before it.
    #[inline]
    pub(super) fn trimmed(&self, start: usize, mut end: usize) -> usize {
        while end > start && self.bytes()[end - 1] == b' ' {
            end -= 1;
        }
        end
    }
}
