//! The keys of a keyring: primary keys and subkeys with what their own signatures say of them.

use sha1::{Digest as _, Sha1};

use super::material::Material;
use super::packet::{self, Packet, Signature};

const SECRET: [u8; 2] = [5, 7];
const PRIMARY: u8 = 6;
const USER_ID: u8 = 13;
const SUBKEY: u8 = 14;
const USER_ATTRIBUTE: u8 = 17;
/// Signatures by their kind: of a user id, a subkey, a key itself; and what takes them back.
const CERTIFICATION: std::ops::RangeInclusive<u8> = 0x10..=0x13;
const BINDING: u8 = 0x18;
const BACK: u8 = 0x19;
const DIRECT: u8 = 0x1F;
const KEY_REVOKED: u8 = 0x20;
const SUBKEY_REVOKED: u8 = 0x28;
const USER_ID_REVOKED: u8 = 0x30;
/// The flag of keys that may sign data.
const MAY_SIGN: u8 = 2;

/// A key that signatures may be by.
#[derive(Clone)]
pub(super) struct Key {
    fingerprint: [u8; 20],
    pub(super) material: Material,
    /// When it was made, in seconds since 1970.
    pub(super) created: u64,
    pub(super) expires: Option<u64>,
    /// Why no signature of it counts.
    pub(super) refused: Option<&'static str>,
}

impl Key {
    pub(super) fn id(&self) -> [u8; 8] {
        let mut id = [0; 8];
        id.copy_from_slice(&self.fingerprint[12..]);
        id
    }
}

/// A packet with the signatures behind it.
struct Part<'b> {
    tag: u8,
    body: &'b [u8],
    signatures: Vec<Signature>,
}

/// All keys that can be used, and those of which no signature counts: they explain a refusal.
pub(super) fn keys(bytes: &[u8]) -> Result<Vec<Key>, String> {
    let mut certificates: Vec<Vec<Part<'_>>> = Vec::new();
    for Packet { tag, body } in packet::packets(bytes)? {
        let part = || Part { tag, body, signatures: Vec::new() };
        match (tag, certificates.last_mut()) {
            (tag, _) if SECRET.contains(&tag) => return Err("it holds a secret key, which must not lie here".to_owned()),
            (PRIMARY, _) => certificates.push(vec![part()]),
            (USER_ID | SUBKEY | USER_ATTRIBUTE, Some(certificate)) => certificate.push(part()),
            (packet::SIGNATURE, Some(certificate)) => {
                // One that cannot be read says nothing.
                let last = certificate.last_mut().map(|part| &mut part.signatures);
                last.into_iter().for_each(|signatures| signatures.extend(Signature::parse(body)));
            }
            _ => {}
        }
    }
    let keys: Vec<Key> = certificates.iter().flat_map(|parts| certificate(parts)).collect();
    if keys.is_empty() {
        Err("it holds no key that can be used (RSA of 2048 bits and more, Ed25519, ECDSA on P-256)".to_owned())
    } else {
        Ok(keys)
    }
}

fn certificate(parts: &[Part<'_>]) -> Vec<Key> {
    let Some((primary, others)) = parts.split_first() else { return Vec::new() };
    let Some(mut key) = bare_key(primary.body) else { return Vec::new() };
    let own = framed_key(primary.body);
    // The newest counts.
    let newest = own_signatures(primary, others, &key, &own).into_iter().max_by_key(|signature| signature.created);
    key.expires = newest.and_then(|signature| expiry(&key, signature));
    let is_revoked = primary.signatures.iter().any(|s| s.kind == KEY_REVOKED && key.material.verify(s, &[&own]));
    let whole = match newest {
        _ if is_revoked => Some("is revoked"),
        None => Some("has no valid user id"),
        Some(_) => None,
    };
    let may_sign = newest.is_some_and(|signature| signature.flags.is_none_or(|flags| flags & MAY_SIGN != 0));
    key.refused = whole.or((!may_sign).then_some("may not be used for signatures"));
    let mut keys = Vec::new();
    for part in others.iter().filter(|part| part.tag == SUBKEY) {
        if let Some(mut subkey) = subkey(&key, &own, part) {
            subkey.refused = whole.or(subkey.refused);
            keys.push(subkey);
        }
    }
    keys.push(key);
    keys
}

/// What the key says of itself, by its user ids and directly.
fn own_signatures<'p>(primary: &'p Part<'_>, others: &'p [Part<'_>], key: &Key, own: &[u8]) -> Vec<&'p Signature> {
    let direct = primary.signatures.iter().filter(|s| s.kind == DIRECT && key.material.verify(s, &[own]));
    let mut all: Vec<&Signature> = direct.collect();
    for user in others.iter().filter(|part| part.tag == USER_ID) {
        let mut named = vec![0xB4];
        named.extend(u32::try_from(user.body.len()).unwrap_or(u32::MAX).to_be_bytes());
        named.extend(user.body);
        let is_own = |signature: &&Signature| key.material.verify(signature, &[own, &named]);
        let is_revoked = user.signatures.iter().filter(|s| s.kind == USER_ID_REVOKED).any(|s| is_own(&s));
        if !is_revoked {
            all.extend(user.signatures.iter().filter(|s| CERTIFICATION.contains(&s.kind)).filter(is_own));
        }
    }
    all
}

/// A subkey that may sign: its primary key says so, and it says whose it is.
fn subkey(primary: &Key, own: &[u8], part: &Part<'_>) -> Option<Key> {
    let mut key = bare_key(part.body)?;
    let framed = framed_key(part.body);
    let both = [own, &framed];
    let of_primary = |kind: u8| part.signatures.iter().filter(move |s| s.kind == kind).filter(|s| primary.material.verify(s, &both));
    let binding = of_primary(BINDING).max_by_key(|signature| signature.created)?;
    let back = binding.embedded.as_ref().and_then(|bytes| Signature::parse(bytes).ok());
    let is_bound = back.is_some_and(|back| back.kind == BACK && key.material.verify(&back, &both));
    key.refused = if of_primary(SUBKEY_REVOKED).next().is_some() {
        Some("is revoked")
    } else if !is_bound || binding.flags.is_none_or(|flags| flags & MAY_SIGN == 0) {
        Some("may not be used for signatures")
    } else {
        None
    };
    key.expires = [primary.expires, expiry(&key, binding)].into_iter().flatten().min();
    Some(key)
}

fn expiry(key: &Key, signature: &Signature) -> Option<u64> {
    let of_key = signature.key_lifetime.map(|lifetime| key.created.saturating_add(lifetime));
    [of_key, signature.expires()].into_iter().flatten().min()
}

fn bare_key(mut body: &[u8]) -> Option<Key> {
    let fingerprint = Sha1::digest(framed_key(body)).into();
    let [4, a, b, c, d, algorithm] = *packet::take(&mut body, 6)? else { return None };
    let created = u64::from(u32::from_be_bytes([a, b, c, d]));
    Some(Key { fingerprint, material: Material::parse(algorithm, body)?, created, expires: None, refused: None })
}

/// As hashes take it.
fn framed_key(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![0x99];
    framed.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    framed.extend(body);
    framed
}
