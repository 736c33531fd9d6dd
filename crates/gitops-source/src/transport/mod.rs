//! The ways to a server. Each carries the protocol's bytes; none knows what is in them.

pub(crate) mod http;
pub(crate) mod local;
pub(crate) mod ssh;

use std::io::{self, Read};
use std::time::Duration;

use crate::FetchError;
use crate::error::Wait;
use crate::protocol::Trouble;

/// A conversation with a server.
pub(crate) trait Wire {
    /// What the server says first.
    fn greeting(&mut self) -> Result<Box<dyn Read + '_>, FetchError>;
    /// Sends a request and gives the answer.
    fn request(&mut self, body: Vec<u8>) -> Result<Box<dyn Read + '_>, FetchError>;
    /// Address for errors, and what must not be seen in them.
    fn place(&self) -> Place;
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection. Default 10 s.
    pub connect: Duration,
    /// For the first byte of an answer. Default 30 s.
    pub first_byte: Duration,
    /// Between two pieces of an answer. Default 30 s.
    pub stalled: Duration,
    /// For all of one request. Default 10 min.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        let s = Duration::from_secs;
        Timeouts { connect: s(10), first_byte: s(30), stalled: s(30), total: s(600) }
    }
}

/// Whose conversation it is: makes errors of what went wrong.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) secrets: Vec<String>,
    pub(crate) timeouts: Timeouts,
}

impl Place {
    pub(crate) fn error(&self, trouble: Trouble) -> FetchError {
        let url = self.url.clone();
        match trouble {
            Trouble::Io(error) => self.io(&error),
            Trouble::Protocol(reason) => FetchError::Protocol { url, reason: self.mask(&reason) },
            Trouble::Server(message) => {
                let message = self.mask(&message);
                let lower = message.to_lowercase();
                if lower.contains("not found") || lower.contains("does not exist") || lower.contains("not appear to be") {
                    return FetchError::NotFound { url };
                }
                FetchError::Server { url, message }
            }
        }
    }

    pub(crate) fn io(&self, error: &io::Error) -> FetchError {
        let url = self.url.clone();
        if let Some(inner) = error.get_ref().and_then(|e| e.downcast_ref::<ureq::Error>()) {
            return http::error(self, inner);
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => self.timed_out(Wait::Stalled),
            _ => FetchError::Unreachable { url, reason: self.mask(&error.to_string()) },
        }
    }

    pub(crate) fn timed_out(&self, wait: Wait) -> FetchError {
        let limit = match wait {
            Wait::Connect => self.timeouts.connect,
            Wait::FirstByte => self.timeouts.first_byte,
            Wait::Stalled => self.timeouts.stalled,
            Wait::Total => self.timeouts.total,
        };
        FetchError::TimedOut { url: self.url.clone(), wait, limit }
    }

    /// At most 500 characters, no control characters, secrets masked.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.iter().filter(|s| s.len() >= 3) {
            text = text.replace(secret.as_str(), "***");
        }
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
    }
}
