//! Requests to one API server: sent, repeated where that helps, and counted.
//!
//! Every request that is repeated may be: reads, server-side apply, removals and creations under a fixed name come to the same
//! end when they arrive twice. A server that is busy (429) or restarting is asked again until [`PATIENCE`] is over; when it
//! refuses our credentials they are read again, once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use kube_client::Client;
use kube_client::client::Body;

use crate::answer::Refusal;
use crate::cluster::{Access, ClusterError};
use crate::limiter::Limiter;

/// How long a request is repeated while the server is busy or away.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer that is read: a list comes in pages, so this is a large object many times over.
const LONGEST: usize = 256 * 1024 * 1024;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// With its query.
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Call {
        Call { method, path: path.into(), content_type: "application/json", accept: "application/json", body: Vec::new() }
    }

    pub(crate) fn get(path: impl Into<String>) -> Call {
        Call::new(Method::GET, path)
    }

    pub(crate) fn body(self, content_type: &'static str, body: String) -> Call {
        Call { content_type, body: body.into_bytes(), ..self }
    }
}

/// Who is acted as, instead of ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Impersonated(pub(crate) String);

pub(crate) struct Connection {
    access: Access,
    exec_allowed: Vec<String>,
    client: RwLock<Option<Client>>,
    /// When the credentials were last read.
    renewed: Mutex<Option<Instant>>,
    limiter: Limiter,
    sent: AtomicU64,
}

impl Connection {
    pub(crate) fn new(access: Access, exec_allowed: Vec<String>, most: usize) -> Connection {
        Connection {
            access,
            exec_allowed,
            client: RwLock::default(),
            renewed: Mutex::default(),
            limiter: Limiter::new(most),
            sent: AtomicU64::new(0),
        }
    }

    /// How many requests were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    async fn client(&self) -> Result<Client, ClusterError> {
        let known = self.client.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(client) => Ok(client),
            None => self.renew().await,
        }
    }

    /// Reads the credentials again.
    async fn renew(&self) -> Result<Client, ClusterError> {
        let config = self.access.config(&self.exec_allowed).await?;
        let client = Client::try_from(config).map_err(|e| ClusterError::Client(e.to_string()))?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }

    /// Whether credentials may be read again now: not more than once in a few seconds.
    fn may_renew(&self) -> bool {
        let mut renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        let may = renewed.is_none_or(|at| at.elapsed() > Duration::from_secs(5));
        if may {
            *renewed = Some(Instant::now());
        }
        may
    }

    /// Sends a request and reads its answer whole.
    pub(crate) async fn call(&self, call: &Call, acting_as: Option<&Impersonated>) -> Result<Vec<u8>, Refusal> {
        let began = Instant::now();
        let mut wait = Duration::from_millis(100);
        loop {
            let permit = self.limiter.begin().await;
            let answer = match tokio::time::timeout(TIMEOUT, self.once(call, acting_as)).await {
                Ok(answer) => answer,
                Err(_) => Err(Refusal::unreachable(format!("no answer within {} s", TIMEOUT.as_secs()))),
            };
            let busy = matches!(&answer, Err(refusal) if refusal.code == 429);
            self.limiter.end(permit, busy, Instant::now());
            let refusal = match answer {
                Ok(body) => return Ok(body),
                Err(refusal) => refusal,
            };
            if refusal.code == 401 && self.may_renew() && self.renew().await.is_ok() {
                continue;
            }
            let pause = refusal.retry_after.unwrap_or(wait).min(Duration::from_secs(10));
            if !refusal.passes() || began.elapsed() + pause > PATIENCE {
                return Err(refusal);
            }
            tracing::debug!(path = call.path, code = refusal.code, "asked again in {pause:?}: {}", refusal.message);
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(Duration::from_secs(3));
        }
    }

    async fn once(&self, call: &Call, acting_as: Option<&Impersonated>) -> Result<Vec<u8>, Refusal> {
        let response = self.begin(call, acting_as).await?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
        let mut body = response.into_body();
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(Refusal::unreachable)?;
            if let Ok(data) = frame.into_data() {
                if text.len() + data.len() > LONGEST {
                    return Err(Refusal::of(413, b"the answer is longer than 256 MiB", None));
                }
                text.extend_from_slice(&data);
            }
        }
        if status < 400 { Ok(text) } else { Err(Refusal::of(status, &text, retry_after)) }
    }

    /// Sends a request and gives its answer as it comes: for watches and logs. Not repeated, and not bounded in number.
    pub(crate) async fn stream(&self, call: &Call) -> Result<Response<Body>, Refusal> {
        let opened = tokio::time::timeout(TIMEOUT, self.begin(call, None)).await;
        let response = opened.unwrap_or_else(|_| Err(Refusal::unreachable("the watch was not opened in time")))?;
        let status = response.status().as_u16();
        if status < 400 {
            return Ok(response);
        }
        if status == 401 && self.may_renew() {
            // The next attempt finds the new ones.
            let _ = self.renew().await;
        }
        let text = response.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        Err(Refusal::of(status, &text, None))
    }

    async fn begin(&self, call: &Call, acting_as: Option<&Impersonated>) -> Result<Response<Body>, Refusal> {
        let client = self.client().await.map_err(Refusal::unreachable)?;
        let mut request = Request::builder().method(call.method.clone()).uri(&call.path).header(ACCEPT, call.accept);
        if !call.body.is_empty() {
            request = request.header(CONTENT_TYPE, call.content_type);
        }
        if let Some(Impersonated(user)) = acting_as {
            let value = HeaderValue::from_str(user).map_err(|_| Refusal::of(400, b"the user to act as is no header value", None))?;
            request = request.header("Impersonate-User", value);
        }
        let request = request.body(Body::from(call.body.clone())).map_err(|e| Refusal::of(400, e.to_string().as_bytes(), None))?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        client.send(request).await.map_err(|e| Refusal::unreachable(chain(&e)))
    }
}

/// An error with its causes: the outermost alone often says only that something failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}
