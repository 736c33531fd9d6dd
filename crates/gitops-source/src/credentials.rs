//! Credentials per repository prefix.
//!
//! Read from a file of the server's own (never from git):
//! ```yaml
//! repositories:
//!   - url: https://git.example.org/team        # the longest prefix wins; it ends at a `/`, never inside a name
//!     token: …                                 # or tokenFile, bearerToken, username + password / passwordFile
//!     caFile: /etc/gitops/ca.pem               # trusted instead of the public authorities
//!     clientCertFile: /etc/gitops/client.pem   # shown to servers that ask for a certificate, with clientKeyFile
//!     clientKeyFile: /etc/gitops/client.key
//!     proxy: http://proxy.example.org:3128
//!     noProxy: .internal.example.org
//!   - url: ssh://git@git.example.org/
//!     sshPrivateKeyFile: /etc/gitops/id_ed25519
//!     knownHostsFile: /etc/gitops/known_hosts
//!   - url: oci://registry.example.org/charts   # a registry: the same as https://registry.example.org/charts
//!     username: robot
//!     password: …
//! ```
//! or from the environment: `<PREFIX>_<NAME>_URL`, `<PREFIX>_<NAME>_TOKEN`, … with one `<NAME>` per entry.
//!
//! A `token` is sent as the password of basic authentication (user `x-access-token`, or `username`), which GitHub, GitLab
//! and Gitea all take; `bearerToken` is sent as a bearer token. `…File` values are read at each use, so that a secret that
//! is mounted and renewed stays valid. `Debug` prints which fields are set, never what they hold.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use gitops_manifest::{Value, yaml};

use crate::{RepoUrl, Scheme};

/// Why credentials could not be read. Names the place, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file is no YAML.
    #[error("{0}")]
    Yaml(String),
    /// A field is wrong.
    #[error("{at}: {reason}")]
    Field {
        /// File or variable, and field.
        at: String,
        /// What is wrong.
        reason: String,
    },
}

/// What is used to reach the repositories under one prefix.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) token: Option<String>,
    token_file: Option<PathBuf>,
    bearer_token: Option<String>,
    username: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
    pub(crate) ssh_private_key_file: Option<PathBuf>,
    pub(crate) known_hosts_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert_file: Option<PathBuf>,
    pub(crate) client_key_file: Option<PathBuf>,
    pub(crate) proxy: Option<String>,
    pub(crate) no_proxy: Option<String>,
    pub(crate) insecure: bool,
    pub(crate) insecure_ignore_host_key: bool,
}

/// The fields of an entry, as the file writes them. The environment's names are these in upper case, words joined by `_`.
const FIELDS: [&str; 16] = [
    "url",
    "token",
    "tokenFile",
    "bearerToken",
    "username",
    "password",
    "passwordFile",
    "sshPrivateKeyFile",
    "knownHostsFile",
    "caFile",
    "clientCertFile",
    "clientKeyFile",
    "proxy",
    "noProxy",
    "insecure",
    "insecureIgnoreHostKey",
];

