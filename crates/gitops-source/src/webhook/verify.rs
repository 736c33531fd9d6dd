//! Proofs that the sender knows the secret, compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::request::Request;
use super::{Provider, WebhookError};

/// A secret that is there to verify with.
pub(super) fn configured(secret: &Option<String>) -> Option<&str> {
    secret.as_deref().filter(|s| !s.is_empty())
}

/// Equality that takes as long for texts that differ early, late, or in length: their digests are compared.
fn same(left: &str, right: &str) -> bool {
    Sha256::digest(left).as_slice().ct_eq(Sha256::digest(right).as_slice()).into()
}

/// The HMAC SHA-256 of the body, in hex, in the first of `headers` that is there (after `prefix`).
pub(super) fn hmac(request: &Request<'_, '_>, secret: &Option<String>, headers: &[&'static str], prefix: &str) -> Result<(), WebhookError> {
    let provider = request.provider;
    let Some(secret) = configured(secret) else { return Ok(()) };
    let expected = headers.first().copied().unwrap_or_default();
    let found = headers.iter().find_map(|name| request.header(name).map(|value| (*name, value)));
    let Some((header, value)) = found else { return Err(WebhookError::MissingSignature { provider, header: expected }) };
    let digits = value.trim().strip_prefix(prefix).ok_or(WebhookError::MissingSignature { provider, header })?;
    let bad = WebhookError::BadSignature { provider, header };
    let Ok(signature) = hex::decode(digits) else { return Err(bad) };
    // Keys of any length are taken, so this cannot fail; if it did, the event would be refused.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return Err(bad) };
    mac.update(request.body);
    let computed = mac.finalize().into_bytes();
    if bool::from(computed.as_slice().ct_eq(&signature)) { Ok(()) } else { Err(bad) }
}

/// A header that holds the secret itself.
pub(super) fn token(request: &Request<'_, '_>, secret: &Option<String>, header: &'static str) -> Result<(), WebhookError> {
    let provider = request.provider;
    let Some(secret) = configured(secret) else { return Ok(()) };
    let bare = |text: &str| text.trim_matches(|c| matches!(c, '{' | '}')).to_owned();
    match request.header(header) {
        None => Err(WebhookError::MissingSignature { provider, header }),
        Some(value) if provider == Provider::BitbucketCloud && same(&bare(value), &bare(secret)) => Ok(()),
        Some(value) if same(value, secret) => Ok(()),
        Some(_) => Err(WebhookError::BadSignature { provider, header }),
    }
}

/// Basic authentication. Verified as soon as one of the two is configured; the other is then empty.
pub(super) fn basic(request: &Request<'_, '_>, user: &Option<String>, password: &Option<String>) -> Result<(), WebhookError> {
    const HEADER: &str = "authorization";
    let provider = request.provider;
    let (user, password) = match (configured(user), configured(password)) {
        (None, None) => return Ok(()),
        (user, password) => (user.unwrap_or_default(), password.unwrap_or_default()),
    };
    let expected = crate::credentials::basic(user, password);
    let given = request.header(HEADER).and_then(|value| value.trim().split_once(' '));
    match given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic")) {
        None => Err(WebhookError::MissingSignature { provider, header: HEADER }),
        Some((_, given)) if same(given.trim(), expected.header.trim_start_matches("Basic ")) => Ok(()),
        Some(_) => Err(WebhookError::BadSignature { provider, header: HEADER }),
    }
}
