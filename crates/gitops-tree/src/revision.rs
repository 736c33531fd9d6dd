//! A revision: what never moves.

use std::fmt;

/// Why a text is no revision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a full revision: expected 40 or 64 lower-case hex digits, or `sha256:` and 64 of them")]
pub struct RevisionError(String);

/// A commit or a digest, in full. What a person writes (`main`, `v1.*`, `HEAD`) moves; this does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(String);

impl Revision {
    /// Takes a full commit id (40 or 64 lower-case hex digits) or `sha256:` with 64 hex digits, and nothing else.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse(text: &str) -> Result<Revision, RevisionError> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let length_fits = if digits.len() == text.len() { matches!(digits.len(), 40 | 64) } else { digits.len() == 64 };
        if length_fits && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Revision(text.to_owned()))
        } else {
            Err(RevisionError(text.to_owned()))
        }
    }

    /// The text, in full.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits: what people read.
    pub fn short(&self) -> &str {
        let digits = self.0.strip_prefix("sha256:").unwrap_or(&self.0);
        &digits[..7]
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_is_refused() {
        assert!(Revision::parse("HEAD").is_err());
        assert!(Revision::parse("main").is_err());
        assert!(Revision::parse("0123abc").is_err());
        assert_eq!(Revision::parse(&"a".repeat(40)).expect("full").short(), "aaaaaaa");
    }
}
