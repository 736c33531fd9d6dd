//! Provenance files of charts (`web-1.2.0.tgz.prov`): who vouches for an archive, checked against a keyring.
//!
//! Such a file is a clear-signed OpenPGP message with the chart's Chart.yaml and, behind a line `...`, a map of file names to
//! digests, as `helm package --sign` writes it. [`Keyring::verify`] asks for all of: a signature by a key of the keyring that
//! is neither revoked nor expired now and may sign, over SHA-256 or better; the archive's own name and digest in the map; and
//! the name and version that were asked for in the Chart.yaml, so that a repository cannot hand out one signed chart under
//! the name of another.
//!
//! Read are version 4 keys and signatures by RSA, Ed25519 and ECDSA on P-256, primary keys and subkeys alike: what `gpg`
//! makes unless told otherwise. Rules: RFC 9580; what Helm refuses (an expired or revoked key, SHA-1) is refused too.
//! There are no user ids to trust or not: every key in the file is trusted.

mod armour;
mod certificate;
mod material;
mod packet;

use std::time::{SystemTime, UNIX_EPOCH};

use gitops_manifest::{Value, yaml};
use gitops_tree::Revision;

use super::cache;
use certificate::Key;
use packet::Signature;

/// Most bytes of a provenance file.
pub(crate) const LARGEST: u64 = 1 << 20;
/// Signatures of one message that are looked at.
const SIGNATURES: usize = 8;
/// How far a signer's clock may be ahead of ours, in seconds.
const AHEAD: u64 = 86_400;

/// Public keys that charts must be signed by, one of them by each chart.
#[derive(Clone)]
pub struct Keyring {
    name: String,
    digest: String,
    keys: Vec<Key>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({}, {} keys)", self.name, self.keys.len())
    }
}

/// What a provenance file has to vouch for.
pub(crate) struct Vouched<'a> {
    /// Name and version that were asked for; the version is empty when it was asked for by digest.
    pub(crate) asked: Option<(&'a str, &'a str)>,
    /// The archive's name; from name and version, if `None`.
    pub(crate) file: Option<&'a str>,
    pub(crate) digest: &'a Revision,
}

impl Keyring {
    /// Reads public keys as `gpg --export` writes them, armoured or not. `name` is what errors call them: a path, as a rule.
    ///
    /// # Errors
    /// When they are no public keys, or none of them can be used.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Keyring, String> {
        let failed = |reason: String| format!("keyring {name}: {reason}: write it with `gpg --export`");
        let keys = armour::decoded(bytes).and_then(|bytes| certificate::keys(&bytes)).map_err(failed)?;
        let digest = cache::digest(bytes).to_string();
        Ok(Keyring { name: name.to_owned(), digest, keys })
    }

    /// Whether `provenance` vouches for an archive that lies at hand under the name `file`.
    ///
    /// # Errors
    /// When it does not: why.
    pub fn verify_archive(&self, archive: &[u8], file: &str, provenance: &[u8]) -> Result<(), String> {
        let vouched = Vouched { asked: None, file: Some(file), digest: &cache::digest(archive) };
        self.verify(provenance, &vouched).map_err(|reason| format!("{file}: not verified with the keyring {}: {reason}", self.name))
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells it from others: another one, or a changed one, has verified nothing yet.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether `provenance` vouches for a chart; else why not.
    pub(crate) fn verify(&self, provenance: &[u8], vouched: &Vouched<'_>) -> Result<(), String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        self.verify_at(provenance, vouched, now)
    }

    fn verify_at(&self, provenance: &[u8], vouched: &Vouched<'_>, now: u64) -> Result<(), String> {
        let message = armour::clear_signed(provenance)?;
        let packets = packet::packets(&message.signature)?;
        let mut reason = "the provenance file has no signature".to_owned();
        for packet in packets.iter().filter(|packet| packet.tag == packet::SIGNATURE).take(SIGNATURES) {
            match Signature::parse(packet.body).and_then(|signature| self.check(&signature, &message.signed, now)) {
                Ok(()) => return check_message(&message.lines, vouched),
                Err(e) => reason = e,
            }
        }
        Err(reason)
    }

    fn check(&self, signature: &Signature, signed: &[u8], now: u64) -> Result<(), String> {
        if !signature.is_of_message() {
            return Err("the signature in the provenance file is none of a message".to_owned());
        }
        if signature.is_weak() {
            return Err("the signature stands on an outdated hash: sign with SHA-256 or SHA-512".to_owned());
        }
        let of_issuer = |key: &&Key| signature.issuer.is_none_or(|id| id == key.id());
        let mut candidates = self.keys.iter().filter(of_issuer).peekable();
        if candidates.peek().is_none() {
            let id = signature.issuer.map(hex::encode_upper).unwrap_or_default();
            return Err(format!("it is signed by the key {id}, which is not in the keyring"));
        }
        let Some(key) = candidates.find(|key| key.material.verify(signature, &[signed])) else {
            return Err("the signature does not fit: the message was changed after it was signed".to_owned());
        };
        let id = hex::encode_upper(key.id());
        if let Some(why) = key.refused {
            return Err(format!("the key {id} {why}"));
        }
        if key.expires.is_some_and(|end| end <= now) {
            return Err(format!("the key {id} has expired: export it again once it is renewed"));
        }
        if signature.created < key.created || signature.created > now.saturating_add(AHEAD) {
            return Err(format!("the signature by {id} is dated before its key or in the future"));
        }
        if signature.expires().is_some_and(|end| end <= now) {
            return Err(format!("the signature by {id} has expired"));
        }
        Ok(())
    }
}

/// Whether what was signed speaks of that chart.
fn check_message(lines: &[String], vouched: &Vouched<'_>) -> Result<(), String> {
    let end = lines.iter().position(|line| line == "...");
    let end = end.ok_or("the signed message has no line `...` between Chart.yaml and digests")?;
    let metadata = document(&lines[..end], "Chart.yaml")?;
    let sums = document(&lines[end + 1..], "digests")?;
    let text = |key: &str| metadata.str_at(&[key]).unwrap_or_default();
    let (name, version) = (text("name"), text("version"));
    // A tag that is no version (`latest`) promises none.
    let promises = |asked: &str| crate::constraint::parse_version(asked).is_some();
    let is_asked = |(chart, wanted): (&str, &str)| chart == name && (wanted == version || !promises(wanted));
    if !vouched.asked.is_none_or(is_asked) {
        return Err(format!("what is signed is the chart {} {}", shown(name), shown(version)));
    }
    let made = format!("{name}-{version}.tgz");
    let file = vouched.file.unwrap_or(&made);
    let promised = sums.get("files").and_then(|files| files.get(file)).and_then(Value::as_str);
    let promised = promised.ok_or_else(|| format!("the provenance file tells no digest of {}", shown(file)))?;
    if promised != vouched.digest.to_string() {
        let (promised, found) = (shown(promised), vouched.digest);
        return Err(format!("the archive is not the one that was signed: signed {promised}, found {found}"));
    }
    Ok(())
}

fn document(lines: &[String], what: &str) -> Result<Value, String> {
    let text = lines.join("\n");
    let mut parsed = yaml::parse(text.as_bytes(), what, &yaml::ParseOptions::default()).map_err(|e| format!("the signed message: {e}"))?;
    match parsed.documents.len() {
        1 => Ok(parsed.documents.swap_remove(0).value),
        _ => Err(format!("the signed message: its {what} are not one document")),
    }
}

/// For errors: hostile text, cut and without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests;
