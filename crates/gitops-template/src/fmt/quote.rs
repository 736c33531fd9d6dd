//! `strconv.Quote` and `Unquote`.

use super::unicode::is_print;

/// Appends `text` in quotes, escaped. `ascii` escapes all that is not ASCII.
pub(crate) fn push(text: &[u8], quote: char, ascii: bool, out: &mut Vec<u8>) {
    push_char(quote, out);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(c, quote, ascii, out);
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    push_char(quote, out);
}

/// Appends one character in single quotes.
pub(crate) fn push_rune(c: char, ascii: bool, out: &mut Vec<u8>) {
    out.push(b'\'');
    push_escaped(c, '\'', ascii, out);
    out.push(b'\'');
}

pub(crate) fn push_char(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn push_escaped(c: char, quote: char, ascii: bool, out: &mut Vec<u8>) {
    if c == quote || c == '\\' {
        out.push(b'\\');
        return push_char(c, out);
    }
    if is_print(c) && (c.is_ascii() || !ascii) {
        return push_char(c, out);
    }
    let text = match c {
        '\x07' => "\\a".to_owned(),
        '\x08' => "\\b".to_owned(),
        '\x0c' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\x0b' => "\\v".to_owned(),
        _ => {
            let code = u32::from(c);
            match code {
                0..0x20 | 0x7f => format!("\\x{code:02x}"),
                0..0x10000 => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            }
        }
    };
    out.extend_from_slice(text.as_bytes());
}

/// Whether the text can stand between backquotes: no control characters but tab, no backquote, no byte order mark.
pub(crate) fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text)
        .is_ok_and(|text| text.chars().all(|c| c != '\u{feff}' && c != '`' && c != '\u{7f}' && (c >= ' ' || c == '\t')))
}

/// `strconv.Unquote` of a text in double quotes or backquotes.
pub(crate) fn unquote(text: &str) -> Option<Vec<u8>> {
    let quote = text.chars().next()?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    match quote {
        '`' => Some(inner.bytes().filter(|b| *b != b'\r').collect()),
        '"' => {
            let mut out = Vec::with_capacity(inner.len());
            let mut rest = inner;
            while !rest.is_empty() {
                if rest.starts_with(['"', '\n']) {
                    return None;
                }
                let (piece, tail) = unquote_char(rest, '"')?;
                match piece {
                    Piece::Char(c) => push_char(c, &mut out),
                    Piece::Byte(b) => out.push(b),
                }
                rest = tail;
            }
            Some(out)
        }
        _ => None,
    }
}

/// What an escape, or a plain character, stands for.
pub(crate) enum Piece {
    Char(char),
    /// `\x80` and `\200`: a byte, not a character.
    Byte(u8),
}

/// `strconv.UnquoteChar`: the first character of `text`, and the rest.
pub(crate) fn unquote_char(text: &str, quote: char) -> Option<(Piece, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == quote {
        return None;
    }
    if first != '\\' {
        return Some((Piece::Char(first), chars.as_str()));
    }
    let kind = chars.next()?;
    let plain = match kind {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        '\'' | '"' if kind == quote => kind,
        'x' => return digits(chars.as_str(), 2, 16, true),
        'u' => return digits(chars.as_str(), 4, 16, false),
        'U' => return digits(chars.as_str(), 8, 16, false),
        '0'..='7' => return digits(&text[1..], 3, 8, true),
        _ => return None,
    };
    Some((Piece::Char(plain), chars.as_str()))
}

fn digits(text: &str, count: usize, radix: u32, byte: bool) -> Option<(Piece, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    let number = number.chars().try_fold(0u32, |n, c| Some(n * radix + c.to_digit(radix)?))?;
    let piece = if byte { Piece::Byte(u8::try_from(number).ok()?) } else { Piece::Char(char::from_u32(number)?) };
    Some((piece, rest))
}
