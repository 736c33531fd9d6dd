//! What go-yaml refuses and the kept parser does not: tabs where it looks for indentation, escapes and characters that YAML
//! 1.2 has and its 1.1 scanner has not.
//!
//! The scanner of go-yaml takes a tab for blank only where no key can begin: in flow collections, and behind something on the
//! same line. U+0085, U+2028 and U+2029 end lines there, so what follows one stands in the first column.
//!
//! The kept parser tells scalars and their places; between two of them lie blanks, comments and indicators, which are walked
//! through here.

use super::event::{Step, refuse};
use super::node::ScalarStyle;

const TAB: &str = "a tab where indentation is read: use spaces";
const BREAK: &str = "a character that ends lines in YAML 1.1 (U+0085, U+2028 or U+2029): write it as an escape in double quotes";

/// Walks along the text, from scalar to scalar.
pub(super) struct GoScanner<'t> {
    text: &'t str,
    /// How far it was walked.
    at: usize,
    /// How many flow collections are open.
    flow: usize,
    /// Columns of the open block collections; nothing for flow collections.
    columns: Vec<Option<usize>>,
    /// Whether a key could begin here, in a block.
    fresh: bool,
    /// In the header of a block scalar, or between it and the text.
    block: bool,
    /// Its header says how far it is indented.
    indicated: bool,
}

impl<'t> GoScanner<'t> {
    /// At the begin of the text.
    ///
    /// # Errors
    /// On characters that may stand nowhere.
    pub(super) fn new(text: &'t str) -> Step<GoScanner<'t>> {
        let forbidden = |c: char| matches!(c, '\u{80}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}');
        if !text.is_ascii()
            && let Some(at) = text.find(forbidden)
        {
            return refuse(at, "a control character or noncharacter: remove it, or write it as an escape in double quotes");
        }
        Ok(GoScanner { text, at: 0, flow: 0, columns: Vec::new(), fresh: true, block: false, indicated: false })
    }

    /// A collection begins at this byte, which is its first indicator or key.
    pub(super) fn open(&mut self, at: usize, flow: bool) {
        self.columns.push((!flow).then(|| self.column(at)));
    }

    /// The innermost collection ends.
    pub(super) fn close(&mut self) {
        self.columns.pop();
    }

    /// Walks up to a scalar and over it.
    pub(super) fn scalar(&mut self, start: usize, end: usize, style: ScalarStyle) -> Step {
        self.walk(start)?;
        let (from, text) = (self.at, self.text.get(self.at..end).unwrap_or_default());
        self.at = self.at.max(end);
        self.fresh = false;
        match style {
            ScalarStyle::Plain => {
                self.plain(from, text)?;
                self.behind_plain()
            }
            ScalarStyle::DoubleQuoted => escapes(from, text),
            ScalarStyle::SingleQuoted => Ok(()),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                (self.fresh, self.block) = (true, false);
                self.block(from, text)
            }
        }
    }

    /// Walks to the end of the text.
    pub(super) fn finish(&mut self) -> Step {
        self.walk(self.text.len())
    }

    fn walk(&mut self, to: usize) -> Step {
        let bytes = self.text.as_bytes();
        while self.at < to {
            let at = self.at;
            self.at += 1;
            match bytes[at] {
                b' ' => {}
                b'\t' if self.flow == 0 && (self.fresh || self.block) => return refuse(at, TAB),
                b'\t' => {}
                b'\n' => self.fresh = true,
                b'#' if at == 0 || bytes[at - 1].is_ascii_whitespace() => {
                    self.at = self.line_end(at);
                    self.comment(at)?;
                }
                b'-' | b'.' if self.is_marker(at) => {
                    (self.at, self.fresh) = (at + 3, false);
                }
                b'%' if self.column(at) == 0 => self.at = self.line_end(at),
                indicator => self.indicator(at, indicator)?,
            }
        }
        Ok(())
    }

    fn indicator(&mut self, at: usize, indicator: u8) -> Step {
        match indicator {
            b'-' | b'?' => self.fresh = true,
            // Behind a key on the same line it is that key's; a fresh one belongs to a `?`.
            b':' => {}
            b'[' | b'{' => self.flow += 1,
            b']' | b'}' => (self.flow, self.fresh) = (self.flow.saturating_sub(1), false),
            b'&' | b'*' | b'!' => {
                self.fresh = false;
                let ends = |c: char| c.is_ascii_whitespace() || (self.flow > 0 && matches!(c, ',' | '[' | ']' | '{' | '}'));
                self.at = self.text[at..].find(ends).map_or(self.text.len(), |n| at + n);
                let name = self.text[at + 1..self.at].trim_end_matches(':');
                if indicator != b'!' && name.contains(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-')) {
                    return refuse(at, "an anchor's name has other characters than letters, digits, `_` and `-`");
                }
            }
            b'|' | b'>' if self.flow == 0 => {
                self.at = self.line_end(at);
                let header = self.text[at + 1..self.at].bytes().take(2);
                (self.block, self.indicated) = (true, header.into_iter().any(|b| b.is_ascii_digit()));
            }
            _ => {
                self.fresh = false;
                if self.text.get(at..).is_some_and(|rest| rest.starts_with(is_break)) {
                    return refuse(at, BREAK);
                }
            }
        }
        Ok(())
    }

