//! Which of YAML's scalar styles a string is written in.
//!
//! Source of the rules: the emitter of go-yaml v2, for block context (flow is only ever `{}` and `[]` here).

use super::resolve;

/// How a string is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    /// `|`. `unicode_breaks`: some lines end with U+2028 or U+2029.
    Literal {
        unicode_breaks: bool,
    },
}

/// The style, and whether the text has several lines (such a key is written behind `?`).
pub(super) fn choose(text: &str) -> (Style, bool) {
    let found = look(text.as_bytes());
    if text.is_empty() {
        return (Style::Double, false);
    }
    let style = if found.line_feed {
        match found.trailing_space || found.space_break || found.special {
            true => Style::Double,
            false => Style::Literal { unicode_breaks: found.unicode_break },
        }
    } else if !resolve::is_string(text) {
        Style::Double
    } else if found.fits_plain() {
        Style::Plain
    } else if found.break_space || found.space_break || found.special {
        Style::Double
    } else {
        Style::Single
    };
    (style, found.breaks)
}

/// What stands in a text.
#[derive(Default)]
struct Found {
    /// Something that means more than itself in a plain scalar.
    indicator: bool,
    /// Something that only `"…"` can write: controls, what is beyond the basic plane, byte order marks.
    special: bool,
    /// A line break of any kind, or more exactly:
    breaks: bool,
    line_feed: bool,
    unicode_break: bool,
    edge_space_or_break: bool,
    trailing_space: bool,
    /// A space behind a break, and a break behind a space.
    break_space: bool,
    space_break: bool,
}

impl Found {
    fn fits_plain(&self) -> bool {
        !(self.indicator || self.special || self.breaks || self.edge_space_or_break || self.break_space || self.space_break)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Text,
    Space,
    Break,
    /// A tab, NUL, or the start: white space to `#`, nothing to the rest.
    OtherBlank,
}

/// True for the bytes that need no thought anywhere but at the start.
const ORDINARY: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = b'!';
    while b <= b'~' {
        table[b as usize] = b != b':' && b != b'#';
        b += 1;
    }
    table
};

fn look(b: &[u8]) -> Found {
    let mut found = Found { indicator: starts_with_indicator(b), ..Found::default() };
    let mut before = Before::OtherBlank;
    let mut i = 0;
    while i < b.len() {
        if ORDINARY[usize::from(b[i])] {
            i += 1;
            while i < b.len() && ORDINARY[usize::from(b[i])] {
                i += 1;
            }
            before = Before::Text;
            continue;
        }
        let (width, now) = match b[i] {
            b' ' => {
                found.edge_space_or_break |= i == 0 || i + 1 == b.len();
                found.trailing_space |= i + 1 == b.len();
                found.break_space |= before == Before::Break;
                (1, Before::Space)
            }
            b':' => {
                found.indicator |= i > 0 && blank_or_end(b, i + 1);
                (1, Before::Text)
            }
            b'#' => {
                found.indicator |= before != Before::Text;
                (1, Before::Text)
            }
            _ => found.unusual(b, i),
        };
        if now == Before::Break {
            found.breaks = true;
            found.edge_space_or_break |= i == 0 || i + width == b.len();
            found.space_break |= before == Before::Space;
        }
        before = now;
        i += width;
    }
    found
}

impl Found {
    /// Controls, and everything beyond ASCII: how many bytes the character has, and what it is to the next.
    fn unusual(&mut self, b: &[u8], i: usize) -> (usize, Before) {
        let next = |n: usize| b.get(i + n).copied().unwrap_or(0);
        let (width, printable, before) = match b[i] {
            b'\n' => {
                self.line_feed = true;
                (1, true, Before::Break)
            }
            b'\r' => (1, false, Before::Break),
            b'\t' | 0 => (1, false, Before::OtherBlank),
            0..=0x7f => (1, false, Before::Text),
            0xc2 if next(1) == 0x85 => (2, false, Before::Break),
            0xc2 => (2, next(1) >= 0xa0, Before::Text),
            0x80..=0xdf => (2, true, Before::Text),
            0xe2 if next(1) == 0x80 && matches!(next(2), 0xa8 | 0xa9) => {
                self.unicode_break = true;
                (3, true, Before::Break)
            }
            0xef => (3, !matches!((next(1), next(2)), (0xbb, 0xbf) | (0xbf, 0xbe | 0xbf)), Before::Text),
            0xe0..=0xee => (3, true, Before::Text),
            0xf0..=0xff => (4, false, Before::Text),
        };
        self.special |= !printable;
        (width, before)
    }
}

fn blank_or_end(b: &[u8], i: usize) -> bool {
    matches!(b.get(i), None | Some(b' ' | b'\t'))
}

fn starts_with_indicator(b: &[u8]) -> bool {
    match b.first() {
        Some(b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@' | b'`') => true,
        Some(b'-') if b.starts_with(b"---") => true,
        Some(b'.') => b.starts_with(b"..."),
        Some(b'?' | b':' | b'-') => blank_or_end(b, 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles() {
        let literal = Style::Literal { unicode_breaks: false };
        for (text, style) in [
            ("a b", Style::Plain),
            ("a:b", Style::Plain),
            ("a#b", Style::Plain),
            ("-a", Style::Plain),
            ("?a", Style::Plain),
            ("a'b", Style::Plain),
            ("a: b", Style::Single),
            ("a:", Style::Single),
            ("a #b", Style::Single),
            ("- a", Style::Single),
            ("-", Style::Single),
            (" a", Style::Single),
            ("a ", Style::Single),
            ("---a", Style::Single),
            ("{a", Style::Single),
            ("a\u{2028}b", Style::Single),
            ("%a", Style::Single),
            ("", Style::Double),
            ("1", Style::Double),
            ("yes", Style::Double),
            ("a\tb", Style::Double),
            ("😀", Style::Double),
            ("a\u{2028} b", Style::Double),
            ("a\nb", literal),
            (" a\n", literal),
            ("a\n b", literal),
            ("a \nb", Style::Double),
            ("a\nb ", Style::Double),
            ("a\n\u{7f}", Style::Double),
        ] {
            assert_eq!(choose(text).0, style, "{text:?}");
        }
    }
}
