//! Encrypted comments of formats that are changed in place. A parser drops comments, so the path that a comment belongs to
//! is not known: it is found by trying, because the tag fits only the right one.

use crate::cipher::{DataKey, Opened, PREFIX, Sealed};

/// Most attempts for one file: what is left over stays encrypted, which harms nobody.
const ATTEMPTS: usize = 20_000;

/// Replacements for the encrypted comments in a text, none of them within `taken`.
pub(crate) fn opened(text: &str, paths: &[String], key: &DataKey, taken: &dyn Fn(usize) -> bool) -> Vec<(std::ops::Range<usize>, String)> {
    let mut attempts = 0;
    let mut edits = Vec::new();
    for (at, _) in text.match_indices(PREFIX) {
        let Some(end) = text[at..].find(']').map(|e| at + e + 1) else { continue };
        let line = &text[text[..at].rfind('\n').map_or(0, |i| i + 1)..at];
        if taken(at) || !line.contains(['#', ';']) {
            continue;
        }
        let Some(sealed) = Sealed::parse(&text[at..end]) else { continue };
        for path in paths {
            attempts += 1;
            if attempts > ATTEMPTS {
                return edits;
            }
            if let Ok(Opened::Comment(comment)) = sealed.open(key, path) {
                // A comment ends with its line.
                edits.push((at..end, String::from_utf8_lossy(&comment).replace(['\n', '\r'], " ")));
                break;
            }
        }
    }
    edits
}
