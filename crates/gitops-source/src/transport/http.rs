//! Smart http over `ureq`: authentication, proxies, private authorities, time-outs and redirects are ours to decide.
//!
//! The first request may be redirected, at most five times and never from https to http; the requests that follow go where
//! it led. Credentials are looked up anew for each address by its own prefix, so they never go to another host.

use std::collections::HashMap;
use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Proxy, Timeout};

use super::{Place, Timeouts, Wire};
use crate::credentials::{Authorization, Credential, Credentials, basic};
use crate::error::Wait;
use crate::{FetchError, RepoUrl, Scheme};

const REDIRECTS: usize = 5;
const USER_AGENT: &str = concat!("git/2 (gitops ", env!("CARGO_PKG_VERSION"), ")");

/// What distinguishes one agent (connection pool) from another.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct AgentKey {
    ca_file: Option<PathBuf>,
    /// Certificate and key.
    client: Option<(PathBuf, PathBuf)>,
    proxy: Option<String>,
    no_proxy: Option<String>,
    insecure: bool,
}

/// The connections to all servers, kept open between fetches.
pub(crate) struct Agents {
    pub(crate) timeouts: Timeouts,
    agents: Mutex<HashMap<AgentKey, Agent>>,
}

impl Agents {
    pub(crate) fn new(timeouts: Timeouts) -> Agents {
        Agents { timeouts, agents: Mutex::default() }
    }

    pub(crate) fn get(&self, credential: Option<&Credential>, url: &str) -> Result<Agent, FetchError> {
        let key = credential.map(|c| AgentKey {
            ca_file: c.ca_file.clone(),
            client: c.client_cert_file.clone().zip(c.client_key_file.clone()),
            proxy: c.proxy.clone(),
            no_proxy: c.no_proxy.clone(),
            insecure: c.insecure,
        });
        let key = key.unwrap_or_default();
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        let failed = |reason| FetchError::Credentials { url: url.to_owned(), reason };
        let agent = build(&key, self.timeouts).map_err(failed)?;
        agents.insert(key, agent.clone());
        Ok(agent)
    }
}

fn build(key: &AgentKey, timeouts: Timeouts) -> Result<Agent, String> {
    let mut tls = TlsConfig::builder().disable_verification(key.insecure);
    if let Some(file) = &key.ca_file {
        tls = tls.root_certs(RootCerts::new_with_certs(&certificates("caFile", file)?));
    }
    if let Some((certificate, key)) = &key.client {
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&certificates("clientCertFile", certificate)?, private_key(key)?)));
    }
    let proxy = match &key.proxy {
        None => Proxy::try_from_env(),
        Some(text) => Some(proxy(text, key.no_proxy.as_deref()).map_err(|_| "`proxy` is no proxy's address".to_owned())?),
    };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .no_delay(true)
        .user_agent(USER_AGENT)
        .accept_encoding("identity")
        .tls_config(tls.build())
        .proxy(proxy)
        .timeout_resolve(Some(timeouts.connect))
        .timeout_connect(Some(timeouts.connect))
        .timeout_recv_response(Some(timeouts.first_byte))
        .timeout_per_read(Some(timeouts.stalled))
        .timeout_per_write(Some(timeouts.stalled))
        .timeout_global(Some(timeouts.total))
        .build();
    Ok(config.new_agent())
}

/// A proxy from its address, with the hosts that go without it added.
fn proxy(text: &str, no_proxy: Option<&str>) -> Result<Proxy, ureq::Error> {
    let proxy = Proxy::new(text)?;
    let Some(no_proxy) = no_proxy else { return Ok(proxy) };
    let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    for host in no_proxy.split(',').map(str::trim).filter(|h| !h.is_empty()) {
        builder = builder.no_proxy(host);
    }
    builder.build()
}

/// The key of a client certificate. No message holds anything of it.
fn private_key(file: &Path) -> Result<PrivateKey<'static>, String> {
    let named = |reason: &str| format!("clientKeyFile {}: {reason}", file.display());
    let text = fs::read(file).map_err(|e| named(&e.to_string()))?;
    PrivateKey::from_pem(&text).map_err(|_| named("holds no private key in PEM form"))
}

