//! One value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::item::Scalar;

/// How every value begins.
pub(crate) const PREFIX: &str = "ENC[AES256_GCM,";

/// AES-256-GCM with SOPS's nonce of 32 bytes.
type Gcm = AesGcm<Aes256, U32>;

/// A value as written.
pub(crate) struct Sealed<'a> {
    data: &'a str,
    iv: &'a str,
    tag: &'a str,
    kind: &'a str,
}

/// What a value is.
pub(crate) enum Opened {
    Scalar(Scalar),
    Comment(Vec<u8>),
}

impl<'a> Sealed<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Sealed<'a>> {
        let inner = text.strip_prefix(PREFIX)?.strip_suffix(']')?;
        let mut fields = inner.split(',');
        let mut field = |name: &str| fields.next()?.strip_prefix(name);
        let (data, iv, tag, kind) = (field("data:")?, field("iv:")?, field("tag:")?, field("type:")?);
        fields.next().is_none().then_some(Sealed { data, iv, tag, kind })
    }

    /// Decrypts. The reason of a failure holds nothing of the value.
    pub(crate) fn open(&self, key: &DataKey, path: &str) -> Result<Opened, &'static str> {
        let plain = self.decrypted(key, path)?;
        let text = || std::str::from_utf8(&plain).map_err(|_| "the value is no text");
        Ok(Opened::Scalar(match self.kind {
            "str" | "bytes" => Scalar::Text(plain.to_vec()),
            "int" => Scalar::Int(text()?.parse().map_err(|_| "the value is no int, although it says so")?),
            "float" => Scalar::Float(text()?.parse().map_err(|_| "the value is no float, although it says so")?),
            // As Go reads them: SOPS writes `True` and `False`, older ones otherwise.
            "bool" => match text()? {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Scalar::Bool(true),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Scalar::Bool(false),
                _ => return Err("the value is no bool, although it says so"),
            },
            "time" => Scalar::Time(text()?.to_owned()),
            "comment" => return Ok(Opened::Comment(plain.to_vec())),
            _ => return Err("its type is unknown"),
        }))
    }

    fn decrypted(&self, key: &DataKey, path: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| "it is not valid base64");
        let (mut sealed, iv, tag) = (decode(self.data)?, decode(self.iv)?, decode(self.tag)?);
        sealed.extend_from_slice(&tag);
        let nonce = Nonce::<Gcm>::try_from(iv.as_slice()).map_err(|_| "its iv is not 32 bytes long")?;
        let plain = key.0.decrypt(&nonce, Payload { msg: &sealed, aad: path.as_bytes() });
        plain.map(Zeroizing::new).map_err(|_| "it was changed, moved to another field, or encrypted with another key")
    }
}

/// The key of one file, ready to use.
pub(crate) struct DataKey(Gcm);

impl DataKey {
    /// `None` when it has not 32 bytes.
    pub(crate) fn new(bytes: &[u8]) -> Option<DataKey> {
        Gcm::new_from_slice(bytes).ok().map(DataKey)
    }
}
