//! What is wrong with an encrypted file.

/// Why a file cannot be decrypted. No text holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SopsError {
    /// The file is no file that SOPS writes.
    #[error("{file}: encrypted with SOPS, but {reason}")]
    Malformed {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
    /// Nobody here can decrypt it.
    #[error("{file}: encrypted with SOPS for {}, and no key that is configured decrypts it{}{}", recipients.join(", "), shares(.groups), because(.failures))]
    NoKey {
        /// Which.
        file: String,
        /// Who can.
        recipients: Vec<String>,
        /// With several key groups: how many could be opened, how many are needed.
        groups: Option<(usize, usize)>,
        /// What was tried and failed.
        failures: Vec<String>,
    },
    /// One value does not decrypt.
    #[error("{file}{}: `{field}`: {reason}", on_line(.line))]
    Value {
        /// The file.
        file: String,
        /// Line, from 1; 0 when it is not known.
        line: usize,
        /// The keys that lead to it, joined by `.`.
        field: String,
        /// Why.
        reason: &'static str,
    },
    /// The MAC does not fit: the file was changed without SOPS.
    #[error("{file}: the MAC of the file does not fit its content: it was changed after it was encrypted (edit it with `sops edit`)")]
    Mac {
        /// Which.
        file: String,
    },
}

impl SopsError {
    pub(crate) fn malformed(file: &str, reason: impl Into<String>) -> SopsError {
        SopsError::Malformed { file: file.to_owned(), reason: reason.into() }
    }
}

fn on_line(line: &usize) -> String {
    if *line == 0 { String::new() } else { format!(":{line}") }
}

fn shares(groups: &Option<(usize, usize)>) -> String {
    groups.map_or_else(String::new, |(opened, needed)| format!(" ({opened} of the {needed} key groups that are needed could be opened)"))
}

fn because(failures: &[String]) -> String {
    if failures.is_empty() { String::new() } else { format!(": {}", failures.join("; ")) }
}