fn certificates(field: &str, file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let named = |reason: String| format!("{field} {}: {reason}", file.display());
    let text = fs::read(file).map_err(|e| named(e.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| named(e.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(named("holds no certificate".to_owned())) } else { Ok(found) }
}

/// A conversation over http.
pub(crate) struct Http<'a> {
    agents: &'a Agents,
    credentials: &'a Credentials,
    /// Where requests go: the repository's own address, or where it was redirected to.
    url: RepoUrl,
    base: String,
    secrets: Vec<String>,
}

impl<'a> Http<'a> {
    pub(crate) fn new(agents: &'a Agents, credentials: &'a Credentials, url: &RepoUrl) -> Http<'a> {
        Http { agents, credentials, base: url.to_string(), url: url.clone(), secrets: Vec::new() }
    }

    fn authorization(&mut self) -> Result<Option<Authorization>, FetchError> {
        let failed = |reason| FetchError::Credentials { url: self.base.clone(), reason };
        let found = match self.credentials.find(&self.url) {
            Some(credential) => credential.authorization().map_err(failed)?,
            None => None,
        };
        let from_url = || self.url.user().map(|user| basic(user, self.url.password().unwrap_or_default()));
        let authorization = found.or_else(from_url);
        self.secrets.extend(authorization.iter().flat_map(|a| a.secrets.clone()));
        Ok(authorization)
    }

    fn send(&mut self, tail: &str, body: Option<Vec<u8>>) -> Result<ureq::http::Response<Body>, FetchError> {
        let agent = self.agents.get(self.credentials.find(&self.url), &self.base)?;
        let authorization = self.authorization()?;
        let target = format!("{}/{tail}", self.base);
        let result = match body {
            None => {
                let mut request = agent.get(&target).header("Git-Protocol", "version=2");
                if let Some(authorization) = &authorization {
                    request = request.header("Authorization", &authorization.header);
                }
                request.call()
            }
            Some(body) => {
                let mut request = agent.post(&target).header("Git-Protocol", "version=2");
                request = request.header("Content-Type", "application/x-git-upload-pack-request");
                request = request.header("Accept", "application/x-git-upload-pack-result");
                if let Some(authorization) = &authorization {
                    request = request.header("Authorization", &authorization.header);
                }
                request.send(&body)
            }
        };
        result.map_err(|e| error(&self.place(), &e))
    }

    fn follow(&mut self, response: &ureq::http::Response<Body>, tail: &str) -> Result<(), FetchError> {
        let location = response.headers().get("location").and_then(|l| l.to_str().ok()).unwrap_or_default();
        let refuse = |to: String, reason| Err(FetchError::Redirect { url: self.base.clone(), to, reason });
        let absolute = match location.strip_prefix('/') {
            Some(path) if !path.starts_with('/') => {
                let end = self.base.find("://").and_then(|at| self.base[at + 3..].find('/').map(|slash| at + 3 + slash));
                format!("{}/{path}", &self.base[..end.unwrap_or(self.base.len())])
            }
            _ => location.to_owned(),
        };
        let Some(base) = absolute.strip_suffix(tail).and_then(|b| b.strip_suffix('/')) else {
            let shown = RepoUrl::parse(absolute.split('?').next().unwrap_or_default());
            return refuse(shown.map(|u| u.to_string()).unwrap_or_default(), "it does not lead to a git repository");
        };
        match RepoUrl::parse(base) {
            Ok(to) if !matches!(to.scheme(), Scheme::Http | Scheme::Https) => refuse(to.to_string(), "another protocol"),
            Ok(to) if self.url.scheme() == Scheme::Https && to.scheme() == Scheme::Http => refuse(to.to_string(), "from https to http"),
            Ok(to) => {
                // A redirect names no user: one that does could only mean to borrow our next request.
                (self.base, self.url) = (to.to_string(), to.without_user());
                Ok(())
            }
            Err(_) => refuse(String::new(), "it leads to no valid address"),
        }
    }

    fn check(&self, response: &ureq::http::Response<Body>, kind: &str) -> Result<(), FetchError> {
        let url = self.base.clone();
        match response.status().as_u16() {
            200 => {}
            code @ (401 | 403 | 407) => return Err(FetchError::Denied { url, detail: format!("HTTP status {code}") }),
            404 | 410 => return Err(FetchError::NotFound { url }),
            code => return Err(FetchError::Unreachable { url, reason: format!("HTTP status {code}") }),
        }
        let content = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
        if content != format!("application/x-git-upload-pack-{kind}") {
            let reason = format!("the answer is of type `{}`", self.place().mask(content));
            return Err(FetchError::Protocol { url, reason });
        }
        Ok(())
    }
}

fn reader(response: ureq::http::Response<Body>) -> Box<dyn Read> {
    // The limit on what is read is the protocol's, on the pack.
    Box::new(BufReader::with_capacity(64 << 10, response.into_body().into_with_config().limit(u64::MAX).reader()))
}

impl Wire for Http<'_> {
    fn greeting(&mut self) -> Result<Box<dyn Read + '_>, FetchError> {
        const TAIL: &str = "info/refs?service=git-upload-pack";
        for _ in 0..=REDIRECTS {
            let response = self.send(TAIL, None)?;
            if response.status().is_redirection() {
                self.follow(&response, TAIL)?;
                continue;
            }
            self.check(&response, "advertisement")?;
            return Ok(reader(response));
        }
        Err(FetchError::Redirect { url: self.url.to_string(), to: self.base.clone(), reason: "too many redirects" })
    }

    fn request(&mut self, body: Vec<u8>) -> Result<Box<dyn Read + '_>, FetchError> {
        let response = self.send("git-upload-pack", Some(body))?;
        self.check(&response, "result")?;
        Ok(reader(response))
    }

    fn place(&self) -> Place {
        Place { url: self.base.clone(), secrets: self.secrets.clone(), timeouts: self.agents.timeouts }
    }
}

/// What `ureq` says, as an error of ours.
pub(crate) fn error(place: &Place, error: &ureq::Error) -> FetchError {
    match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => place.timed_out(Wait::Connect),
        ureq::Error::Timeout(Timeout::Global | Timeout::PerCall) => place.timed_out(Wait::Total),
        ureq::Error::Timeout(Timeout::RecvResponse) => place.timed_out(Wait::FirstByte),
        ureq::Error::Timeout(_) => place.timed_out(Wait::Stalled),
        ureq::Error::Io(inner) if inner.get_ref().is_none_or(|e| !e.is::<ureq::Error>()) => place.io(inner),
        other => FetchError::Unreachable { url: place.url.clone(), reason: place.mask(&other.to_string()) },
    }
}
