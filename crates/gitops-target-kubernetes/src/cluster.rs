//! Where a cluster is and who we are there: kubeconfig, in-cluster, or Argo CD's cluster Secret.
//!
//! Programs that hand out credentials (`exec`) run only when the server's configuration allows their names: a kubeconfig or a
//! Secret alone never starts anything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use kube_client::Config;
use kube_client::config::{AuthInfo, ExecConfig, KubeConfigOptions, Kubeconfig};
use serde::Deserialize;

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub enum Access {
    /// By the service account of the pod that this runs in.
    InCluster,
    /// By a context of a kubeconfig file; `None` for its current one. Read again when the API server refuses our credentials.
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// The context.
        context: Option<String>,
    },
    /// By what a cluster Secret says.
    Secret(Box<ClusterSecret>),
}

/// Why a cluster cannot be reached: its configuration is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The kubeconfig, its context, or the files it names.
    #[error("kubeconfig `{}`: {message}", file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The pod's service account.
    #[error("in-cluster: {0}")]
    InCluster(String),
    /// A cluster Secret.
    #[error("cluster Secret `{secret}`: {message}")]
    Secret {
        /// Its name.
        secret: String,
        /// What is wrong; never a value.
        message: String,
    },
    /// A program that hands out credentials and is not allowed.
    #[error("`{program}` hands out credentials, and is not in `clusters[].execAllowed`: add it there to let it run")]
    ExecNotAllowed {
        /// Its name.
        program: String,
    },
    /// The client could not be made.
    #[error("{0}")]
    Client(String),
}

