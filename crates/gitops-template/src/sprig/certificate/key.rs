//! Private keys: RSA, ECDSA on P-256, Ed25519; and DSA, which can be made and kept but signs nothing.

use p256::ecdsa::signature::Signer as _;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::signature::SignatureEncoding as _;
use sha2::{Digest, Sha256};

use super::der::{self, Reader};
use super::pem;

/// Object identifiers, encoded.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

pub(super) enum PrivateKey {
    Rsa(Box<rsa::RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    /// The encoded key.
    Dsa(Vec<u8>),
}

/// Random bytes without end, out of one key: block `n` is the SHA-256 of the key and `n`.
pub(super) struct Stream {
    pub(super) key: [u8; 32],
    pub(super) block: u64,
}

impl TryRng for Stream {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(32) {
            let block = Sha256::new().chain_update(self.key).chain_update(self.block.to_le_bytes()).finalize();
            self.block += 1;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

impl PrivateKey {
    pub(super) fn rsa(stream: &mut Stream, bits: usize) -> Result<PrivateKey, String> {
        rsa::RsaPrivateKey::new(stream, bits).map(|key| PrivateKey::Rsa(Box::new(key))).map_err(|e| e.to_string())
    }

    pub(super) fn p256(stream: &mut Stream) -> PrivateKey {
        loop {
            // Nearly every number is below the curve's order; the others are drawn again.
            if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&bytes(stream)) {
                return PrivateKey::P256(key);
            }
        }
    }

    pub(super) fn ed25519(stream: &mut Stream) -> PrivateKey {
        PrivateKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&bytes(stream)))
    }

    pub(super) fn dsa(stream: &mut Stream) -> Result<PrivateKey, String> {
        let components = dsa::Components::try_generate_from_rng_with_key_size(stream, dsa::KeySize::DSA_2048_256);
        let components = components.map_err(|e| e.to_string())?;
        let key = dsa::SigningKey::try_generate_from_rng_with_components(stream, components).map_err(|e| e.to_string())?;
        let public = key.verifying_key();
        let numbers = [
            public.components().p().to_be_bytes(),
            public.components().q().to_be_bytes(),
            public.components().g().to_be_bytes(),
            public.y().to_be_bytes(),
            key.x().to_be_bytes(),
        ];
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| der::integer(number)).collect();
        Ok(PrivateKey::Dsa(der::sequence(&[&der::integer(&[]), &numbers])))
    }

    /// Reads a key as the reference writes it, and PKCS #8.
    pub(super) fn parse(text: &[u8]) -> Result<PrivateKey, String> {
        let (kind, der) = pem::decode(text).ok_or("no PEM data in input")?;
        if kind == "PRIVATE KEY" {
            return pkcs8(&der).ok_or_else(|| "decoding PEM as PKCS#8: not a key of a known kind".to_owned());
        }
        let Some(name) = kind.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {kind}"));
        };
        match name {
            "RSA" => match rsa::RsaPrivateKey::from_pkcs1_der(&der) {
                Ok(key) => Ok(PrivateKey::Rsa(Box::new(key))),
                Err(e) => Err(format!("parsing RSA private key from PEM: {e}")),
            },
            "EC" => sec1(&der, None).ok_or_else(|| "parsing EC private key from PEM: not a key on P-256".to_owned()),
            "DSA" => match dsa_numbers(&der) {
                true => Ok(PrivateKey::Dsa(der)),
                false => Err("parsing DSA private key from PEM: not six numbers".to_owned()),
            },
            _ => Err(format!("invalid private key type {name}")),
        }
    }

    pub(super) fn to_pem(&self) -> Result<String, String> {
        Ok(match self {
            PrivateKey::Rsa(key) => pem::encode("RSA PRIVATE KEY", key.to_pkcs1_der().map_err(|e| e.to_string())?.as_bytes()),
            PrivateKey::P256(key) => {
                let curve = der::value(0xa0, &[&der::value(der::OBJECT, &[P256])]);
                let public = der::value(0xa1, &[&der::bits(0, &self.public_bytes()?)]);
                let private = der::value(der::OCTET_STRING, &[&key.to_bytes()]);
                pem::encode("EC PRIVATE KEY", &der::sequence(&[&der::integer(&[1]), &private, &curve, &public]))
            }
            PrivateKey::Ed25519(key) => {
                let private = der::value(der::OCTET_STRING, &[&der::value(der::OCTET_STRING, &[&key.to_bytes()])]);
                pem::encode("PRIVATE KEY", &der::sequence(&[&der::integer(&[]), &self.signature_algorithm()?, &private]))
            }
            PrivateKey::Dsa(der) => pem::encode("DSA PRIVATE KEY", der),
        })
    }

    /// What certificates hold as the public key's bits.
    pub(super) fn public_bytes(&self) -> Result<Vec<u8>, String> {
        Ok(match self {
            PrivateKey::Rsa(key) => key.to_public_key().to_pkcs1_der().map_err(|e| e.to_string())?.as_bytes().to_vec(),
            PrivateKey::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            PrivateKey::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            PrivateKey::Dsa(_) => return Err(NO_SIGNER.to_owned()),
        })
    }

    /// The public key with its algorithm, encoded.
    pub(super) fn public_key(&self) -> Result<Vec<u8>, String> {
        let algorithm = match self {
            PrivateKey::Rsa(_) => algorithm(RSA, &der::value(der::NULL, &[])),
            PrivateKey::P256(_) => algorithm(EC, &der::value(der::OBJECT, &[P256])),
            PrivateKey::Ed25519(_) | PrivateKey::Dsa(_) => algorithm(ED25519, &[]),
        };
        Ok(der::sequence(&[&algorithm, &der::bits(0, &self.public_bytes()?)]))
    }

    /// How this key signs, encoded.
    pub(super) fn signature_algorithm(&self) -> Result<Vec<u8>, String> {
        Ok(match self {
            PrivateKey::Rsa(_) => algorithm(RSA_SHA256, &der::value(der::NULL, &[])),
            PrivateKey::P256(_) => algorithm(ECDSA_SHA256, &[]),
            PrivateKey::Ed25519(_) => algorithm(ED25519, &[]),
            PrivateKey::Dsa(_) => return Err(NO_SIGNER.to_owned()),
        })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            PrivateKey::Rsa(key) => {
                let signer = rsa::pkcs1v15::SigningKey::<Sha256>::new(key.as_ref().clone());
                signer.try_sign(message).map(|signature| signature.to_vec()).map_err(|e| e.to_string())
            }
            PrivateKey::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(|e| e.to_string())?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            PrivateKey::Ed25519(key) => key.try_sign(message).map(|signature| signature.to_bytes().to_vec()).map_err(|e| e.to_string()),
            PrivateKey::Dsa(_) => Err(NO_SIGNER.to_owned()),
        }
    }
}

