//! Public keys of the algorithms that are read, and whether a signature is by one.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, RsaPublicKey};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::packet::{Signature, integer, take};

const RSA: [u8; 2] = [1, 3];
const ECDSA: u8 = 19;
const EDDSA: u8 = 22;
const ED25519: u8 = 27;
/// Object identifiers of curves: P-256, and Ed25519 as it was called first.
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const EDWARDS: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x0F, 0x01];
/// Shorter RSA keys can be broken.
const SHORTEST: usize = 2048;

#[derive(Clone)]
pub(super) enum Material {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl Material {
    /// Reads what stands in a key's packet behind the algorithm.
    pub(super) fn parse(algorithm: u8, mut bytes: &[u8]) -> Option<Material> {
        let bytes = &mut bytes;
        if RSA.contains(&algorithm) {
            let (n, e) = (integer(bytes)?, integer(bytes)?);
            let number = |digits: &[u8]| BoxedUint::from_be_slice_vartime(digits);
            let key = RsaPublicKey::new(number(n), number(e)).ok()?;
            return (key.size() * 8 >= SHORTEST).then_some(Material::Rsa(key));
        }
        if algorithm == ED25519 {
            return Some(Material::Ed25519(ed25519_dalek::VerifyingKey::from_bytes(take(bytes, 32)?.try_into().ok()?).ok()?));
        }
        let count = take(bytes, 1)?[0];
        let (curve, point) = (take(bytes, count.into())?, integer(bytes)?);
        match (algorithm, curve) {
            (ECDSA, P256) => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Material::P256),
            (EDDSA, EDWARDS) => {
                let point = point.strip_prefix(&[0x40])?.try_into().ok()?;
                ed25519_dalek::VerifyingKey::from_bytes(point).ok().map(Material::Ed25519)
            }
            _ => None,
        }
    }

    /// Whether the signature over `data` is by this key.
    pub(super) fn verify(&self, signature: &Signature, data: &[&[u8]]) -> bool {
        self.try_verify(signature, data).is_some()
    }

    fn try_verify(&self, signature: &Signature, data: &[&[u8]]) -> Option<()> {
        let (hash, hashed) = signature.hashed(data)?;
        let mut numbers = &signature.numbers[..];
        match self {
            Material::Rsa(key) if RSA.contains(&signature.algorithm) => {
                let scheme = match hash {
                    2 => Pkcs1v15Sign::new::<Sha1>(),
                    8 => Pkcs1v15Sign::new::<Sha256>(),
                    9 => Pkcs1v15Sign::new::<Sha384>(),
                    _ => Pkcs1v15Sign::new::<Sha512>(),
                };
                let mut number = vec![0; key.size()];
                padded(integer(&mut numbers)?, &mut number)?;
                key.verify(scheme, &hashed, &number).ok()
            }
            Material::P256(key) if signature.algorithm == ECDSA => {
                let (mut r, mut s) = ([0; 32], [0; 32]);
                padded(integer(&mut numbers)?, &mut r)?;
                padded(integer(&mut numbers)?, &mut s)?;
                let signature = p256::ecdsa::Signature::from_scalars(r, s).ok()?;
                key.verify_prehash(&hashed, &signature).ok()
            }
            Material::Ed25519(key) if [EDDSA, ED25519].contains(&signature.algorithm) => {
                let mut both = [0; 64];
                if signature.algorithm == ED25519 {
                    both.copy_from_slice(take(&mut numbers, 64)?);
                } else {
                    let (r, s) = both.split_at_mut(32);
                    padded(integer(&mut numbers)?, r)?;
                    padded(integer(&mut numbers)?, s)?;
                }
                key.verify_strict(&hashed, &ed25519_dalek::Signature::from_bytes(&both)).ok()
            }
            _ => None,
        }
    }
}

/// Numbers are written without zeros before them, which the algorithms want.
fn padded(number: &[u8], into: &mut [u8]) -> Option<()> {
    let start = into.len().checked_sub(number.len())?;
    into[start..].copy_from_slice(number);
    Some(())
}