impl Credential {
    fn set(&mut self, field: &str, text: &str) -> Result<(), &'static str> {
        let flag = || match text {
            "true" | "1" => Ok(true),
            "false" | "0" | "" => Ok(false),
            _ => Err("must be true or false"),
        };
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err("holds a control character");
        }
        let value = Some(text.trim().to_owned()).filter(|t| !t.is_empty());
        if value.as_ref().is_some_and(|v| v.contains('\n')) {
            return Err("holds a line break");
        }
        let file = value.clone().map(PathBuf::from);
        match field {
            "token" => self.token = value,
            "tokenFile" => self.token_file = file,
            "bearerToken" => self.bearer_token = value,
            "username" => self.username = value,
            "password" => self.password = value,
            "passwordFile" => self.password_file = file,
            "sshPrivateKeyFile" => self.ssh_private_key_file = file,
            "knownHostsFile" => self.known_hosts_file = file,
            "caFile" => self.ca_file = file,
            "clientCertFile" => self.client_cert_file = file,
            "clientKeyFile" => self.client_key_file = file,
            "proxy" => self.proxy = value,
            "noProxy" => self.no_proxy = value,
            "insecure" => self.insecure = flag()?,
            "insecureIgnoreHostKey" => self.insecure_ignore_host_key = flag()?,
            _ => return Err("is not known"),
        }
        Ok(())
    }

    /// The value of the `Authorization` header, with the secrets in it; `None` when nothing is to be sent.
    pub(crate) fn authorization(&self) -> Result<Option<Authorization>, String> {
        if let Some(token) = &self.bearer_token {
            return Ok(Some(Authorization { header: format!("Bearer {token}"), secrets: vec![token.clone()] }));
        }
        let from_file = |file: &Option<PathBuf>| match file {
            None => Ok(None),
            Some(path) => match fs::read_to_string(path) {
                Ok(text) => Ok(Some(text.trim().to_owned())),
                Err(e) => Err(format!("{}: {e}", path.display())),
            },
        };
        if let Some(token) = self.token.clone().map_or_else(|| from_file(&self.token_file), |t| Ok(Some(t)))? {
            return Ok(Some(basic(self.username.as_deref().unwrap_or("x-access-token"), &token)));
        }
        let password = self.password.clone().map_or_else(|| from_file(&self.password_file), |p| Ok(Some(p)))?;
        Ok(match (&self.username, password) {
            (None, None) => None,
            (user, password) => Some(basic(user.as_deref().unwrap_or_default(), &password.unwrap_or_default())),
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets = [
            ("token", self.token.is_some() || self.token_file.is_some()),
            ("bearerToken", self.bearer_token.is_some()),
            ("password", self.password.is_some() || self.password_file.is_some()),
        ];
        let set: Vec<&str> = secrets.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
        f.debug_struct("Credential")
            .field("username", &self.username)
            .field("secrets", &set)
            .field("ssh_private_key_file", &self.ssh_private_key_file)
            .field("known_hosts_file", &self.known_hosts_file)
            .field("ca_file", &self.ca_file)
            .field("client_cert_file", &self.client_cert_file)
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}

/// An `Authorization` header and the secrets in it, which are masked in what servers say.
pub(crate) struct Authorization {
    pub(crate) header: String,
    pub(crate) secrets: Vec<String>,
}

/// The header of basic authentication.
pub(crate) fn basic(user: &str, password: &str) -> Authorization {
    let encoded = base64(format!("{user}:{password}").as_bytes());
    let header = format!("Basic {encoded}");
    Authorization { header, secrets: vec![password.to_owned(), encoded] }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            out.push(if digit <= chunk.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    out
}

/// Credentials by repository prefix.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    entries: Vec<(RepoUrl, Credential)>,
}

impl Credentials {
    /// Reads the text of a credentials file; `file` names it in errors.
    ///
    /// # Errors
    /// When it is no YAML, or a field is unknown or malformed.
    pub fn from_file(text: &[u8], file: &str) -> Result<Credentials, CredentialsError> {
        let parsed = yaml::parse(text, file, &yaml::ParseOptions::default());
        // The parser may quote what it could not read, and that may be a secret: only the place is told.
        let parsed = parsed.map_err(|e| CredentialsError::Yaml(format!("{}: cannot be read as YAML", e.at)))?;
        match parsed.documents.as_slice() {
            [] => Ok(Credentials::default()),
            [document] => Credentials::from_value(&document.value, file),
            _ => Err(field_error(file, "several documents: write one")),
        }
    }

    /// Reads the credentials in a value (`{repositories: […]}`, or the list itself); `at` names it in errors.
    ///
    /// # Errors
    /// When a field is unknown or malformed.
    pub fn from_value(value: &Value, at: &str) -> Result<Credentials, CredentialsError> {
        if let Some(map) = value.as_map()
            && let Some(unknown) = map.keys().find(|k| k.as_str() != "repositories")
        {
            return Err(field_error(at, &format!("`{unknown}` is not known: the one key is `repositories`")));
        }
        let at = format!("{at}: repositories");
        let list = value.get("repositories").unwrap_or(value);
        if list.is_null() {
            return Ok(Credentials::default());
        }
        let list = list.as_list().ok_or_else(|| field_error(&at, "must be a list"))?;
        let entries = list.iter().enumerate().map(|(index, item)| {
            let at = format!("{at}[{index}]");
            let map = item.as_map().ok_or_else(|| field_error(&at, "must be a map"))?;
            let fields = map.iter().map(|(key, value)| {
                let text = match value {
                    Value::Null => Ok(String::new()),
                    _ => match (value.as_str(), value.as_bool()) {
                        (Some(text), _) => Ok(text.to_owned()),
                        (None, Some(flag)) => Ok(flag.to_string()),
                        (None, None) => Err(field_error(&format!("{at}.{key}"), "must be a string: put it in quotes")),
                    },
                };
                Ok((key.as_str(), text?))
            });
            entry(&at, fields.collect::<Result<_, _>>()?)
        });
        Ok(Credentials { entries: entries.collect::<Result<_, _>>()? })
    }

    /// Reads the environment: `<prefix>_<NAME>_URL` and the other fields of the same `<NAME>`.
    ///
    /// # Errors
    /// When a variable of an entry is malformed.
    pub fn from_env(prefix: &str) -> Result<Credentials, CredentialsError> {
        let text = |os: std::ffi::OsString| os.into_string().ok();
        Credentials::from_vars(prefix, std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))))
    }

    /// As [`Credentials::from_env`], from the given variables.
    ///
    /// # Errors
    /// When a variable of an entry is malformed.
    pub fn from_vars(prefix: &str, vars: impl IntoIterator<Item = (String, String)>) -> Result<Credentials, CredentialsError> {
        let mut named: BTreeMap<String, Vec<(&'static str, String)>> = BTreeMap::new();
        // Longer field names first: `…_TOKEN_FILE` before a name that ends in `_TOKEN`.
        let mut fields = FIELDS.map(|field| (env_name(field), field));
        fields.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in vars {
            let Some(rest) = name.strip_prefix(prefix).and_then(|r| r.strip_prefix('_')) else { continue };
            let known = fields.iter().find_map(|(env, field)| Some((rest.strip_suffix(env)?.strip_suffix('_')?, *field)));
            if let Some((entry, field)) = known {
                named.entry(entry.to_owned()).or_default().push((field, value));
            }
        }
        let entries = named.into_iter().map(|(name, fields)| entry(&format!("{prefix}_{name}"), fields));
        Ok(Credentials { entries: entries.collect::<Result<_, _>>()? })
    }

    /// Adds all of `other`; its entries win over equal prefixes.
    #[must_use]
    pub fn merge(mut self, other: Credentials) -> Credentials {
        self.entries.retain(|(prefix, _)| other.entries.iter().all(|(theirs, _)| theirs != prefix));
        self.entries.extend(other.entries);
        self
    }

    /// Whether there is an entry for that repository.
    pub fn has(&self, url: &RepoUrl) -> bool {
        self.find(url).is_some()
    }

    /// The entry with the longest prefix of `url`.
    pub(crate) fn find(&self, url: &RepoUrl) -> Option<&Credential> {
        let fitting = self.entries.iter().filter(|(prefix, _)| covers(prefix, url));
        fitting.max_by_key(|(prefix, _)| prefix.path().len()).map(|(_, credential)| credential)
    }
}