/// What Go says of a DSA key.
const NO_SIGNER: &str = "x509: certificate private key does not implement crypto.Signer";

fn bytes(stream: &mut Stream) -> [u8; 32] {
    let mut bytes = [0; 32];
    // The stream cannot fail: its error type has no values.
    let Ok(()) = stream.try_fill_bytes(&mut bytes);
    bytes
}

fn algorithm(object: &[u8], parameters: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::value(der::OBJECT, &[object]), parameters])
}

fn pkcs8(der: &[u8]) -> Option<PrivateKey> {
    let mut info = Reader::new(der).inside(der::SEQUENCE)?;
    info.content(der::INTEGER)?;
    let mut algorithm = info.inside(der::SEQUENCE)?;
    let object = algorithm.content(der::OBJECT)?;
    let key = info.content(der::OCTET_STRING)?;
    match object {
        RSA => rsa::RsaPrivateKey::from_pkcs8_der(der).ok().map(|key| PrivateKey::Rsa(Box::new(key))),
        EC => sec1(key, algorithm.content(der::OBJECT)),
        ED25519 => {
            let seed = Reader::new(key).content(der::OCTET_STRING)?;
            Some(PrivateKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(seed.try_into().ok()?)))
        }
        _ => None,
    }
}

/// A key on a curve; the curve may be named inside, or outside.
fn sec1(der: &[u8], curve: Option<&[u8]>) -> Option<PrivateKey> {
    let mut key = Reader::new(der).inside(der::SEQUENCE)?;
    key.content(der::INTEGER).filter(|version| *version == [1])?;
    let number = key.content(der::OCTET_STRING)?;
    let named = key.inside(0xa0).and_then(|mut inside| inside.content(der::OBJECT));
    if curve.or(named) != Some(P256) {
        return None;
    }
    p256::ecdsa::SigningKey::from_slice(number).ok().map(PrivateKey::P256)
}

fn dsa_numbers(der: &[u8]) -> bool {
    let Some(mut key) = Reader::new(der).inside(der::SEQUENCE) else { return false };
    (0..6).all(|_| key.content(der::INTEGER).is_some()) && key.is_empty()
}
