//! age files, read with X25519 identities.
//!
//! Rule: the age format, version 1 (`age-encryption.org/v1`): a header of stanzas that each wrap the file key for one
//! recipient, a MAC over it, and a payload in chunks of 64 KiB. Only what SOPS needs is here: reading, and recipients that
//! are X25519 keys. The primitives are those of well-known crates; the whole age crate would be 100 more of them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::bech32;

const VERSION: &[u8] = b"age-encryption.org/v1\n";
const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// Why a line is no identity. The text itself is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct IdentityError {
    file: String,
    line: usize,
    reason: &'static str,
}

/// An age secret key. Its memory is cleared when it is dropped; it is never printed.
pub struct Identity {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.recipient())
    }
}

impl Identity {
    /// Reads `AGE-SECRET-KEY-1…`.
    pub fn parse(text: &str) -> Option<Identity> {
        let (hrp, bytes) = bech32::decode(text)?;
        let secret: [u8; 32] = bytes.as_slice().try_into().ok().filter(|_| hrp == "age-secret-key-")?;
        let secret = Zeroizing::new(secret);
        let public = x25519_dalek::x25519(*secret, x25519_dalek::X25519_BASEPOINT_BYTES);
        Some(Identity { secret, public })
    }

    /// Reads a file as `age-keygen` writes it: one identity a line, comments with `#`. `file` names it in errors.
    ///
    /// # Errors
    /// For a line that is neither, and for a file without any.
    pub fn parse_file(text: &str, file: &str) -> Result<Vec<Identity>, IdentityError> {
        let mut identities = Vec::new();
        let wrong = |line: usize, reason| IdentityError { file: file.to_owned(), line, reason };
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            identities.push(Identity::parse(line).ok_or_else(|| {
                let reason = if line.starts_with("AGE-SECRET-KEY-PQ-1") {
                    "a post-quantum identity: only X25519 identities (AGE-SECRET-KEY-1…) are read"
                } else if line.starts_with("AGE-PLUGIN-") {
                    "an identity of a plug-in, which is a program that would have to be run: only AGE-SECRET-KEY-1… is read"
                } else if line.starts_with("-----BEGIN") {
                    "an SSH key: only age's own identities (AGE-SECRET-KEY-1…) are read"
                } else {
                    "not an age identity: a line is AGE-SECRET-KEY-1… or a comment"
                };
                wrong(i + 1, reason)
            })?);
        }
        if identities.is_empty() {
            return Err(wrong(1, "no identity in it: age-keygen makes one"));
        }
        Ok(identities)
    }

    /// What is encrypted to: `age1…`.
    pub fn recipient(&self) -> String {
        bech32::encode("age", &self.public)
    }

    /// A key for another purpose that only who has this identity can derive.
    pub fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        hkdf(self.secret.as_slice(), b"", purpose)
    }

    fn unwrap(&self, ephemeral: &[u8; 32], body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let shared = Zeroizing::new(x25519_dalek::x25519(*self.secret, *ephemeral));
        if shared.iter().all(|b| *b == 0) {
            return None;
        }
        let mut salt = [0; 64];
        salt[..32].copy_from_slice(ephemeral);
        salt[32..].copy_from_slice(&self.public);
        let key = hkdf(shared.as_slice(), &salt, b"age-encryption.org/v1/X25519");
        open(&key, &[0; 12], body).filter(|key| key.len() == 16)
    }
}

fn hkdf(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), secret).expand(info, key.as_mut_slice()).expect("32 bytes are within HKDF's bound");
    key
}

fn open(key: &[u8; 32], nonce: &[u8; 12], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = ChaCha20Poly1305::new(&Key::from(*key));
    cipher.decrypt(&Nonce::from(*nonce), sealed).ok().map(Zeroizing::new)
}

