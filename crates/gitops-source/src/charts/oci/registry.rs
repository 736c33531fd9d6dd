//! A conversation with one registry about one repository.
//!
//! A bearer token of the credentials is sent from the start. Otherwise nothing is, until the registry says what it wants: a
//! password, or a token that another server makes out. That server is named by the registry and gets the registry's
//! credentials: the registry could ask for them itself, so this tells nobody who may not know. It must be reached over https
//! or have the registry's own origin, unless the registry itself is asked over http.

use gitops_manifest::{Value, json};
use gitops_tree::Revision;

use super::challenge::Challenge;
use super::reference::{Reference, is_tag};
use crate::charts::{ChartError, Charts};
use crate::web::{Ask, Found, Home, Reply, WebAddress};
use crate::{FetchError, RepoUrl, WebError};

/// Most pages of tags, and most bytes of one.
const PAGES: usize = 1000;
const PAGE: u64 = 16 << 20;
const MANIFEST: u64 = 4 << 20;
const TOKEN: u64 = 1 << 20;

/// What a registry handed out.
pub(crate) struct Content {
    /// Where it was asked for, for errors.
    pub(crate) url: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Registry<'c> {
    charts: &'c Charts,
    blob_limit: u64,
    /// `https://host/v2/repository/`
    base: WebAddress,
    repository: String,
    /// The configured login.
    login: Home,
    /// What is sent now.
    session: Home,
}

