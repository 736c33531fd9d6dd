//! References to secrets: `env://NAME`, `file:///path`, `vault://…`. They are resolved when a live file is written, and
//! at no other time but to recognise a secret in a file that was changed by hand, so that it is not shown.

use std::fmt;
use std::fs;
use std::io::Read;
use std::sync::Arc;

use gitops_manifest::Value;
use gitops_seal::{Sealer, is_sealed};

use crate::config::{SecretsPolicy, wildcard};

/// Most bytes of a secret that is a file.
const LARGEST: u64 = 1 << 20;

/// Why a secret could not be had. The message names the reference, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SecretError {
    /// What is wrong and what to do.
    pub message: String,
    /// Whether the same call may go well later.
    pub transient: bool,
}

impl SecretError {
    fn permanent(message: String) -> SecretError {
        SecretError { message, transient: false }
    }
}

/// Resolves `vault://…` references. Called on a thread that may block.
pub trait SecretResolver: Send + Sync {
    /// The text that a reference stands for.
    ///
    /// # Errors
    /// When it cannot be had; the message must not hold the value.
    fn resolve(&self, reference: &str) -> Result<String, SecretError>;
}

/// What stands behind a target's secrets besides the environment and files.
#[derive(Clone, Default)]
pub struct Resolvers {
    /// Resolves `vault://` references.
    pub vault: Option<Arc<dyn SecretResolver>>,
    /// Opens what the renderer sealed.
    pub sealer: Option<Arc<Sealer>>,
}

impl fmt::Debug for Resolvers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolvers").field("vault", &self.vault.is_some()).field("sealer", &self.sealer).finish()
    }
}

/// One reference and what it stands for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    pub(crate) reference: String,
    pub(crate) value: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.reference)
    }
}

/// Whether a text is a reference.
pub(crate) fn is_reference(text: &str) -> bool {
    text.starts_with("env://") || text.starts_with("file://") || text.starts_with("vault://")
}

/// Resolves references, and opens sealed values.
pub(crate) struct Secrets {
    policy: SecretsPolicy,
    resolver: Option<Arc<dyn SecretResolver>>,
    sealer: Option<Arc<Sealer>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Secrets {
    pub(crate) fn new(policy: SecretsPolicy, resolvers: Resolvers) -> Secrets {
        Secrets { policy, resolver: resolvers.vault, sealer: resolvers.sealer }
    }

    /// The value that a text of an object stands for: what is sealed keeps its type, a reference is a text.
    pub(crate) fn value(&self, text: &str) -> Result<Value, SecretError> {
        if !is_sealed(text) {
            return self.resolve(text).map(Value::from);
        }
        let Some(sealer) = &self.sealer else {
            return Err(SecretError::permanent(
                "a sealed value, and this server has no key to open it: configure the age identity".to_owned(),
            ));
        };
        sealer.open(text).map_err(|e| SecretError::permanent(e.to_string()))
    }

    /// A reference from an object: only what the allow-list says.
    pub(crate) fn resolve(&self, reference: &str) -> Result<String, SecretError> {
        if let Some(name) = reference.strip_prefix("env://") {
            if !self.policy.env.iter().any(|pattern| wildcard(pattern, name)) {
                return Err(SecretError::permanent(format!(
                    "`{reference}` is not allowed: add `{name}` to `secrets.env` in the server's own configuration"
                )));
            }
        } else if reference.starts_with("file://") {
            self.check_file(reference)?;
        } else {
            let Some(resolver) = &self.resolver else {
                return Err(SecretError::permanent(format!("`{reference}`: this server has no resolver for vault:// references")));
            };
            return resolver.resolve(reference);
        }
        own(reference)
    }

    /// A text of the server's own configuration: itself, or what it refers to; no allow-list.
    pub(crate) fn own_text(&self, text: &str) -> Result<String, SecretError> {
        match (&self.resolver, text.starts_with("vault://")) {
            (Some(resolver), true) => resolver.resolve(text),
            _ if is_reference(text) => own(text),
            _ => Ok(text.to_owned()),
        }
    }

    fn check_file(&self, reference: &str) -> Result<(), SecretError> {
        let path = file_path(reference)?;
        let refused = || {
            SecretError::permanent(format!(
                "`{reference}` is not allowed: add its folder to `secrets.files` in the server's own configuration"
            ))
        };
        // Looked at only below an allowed folder, so that errors do not tell which other files exist.
        let written = std::path::Path::new(path);
        let plain = !written.components().any(|c| matches!(c, std::path::Component::ParentDir));
        if !plain || !self.policy.files.iter().any(|allowed| written.starts_with(allowed)) {
            return Err(refused());
        }
        let real = fs::canonicalize(written).map_err(|e| unreadable(reference, &e))?;
        let allowed = self.policy.files.iter().filter_map(|allowed| fs::canonicalize(allowed).ok());
        if allowed.into_iter().any(|allowed| real.starts_with(allowed)) { Ok(()) } else { Err(refused()) }
    }
}

fn file_path(reference: &str) -> Result<&str, SecretError> {
    match reference.strip_prefix("file://") {
        Some(path) if path.starts_with('/') => Ok(path),
        _ => Err(SecretError::permanent(format!("`{reference}`: expected env://NAME, file:///absolute/path or vault://…"))),
    }
}

fn unreadable(reference: &str, error: &std::io::Error) -> SecretError {
    SecretError { message: format!("`{reference}` cannot be read: {}", error.kind()), transient: true }
}

fn own(reference: &str) -> Result<String, SecretError> {
    if let Some(name) = reference.strip_prefix("env://") {
        return std::env::var(name).map_err(|_| {
            SecretError::permanent(format!("`{reference}`: the server's environment has no such variable, or it is not text"))
        });
    }
    if reference.starts_with("vault://") {
        return Err(SecretError::permanent(format!("`{reference}`: this server has no resolver for vault:// references")));
    }
    let path = file_path(reference)?;
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|e| unreadable(reference, &e))?;
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(|e| unreadable(reference, &e))?;
    if text.len() as u64 > LARGEST {
        return Err(SecretError::permanent(format!("`{reference}`: larger than {LARGEST} bytes")));
    }
    // Editors end a file with a line end that is no part of the secret.
    let kept = text.strip_suffix('\n').map_or(text.len(), |t| t.strip_suffix('\r').unwrap_or(t).len());
    text.truncate(kept);
    Ok(text)
}