/// Whether `url` lies under `prefix`: the same protocol, host and port, and a path that begins with whole parts of it.
pub(crate) fn covers(prefix: &RepoUrl, url: &RepoUrl) -> bool {
    let same_user = prefix.scheme() != Scheme::Ssh || prefix.user().is_none() || prefix.user() == url.user();
    if !same_user || (prefix.scheme(), prefix.host(), prefix.port()) != (url.scheme(), url.host(), url.port()) {
        return false;
    }
    let trim = |path: &str| path.trim_start_matches('/').trim_end_matches(".git").to_owned();
    let (prefix, path) = (trim(prefix.path()), trim(url.path()));
    path.strip_prefix(&prefix).is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

fn entry(at: &str, fields: Vec<(&str, String)>) -> Result<(RepoUrl, Credential), CredentialsError> {
    let mut credential = Credential::default();
    let mut url = None;
    for (field, text) in &fields {
        if *field == "url" {
            let text = &text.strip_prefix("oci://").map_or_else(|| text.clone(), |rest| format!("https://{rest}"));
            // `ssh://host/` alone is a fine prefix, though no address of a repository.
            let padded = if text.ends_with('/') && text.matches('/').count() == 3 { format!("{text}.") } else { text.clone() };
            let parsed = RepoUrl::parse(&padded).map_err(|e| field_error(&format!("{at}.url"), &e.to_string()))?;
            url = Some(parsed.without_dot());
        } else if let Err(reason) = credential.set(field, text) {
            let known = if FIELDS.contains(field) { String::new() } else { format!(" (known: {})", FIELDS.join(", ")) };
            return Err(field_error(&format!("{at}.{field}"), &format!("{reason}{known}")));
        }
    }
    if credential.client_cert_file.is_some() != credential.client_key_file.is_some() {
        return Err(field_error(at, "`clientCertFile` and `clientKeyFile` belong together: give both"));
    }
    let url = url.ok_or_else(|| field_error(at, "`url` is missing: the prefix of the repositories it is for"))?;
    Ok((url, credential))
}

/// `sshPrivateKeyFile` → `SSH_PRIVATE_KEY_FILE`.
fn env_name(field: &str) -> String {
    let mut out = String::new();
    for c in field.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

fn field_error(at: &str, reason: &str) -> CredentialsError {
    CredentialsError::Field { at: at.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
repositories:
  - {url: https://git.example.org, token: general-secret}
  - {url: "https://git.example.org/team", username: me, password: team-secret}
  - {url: "https://git.example.org/team/app.git", bearerToken: app-secret}
  - {url: "ssh://git@git.example.org/", sshPrivateKeyFile: /keys/id, knownHostsFile: /keys/hosts}
"#;

    fn header(credentials: &Credentials, url: &str) -> Option<String> {
        let credential = credentials.find(&RepoUrl::parse(url).unwrap())?;
        credential.authorization().unwrap().map(|a| a.header)
    }

    #[test]
    fn the_longest_prefix_wins_and_ends_at_a_part() {
        let c = Credentials::from_file(FILE.as_bytes(), "secrets.yaml").unwrap();
        let team = format!("Basic {}", base64(b"me:team-secret"));
        let general = format!("Basic {}", base64(b"x-access-token:general-secret"));
        assert_eq!(header(&c, "https://git.example.org/team/x.git"), Some(team));
        assert_eq!(header(&c, "https://git.example.org/team/app"), Some("Bearer app-secret".into()));
        assert_eq!(header(&c, "https://git.example.org/teams/x"), Some(general));
        for other in ["https://git.example.org.evil.org/x", "http://git.example.org/x", "https://git.example.org:8443/x"] {
            assert_eq!(header(&c, other), None, "{other}");
        }
        let ssh = c.find(&RepoUrl::parse("git@git.example.org:team/app.git").unwrap()).unwrap();
        assert_eq!(ssh.ssh_private_key_file, Some("/keys/id".into()));
        assert!(!c.has(&RepoUrl::parse("ssh://other@git.example.org/team/app.git").unwrap()));
    }

    #[test]
    fn the_environment() {
        let vars = [("GITOPS_REPO_A_URL", "https://h/x"), ("GITOPS_REPO_A_TOKEN_FILE", "/none"), ("GITOPS_REPO_A_INSECURE", "true")];
        let vars = vars.map(|(k, v)| (k.to_owned(), v.to_owned()));
        let c = Credentials::from_vars("GITOPS_REPO", vars).unwrap();
        let credential = c.find(&RepoUrl::parse("https://h/x/y").unwrap()).unwrap();
        assert!(credential.insecure);
        assert!(credential.authorization().is_err_and(|e| e.starts_with("/none: ")));
    }

    #[test]
    fn errors_name_the_place_and_debug_hides_the_secret() {
        let error = |text: &str| Credentials::from_file(text.as_bytes(), "s.yaml").unwrap_err().to_string();
        assert!(
            error("repositories: [{url: 'https://h/', tokn: hush}]").starts_with("s.yaml: repositories[0].tokn: is not known (known: url")
        );
        assert!(error("repositories: [{token: hush}]").contains("repositories[0]: `url` is missing"));
        assert!(error("repositories: [{url: 'https://h/', clientCertFile: /c.pem}]").contains("belong together"));
        assert!(error("repo: []").contains("`repo` is not known"));
        assert!(!error("repositories: [{url: 'https://h/', insecure: hush}]").contains("hush"));
        assert!(!error("repositories: [{token: 'hush").contains("hush"));
        let debug = format!("{:?}", Credentials::from_file(FILE.as_bytes(), "x").unwrap());
        assert!(!debug.contains("secret\"") && !debug.contains("-secret"), "{debug}");
    }

    #[test]
    fn base64_of_every_length() {
        assert_eq!([&b""[..], b"f", b"fo", b"foo", b"foob"].map(base64), ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
