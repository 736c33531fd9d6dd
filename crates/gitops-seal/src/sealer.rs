//! One value to a text and back.

use std::fmt;

use aes_gcm::aead::{Aead, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gitops_manifest::{Value, json};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const PREFIX: &str = "sealed:v1:";
const NONCE: usize = 12;
/// Texts are filled up to a multiple of this, so that they do not tell their length.
const STEP: usize = 32;

/// Whether a text is a sealed value.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Why a sealed value cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It was sealed with a key that this server no longer has.
    #[error("it was sealed with a key that this server does not have: put the age identity of that time back beside the new one")]
    OtherKey,
    /// It was changed, or is none.
    #[error("the sealed value is damaged")]
    Damaged,
}

struct Key {
    /// Which one, as written in what it sealed.
    id: String,
    cipher: Aes256Gcm,
    nonces: Zeroizing<[u8; 32]>,
}

impl Key {
    fn new(master: &[u8; 32]) -> Key {
        let derived = |purpose: &[u8]| mac(master, &[purpose]);
        Key { id: hex::encode(&derived(b"id")[..4]), cipher: Aes256Gcm::new(&(*derived(b"cipher")).into()), nonces: derived(b"nonce") }
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Seals with its first key, opens with all.
pub struct Sealer {
    first: Key,
    others: Vec<Key>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", self.first.id)
    }
}

impl Sealer {
    /// Takes secret, uniformly random (or derived) keys; the first seals. `None` without any.
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k [u8; 32]>) -> Option<Sealer> {
        let mut keys = keys.into_iter().map(Key::new);
        Some(Sealer { first: keys.next()?, others: keys.collect() })
    }

    /// The sealed text of a value. `place`: where it stands; see the crate.
    pub fn seal(&self, value: &Value, place: &str) -> String {
        let mut plain = Zeroizing::new(json::print(value));
        // Blanks behind JSON mean nothing.
        let missing = STEP - plain.len() % STEP;
        plain.extend(std::iter::repeat_n(' ', missing));
        let nonce = mac(&self.first.nonces, &[place.as_bytes(), plain.as_bytes()]);
        let nonce = &nonce[..NONCE];
        let payload = Payload { msg: plain.as_bytes(), aad: PREFIX.as_bytes() };
        let sealed = Nonce::<Aes256Gcm>::try_from(nonce).ok().and_then(|nonce| self.first.cipher.encrypt(&nonce, payload).ok());
        let sealed = sealed.expect("a nonce of 12 bytes, and a text below 64 GiB");
        format!("{PREFIX}{}:{}", self.first.id, URL_SAFE_NO_PAD.encode([nonce, &sealed].concat()))
    }

    /// The value that a sealed text stands for.
    ///
    /// # Errors
    /// When it is damaged, or was sealed with another key.
    pub fn open(&self, text: &str) -> Result<Value, OpenError> {
        let (id, data) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':')).ok_or(OpenError::Damaged)?;
        let key = [&self.first].into_iter().chain(&self.others).find(|key| key.id == id).ok_or(OpenError::OtherKey)?;
        let data = URL_SAFE_NO_PAD.decode(data).map_err(|_| OpenError::Damaged)?;
        let (nonce, sealed) = data.split_at_checked(NONCE).ok_or(OpenError::Damaged)?;
        let nonce = Nonce::<Aes256Gcm>::try_from(nonce).map_err(|_| OpenError::Damaged)?;
        let plain = key.cipher.decrypt(&nonce, Payload { msg: sealed, aad: PREFIX.as_bytes() }).map(Zeroizing::new);
        json::parse(&plain.map_err(|_| OpenError::Damaged)?, "").map_err(|_| OpenError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_with_its_type_and_equal_values_are_equal_at_one_place_only() {
        let sealer = Sealer::new([&[7; 32]]).unwrap();
        for value in [Value::from("text"), Value::from(5), Value::from(true), Value::Null] {
            assert_eq!(sealer.open(&sealer.seal(&value, "a")).unwrap(), value);
        }
        let text = Value::from("text");
        assert_eq!(sealer.seal(&text, "a"), sealer.seal(&text, "a"));
        assert_ne!(sealer.seal(&text, "a"), sealer.seal(&text, "b"));
        assert_eq!(sealer.seal(&text, "a").len(), sealer.seal(&Value::from("longer than text"), "a").len());
    }

    #[test]
    fn a_new_key_still_opens_what_the_old_one_sealed() {
        let (old, new) = ([1; 32], [2; 32]);
        let sealed = Sealer::new([&old]).unwrap().seal(&Value::from("x"), "");
        assert_eq!(Sealer::new([&new, &old]).unwrap().open(&sealed), Ok(Value::from("x")));
        assert_eq!(Sealer::new([&new]).unwrap().open(&sealed), Err(OpenError::OtherKey));
        let mut damaged = sealed.clone();
        damaged.replace_range(sealed.len() - 2.., "AA");
        assert_eq!(Sealer::new([&old]).unwrap().open(&damaged), Err(OpenError::Damaged));
        assert!(Sealer::new([]).is_none());
    }
}