    /// A plain scalar takes the blanks and line ends behind it too, wherever a key could begin.
    fn behind_plain(&mut self) -> Step {
        let rest = &self.text[self.at..];
        let blank = &rest[..rest.len() - rest.trim_start_matches([' ', '\t', '\n']).len()];
        self.indentations(self.at, blank, self.least())?;
        self.at += blank.len();
        self.fresh = blank.contains('\n');
        Ok(())
    }

    fn plain(&self, from: usize, text: &str) -> Step {
        if self.flow == 0
            && let Some(n) = text.find(is_break)
        {
            return refuse(from + n, BREAK);
        }
        if self.flow > 0
            && let Some(n) = text.find('?').or(text.starts_with(':').then_some(0))
        {
            return refuse(from + n, "`?`, or `:` in front, in plain text between brackets: quote the text");
        }
        self.indentations(from, text, self.least())
    }

    fn block(&self, from: usize, text: &str) -> Step {
        // The first line shows the indentation, unless the header says it.
        if text.starts_with('\t') && !self.indicated {
            return refuse(from, TAB);
        }
        for (n, c) in text.char_indices().filter(|(_, c)| is_break(*c)) {
            if !text[n + c.len_utf8()..].starts_with('\n') {
                return refuse(from + n, BREAK);
            }
        }
        self.indentations(from, text, self.column(from))
    }

    /// Refuses lines, the first aside, with a tab before this column.
    fn indentations(&self, from: usize, text: &str, column: usize) -> Step {
        for newline in memchr::memchr_iter(b'\n', text.as_bytes()) {
            let line = &text[newline + 1..];
            let spaces = line.bytes().take_while(|b| *b == b' ').count();
            if spaces < column && line[spaces..].starts_with('\t') {
                return refuse(from + newline + 1 + spaces, TAB);
            }
        }
        Ok(())
    }

    /// A line of comment: what a line break of YAML 1.1 leaves of it is content.
    fn comment(&self, at: usize) -> Step {
        let comment = &self.text[at..self.at];
        for (n, c) in comment.char_indices().filter(|(_, c)| is_break(*c)) {
            let rest = comment[n + c.len_utf8()..].trim_start_matches(' ');
            if !rest.is_empty() && !rest.starts_with('#') {
                return refuse(at + n, BREAK);
            }
        }
        Ok(())
    }

    /// The least column of what goes on in the innermost block collection.
    fn least(&self) -> usize {
        self.columns.iter().rev().find_map(|column| *column).map_or(0, |column| column + 1)
    }

    fn column(&self, at: usize) -> usize {
        let before = &self.text[..at];
        let line = memchr::memrchr(b'\n', before.as_bytes()).map_or(0, |newline| newline + 1);
        before[line..].chars().count()
    }

    fn line_end(&self, at: usize) -> usize {
        memchr::memchr(b'\n', &self.text.as_bytes()[at..]).map_or(self.text.len(), |n| at + n)
    }

    fn is_marker(&self, at: usize) -> bool {
        let rest = &self.text.as_bytes()[at..];
        (rest.starts_with(b"---") || rest.starts_with(b"..."))
            && rest.get(3).is_none_or(u8::is_ascii_whitespace)
            && (at == 0 || self.text.as_bytes()[at - 1] == b'\n')
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Escapes of a scalar in double quotes.
fn escapes(from: usize, text: &str) -> Step {
    let mut rest = text;
    while let Some(n) = memchr::memchr(b'\\', rest.as_bytes()) {
        let at = from + (text.len() - rest.len()) + n;
        let escape = &rest[n + 1..];
        let surrogate = |digits: usize| {
            let code = escape.get(1..1 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            code.is_some_and(|code| char::from_u32(code).is_none())
        };
        match escape.as_bytes().first() {
            Some(b'/') => return refuse(at, "`\\/` is no escape of YAML 1.1: a slash needs none"),
            Some(b'u') if surrogate(4) => return refuse(at, "half a surrogate pair: write the character itself, or as `\\U` and 8 digits"),
            Some(b'U') if surrogate(8) => return refuse(at, "no Unicode character has this number"),
            _ => {}
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    Ok(())
}
