//! The server's JSON API, as this program calls it.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::Connection;

/// A connection to one server.
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(connection: &Connection) -> anyhow::Result<Client> {
        let base = base_url(&connection.server, connection.plaintext)?;
        let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).http_status_as_error(false).build().into();
        Ok(Client { agent, base, token: connection.auth_token.clone() })
    }

    /// The address, for messages.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.agent.get(format!("{}{path}", self.base)).header("Authorization", self.authorization());
        self.answer(request.call())
    }

    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.agent.delete(format!("{}{path}", self.base));
        self.answer(request.header("Authorization", self.authorization()).header("Content-Type", "application/json").call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.base)).header("Authorization", self.authorization());
        self.answer(request.header("Content-Type", "application/json").send(body.to_string()))
    }

    fn authorization(&self) -> String {
        self.token.as_ref().map_or_else(String::new, |token| format!("Bearer {token}"))
    }

    fn answer(&self, sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> anyhow::Result<Value> {
        let mut response =
            sent.with_context(|| format!("cannot reach the server at {}: is it running? (`--server` or GITOPS_SERVER)", self.base))?;
        let text = response.body_mut().with_config().limit(256 << 20).read_to_string().context("the server's answer broke off")?;
        let status = response.status();
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(body);
        }
        match body["message"].as_str() {
            Some(message) => bail!("{message}"),
            None => bail!("the server answered {status}"),
        }
    }
}

/// A name as one segment of a path.
pub(crate) fn segment(name: &str) -> String {
    name.bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// `host:port` gets a scheme: http on loopback or with `--plaintext`, https elsewhere.
fn base_url(server: &str, plaintext: bool) -> anyhow::Result<String> {
    let server = server.trim_end_matches('/');
    if server.is_empty() {
        bail!("the server's address is empty: give `--server` or GITOPS_SERVER");
    }
    if server.starts_with("http://") || server.starts_with("https://") {
        return Ok(server.to_owned());
    }
    let host = server.split('/').next().unwrap_or(server);
    let loopback = host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
    Ok(format!("{}://{server}", if plaintext || loopback { "http" } else { "https" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_plain_without_being_asked() {
        assert_eq!(base_url("127.0.0.1:8080/", false).expect("ok"), "http://127.0.0.1:8080");
        assert_eq!(base_url("argocd.example.com", false).expect("ok"), "https://argocd.example.com");
        assert_eq!(base_url("argocd.example.com", true).expect("ok"), "http://argocd.example.com");
        assert!(base_url("", false).is_err());
    }

    #[test]
    fn names_cannot_leave_their_segment() {
        assert_eq!(segment("team/../x y"), "team%2F..%2Fx%20y");
    }
}