/// Decrypts an armoured or plain age file with whichever identity fits.
pub(crate) fn decrypt(text: &str, identities: &[Identity]) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    const DAMAGED: &str = "not an age file, or a damaged one";
    let bytes = dearmoured(text).ok_or(DAMAGED)?;
    let header = Header::parse(&bytes).ok_or(DAMAGED)?;
    let tried = header.stanzas.iter().flat_map(|(share, body)| identities.iter().filter_map(|i| i.unwrap(share, body)));
    let Some(file_key) = tried.into_iter().next() else { return Err("no identity fits") };
    let mut mac = Hmac::<Sha256>::new_from_slice(hkdf(&file_key, b"", b"header").as_slice()).expect("HMAC takes any key");
    mac.update(header.covered);
    mac.verify_slice(&header.mac).map_err(|_| "the header was changed")?;
    let (nonce, payload) = header.payload.split_at_checked(16).ok_or(DAMAGED)?;
    chunks(payload, &hkdf(&file_key, nonce, b"payload")).ok_or("the payload was changed or cut off")
}

fn chunks(payload: &[u8], key: &[u8; 32]) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(payload.len()));
    let all: Vec<&[u8]> = payload.chunks(CHUNK + TAG).collect();
    for (i, chunk) in all.iter().enumerate() {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&(i as u64).to_be_bytes());
        nonce[11] = u8::from(i + 1 == all.len());
        plain.extend_from_slice(&open(key, &nonce, chunk)?);
    }
    (!all.is_empty()).then_some(plain)
}

fn dearmoured(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let Some(body) = text.strip_prefix(BEGIN) else { return Some(text.as_bytes().to_vec()) };
    let body = body.strip_suffix(END)?;
    STANDARD.decode(body.bytes().filter(|b| !b.is_ascii_whitespace()).collect::<Vec<_>>()).ok()
}

/// What precedes the payload.
struct Header<'a> {
    /// Of X25519 stanzas, the share and the body.
    stanzas: Vec<([u8; 32], Vec<u8>)>,
    /// What the MAC covers.
    covered: &'a [u8],
    mac: Vec<u8>,
    payload: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(file: &'a [u8]) -> Option<Header<'a>> {
        let mut rest = file.strip_prefix(VERSION)?;
        let mut stanzas = Vec::new();
        loop {
            let first = line(&mut rest)?;
            if let Some(mac) = first.strip_prefix("--- ") {
                let before = file.len() - rest.len() - mac.len() - 2;
                return Some(Header { stanzas, covered: &file[..before], mac: STANDARD_NO_PAD.decode(mac).ok()?, payload: rest });
            }
            let mut words = first.strip_prefix("-> ")?.split(' ');
            let (kind, share) = (words.next()?, words.next());
            let mut body = String::new();
            loop {
                let part = line(&mut rest)?;
                body.push_str(part);
                // A line that is not full ends the body.
                if part.len() < 64 {
                    break;
                }
            }
            let share = share.and_then(|share| STANDARD_NO_PAD.decode(share).ok()).and_then(|share| share.try_into().ok());
            if let (Some(share), "X25519") = (share, kind) {
                stanzas.push((share, STANDARD_NO_PAD.decode(body).ok()?));
            }
        }
    }
}

fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|b| *b == b'\n')?;
    let (line, after) = rest.split_at(end);
    *rest = &after[1..];
    std::str::from_utf8(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_identities_are_read_and_their_faults_named_without_the_text() {
        let e = Identity::parse_file("# a comment\n\nAGE-SECRET-KEY-1TYPO\n", "keys.txt").unwrap_err().to_string();
        assert_eq!(e, "keys.txt:3: not an age identity: a line is AGE-SECRET-KEY-1… or a comment");
        assert!(Identity::parse_file("# none\n", "keys.txt").unwrap_err().to_string().contains("no identity"));
        assert!(Identity::parse_file("AGE-SECRET-KEY-PQ-1AAA\n", "k").unwrap_err().to_string().contains("post-quantum"));
    }
}
