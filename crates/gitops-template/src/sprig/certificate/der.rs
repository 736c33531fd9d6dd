//! DER, as far as keys and certificates need it: writing whole values, and reading one after the other.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A value: tag, length, the parts one after the other.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let digits = &length[length.iter().position(|b| *b != 0).unwrap_or(0)..];
            out.push(0x80 | digits.len() as u8);
            out.extend_from_slice(digits);
        }
    }
    out.extend(content);
    out
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(SEQUENCE, parts)
}

/// A number that is not negative, from its bytes.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let digits = &bytes[bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len())..];
    // A first bit would be a sign.
    let zero: &[u8] = if digits.first().is_none_or(|b| b & 0x80 != 0) { &[0] } else { &[] };
    value(INTEGER, &[zero, digits])
}

/// Bits, `unused` of the last byte left out.
pub(super) fn bits(unused: u8, bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[unused], bytes])
}

/// Values one after the other.
#[derive(Clone, Copy)]
pub(super) struct Reader<'d> {
    rest: &'d [u8],
}

impl<'d> Reader<'d> {
    pub(super) fn new(der: &'d [u8]) -> Reader<'d> {
        Reader { rest: der }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, with its head and without.
    pub(super) fn any(&mut self) -> Option<(&'d [u8], &'d [u8])> {
        let (first, behind) = (*self.rest.get(1)?, self.rest.get(2..)?);
        let (length, head) = match first {
            0..=0x7f => (usize::from(first), 2),
            0x81..=0x84 => {
                let digits = behind.get(..usize::from(first & 0x7f))?;
                let length = digits.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
                // The shortest form is a must.
                if length < 0x80 || digits[0] == 0 {
                    return None;
                }
                (length, 2 + digits.len())
            }
            _ => return None,
        };
        let whole = self.rest.get(..head.checked_add(length)?)?;
        self.rest = &self.rest[whole.len()..];
        Some((whole, &whole[head..]))
    }

    /// The content of the next value, if that has this tag.
    pub(super) fn content(&mut self, tag: u8) -> Option<&'d [u8]> {
        if self.peek() != Some(tag) {
            return None;
        }
        self.any().map(|(_, content)| content)
    }

    pub(super) fn inside(&mut self, tag: u8) -> Option<Reader<'d>> {
        self.content(tag).map(Reader::new)
    }
}
