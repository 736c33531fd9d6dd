//! Which fields of a file are encrypted.

use regex::Regex;

use crate::item::Item;

/// The rule of one file. SOPS allows one at most; without any, what ends in `_unencrypted` is in the clear.
#[derive(Debug)]
pub(crate) enum Rule {
    UnencryptedSuffix(String),
    EncryptedSuffix(String),
    UnencryptedRegex(Regex),
    EncryptedRegex(Regex),
    /// Chosen by comments, which are not seen here.
    ByComment,
}

impl Rule {
    pub(crate) fn parse(metadata: &Item) -> Result<Rule, String> {
        let mut found = Vec::new();
        let text = |key: &str| metadata.get(key).and_then(Item::as_text).filter(|t| !t.is_empty());
        let regex = |key: &str, pattern: &str| Regex::new(pattern).map_err(|_| format!("`{key}` is not a regular expression"));
        if let Some(suffix) = text("unencrypted_suffix") {
            found.push(Rule::UnencryptedSuffix(suffix));
        }
        if let Some(suffix) = text("encrypted_suffix") {
            found.push(Rule::EncryptedSuffix(suffix));
        }
        if let Some(pattern) = text("unencrypted_regex") {
            found.push(Rule::UnencryptedRegex(regex("unencrypted_regex", &pattern)?));
        }
        if let Some(pattern) = text("encrypted_regex") {
            found.push(Rule::EncryptedRegex(regex("encrypted_regex", &pattern)?));
        }
        for key in ["unencrypted_comment_regex", "encrypted_comment_regex"] {
            found.extend(text(key).map(|_| Rule::ByComment));
        }
        if found.len() > 1 {
            return Err("more than one of encrypted_suffix, unencrypted_suffix, encrypted_regex, unencrypted_regex, \
                        encrypted_comment_regex and unencrypted_comment_regex is set"
                .to_owned());
        }
        Ok(found.pop().unwrap_or_else(|| Rule::UnencryptedSuffix("_unencrypted".to_owned())))
    }

    /// Whether what stands at a path is encrypted. `sealed`: it is written as a ciphertext.
    pub(crate) fn encrypts(&self, path: &[String], sealed: bool) -> bool {
        match self {
            Rule::UnencryptedSuffix(suffix) => !path.iter().any(|key| key.ends_with(suffix)),
            Rule::EncryptedSuffix(suffix) => path.iter().any(|key| key.ends_with(suffix)),
            Rule::UnencryptedRegex(regex) => !path.iter().any(|key| regex.is_match(key)),
            Rule::EncryptedRegex(regex) => path.iter().any(|key| regex.is_match(key)),
            Rule::ByComment => sealed,
        }
    }
}
