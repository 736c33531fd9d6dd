//! Sending a status, and what an answer means.
//!
//! Redirects are followed at most three times and only within one scheme, host and port (GitHub answers so for a renamed
//! repository); any other ends in [`SendError::Redirected`], so that the token goes to no other host.

use std::fmt;
use std::io::Read;
use std::time::{Duration, SystemTime};

use gitops_manifest::{Value, json};
use ureq::http::Response;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::request::{self, ForgeError, ForgeRequest};
use super::{ForgeKind, StatusReport, StatusState};
use crate::RepoUrl;

const REDIRECTS: usize = 3;
const CONNECT: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(30);
/// Longest wait that is taken from a server.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Most bytes of an answer that are looked at.
const ANSWER: u64 = 64 << 10;
/// Most characters of a server's message in an error.
const MESSAGE: usize = 300;

/// Why a status was not set. Holds no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No request could be made.
    #[error(transparent)]
    Request(#[from] ForgeError),
    /// The server refused for good: the token, its rights, the repository or the commit is wrong.
    #[error("{url} answered with status {status}{message}: {advice}")]
    Refused {
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// What the server said: empty, or beginning with a space and in brackets.
        message: String,
        /// What to do.
        advice: &'static str,
    },
    /// The server refused for now: too many requests, or a failure of its own.
    #[error("{url} answered with status {status}{message}: to be tried again")]
    Busy {
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// As [`SendError::Refused`]'s.
        message: String,
        /// When to try again, if the server said so.
        retry_after: Option<Duration>,
    },
    /// The server sent us elsewhere.
    #[error("{url} redirects to {to}, where the token does not go: configure the API address that is meant")]
    Redirected {
        /// What was asked.
        url: String,
        /// Scheme and host of where to.
        to: String,
    },
    /// There was no answer: no connection, or a time-out.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What is wrong.
        reason: String,
    },
}

impl SendError {
    /// Whether the same may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, SendError::Busy { .. } | SendError::Unreachable { .. })
    }

    /// How long the server asks to wait, at most a day.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            SendError::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// A server that takes commit statuses. `Debug` leaves the token out.
#[derive(Clone)]
pub struct Forge {
    kind: ForgeKind,
    base: String,
    token: String,
    agent: Agent,
}

impl fmt::Debug for Forge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forge").field("kind", &self.kind).field("base", &self.base).finish_non_exhaustive()
    }
}

impl Forge {
    /// A server by the address of its API ([`ForgeKind::api_base`] derives one). The token goes there and nowhere else. What
    /// is wrong with either comes out when a request is made.
    pub fn new(kind: ForgeKind, api_base: &str, token: impl Into<String>) -> Forge {
        Forge { kind, base: api_base.to_owned(), token: token.into(), agent: agent(TOTAL, TlsConfig::builder().build()) }
    }

    /// With another limit for all of a request (30 seconds); a connection has to stand within 10 seconds of it.
    #[must_use]
    pub fn with_timeout(mut self, total: Duration) -> Forge {
        let tls = self.agent.config().tls_config().clone();
        self.agent = agent(total, tls);
        self
    }

