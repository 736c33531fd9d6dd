//! The whole way of one file.

use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::cipher::{DataKey, Opened, PREFIX, Sealed};
use crate::error::SopsError;
use crate::format::{self, Format, Loaded};
use crate::item::{Leaf, Scalar, walk};
use crate::key::Keys;
use crate::metadata::Metadata;

/// What begins a MAC over encrypted values only, so that it differs from one over all. Rule: SOPS; SHA-256 of `sops`.
const MAC_ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f,
    0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// A decrypted file.
pub struct Decrypted {
    bytes: Vec<u8>,
    secrets: Vec<Zeroizing<String>>,
}

impl Decrypted {
    /// The file as it was before it was encrypted.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The texts of all that was encrypted, comments left out: what must not be shown. Numbers and booleans are as JSON
    /// writes them; what is no text is left out.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|s| s.as_str())
    }
}

impl Drop for Decrypted {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl std::fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decrypted({} bytes, {} secrets)", self.bytes.len(), self.secrets.len())
    }
}

/// Whether a file looks as SOPS writes it: cheap, for every file that is read. The name decides on the format.
pub fn is_encrypted(bytes: &[u8], file: &str) -> bool {
    let has = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    // The MAC is a value of this form in every file, even where nothing else is encrypted.
    if !bytes.contains(&b'[') || !has(PREFIX) {
        return false;
    }
    let line_starts_with = |text: &str| bytes.split(|b| *b == b'\n').any(|line| line.starts_with(text.as_bytes()));
    match Format::of(file) {
        Format::Yaml => line_starts_with("sops:") || line_starts_with("\"sops\":") || has("\"sops\""),
        Format::Json | Format::Binary => has("\"sops\""),
        Format::Dotenv => line_starts_with("sops_"),
        Format::Ini => line_starts_with("[sops]"),
    }
}

/// Decrypts a file in memory. `file` is its name: for the format, and for errors.
///
/// # Errors
/// When it is damaged, no key fits, or its MAC does not.
pub fn decrypt(bytes: &[u8], file: &str, keys: &Keys) -> Result<Decrypted, SopsError> {
    let mut loaded = format::load(Format::of(file), bytes, file)?;
    let metadata = Metadata::parse(&loaded.metadata).map_err(|reason| SopsError::malformed(file, reason))?;
    let key = keys.data_key(&metadata, file)?;
    let key = DataKey::new(&key).ok_or_else(|| SopsError::malformed(file, "its data key is not 32 bytes long"))?;
    let secrets = open_values(&mut loaded, &metadata, &key, file)?;
    let bytes = format::print(&loaded, &key, file)?;
    Ok(Decrypted { bytes, secrets })
}

fn open_values(loaded: &mut Loaded<'_>, metadata: &Metadata, key: &DataKey, file: &str) -> Result<Vec<Zeroizing<String>>, SopsError> {
    let mut secrets = Vec::new();
    let mut hash = Sha512::new();
    if metadata.mac_only_encrypted {
        hash.update(MAC_ONLY_ENCRYPTED);
    }
    for document in &mut loaded.documents {
        walk(document, &mut Vec::new(), &mut |path, leaf: &mut Leaf, is_comment| {
            let (encrypted, is_comment) = open_leaf(path, leaf, is_comment, metadata, key, file)?;
            if !is_comment && (encrypted || !metadata.mac_only_encrypted) {
                let bytes = Zeroizing::new(leaf.value.to_bytes());
                hash.update(bytes.as_slice());
            }
            if leaf.opened && !is_comment {
                secrets.extend(secret(&leaf.value));
            }
            Ok(())
        })?;
    }
    let expected = Sealed::parse(&metadata.mac).ok_or_else(|| SopsError::malformed(file, "its mac is not encrypted"))?;
    let mismatch = || SopsError::Mac { file: file.to_owned() };
    let Ok(Opened::Scalar(expected)) = expected.open(key, &metadata.last_modified) else { return Err(mismatch()) };
    let computed: String = hash.finalize().iter().map(|b| format!("{b:02X}")).collect();
    let fits: bool = expected.to_bytes().ct_eq(computed.as_bytes()).into();
    if fits { Ok(secrets) } else { Err(mismatch()) }
}

/// Decrypts one value in its place. Returns whether it is one that the rule encrypts, and whether it is a comment.
fn open_leaf(
    path: &[String],
    leaf: &mut Leaf,
    is_comment: bool,
    metadata: &Metadata,
    key: &DataKey,
    file: &str,
) -> Result<(bool, bool), SopsError> {
    let sealed = leaf.value.text().and_then(Sealed::parse);
    if leaf.value == Scalar::Null || !metadata.rule.encrypts(path, sealed.is_some()) {
        return Ok((false, is_comment));
    }
    // What is empty has nothing to encrypt.
    if leaf.value.text() == Some("") {
        return Ok((true, is_comment));
    }
    let reason = match sealed.map(|sealed| sealed.open(key, &additional(path))) {
        Some(Ok(Opened::Scalar(value))) => {
            (leaf.value, leaf.opened) = (value, true);
            return Ok((true, is_comment));
        }
        Some(Ok(Opened::Comment(text))) => {
            (leaf.value, leaf.opened) = (Scalar::Text(text), true);
            return Ok((true, true));
        }
        // Older ones left comments in the clear.
        _ if is_comment => return Ok((true, true)),
        Some(Err(reason)) => reason,
        None => "it is in the clear, where the file's rules ask for an encrypted value",
    };
    Err(SopsError::Value { file: file.to_owned(), line: leaf.line, field: path.join("."), reason })
}

/// The additional data of a value.
pub(crate) fn additional(path: &[String]) -> String {
    path.join(":") + ":"
}

fn secret(value: &Scalar) -> Option<Zeroizing<String>> {
    let text = match value {
        Scalar::Null => return None,
        Scalar::Bool(b) => b.to_string(),
        other => String::from_utf8(other.to_bytes()).ok()?,
    };
    Some(Zeroizing::new(text)).filter(|t| !t.is_empty())
}