impl<'c> Registry<'c> {
    pub(crate) fn new(charts: &'c Charts, reference: &Reference) -> Result<Registry<'c>, ChartError> {
        let place = |scheme: &str, host: &str, path: &str| {
            let failed = |e: crate::RepoUrlError| ChartError::Address { chart: reference.repository.clone(), reason: e.to_string() };
            WebAddress::parse(&format!("{scheme}://{host}/{path}{}", reference.repository)).map_err(failed)
        };
        let has_login = |address: &WebAddress| charts.config.credentials.has(&RepoUrl::clone(&address.place()));
        let secure = place("https", &reference.host, "")?;
        let is_asked = charts.config.plain_http.iter().any(|host| host.eq_ignore_ascii_case(&reference.host));
        let is_plain = is_asked || (reference.is_loopback() && !has_login(&secure));
        let scheme = if is_plain { "http" } else { "https" };
        let base = place(scheme, reference.server(), "v2/")?.as_directory();
        let configured = if has_login(&secure) { secure } else { place(scheme, &reference.host, "")? };
        let mut login = charts.web.home(&configured).map_err(WebError::from)?;
        login.origins = vec![base.origin()];
        let is_bearer = login.header.as_ref().is_some_and(|header| header.starts_with("Bearer "));
        let session = if is_bearer { login.clone() } else { Home { header: None, ..login.clone() } };
        let blob_limit = charts.config.archive_limit;
        Ok(Registry { charts, blob_limit, base, repository: reference.repository.clone(), login, session })
    }

    /// All tags.
    pub(crate) fn tags(&mut self) -> Result<Vec<String>, ChartError> {
        let mut address = self.at("tags/list")?;
        let mut tags = Vec::new();
        for _ in 0..PAGES {
            let found = self.get(&address, "application/json", PAGE)?;
            let wrong = |reason: &str| ChartError::Registry { url: address.to_string(), reason: reason.to_owned() };
            let value = json::parse(&found.body, "tags").map_err(|_| wrong("the list of tags is no JSON"))?;
            let page = value.get("tags").and_then(Value::as_list).unwrap_or_default();
            tags.extend(page.iter().filter_map(Value::as_str).filter(|tag| is_tag(tag)).map(str::to_owned));
            let Some(next) = next_page(&found) else { return Ok(tags) };
            let next = address.resolve(&next).map_err(|_| wrong("the next page of tags has no valid address"))?;
            if next.origin() != self.base.origin() {
                return Err(wrong("the next page of tags lies on another host"));
            }
            address = next;
        }
        let reason = format!("its list of tags has more than {PAGES} pages: ask for an exact version");
        Err(ChartError::Registry { url: address.to_string(), reason })
    }

    /// A manifest by tag or digest.
    pub(crate) fn manifest(&mut self, of: &str, accept: &str) -> Result<Content, ChartError> {
        let address = self.at(&format!("manifests/{of}"))?;
        let found = self.get(&address, accept, MANIFEST)?;
        let promised = found.headers.get("docker-content-digest").and_then(|digest| digest.to_str().ok());
        // Of another algorithm: what was asked for by its digest is checked by the caller.
        if let Some(promised) = promised.filter(|p| p.starts_with("sha256:")).and_then(|p| Revision::parse(p).ok()) {
            super::check(&address.to_string(), &promised, &found.body)?;
        }
        Ok(Content { url: address.to_string(), body: found.body })
    }

    /// A blob by its digest, which the caller checks.
    pub(crate) fn blob(&mut self, digest: &Revision) -> Result<Content, ChartError> {
        let address = self.at(&format!("blobs/{digest}"))?;
        let found = self.get(&address, "*/*", self.blob_limit)?;
        Ok(Content { url: address.to_string(), body: found.body })
    }

    fn at(&self, path: &str) -> Result<WebAddress, ChartError> {
        // From the root: a path with a colon would read as an address of its own.
        let path = format!("/v2/{}/{path}", self.repository);
        self.base.resolve(&path).map_err(|e| ChartError::Registry { url: self.base.to_string(), reason: e.to_string() })
    }

    fn get(&mut self, address: &WebAddress, accept: &str, limit: u64) -> Result<Found, ChartError> {
        let mut may_log_in = true;
        loop {
            let may = |to: &WebAddress| self.charts.may(to) || to.origin() == self.base.origin();
            let ask = Ask { to: address, accept, limit, home: &self.session, known: None, may: &may };
            let (challenge, at) = match self.charts.web.ask(&ask)? {
                Reply::Found(found) => return Ok(found),
                Reply::Denied { challenge, at } => (challenge, at),
                Reply::Unchanged => {
                    return Err(ChartError::Registry { url: address.to_string(), reason: "the server sent nothing".to_owned() });
                }
            };
            let is_bearer = self.login.header.as_ref().is_some_and(|header| header.starts_with("Bearer "));
            if !may_log_in || is_bearer || at.origin() != self.base.origin() {
                return Err(denied(&at, "HTTP status 401"));
            }
            may_log_in = false;
            self.session = self.log_in(&challenge, &at)?;
        }
    }

    fn log_in(&self, challenge: &str, at: &WebAddress) -> Result<Home, ChartError> {
        match Challenge::parse(challenge) {
            Some(Challenge::Basic) if self.login.header.is_some() => Ok(self.login.clone()),
            Some(Challenge::Basic) => Err(denied(at, "it wants a user and a password")),
            None => Err(denied(at, "it does not say what it wants")),
            Some(Challenge::Bearer { realm, service, scope }) => self.token(at, &realm, service, scope),
        }
    }

    fn token(&self, at: &WebAddress, realm: &str, service: Option<String>, scope: Option<String>) -> Result<Home, ChartError> {
        let realm = WebAddress::parse(realm).map_err(|e| denied(at, &format!("its token server: {e}")))?.without_login();
        if !realm.is_secure() && self.base.is_secure() {
            return Err(denied(at, "its token server is not reached over https"));
        }
        let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", self.repository));
        let service = service.unwrap_or_default();
        let mut parameters = vec![("scope", scope.as_str())];
        if !service.is_empty() {
            parameters.insert(0, ("service", service.as_str()));
        }
        let asked = realm.clone().with_parameters(&parameters);
        // A private authority for the token server is told by its own prefix, or is the registry's.
        let connection = self.charts.web.credentials.find(&realm.place()).cloned().or_else(|| self.login.connection.clone());
        let home = Home { origins: vec![realm.origin()], connection, ..self.login.clone() };
        // It was checked above: over https, or of a registry that is asked over http.
        let ask = Ask { to: &asked, accept: "application/json", limit: TOKEN, home: &home, known: None, may: &|_| true };
        let found = self.charts.web.get(&ask)?.ok_or_else(|| denied(&realm, "no token"))?;
        let value = json::parse(&found.body, "token").map_err(|_| denied(&realm, "its answer is no JSON"))?;
        let token = ["token", "access_token"].iter().find_map(|key| value.str_at(&[key]).filter(|token| !token.is_empty()));
        let token = token.filter(|token| token.bytes().all(|b| b.is_ascii_graphic())).ok_or_else(|| denied(&realm, "no token"))?;
        let mut secrets = self.login.secrets.clone();
        secrets.push(token.to_owned());
        Ok(Home { header: Some(format!("Bearer {token}")), secrets, ..self.login.clone() })
    }
}

fn denied(at: &WebAddress, detail: &str) -> ChartError {
    WebError::from(FetchError::Denied { url: at.to_string(), detail: detail.to_owned() }).into()
}

/// The `Link` header's next page.
fn next_page(found: &Found) -> Option<String> {
    let links = found.headers.get_all("link").iter().filter_map(|link| link.to_str().ok()).flat_map(|link| link.split(','));
    links.filter_map(|link| link.split_once(';')).find_map(|(target, parameters)| {
        let is_next = parameters.split(';').any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
        let target = target.trim().strip_prefix('<')?.strip_suffix('>')?;
        is_next.then(|| target.to_owned())
    })
}