/// A cluster as Argo CD keeps it: a Secret labelled `argocd.argoproj.io/secret-type: cluster`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterSecret {
    /// `data.name`, what `destination.name` uses.
    pub name: String,
    /// `data.server`, what `destination.server` uses.
    pub server: String,
    /// Namespaces to which management is limited; empty for all.
    pub namespaces: Vec<String>,
    /// Whether objects without a namespace are managed although `namespaces` is limited.
    pub cluster_resources: bool,
    /// The project it is reserved for; empty for none.
    pub project: String,
    config: SecretConfig,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SecretConfig {
    username: String,
    password: String,
    bearer_token: String,
    tls_client_config: SecretTls,
    aws_auth_config: Option<serde_json::Value>,
    exec_provider_config: Option<SecretExec>,
    proxy_url: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SecretTls {
    insecure: bool,
    server_name: String,
    ca_data: String,
    cert_data: String,
    key_data: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SecretExec {
    command: String,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    api_version: String,
    install_hint: String,
}

impl ClusterSecret {
    /// Reads the decoded `data` of the Secret called `secret`.
    ///
    /// # Errors
    /// When it names no server, or its `config` is not what Argo CD writes.
    pub fn parse(secret: &str, data: &BTreeMap<String, Vec<u8>>) -> Result<ClusterSecret, ClusterError> {
        let wrong = |message: String| ClusterError::Secret { secret: secret.to_owned(), message };
        let text = |key: &str| data.get(key).map(|v| String::from_utf8_lossy(v).trim().to_owned()).unwrap_or_default();
        let server = text("server");
        if server.is_empty() {
            return Err(wrong("has no `server`".to_owned()));
        }
        let config = match data.get("config") {
            Some(json) => serde_json::from_slice(json).map_err(|e| {
                // The error's text may quote what it met.
                wrong(format!("`config` is not readable as JSON (line {}, column {})", e.line(), e.column()))
            })?,
            None => SecretConfig::default(),
        };
        let name = Some(text("name")).filter(|n| !n.is_empty()).unwrap_or_else(|| server.clone());
        let namespaces = text("namespaces").split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect();
        Ok(ClusterSecret {
            name,
            server,
            namespaces,
            cluster_resources: text("clusterResources") == "true",
            project: text("project"),
            config,
        })
    }

    fn config(&self, allowed: &[String]) -> Result<Config, ClusterError> {
        let wrong = |message: &str| ClusterError::Secret { secret: self.name.clone(), message: message.to_owned() };
        let (secret, tls) = (&self.config, &self.config.tls_client_config);
        if secret.aws_auth_config.is_some() {
            return Err(wrong("`awsAuthConfig` is not supported: use `execProviderConfig` with `aws eks get-token`"));
        }
        let mut config = Config::new(self.server.parse().map_err(|_| wrong("`server` is no URL"))?);
        config.accept_invalid_certs = tls.insecure;
        config.tls_server_name = Some(tls.server_name.clone()).filter(|n| !n.is_empty());
        config.root_cert = pem(&tls.ca_data).map_err(|()| wrong("`tlsClientConfig.caData` is no base64 of a PEM certificate"))?;
        if !secret.proxy_url.is_empty() {
            config.proxy_url = Some(secret.proxy_url.parse().map_err(|_| wrong("`proxyUrl` is no URL"))?);
        }
        let some = |s: &str| Some(s.to_owned()).filter(|s| !s.is_empty());
        config.auth_info = AuthInfo {
            username: some(&secret.username),
            password: some(&secret.password).map(Into::into),
            token: some(&secret.bearer_token).map(Into::into),
            client_certificate_data: some(&tls.cert_data),
            client_key_data: some(&tls.key_data).map(Into::into),
            exec: secret.exec_provider_config.as_ref().map(exec).transpose()?,
            ..AuthInfo::default()
        };
        check(&config.auth_info, allowed)?;
        Ok(config)
    }
}

fn exec(secret: &SecretExec) -> Result<ExecConfig, ClusterError> {
    let env =
        |(name, value): (&String, &String)| [("name".to_owned(), name.clone()), ("value".to_owned(), value.clone())].into_iter().collect();
    // Through its own wire form: the client's type has fields that only it knows.
    let value = serde_json::json!({
        "apiVersion": secret.api_version,
        "command": secret.command,
        "args": secret.args,
        "env": secret.env.iter().map(env).collect::<Vec<BTreeMap<String, String>>>(),
        "installHint": secret.install_hint,
    });
    serde_json::from_value(value).map_err(|e| ClusterError::Client(e.to_string()))
}

/// A value of a Secret's `data`; `None` when it is no base64.
pub fn decode(data: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(data.trim()).ok()
}

/// The certificates in base64 of PEM, as DER.
fn pem(data: &str) -> Result<Option<Vec<Vec<u8>>>, ()> {
    if data.is_empty() {
        return Ok(None);
    }
    let engine = base64::engine::general_purpose::STANDARD;
    let text = engine.decode(data.trim()).map_err(|_| ())?;
    let text = String::from_utf8(text).map_err(|_| ())?;
    let mut found = Vec::new();
    for block in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let body = block.split("-----END CERTIFICATE-----").next().unwrap_or_default();
        found.push(engine.decode(body.split_whitespace().collect::<String>()).map_err(|_| ())?);
    }
    if found.is_empty() { Err(()) } else { Ok(Some(found)) }
}

/// Refuses programs that the server's configuration does not allow.
fn check(auth: &AuthInfo, allowed: &[String]) -> Result<(), ClusterError> {
    let helper = auth.auth_provider.as_ref().and_then(|p| p.config.get("cmd-path").cloned());
    let program = auth.exec.as_ref().and_then(|e| e.command.clone()).or(helper);
    match program {
        Some(program) if !allowed.contains(&program) => Err(ClusterError::ExecNotAllowed { program }),
        _ => Ok(()),
    }
}

impl Access {
    /// Reads the configuration: again each time, so that a renewed token is found.
    pub(crate) async fn config(&self, allowed: &[String]) -> Result<Config, ClusterError> {
        let mut config = match self {
            Access::InCluster => Config::incluster().map_err(|e| ClusterError::InCluster(e.to_string()))?,
            Access::Kubeconfig { file, context } => {
                let wrong = |message: String| ClusterError::Kubeconfig { file: file.clone(), message };
                let read = Kubeconfig::read_from(file).map_err(|e| wrong(e.to_string()))?;
                let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
                let config = Config::from_custom_kubeconfig(read, &options).await.map_err(|e| wrong(e.to_string()))?;
                check(&config.auth_info, allowed)?;
                config
            }
            Access::Secret(secret) => secret.config(allowed)?,
        };
        // We retry ourselves, and watches are long: time-outs stand with each request.
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(10));
        (config.read_timeout, config.write_timeout) = (None, Some(Duration::from_secs(60)));
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_cluster_secret_is_read() {
        let config = r#"{"bearerToken": "t0p", "tlsClientConfig": {"insecure": true, "serverName": "k8s"}}"#;
        let secret = ClusterSecret::parse(
            "prod",
            &data(&[("name", "prod"), ("server", "https://k8s:6443"), ("namespaces", "a, b"), ("config", config)]),
        )
        .expect("valid");
        assert_eq!((secret.name.as_str(), secret.namespaces.len(), secret.cluster_resources), ("prod", 2, false));
        let config = secret.config(&[]).expect("a config");
        assert!(config.accept_invalid_certs && config.auth_info.token.is_some());
        assert_eq!(config.tls_server_name.as_deref(), Some("k8s"));
    }

    #[test]
    fn a_broken_secret_says_where_and_shows_no_value() {
        let broken = ClusterSecret::parse("prod", &data(&[("server", "https://k"), ("config", r#"{"bearerToken": hunter2}"#)]));
        let text = broken.expect_err("not JSON").to_string();
        assert!(text.contains("`config` is not readable") && !text.contains("hunter2"), "{text}");
        assert!(ClusterSecret::parse("prod", &data(&[])).expect_err("no server").to_string().contains("has no `server`"));
    }

    #[test]
    fn credential_programs_run_only_when_allowed() {
        let config = r#"{"execProviderConfig": {"command": "aws", "args": ["eks", "get-token"], "apiVersion": "client.authentication.k8s.io/v1beta1"}}"#;
        let secret = ClusterSecret::parse("eks", &data(&[("server", "https://k"), ("config", config)])).expect("valid");
        assert!(matches!(secret.config(&[]), Err(ClusterError::ExecNotAllowed { program }) if program == "aws"));
        assert!(secret.config(&["aws".to_owned()]).is_ok());
    }
}
