//! Files over http and https: one request at a time, with a limit on the size, time-outs, and redirects that are checked.
//!
//! Credentials go to the origin (protocol, host, port) that they were given for, and never along with a redirect to
//! another: there they are looked up anew, by that address's own prefix. At most ten redirects, never from https to http.

mod address;

use std::io::Read;

use ureq::Body;
use ureq::http::Response;

use crate::credentials::{Authorization, Credential, basic};
use crate::transport::Place;
use crate::transport::http::{self, Agents};
use crate::{Credentials, FetchError, Timeouts};
pub(crate) use address::{Origin, WebAddress};

const REDIRECTS: usize = 10;
const USER_AGENT: &str = concat!("gitops/", env!("CARGO_PKG_VERSION"));

/// Why a file was not fetched. Holds no secret: addresses are without logins and queries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// No connection, a time-out, a refusal, a redirect that is not followed, or too much data.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It is not there.
    #[error("{url}: not found (HTTP status {status}), or not visible with these credentials")]
    NotFound {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The server answered with something else.
    #[error("{url}: HTTP status {status}{}", if *status >= 500 || *status == 429 { ": to be tried again" } else { "" })]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// It may not be fetched.
    #[error("{url}: not in the list of addresses that may be fetched: add this address, or a prefix of it")]
    NotAllowed {
        /// Which.
        url: String,
    },
}

/// Credentials that were given for one place, with its private authority and proxy.
#[derive(Clone, Default)]
pub(crate) struct Home {
    /// Where they may go.
    pub(crate) origins: Vec<Origin>,
    /// TLS and proxy.
    pub(crate) connection: Option<Credential>,
    /// What to send.
    pub(crate) header: Option<String>,
    /// What to mask.
    pub(crate) secrets: Vec<String>,
}

/// One request.
pub(crate) struct Ask<'a> {
    pub(crate) to: &'a WebAddress,
    pub(crate) accept: &'a str,
    /// Most bytes of the answer.
    pub(crate) limit: u64,
    /// Credentials for some origins; others have those of their own prefix.
    pub(crate) home: &'a Home,
    /// The answer that is known already, by its `ETag`.
    pub(crate) known: Option<&'a str>,
    /// Which addresses may be asked, redirects included.
    pub(crate) may: &'a dyn Fn(&WebAddress) -> bool,
}

/// An answer.
pub(crate) enum Reply {
    /// Status 200.
    Found(Found),
    /// What is known already.
    Unchanged,
    /// Status 401, with what the server wants, and where it was asked.
    Denied {
        #[cfg(feature = "oci")]
        challenge: String,
        at: WebAddress,
    },
}

/// The content of an answer and what came with it.
pub(crate) struct Found {
    pub(crate) body: Vec<u8>,
    #[cfg(feature = "helm-repo")]
    pub(crate) etag: Option<String>,
    #[cfg(feature = "oci")]
    pub(crate) headers: ureq::http::HeaderMap,
}

/// Asks servers.
pub(crate) struct Web {
    agents: Agents,
    pub(crate) credentials: Credentials,
}

impl Web {
    pub(crate) fn new(credentials: Credentials, timeouts: Timeouts) -> Web {
        Web { agents: Agents::new(timeouts), credentials }
    }

    /// What is to be used at `address` and elsewhere on its host, by its prefix or the login in it.
    pub(crate) fn home(&self, address: &WebAddress) -> Result<Home, FetchError> {
        let credential = self.credentials.find(&address.place());
        let failed = |reason| FetchError::Credentials { url: address.to_string(), reason };
        let found = credential.map(Credential::authorization).transpose().map_err(failed)?.flatten();
        let authorization = found.or_else(|| address.login().map(|(user, password)| basic(user, password)));
        let (header, secrets) = authorization.map_or((None, Vec::new()), |Authorization { header, secrets }| (Some(header), secrets));
        Ok(Home { origins: vec![address.origin()], connection: credential.cloned(), header, secrets })
    }

