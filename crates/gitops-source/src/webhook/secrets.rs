//! What events are verified with.

use std::fmt;

/// A secret per kind of server. One that is absent or empty means that its events are taken unverified: a stranger can then
/// cause a fetch, and nothing more. `Debug` says which are set, never what they are.
#[derive(Clone, Default)]
pub struct WebhookSecrets {
    /// GitHub: key of the HMAC SHA-256 of the body.
    pub github: Option<String>,
    /// GitLab: the hook's secret token.
    pub gitlab: Option<String>,
    /// Gitea, Forgejo and Gogs: key of the HMAC SHA-256 of the body.
    pub gitea: Option<String>,
    /// Bitbucket Cloud: the hook's UUID, with or without braces.
    pub bitbucket_uuid: Option<String>,
    /// Bitbucket Server and Data Center: key of the HMAC SHA-256 of the body.
    pub bitbucket_server: Option<String>,
    /// Azure DevOps: the user name of basic authentication.
    pub azure_user: Option<String>,
    /// Azure DevOps: the password of basic authentication.
    pub azure_password: Option<String>,
    /// The generic form: key of the HMAC SHA-256 of the body.
    pub generic: Option<String>,
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |secret: &Option<String>| match secret.as_deref() {
            None | Some("") => "not set",
            Some(_) => "set",
        };
        f.debug_struct("WebhookSecrets")
            .field("github", &shown(&self.github))
            .field("gitlab", &shown(&self.gitlab))
            .field("gitea", &shown(&self.gitea))
            .field("bitbucket_uuid", &shown(&self.bitbucket_uuid))
            .field("bitbucket_server", &shown(&self.bitbucket_server))
            .field("azure_user", &shown(&self.azure_user))
            .field("azure_password", &shown(&self.azure_password))
            .field("generic", &shown(&self.generic))
            .finish()
    }
}
