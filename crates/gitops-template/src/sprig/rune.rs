//! Go's view of text, rune by rune: decoding bytes that may not be UTF-8, and the case mappings and classes of package `unicode`.
//!
//! Go maps one rune to one rune (`ß` stays `ß`), where Rust's mappings may give several.

use unicode_general_category::{GeneralCategory, get_general_category};

/// The first rune and its length in bytes; U+FFFD and 1 for a byte that is no UTF-8. `bytes` is not empty.
pub(super) fn first(bytes: &[u8]) -> (char, usize) {
    match bytes.first() {
        Some(b) if b.is_ascii() => (char::from(*b), 1),
        _ => (2..=4.min(bytes.len())).find_map(|len| single(&bytes[..len]).map(|c| (c, len))).unwrap_or((char::REPLACEMENT_CHARACTER, 1)),
    }
}

/// The last rune and its length, as [`first`].
pub(super) fn last(bytes: &[u8]) -> (char, usize) {
    match bytes.last() {
        Some(b) if b.is_ascii() => (char::from(*b), 1),
        _ => (2..=4.min(bytes.len()))
            .find_map(|len| single(&bytes[bytes.len() - len..]).map(|c| (c, len)))
            .unwrap_or((char::REPLACEMENT_CHARACTER, 1)),
    }
}

fn single(bytes: &[u8]) -> Option<char> {
    let mut chars = std::str::from_utf8(bytes).ok()?.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// Cuts runes off both ends as long as they satisfy `cut`.
pub(super) fn trim(mut bytes: &[u8], cut: impl Fn(char) -> bool) -> &[u8] {
    while !bytes.is_empty() {
        let (c, len) = first(bytes);
        if !cut(c) {
            break;
        }
        bytes = &bytes[len..];
    }
    while !bytes.is_empty() {
        let (c, len) = last(bytes);
        if !cut(c) {
            break;
        }
        bytes = &bytes[..bytes.len() - len];
    }
    bytes
}

/// `unicode.IsUpper`: category Lu (Rust's `is_uppercase` is wider).
pub(super) fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { get_general_category(c) == GeneralCategory::UppercaseLetter }
}

/// `unicode.IsLower`: category Ll.
pub(super) fn is_lower(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_lowercase() } else { get_general_category(c) == GeneralCategory::LowercaseLetter }
}

/// `unicode.IsTitle`: category Lt.
pub(super) fn is_title(c: char) -> bool {
    get_general_category(c) == GeneralCategory::TitlecaseLetter
}

/// `unicode.IsLetter`.
pub(super) fn is_letter(c: char) -> bool {
    use GeneralCategory as G;
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    matches!(get_general_category(c), G::UppercaseLetter | G::LowercaseLetter | G::TitlecaseLetter | G::ModifierLetter | G::OtherLetter)
}

/// `unicode.IsDigit`: category Nd.
pub(super) fn is_digit(c: char) -> bool {
    get_general_category(c) == GeneralCategory::DecimalNumber
}

/// `unicode.IsNumber`.
pub(super) fn is_number(c: char) -> bool {
    use GeneralCategory as G;
    matches!(get_general_category(c), G::DecimalNumber | G::LetterNumber | G::OtherNumber)
}

/// `unicode.IsPunct`.
pub(super) fn is_punct(c: char) -> bool {
    use GeneralCategory as G;
    matches!(
        get_general_category(c),
        G::ConnectorPunctuation
            | G::DashPunctuation
            | G::OpenPunctuation
            | G::ClosePunctuation
            | G::InitialPunctuation
            | G::FinalPunctuation
            | G::OtherPunctuation
    )
}

/// `unicode.ToUpper`.
pub(super) fn to_upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(only), None) => only,
        // Greek with iota below: one capital letter in Unicode's simple mapping, two in the full one.
        _ => match c {
            '\u{1f80}'..='\u{1faf}' => char::from_u32(u32::from(c) | 8).unwrap_or(c),
            '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(u32::from(c) + 9).unwrap_or(c),
            _ => c,
        },
    }
}

/// `unicode.ToLower`.
pub(super) fn to_lower(c: char) -> char {
    // The only rune with a longer mapping is the capital I with a dot, `i` followed by the dot: its first is the simple one.
    c.to_lowercase().next().unwrap_or(c)
}

/// `unicode.ToTitle`.
pub(super) fn to_title(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c, // Georgian has capitals, but writes no title case
        _ => to_upper(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rune_for_one() {
        assert_eq!(['ß', 'ŉ', 'ᾀ', 'ᾳ', 'é', 'ÿ', 'µ'].map(to_upper), ['ß', 'ŉ', 'ᾈ', 'ᾼ', 'É', 'Ÿ', 'Μ']);
        assert_eq!(['İ', 'Σ', 'É'].map(to_lower), ['i', 'σ', 'é']);
        assert_eq!(['ǆ', 'a', 'ა'].map(to_title), ['ǅ', 'A', 'ა']);
    }

    #[test]
    fn broken_text_is_cut_byte_by_byte() {
        assert_eq!(
            (first(b"\xc3"), first("é".as_bytes()), last(b"a\xa9"), last("é".as_bytes())),
            (('\u{fffd}', 1), ('é', 2), ('\u{fffd}', 1), ('é', 2))
        );
        assert_eq!(trim("\u{a0} é\u{2003}".as_bytes(), char::is_whitespace), "é".as_bytes());
    }
}
