//! Packets of OpenPGP: where each ends, and what a version 4 signature says.

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

pub(super) const SIGNATURE: u8 = 2;
const SHA1: u8 = 2;

/// A packet's kind and content.
pub(super) struct Packet<'b> {
    pub(super) tag: u8,
    pub(super) body: &'b [u8],
}

/// The first `count` bytes, taken off.
pub(super) fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (first, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(first)
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// A length as packets and subpackets of the present form have it; none of partial content.
fn length(bytes: &mut &[u8], partial: u8) -> Option<usize> {
    let first = take(bytes, 1)?[0];
    Some(match first {
        0..192 => usize::from(first),
        255 => number(take(bytes, 4)?),
        _ if first >= partial => return None,
        _ => ((usize::from(first) - 192) << 8) + usize::from(take(bytes, 1)?[0]) + 192,
    })
}

/// All packets.
pub(super) fn packets(mut bytes: &[u8]) -> Result<Vec<Packet<'_>>, String> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(packet(&mut bytes).ok_or("its OpenPGP data is cut off or of a form that is not read")?);
    }
    Ok(all)
}

fn packet<'b>(bytes: &mut &'b [u8]) -> Option<Packet<'b>> {
    let first = take(bytes, 1)?[0];
    let (tag, length) = match first {
        0xC0.. => (first & 0x3F, length(bytes, 224)?),
        0x80.. => {
            let width = [1, 2, 4].get(usize::from(first & 3))?;
            (first >> 2 & 0x0F, number(take(bytes, *width)?))
        }
        _ => return None,
    };
    Some(Packet { tag, body: take(bytes, length)? })
}

/// A signature of version 4.
#[derive(Default)]
pub(super) struct Signature {
    pub(super) kind: u8,
    /// Of the key.
    pub(super) algorithm: u8,
    hash: u8,
    /// What of the signature itself is signed.
    own: Vec<u8>,
    left: [u8; 2],
    /// Numbers, as the algorithm has them.
    pub(super) numbers: Vec<u8>,
    /// When it was made, in seconds since 1970.
    pub(super) created: u64,
    lifetime: Option<u64>,
    /// How long the key is valid that it speaks of, in seconds since that was made.
    pub(super) key_lifetime: Option<u64>,
    /// What the key may be used for.
    pub(super) flags: Option<u8>,
    /// Who made it.
    pub(super) issuer: Option<[u8; 8]>,
    /// A subkey's own signature.
    pub(super) embedded: Option<Vec<u8>>,
}

impl Signature {
    pub(super) fn parse(body: &[u8]) -> Result<Signature, String> {
        Signature::read(body).ok_or_else(|| "a signature in it is of a form that is not read (version 4 is)".to_owned())
    }

    fn read(body: &[u8]) -> Option<Signature> {
        let mut rest = body;
        let [4, kind, algorithm, hash] = *take(&mut rest, 4)? else { return None };
        let mut signature = Signature { kind, algorithm, hash, ..Signature::default() };
        let count = number(take(&mut rest, 2)?);
        let hashed = take(&mut rest, count)?;
        signature.own = body[..6 + count].to_vec();
        signature.read_subpackets(hashed, true)?;
        let count = number(take(&mut rest, 2)?);
        let unhashed = take(&mut rest, count)?;
        signature.read_subpackets(unhashed, false)?;
        signature.left = take(&mut rest, 2)?.try_into().ok()?;
        signature.numbers = rest.to_vec();
        (signature.created != 0).then_some(signature)
    }

    /// Only what is hashed may be believed; the others are hints, or prove themselves.
    fn read_subpackets(&mut self, mut bytes: &[u8], is_hashed: bool) -> Option<()> {
        while !bytes.is_empty() {
            let count = length(&mut bytes, 255)?;
            let (kind, value) = take(&mut bytes, count)?.split_first()?;
            let seconds = || (value.len() == 4).then(|| number(value) as u64);
            match (kind & 0x7F, is_hashed) {
                (2, true) => self.created = seconds()?,
                (3, true) => self.lifetime = Some(seconds()?).filter(|s| *s > 0),
                (9, true) => self.key_lifetime = Some(seconds()?).filter(|s| *s > 0),
                (27, true) => self.flags = Some(value.first().copied().unwrap_or_default()),
                (16, _) => self.issuer = Some(value.try_into().ok()?),
                (32, _) => self.embedded = Some(value.to_vec()),
                // Preferences, reasons and the like, which say nothing about validity.
                (11 | 21..=26 | 28..=31 | 33..=35, _) | (_, false) => {}
                // Critical: who does not know it must not take the signature for valid.
                (_, true) if kind & 0x80 != 0 => return None,
                _ => {}
            }
        }
        Some(())
    }

    /// Of binary data or of text.
    pub(super) fn is_of_message(&self) -> bool {
        self.kind <= 1
    }

    /// Of a hash that is not collision-free any more.
    pub(super) fn is_weak(&self) -> bool {
        self.hash == SHA1
    }

    /// When it ceases to be valid.
    pub(super) fn expires(&self) -> Option<u64> {
        Some(self.created.saturating_add(self.lifetime?))
    }

    /// What is signed: the hash of `data` and of what the signature says; with the hash's number.
    pub(super) fn hashed(&self, data: &[&[u8]]) -> Option<(u8, Vec<u8>)> {
        let length = u32::try_from(self.own.len()).ok()?.to_be_bytes();
        let parts = data.iter().copied().chain([&self.own[..], &[4, 0xFF], &length]);
        let hashed = match self.hash {
            SHA1 => parts.fold(Sha1::new(), |hash, part| hash.chain_update(part)).finalize().to_vec(),
            8 => parts.fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize().to_vec(),
            9 => parts.fold(Sha384::new(), |hash, part| hash.chain_update(part)).finalize().to_vec(),
            10 => parts.fold(Sha512::new(), |hash, part| hash.chain_update(part)).finalize().to_vec(),
            _ => return None,
        };
        hashed.starts_with(&self.left).then_some((self.hash, hashed))
    }
}

/// A number with its length in bits before it, taken off.
pub(super) fn integer<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let bits = number(take(bytes, 2)?);
    take(bytes, bits.div_ceil(8))
}