    /// The content at an address; `None` when it is what is known already.
    pub(crate) fn get(&self, ask: &Ask<'_>) -> Result<Option<Found>, WebError> {
        match self.ask(ask)? {
            Reply::Found(found) => Ok(Some(found)),
            Reply::Unchanged => Ok(None),
            Reply::Denied { at, .. } => Err(FetchError::Denied { url: at.to_string(), detail: "HTTP status 401".to_owned() }.into()),
        }
    }

    /// Asks, and follows where it is sent.
    pub(crate) fn ask(&self, ask: &Ask<'_>) -> Result<Reply, WebError> {
        let mut at = ask.to.clone();
        for _ in 0..=REDIRECTS {
            if !(ask.may)(&at) {
                return Err(WebError::NotAllowed { url: at.to_string() });
            }
            let own;
            let home = if ask.home.origins.contains(&at.origin()) {
                ask.home
            } else {
                own = self.home(&at)?;
                &own
            };
            let place = Place { url: at.to_string(), secrets: home.secrets.clone(), timeouts: self.agents.timeouts };
            let response = self.send(&at, home, ask, &place)?;
            match response.status().as_u16() {
                200 => return Ok(Reply::Found(read(response, ask.limit, &place)?)),
                304 if ask.known.is_some() => return Ok(Reply::Unchanged),
                301 | 302 | 303 | 307 | 308 => at = follow(&at, &response)?,
                401 => {
                    #[cfg(feature = "oci")]
                    let challenge = offers(&response);
                    return Ok(Reply::Denied {
                        #[cfg(feature = "oci")]
                        challenge,
                        at,
                    });
                }
                status => return Err(refused(at.to_string(), status)),
            }
        }
        Err(FetchError::Redirect { url: ask.to.to_string(), to: at.to_string(), reason: "too many redirects" }.into())
    }

    fn send(&self, at: &WebAddress, home: &Home, ask: &Ask<'_>, place: &Place) -> Result<Response<Body>, FetchError> {
        let agent = self.agents.get(home.connection.as_ref(), &place.url)?;
        let mut request = agent.get(at.target()).header("User-Agent", USER_AGENT).header("Accept", ask.accept);
        if let Some(header) = &home.header {
            request = request.header("Authorization", header);
        }
        if let Some(etag) = ask.known {
            request = request.header("If-None-Match", etag);
        }
        request.call().map_err(|e| http::error(place, &e))
    }
}

fn refused(url: String, status: u16) -> WebError {
    match status {
        403 | 407 => FetchError::Denied { url, detail: format!("HTTP status {status}") }.into(),
        404 | 410 => WebError::NotFound { url, status },
        _ => WebError::Status { url, status },
    }
}

fn follow(at: &WebAddress, response: &Response<Body>) -> Result<WebAddress, FetchError> {
    let refuse = |to: String, reason| Err(FetchError::Redirect { url: at.to_string(), to, reason });
    let Some(location) = header(response, "location") else { return refuse(String::new(), "it names no address") };
    match at.resolve(location) {
        // A redirect names no user: one that does could only mean to borrow our next request.
        Ok(to) if to.is_secure() || !at.is_secure() => Ok(to.without_login()),
        Ok(to) => refuse(to.to_string(), "from https to http"),
        Err(_) => refuse(String::new(), "it leads to no valid address"),
    }
}

/// All ways to log in that the server offers.
#[cfg(feature = "oci")]
fn offers(response: &Response<Body>) -> String {
    let offers = response.headers().get_all("www-authenticate").iter();
    offers.filter_map(|offer| offer.to_str().ok()).collect::<Vec<_>>().join(", ")
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

fn read(response: Response<Body>, limit: u64, place: &Place) -> Result<Found, FetchError> {
    let too_large = || FetchError::TooLarge { url: place.url.clone(), limit };
    let length: Option<u64> = header(&response, "content-length").and_then(|l| l.parse().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    #[cfg(feature = "helm-repo")]
    let etag = header(&response, "etag").map(str::to_owned);
    #[cfg(feature = "oci")]
    let headers = response.headers().clone();
    let mut body = Vec::new();
    let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
    reader.take(limit.saturating_add(1)).read_to_end(&mut body).map_err(|e| place.io(&e))?;
    if body.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(Found {
        body,
        #[cfg(feature = "helm-repo")]
        etag,
        #[cfg(feature = "oci")]
        headers,
    })
}
