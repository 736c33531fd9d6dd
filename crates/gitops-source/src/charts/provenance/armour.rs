//! OpenPGP as text: armour around binary data, and clear-signed messages.

/// A clear-signed message.
pub(super) struct ClearSigned {
    /// What was signed, without marks: what is read is what was signed and nothing else.
    pub(super) lines: Vec<String>,
    /// The same as the signature's hash takes it.
    pub(super) signed: Vec<u8>,
    /// Packets.
    pub(super) signature: Vec<u8>,
}

const MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const SIGNATURE_END: &str = "-----END PGP SIGNATURE-----";

/// Takes a clear-signed message apart. Nothing but space may stand around it.
pub(super) fn clear_signed(bytes: &[u8]) -> Result<ClearSigned, String> {
    let wrong = |what: &str| format!("the provenance file is no clear-signed message: {what}");
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is no text"))?;
    let mut rest = text.trim().lines().map(|line| line.trim_end_matches([' ', '\t', '\r']));
    if rest.next() != Some(MESSAGE) {
        return Err(wrong("it does not begin as one"));
    }
    for header in rest.by_ref().take_while(|line| !line.is_empty()) {
        // Others could carry text that looks signed.
        if !header.starts_with("Hash:") {
            return Err(wrong("a header other than `Hash`"));
        }
    }
    let mut lines = Vec::new();
    loop {
        let line = rest.next().ok_or_else(|| wrong("its signature is missing"))?;
        if line == SIGNATURE {
            break;
        }
        let line = match line.strip_prefix("- ") {
            Some(line) => line,
            // `- ` alone has lost its space above.
            None if line == "-" => "",
            None if line.starts_with('-') => return Err(wrong("a line begins with a dash that is not marked")),
            None => line,
        };
        lines.push(line.to_owned());
    }
    let signature = body(&mut rest, SIGNATURE_END).map_err(|e| wrong(&e))?;
    if rest.next().is_some() {
        return Err(wrong("there is more behind its end"));
    }
    Ok(ClearSigned { signed: lines.join("\r\n").into_bytes(), lines, signature })
}

/// Binary data, out of its armour if it has one. Several pieces of armour one behind the other are one.
pub(super) fn decoded(bytes: &[u8]) -> Result<Vec<u8>, String> {
    // A packet begins with a byte that no text has.
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        return Ok(bytes.to_vec());
    }
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    let text = text.ok_or("it holds no public keys of OpenPGP (gpg's own `pubring.kbx` is none either)")?;
    let mut lines = text.lines().map(str::trim);
    let mut out = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("-----BEGIN ") {
            if line != "-----BEGIN PGP PUBLIC KEY BLOCK-----" {
                return Err("it holds something else than public keys".to_owned());
            }
            out.extend(body(&mut lines, "-----END PGP PUBLIC KEY BLOCK-----")?);
        }
    }
    Ok(out)
}

/// Headers, an empty line, data, perhaps a checksum (which protects from nothing, and readers should not ask for), the end.
fn body<'t>(lines: &mut impl Iterator<Item = &'t str>, end: &str) -> Result<Vec<u8>, String> {
    lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
    let mut data = String::new();
    for line in lines {
        if line == end {
            return base64(data.as_bytes()).ok_or_else(|| "its data is no base64".to_owned());
        }
        if !line.starts_with('=') {
            data.push_str(line);
        }
    }
    Err("its end is missing".to_owned())
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        match group.len() {
            4 => out.extend(&bits.to_be_bytes()[1..]),
            3 => out.extend(&(bits << 6).to_be_bytes()[1..3]),
            2 => out.push((bits << 12).to_be_bytes()[1]),
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_length() {
        for (text, wanted) in [("", ""), ("YQ==", "a"), ("YWI=", "ab"), ("YWJj", "abc"), ("YWJjZA==", "abcd")] {
            assert_eq!(base64(text.as_bytes()).unwrap(), wanted.as_bytes());
        }
        assert!(base64(b"Y").is_none() && base64(b"YW*j").is_none());
    }

    #[test]
    fn only_the_whole_message_is_one() {
        let message = |headers: &str, text: &str, after: &str| {
            let text = format!("{MESSAGE}\n{headers}\n{text}\n{SIGNATURE}\n\nYWJj\n=abcd\n{SIGNATURE_END}{after}");
            clear_signed(text.as_bytes())
        };
        let read = message("Hash: SHA512\n", "a: 1 \t\r\n- - b\n- -\n", "\n").ok().unwrap();
        assert_eq!(
            (read.lines, read.signed, read.signature),
            (vec!["a: 1".to_owned(), "- b".to_owned(), "-".to_owned(), String::new()], b"a: 1\r\n- b\r\n-\r\n".to_vec(), b"abc".to_vec())
        );
        for (headers, text, after, wanted) in
            [("Comment: x\n", "a", "", "a header other"), ("", "--- a", "", "a dash"), ("", "a", "\nmore", "more behind")]
        {
            assert!(message(headers, text, after).err().unwrap().contains(wanted), "{wanted}");
        }
        for text in [&b"\xFF"[..], b"", b"a: 1", MESSAGE.as_bytes(), format!("{MESSAGE}\n\na\n{SIGNATURE}\n\nYWJj").as_bytes()] {
            assert!(clear_signed(text).is_err());
        }
    }
}
