//! Questions over HTTP: one answer, or a list over all its pages.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gitops_manifest::{Value, json};
use ureq::Agent;
use ureq::http::HeaderMap;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::error::AskError;

const CONNECT: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(30);
/// Most bytes of one answer.
const ANSWER: u64 = 16 << 20;
/// Most pages of one list.
const PAGES: usize = 1_000;
/// Most characters of a server's message in an error.
const MESSAGE: usize = 200;

/// Asks one server. `Debug` leaves the headers out.
#[derive(Clone)]
pub(crate) struct Client {
    base: String,
    headers: Vec<(&'static str, String)>,
    agent: Agent,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

/// An answer: its JSON, and what its headers say of the next page.
pub(crate) struct Page {
    pub(crate) body: Value,
    pub(crate) next: Option<String>,
}

/// An agent that follows no redirect.
pub(crate) fn agent(timeout: Duration, insecure: bool, authorities: Option<&str>) -> Result<Agent, AskError> {
    let mut tls = TlsConfig::builder().disable_verification(insecure);
    if let Some(pem) = authorities {
        let mut roots = Vec::new();
        for item in parse_pem(pem.as_bytes()) {
            match item.map_err(|e| AskError::Setting(format!("the certificates of caRef do not read: {e}")))? {
                PemItem::Certificate(certificate) => roots.push(certificate),
                _ => return Err(AskError::Setting("caRef holds something else than certificates".to_owned())),
            }
        }
        tls = tls.root_certs(RootCerts::new_with_certs(&roots));
    }
    let config = Agent::config_builder()
        .timeout_connect(Some(CONNECT.min(timeout)))
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .tls_config(tls.build());
    Ok(config.build().into())
}

/// Whether a text is an address that may be asked.
pub(crate) fn check(base: &str) -> Result<(), AskError> {
    let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    let authority = rest.map(|r| r.split('/').next().unwrap_or_default()).unwrap_or_default();
    let good =
        !authority.is_empty() && !authority.contains('@') && !base.contains(['?', '#']) && base.bytes().all(|b| b.is_ascii_graphic());
    if good { Ok(()) } else { Err(AskError::Setting(format!("`{base}` is no address of an API: write https://HOST/…, without a user"))) }
}

impl Client {
    pub(crate) fn new(
        base: &str,
        headers: Vec<(&'static str, String)>,
        insecure: bool,
        authorities: Option<&str>,
    ) -> Result<Client, AskError> {
        check(base)?;
        Ok(Client { base: base.trim_end_matches('/').to_owned(), headers, agent: agent(TOTAL, insecure, authorities)? })
    }

    /// One answer.
    pub(crate) fn get(&self, path: &str) -> Result<Page, AskError> {
        let url = format!("{}{path}", self.base);
        let mut request = self.agent.get(&url).header("user-agent", "gitops");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let mut response = request.call().map_err(|e| AskError::Unavailable { url: url.clone(), reason: e.to_string() })?;
        let read = response.body_mut().with_config().limit(ANSWER).read_to_vec();
        let bytes = read.map_err(|e| AskError::Unavailable { url: url.clone(), reason: format!("the answer broke off: {e}") })?;
        let status = response.status().as_u16();
        if !(200..300).contains(&status) {
            return Err(refusal(&url, status, response.headers(), &bytes));
        }
        let next = next_page(response.headers());
        let body = json::parse(&bytes, &url).map_err(|e| AskError::Answer { url, reason: e.to_string() })?;
        Ok(Page { body, next })
    }

    /// One answer; `None` when it is not there.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Value>, AskError> {
        match self.get(path) {
            Ok(page) => Ok(Some(page.body)),
            Err(AskError::NotFound { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whether something is there; what it is does not matter.
    pub(crate) fn exists(&self, path: &str) -> Result<bool, AskError> {
        match self.get(path) {
            Ok(_) | Err(AskError::Answer { .. }) => Ok(true),
            Err(AskError::NotFound { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Every item of a list. `more` says of a page how it goes on: the path of the next one.
    pub(crate) fn list(
        &self,
        path: &str,
        items: impl Fn(&Value) -> Option<&[Value]>,
        more: impl Fn(&Page, &str, usize) -> Result<Option<String>, AskError>,
    ) -> Result<Vec<Value>, AskError> {
        let mut path = path.to_owned();
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let page = self.get(&path)?;
            let found = items(&page.body).ok_or_else(|| self.unreadable(&path, "it holds no list where one is expected"))?;
            all.extend_from_slice(found);
            match more(&page, &path, found.len())? {
                Some(next) => path = next,
                None => return Ok(all),
            }
        }
        Err(self.unreadable(&path, &format!("it has more than {PAGES} pages")))
    }

    /// The path of a whole address on this server; another server is refused, because the login would go there.
    pub(crate) fn local(&self, url: &str) -> Result<String, AskError> {
        match url.strip_prefix(&self.base) {
            Some(path) if path.starts_with(['/', '?']) => Ok(path.to_owned()),
            _ => Err(self.unreadable("", &format!("its next page is elsewhere ({})", url.split(['?', '#']).next().unwrap_or_default()))),
        }
    }

    /// The next page by the header `Link`.
    pub(crate) fn linked(&self, page: &Page) -> Result<Option<String>, AskError> {
        page.next.as_deref().map(|url| self.local(url)).transpose()
    }

    pub(crate) fn unreadable(&self, path: &str, reason: &str) -> AskError {
        AskError::Answer { url: format!("{}{path}", self.base), reason: reason.to_owned() }
    }
}

/// `rel="next"` of the header `Link`.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let link = headers.get("link")?.to_str().ok()?;
    link.split(',').find_map(|part| {
        let (url, rest) = part.trim().strip_prefix('<')?.split_once('>')?;
        rest.split(';').any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next")).then(|| url.to_owned())
    })
}

fn refusal(url: &str, status: u16, headers: &HeaderMap, body: &[u8]) -> AskError {
    let url = url.to_owned();
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let number = |name: &str| header(name).and_then(|v| v.trim().parse::<u64>().ok());
    let used_up = [("x-ratelimit-remaining"), ("ratelimit-remaining")].iter().any(|name| number(name) == Some(0));
    if status == 429 || (status == 403 && (used_up || header("retry-after").is_some())) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let reset = number("x-ratelimit-reset").or(number("ratelimit-reset")).map(|at| at.saturating_sub(now));
        let wait = number("retry-after").or(reset).map(|seconds| Duration::from_secs(seconds.clamp(1, 86_400)));
        return AskError::Limited { url, retry_after: wait };
    }
    match status {
        404 => AskError::NotFound { url },
        300..400 => AskError::Answer {
            url,
            reason: format!("it redirects (status {status}), and the login goes nowhere else: configure the address that is meant"),
        },
        500.. | 408 => AskError::Unavailable { url, reason: format!("status {status}{}", message(body)) },
        _ => AskError::Refused { url, status, message: message(body) },
    }
}

/// What a server says of its refusal, in brackets.
fn message(body: &[u8]) -> String {
    let Ok(body) = json::parse(body, "answer") else { return String::new() };
    let text = body.str_at(&["message"]).or_else(|| body.str_at(&["error", "message"])).or_else(|| body.str_at(&["error"]));
    match text {
        Some(text) => format!(" ({})", text.chars().filter(|c| !c.is_control()).take(MESSAGE).collect::<String>()),
        None => String::new(),
    }
}

/// A text as one segment of a path, or a value of a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A path of several segments.
pub(crate) fn encoded_path(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// A text of an answer; empty when it is not there.
pub(crate) fn text(value: &Value, path: &[&str]) -> String {
    value.str_at(path).unwrap_or_default().to_owned()
}

/// A number or a text of an answer, as text.
pub(crate) fn id(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::String(s)) => s.to_string(),
        Some(v) => v.as_i64().map(|n| n.to_string()).unwrap_or_default(),
        None => String::new(),
    }
}

pub(crate) fn number(value: &Value, key: &str) -> i64 {
    value.get(key).and_then(Value::as_i64).unwrap_or_default()
}

pub(crate) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

pub(crate) fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_list).unwrap_or_default()
}

/// Names of labels, whether they are texts or maps with a name.
pub(crate) fn labels(value: &Value, key: &str) -> Vec<String> {
    let name = |v: &Value| v.as_str().or_else(|| v.str_at(&["name"])).map(str::to_owned);
    items(value, key).iter().filter_map(name).collect()
}
