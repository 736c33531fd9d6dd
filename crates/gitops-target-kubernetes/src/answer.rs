//! What the API server answers when it refuses, and what that means for whoever asked.

use std::time::Duration;

use gitops_apply::TargetError;
use serde::Deserialize;

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP status; 0 when no answer came.
    pub(crate) code: u16,
    /// The server's word for it: `NotFound`, `Conflict`, `Invalid`, …
    pub(crate) reason: String,
    /// What the server says.
    pub(crate) message: String,
    /// Words of the causes, such as `NamespaceTerminating`.
    pub(crate) causes: Vec<String>,
    /// When to ask again, if the server says so.
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
    reason: String,
    details: Details,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    causes: Vec<Cause>,
    retry_after_seconds: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
}

impl Refusal {
    /// From an answer with a status of 400 or more.
    pub(crate) fn of(code: u16, body: &[u8], retry_after: Option<u64>) -> Refusal {
        let status: Status = serde_json::from_slice(body).unwrap_or_default();
        let text = || String::from_utf8_lossy(&body[..body.len().min(300)]).trim().to_owned();
        let wait = retry_after.or(Some(status.details.retry_after_seconds).filter(|n| *n > 0));
        Refusal {
            code,
            reason: status.reason,
            message: if status.message.is_empty() { text() } else { status.message },
            causes: status.details.causes.into_iter().map(|c| c.reason).collect(),
            retry_after: wait.map(Duration::from_secs),
        }
    }

    /// When no answer came.
    pub(crate) fn unreachable(message: impl ToString) -> Refusal {
        Refusal { code: 0, reason: String::new(), message: message.to_string(), causes: Vec::new(), retry_after: None }
    }

    /// Whether the API server itself is busy, restarting or not there: the same request may go well soon.
    pub(crate) fn passes(&self) -> bool {
        matches!(self.code, 0 | 429 | 502 | 503 | 504) || (self.code == 500 && !self.is_webhook() && self.reason != "Invalid")
    }

    /// An admission web hook could not be asked.
    pub(crate) fn is_webhook(&self) -> bool {
        self.code == 500 && self.message.contains("failed calling webhook")
    }

    /// The namespace is being deleted.
    pub(crate) fn is_terminating(&self) -> bool {
        self.causes.iter().any(|c| c == "NamespaceTerminating")
    }

    /// An object with this name is there.
    pub(crate) fn already_exists(&self) -> bool {
        self.code == 409 && self.reason == "AlreadyExists"
    }

    /// The object cannot be changed like that in place.
    pub(crate) fn needs_recreation(&self) -> bool {
        self.code == 422 || (self.code == 409 && !self.already_exists())
    }

    /// For people: what was tried, and what to do about it.
    pub(crate) fn error(&self, what: &str) -> TargetError {
        let message = &self.message;
        match self.code {
            0 => TargetError::transient(format!("{what}: the API server does not answer: {message}")),
            401 => TargetError::transient(format!(
                "{what}: the API server does not accept our credentials (401): renew the cluster's token or certificate"
            )),
            403 if self.is_terminating() => TargetError::transient(format!("{what}: {message}")),
            403 => TargetError::permanent(format!("{what}: {message} (403): grant our user a role with that verb on that resource")),
            404 => TargetError::permanent(format!("{what}: {message}")),
            409 => TargetError::transient(format!("{what}: {message}")),
            429 => TargetError::transient(format!("{what}: the API server is busy (429): {message}")),
            500.. => TargetError::transient(format!("{what}: {message} ({})", self.code)),
            _ => TargetError::permanent(format!("{what}: {message}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_and_explained() {
        let body = br#"{"kind":"Status","message":"secrets is forbidden: User \"ci\" cannot patch resource \"secrets\"","reason":"Forbidden","code":403}"#;
        let error = Refusal::of(403, body, None).error("apply /Secret/shop/a");
        assert!(!error.transient && error.message.contains("cannot patch resource") && error.message.contains("grant our user a role"));
        let terminating =
            br#"{"message":"unable to create","reason":"Forbidden","details":{"causes":[{"reason":"NamespaceTerminating"}]}}"#;
        assert!(Refusal::of(403, terminating, None).error("x").transient);
        let busy = Refusal::of(429, b"too many", Some(3));
        assert_eq!((busy.passes(), busy.retry_after), (true, Some(Duration::from_secs(3))));
        assert!(!Refusal::of(422, b"{}", None).passes() && Refusal::of(422, b"{}", None).needs_recreation());
        assert!(Refusal::unreachable("refused").error("x").transient);
    }
}
