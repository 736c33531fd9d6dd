//! What a commit's page shall show.

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusState {
    /// It began.
    Pending,
    /// It is live.
    Success,
    /// It failed.
    Failure,
}

/// A commit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// How far it is.
    pub state: StatusState,
    /// What is reported on: a status replaces the earlier one of the same context.
    pub context: String,
    /// One sentence. Cut to what the server takes (GitHub: 140 characters), with `…` at the end.
    pub description: String,
    /// Where to look. Left out unless it begins with `http://` or `https://`, which is all that servers take.
    pub target_url: String,
}

impl StatusReport {
    /// The description in one line of at most `limit` characters.
    pub(super) fn short(&self, limit: usize) -> String {
        let line = self.description.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= limit {
            return line;
        }
        let mut short: String = line.chars().take(limit.saturating_sub(1)).collect();
        short.push('…');
        short
    }

    /// The link, if servers take it.
    pub(super) fn link(&self) -> Option<&str> {
        Some(self.target_url.as_str()).filter(|url| url.starts_with("https://") || url.starts_with("http://"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_cut_by_characters_and_say_so() {
        let mut report =
            StatusReport { state: StatusState::Failure, context: String::new(), description: "ä\n b".into(), target_url: "/x".into() };
        assert_eq!(report.short(3), "ä b");
        assert_eq!(report.short(2), "ä…");
        assert_eq!(report.link(), None);
        report.description = "é".repeat(200);
        assert_eq!(report.short(140).chars().count(), 140);
    }
}
