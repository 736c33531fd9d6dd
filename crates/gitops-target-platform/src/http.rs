//! HTTP calls of the server's own configuration, signed where it names a key.
//!
//! A signed call has `X-GitOps-Signature: sha256=<hex of HMAC-SHA256(key, body)>`; the body is JSON and holds `runId`
//! and `timestamp` (UTC seconds), so that a recorded call cannot be used again later unnoticed. The same two are in
//! the headers `Idempotency-Key` and `X-GitOps-Timestamp`. Redirects are not followed, proxies not used.
//! A call blocks its thread up to its time-out. No retries here: they are the engine's.

use std::io::Read;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::HttpCall;
use crate::secret::Secrets;

/// Most bytes of an answer that are read.
const LARGEST_ANSWER: u64 = 256 << 10;

/// A body and what its headers repeat.
pub(crate) struct Signed {
    pub(crate) body: String,
    pub(crate) run_id: String,
    pub(crate) timestamp: u64,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why a call went wrong.
#[derive(Debug)]
pub(crate) struct HttpFault {
    pub(crate) message: String,
    pub(crate) transient: bool,
}

/// The signature of a body.
pub(crate) fn signature(key: &str, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(body.as_bytes());
    Some(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

/// The part of an address that may be shown: no user, password or query, which may hold a key.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    match url.split_once("://").map(|(scheme, rest)| (scheme, rest.split_once('/').unwrap_or((rest, "")))) {
        Some((scheme, (authority, path))) => {
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

/// Calls, and returns the answer if its status counts as success.
pub(crate) fn call(call: &HttpCall, url: &str, signed: Option<&Signed>, secrets: &Secrets) -> Result<Answer, HttpFault> {
    let place = shown(url);
    let permanent = |message: String| HttpFault { message: format!("{} {place}: {message}", call.method), transient: false };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(call.timeout.max(Duration::from_millis(1))))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(call.method.as_str()).uri(url);
    let own = |text: &str| secrets.own_text(text).map_err(|e| HttpFault { message: e.message, transient: e.transient });
    for (name, value) in &call.headers {
        request = request.header(name, own(value)?);
    }
    let with_body = call.method != "GET";
    if let Some(signed) = signed {
        request = request.header("Idempotency-Key", &signed.run_id).header("X-GitOps-Timestamp", signed.timestamp.to_string());
        if let Some(key) = &call.secret {
            let body = if with_body { signed.body.as_str() } else { "" };
            let signature = signature(&own(key)?, body).ok_or_else(|| permanent("the key cannot be used".into()))?;
            request = request.header("X-GitOps-Signature", signature);
        }
        request = request.header("Content-Type", "application/json");
    }
    // `http` names no value in its errors, so a secret header that is not a header stays secret.
    let result = if with_body {
        let body = signed.map(|s| s.body.clone()).unwrap_or_default();
        agent.run(request.body(body).map_err(|e| permanent(e.to_string()))?)
    } else {
        agent.run(request.body(()).map_err(|e| permanent(e.to_string()))?)
    };
    let answer = result.and_then(|response| {
        let status = response.status().as_u16();
        let mut body = Vec::new();
        response.into_body().into_reader().take(LARGEST_ANSWER).read_to_end(&mut body)?;
        Ok(Answer { status, body })
    });
    let answer =
        answer.map_err(|e| HttpFault { message: format!("{} {place}: {}", call.method, words(&e, call.timeout)), transient: true })?;
    let expected = match call.expect_status.as_slice() {
        [] => (200..300).contains(&answer.status),
        codes => codes.contains(&answer.status),
    };
    if expected {
        return Ok(answer);
    }
    let transient = answer.status >= 500 || matches!(answer.status, 408 | 425 | 429);
    Err(HttpFault { message: format!("{} {place}: answered {}", call.method, answer.status), transient })
}

fn words(error: &ureq::Error, timeout: Duration) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", timeout.as_secs_f64()),
        ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::TimedOut => format!("no answer within {} s", timeout.as_secs_f64()),
        ureq::Error::Io(e) => format!("{}", e.kind()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_signature() {
        // RFC 4231, test case 2.
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", "what do ya want for nothing?").as_deref(), Some(expected));
    }

    #[test]
    fn credentials_in_an_address_are_not_shown() {
        assert_eq!(shown("http://u:p@h:1/a/b?key=1"), "http://h:1/a/b");
        assert_eq!(shown("http://h"), "http://h/");
    }
}