    /// Trusting these certificates (PEM) instead of the public authorities'.
    ///
    /// # Errors
    /// When there is none in the text, or one that cannot be read.
    pub fn with_certificates(mut self, pem: &[u8]) -> Result<Forge, ForgeError> {
        let mut found = Vec::new();
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|e| ForgeError::Certificates(e.to_string()))? {
                found.push(certificate);
            }
        }
        if found.is_empty() {
            return Err(ForgeError::Certificates("there is none in the text".to_owned()));
        }
        let total = self.agent.config().timeouts().global.unwrap_or(TOTAL);
        self.agent = agent(total, TlsConfig::builder().root_certs(RootCerts::new_with_certs(&found)).build());
        Ok(self)
    }

    /// The API that is spoken.
    pub fn kind(&self) -> ForgeKind {
        self.kind
    }

    /// The request that sets a status, not sent.
    ///
    /// # Errors
    /// When the repository, the revision, the address or the token cannot be.
    pub fn request(&self, repo: &RepoUrl, revision: &str, report: &StatusReport) -> Result<ForgeRequest, ForgeError> {
        request::build(self.kind, &self.base, &self.token, repo, revision, report)
    }

    /// Sets a status, and waits for the answer. Blocking.
    ///
    /// # Errors
    /// When it was not set; [`SendError::is_retryable`] says whether to try again.
    pub fn send(&self, repo: &RepoUrl, revision: &str, report: &StatusReport) -> Result<(), SendError> {
        let mut request = self.request(repo, revision, report)?;
        for _ in 0..=REDIRECTS {
            let response = self.post(&request)?;
            if response.status().is_redirection() {
                request.url = self.followed(&request.url, &response)?;
                continue;
            }
            return self.outcome(&request.url, response, report.state);
        }
        Err(SendError::Redirected { to: origin(&request.url).to_owned(), url: request.url })
    }

    fn post(&self, request: &ForgeRequest) -> Result<Response<Body>, SendError> {
        let mut call = self.agent.post(&request.url);
        for (name, value) in &request.headers {
            call = call.header(*name, value);
        }
        let unreachable = |e: ureq::Error| SendError::Unreachable { url: request.url.clone(), reason: self.masked(&e.to_string()) };
        call.send(&request.body).map_err(unreachable)
    }

    /// Where a redirect leads, if the token may go there.
    fn followed(&self, url: &str, response: &Response<Body>) -> Result<String, SendError> {
        let location = header(response, "location").unwrap_or_default();
        let here = origin(url);
        let target = match location.strip_prefix('/') {
            Some(path) if !path.starts_with('/') => format!("{here}/{path}"),
            _ => location.to_owned(),
        };
        if origin(&target).eq_ignore_ascii_case(here) {
            return Ok(target);
        }
        // Without a user name, which would be in front of the host.
        let to = origin(&target);
        let host = to.rsplit_once('@').map_or_else(|| to.to_owned(), |(_, host)| format!("https://{host}"));
        Err(SendError::Redirected { url: url.to_owned(), to: self.masked(&host) })
    }

    fn outcome(&self, url: &str, response: Response<Body>, state: StatusState) -> Result<(), SendError> {
        let status = response.status().as_u16();
        let limited = header(&response, "x-ratelimit-remaining") == Some("0") || header(&response, "retry-after").is_some();
        let retry_after = wait(&response, SystemTime::now());
        let mut answer = Vec::new();
        // Read to its end, so that the connection can be used again. An answer that breaks off has told its status.
        let _ = response.into_body().into_with_config().limit(u64::MAX).reader().take(ANSWER).read_to_end(&mut answer);
        if (200..300).contains(&status) {
            return Ok(());
        }
        let said = said(&answer);
        // GitLab refuses to set `pending` where it is `pending` already.
        if self.kind == ForgeKind::GitLab && status == 400 && state == StatusState::Pending && said.contains("Cannot transition status") {
            return Ok(());
        }
        // Masked before it is cut, so that no part of a token is left.
        let said: String = self.masked(&said).chars().filter(|c| !c.is_control()).take(MESSAGE).collect();
        let message = if said.is_empty() { said } else { format!(" ({said})") };
        let url = url.to_owned();
        match status {
            408 | 425 | 429 | 500.. => Err(SendError::Busy { url, status, message, retry_after }),
            403 if limited => Err(SendError::Busy { url, status, message, retry_after }),
            _ => Err(SendError::Refused { url, status, message, advice: advice(status) }),
        }
    }

    fn masked(&self, text: &str) -> String {
        if self.token.is_empty() { text.to_owned() } else { text.replace(&self.token, "***") }
    }
}

fn agent(total: Duration, tls: TlsConfig) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("gitops/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .tls_config(tls)
        .timeout_resolve(Some(CONNECT.min(total)))
        .timeout_connect(Some(CONNECT.min(total)))
        .timeout_global(Some(total))
        .build()
        .new_agent()
}

fn advice(status: u16) -> &'static str {
    match status {
        401 => "the token is wrong or has expired",
        403 => "the token lacks the right to write commit statuses",
        404 => "the repository is not there, or the token may not see it",
        422 => "the commit is not in the repository, or a field is not accepted",
        _ => "check the forge's API address and kind",
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| start + at);
    &url[..end]
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// How long to wait: `Retry-After` in seconds, or until GitHub's `X-RateLimit-Reset` (a Unix time) when nothing remains.
fn wait(response: &Response<Body>, now: SystemTime) -> Option<Duration> {
    let number = |name| header(response, name).and_then(|value| value.trim().parse::<u64>().ok());
    let reset = || {
        let at = number("x-ratelimit-reset").filter(|_| number("x-ratelimit-remaining") == Some(0))?;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Some(Duration::from_secs(at).saturating_sub(now))
    };
    number("retry-after").map(Duration::from_secs).or_else(reset).map(|wait| wait.min(LONGEST_WAIT))
}

/// The server's own words: the usual fields of a JSON answer, or nothing.
fn said(answer: &[u8]) -> String {
    let Ok(value) = json::parse(answer, "answer") else { return String::new() };
    let found = ["message", "error", "error_description"].iter().find_map(|key| value.get(key));
    match found {
        Some(Value::String(text)) => text.to_string(),
        Some(other) => json::print(other),
        None => String::new(),
    }
}
