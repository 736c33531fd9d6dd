//! Who can decrypt: identities, and key services of the embedding program.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::age::{self, Identity, IdentityError};
use crate::error::SopsError;
use crate::metadata::Metadata;
use crate::shamir;

/// What kind of key a data key is encrypted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// AWS Key Management Service.
    AwsKms,
    /// Google Cloud KMS.
    GcpKms,
    /// Huawei Cloud KMS.
    HuaweiKms,
    /// Azure Key Vault.
    AzureKeyVault,
    /// The transit engine of HashiCorp Vault or OpenBao.
    Vault,
    /// OpenPGP.
    Pgp,
    /// age.
    Age,
}

impl KeyKind {
    /// All, in the order in which SOPS tries them.
    pub(crate) const ALL: [KeyKind; 7] =
        [KeyKind::AwsKms, KeyKind::GcpKms, KeyKind::HuaweiKms, KeyKind::AzureKeyVault, KeyKind::Vault, KeyKind::Pgp, KeyKind::Age];

    /// Its list in the metadata.
    pub(crate) fn field(self) -> &'static str {
        match self {
            KeyKind::AwsKms => "kms",
            KeyKind::GcpKms => "gcp_kms",
            KeyKind::HuaweiKms => "hckms",
            KeyKind::AzureKeyVault => "azure_kv",
            KeyKind::Vault => "hc_vault",
            KeyKind::Pgp => "pgp",
            KeyKind::Age => "age",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::AwsKms => "AWS KMS",
            KeyKind::GcpKms => "Google Cloud KMS",
            KeyKind::HuaweiKms => "Huawei Cloud KMS",
            KeyKind::AzureKeyVault => "Azure Key Vault",
            KeyKind::Vault => "Vault",
            KeyKind::Pgp => "PGP",
            KeyKind::Age => "age",
        })
    }
}

/// One entry of the metadata: a key, and the data key (or a share of it) encrypted with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterKey {
    kind: KeyKind,
    fields: BTreeMap<String, String>,
}

impl MasterKey {
    pub(crate) fn new(kind: KeyKind, fields: BTreeMap<String, String>) -> MasterKey {
        MasterKey { kind, fields }
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// A field as SOPS names it (`arn`, `role`, `resource_id`, `vault_address`, `key_name`, `fp`, `recipient` …); empty when
    /// there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The encrypted data key, as the kind of key writes it.
    pub fn encrypted(&self) -> &str {
        self.field("enc")
    }
}

impl fmt::Display for MasterKey {
    /// The recipient, as a person looks for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            KeyKind::AwsKms => self.field("arn").to_owned(),
            KeyKind::GcpKms => self.field("resource_id").to_owned(),
            KeyKind::HuaweiKms => self.field("key_id").to_owned(),
            KeyKind::AzureKeyVault => format!("{}/{}", self.field("vault_url"), self.field("name")),
            KeyKind::Vault => format!("{}/{}/{}", self.field("vault_address"), self.field("engine_path"), self.field("key_name")),
            KeyKind::Pgp => self.field("fp").to_owned(),
            // It says itself what it is.
            KeyKind::Age => return f.write_str(self.field("recipient")),
        };
        write!(f, "{} {name}", self.kind)
    }
}

/// A key service, a hardware token, a PGP key ring: whatever else can decrypt data keys. Called on threads that may block.
pub trait DataKeySource: Send + Sync {
    /// The data key that `key` wraps; `None` when this source does not know that key.
    ///
    /// # Errors
    /// Why it cannot be had, without anything secret.
    fn data_key(&self, key: &MasterKey) -> Result<Option<Vec<u8>>, String>;
}

/// What files are decrypted with.
#[derive(Clone, Default)]
pub struct Keys {
    identities: Arc<Vec<Identity>>,
    sources: Vec<Arc<dyn DataKeySource>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("identities", &self.identities).field("sources", &self.sources.len()).finish()
    }
}

impl Keys {
    /// No keys: every encrypted file is an error.
    pub fn new() -> Keys {
        Keys::default()
    }

    /// With age identities.
    pub fn with_identities(self, identities: Vec<Identity>) -> Keys {
        Keys { identities: Arc::new(identities), ..self }
    }

    /// With the age identities of a file; see [`Identity::parse_file`].
    ///
    /// # Errors
    /// For a line that is none.
    pub fn with_identity_file(self, text: &str, file: &str) -> Result<Keys, IdentityError> {
        Ok(self.with_identities(Identity::parse_file(text, file)?))
    }

    /// With a further source, asked before the identities, in the order of adding.
    pub fn with_source(mut self, source: Arc<dyn DataKeySource>) -> Keys {
        self.sources.push(source);
        self
    }

    /// Whether there is neither an identity nor a source.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty() && self.sources.is_empty()
    }

    /// The age identities.
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// The data key of a file.
    pub(crate) fn data_key(&self, metadata: &Metadata, file: &str) -> Result<Zeroizing<Vec<u8>>, SopsError> {
        let mut shares = Vec::new();
        let mut failures = Vec::new();
        for group in &metadata.groups {
            match self.open_group(group, &mut failures) {
                Some(key) if metadata.groups.len() == 1 => return Ok(key),
                found => shares.extend(found),
            }
        }
        let needed = if metadata.threshold == 0 { metadata.groups.len() } else { metadata.threshold };
        if metadata.groups.len() > 1 && shares.len() >= needed {
            let joined = shamir::combine(&shares[..needed]);
            return joined.ok_or_else(|| SopsError::malformed(file, "the shares of its data key do not fit together"));
        }
        let recipients = metadata.groups.iter().flatten().map(ToString::to_string).collect();
        let groups = (metadata.groups.len() > 1).then_some((shares.len(), needed));
        Err(SopsError::NoKey { file: file.to_owned(), recipients, groups, failures })
    }

    fn open_group(&self, group: &[MasterKey], failures: &mut Vec<String>) -> Option<Zeroizing<Vec<u8>>> {
        for key in group {
            for source in &self.sources {
                match source.data_key(key) {
                    Ok(Some(found)) => return Some(Zeroizing::new(found)),
                    Ok(None) => {}
                    Err(reason) => failures.push(format!("{key}: {reason}")),
                }
            }
            if key.kind == KeyKind::Age && !self.identities.is_empty() {
                match age::decrypt(key.encrypted(), &self.identities) {
                    Ok(found) => return Some(found),
                    Err(reason) => failures.push(format!("{key}: {reason}")),
                }
            }
        }
        None
    }
}
