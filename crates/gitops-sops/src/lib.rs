//! Files that SOPS encrypted: recognised, decrypted in memory, verified.
//!
//! In: the bytes of a file, its name, and [`Keys`]. Out: the bytes as `sops decrypt` means them, and every text that was
//! encrypted, so that a caller can keep it from being shown. Nothing is written, fetched or executed; key services are
//! behind [`DataKeySource`], which the embedding program implements.
//!
//! Formats, by the end of the name as SOPS takes them: `.yaml` and `.yml`, `.json`, `.env`, `.ini`; all others are binary.
//! YAML and INI keep their lines: each encrypted scalar is replaced where it stands, and the metadata is cut out.
//!
//! Keys: age (X25519) identities are built in. For PGP and key services there is no code here: without a
//! [`DataKeySource`] that knows them, the error names the recipients. Shamir key groups are joined.
//!
//! Rules (SOPS 3.13): a value is AES-256-GCM with a nonce of 32 bytes, its path joined by `:` as additional data; the MAC is
//! a SHA-512 over all values in order, itself encrypted with `lastmodified` as additional data, and compared in constant
//! time. What stands in the clear where the rules of the file ask for a ciphertext is refused, as there.
//!
//! Differences: for `encrypted_comment_regex` and `unencrypted_comment_regex` a value counts as encrypted when it is written
//! as one (comments are no part of the parsed document); the MAC still covers it. Aliases are refused: SOPS writes none.
//!
//! Errors name the file, the field, the recipients; never a value.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod age;
mod bech32;
mod cipher;
mod comment;
mod decrypt;
mod error;
mod format;
mod item;
mod key;
mod metadata;
mod rule;
mod shamir;

pub use age::{Identity, IdentityError};
pub use decrypt::{Decrypted, decrypt, is_encrypted};
pub use error::SopsError;
pub use format::Format;
pub use key::{DataKeySource, KeyKind, Keys, MasterKey};
