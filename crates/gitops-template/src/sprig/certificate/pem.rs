//! PEM: base64 between two lines that name what it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::sprig::encoding::decode_base64;

pub(super) fn encode(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {kind}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.extend(line.iter().map(|b| char::from(*b)));
        out.push('\n');
    }
    out + "-----END " + kind + "-----\n"
}

/// The first whole block: what it is, and what is in it. Text around it and headers in it are skipped.
pub(super) fn decode(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.trim_end().strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else { continue };
        let end = format!("-----END {kind}-----");
        let mut body = String::new();
        let mut ahead = lines.clone();
        let closed = ahead.by_ref().any(|line| {
            let line = line.trim();
            let ends = line.starts_with("-----");
            if !ends && !line.contains(':') {
                body.push_str(line);
            }
            ends && line == end
        });
        if closed && let Ok(der) = decode_base64(body.replace([' ', '\t'], "").as_bytes()) {
            return Some((kind.to_owned(), der));
        }
    }
    None
}
