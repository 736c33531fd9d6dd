//! Escaping for HTML, JavaScript and URLs. Each returns nothing if there is nothing to escape.

use std::io::Write as _;

use crate::fmt::unicode::is_print;

pub(crate) fn html(text: &[u8]) -> Option<Vec<u8>> {
    let special = |b: u8| matches!(b, b'"' | b'\'' | b'&' | b'<' | b'>' | 0);
    let first = text.iter().position(|b| special(*b))?;
    let mut out = Vec::with_capacity(text.len() + 16);
    out.extend_from_slice(&text[..first]);
    for byte in &text[first..] {
        match byte {
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            other => out.push(*other),
        }
    }
    Some(out)
}

pub(crate) fn js(text: &[u8]) -> Option<Vec<u8>> {
    let special = |b: u8| matches!(b, b'\\' | b'\'' | b'"' | b'<' | b'>' | b'&' | b'=') || !(0x20..0x80).contains(&b);
    text.iter().position(|b| special(*b))?;
    let mut out = Vec::with_capacity(text.len() + 16);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.extend_from_slice(b"\\\\"),
                '\'' => out.extend_from_slice(b"\\'"),
                '"' => out.extend_from_slice(b"\\\""),
                '<' | '>' | '&' | '=' | '\0'..' ' => {
                    let _ = write!(out, "\\u{:04X}", u32::from(c));
                }
                _ if c.is_ascii() || is_print(c) => crate::fmt::quote::push_char(c, &mut out),
                _ => {
                    let _ = write!(out, "\\u{:04X}", u32::from(c));
                }
            }
        }
        // U+FFFD is printed, and the byte that it stands for is what Go copies.
        out.extend_from_slice(chunk.invalid());
    }
    Some(out)
}

pub(crate) fn url_query(text: &[u8]) -> Option<Vec<u8>> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    if text.iter().all(|b| plain(*b)) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    for &byte in text {
        match byte {
            b' ' => out.push(b'+'),
            _ if plain(byte) => out.push(byte),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    Some(out)
}
