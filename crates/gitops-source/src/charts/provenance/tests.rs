//! What real signers made (`tests/signed/`), and what becomes of it when something is changed.

use super::*;

const ARCHIVE: &[u8] = include_bytes!("../../../tests/signed/web-1.2.0.tgz");
const BY_HELM: &[u8] = include_bytes!("../../../tests/signed/web-1.2.0.tgz.prov");

macro_rules! signed {
    ($name:literal) => {
        (
            &include_bytes!(concat!("../../../tests/signed/", $name, ".gpg"))[..],
            &include_bytes!(concat!("../../../tests/signed/", $name, ".prov"))[..],
        )
    };
}

fn verified(keyring: &[u8], provenance: &[u8]) -> Result<(), String> {
    let keyring = Keyring::parse(keyring, "keys.gpg")?;
    let digest = cache::digest(ARCHIVE);
    keyring.verify(provenance, &Vouched { asked: Some(("web", "1.2.0")), file: Some("web-1.2.0.tgz"), digest: &digest })
}

#[test]
fn what_helm_and_gpg_signed_is_verified_by_every_algorithm() {
    let armoured = include_bytes!("../../../tests/signed/signer.asc");
    assert_eq!(verified(armoured, BY_HELM), Ok(()));
    for (keyring, provenance) in [signed!("modern"), signed!("curve"), signed!("sub")] {
        assert_eq!(verified(keyring, provenance), Ok(()));
        assert!(verified(keyring, BY_HELM).unwrap_err().contains("A274E3603C2E2161, which is not in the keyring"));
        // Several keys in one ring.
        let both = [&armour::decoded(armoured).unwrap()[..], keyring].concat();
        assert_eq!((verified(&both, BY_HELM), verified(&both, provenance)), (Ok(()), Ok(())));
    }
}

#[test]
fn keys_that_do_not_count_any_more_are_refused() {
    let (short, provenance) = signed!("short");
    assert!(verified(short, provenance).unwrap_err().contains("has expired"), "{:?}", verified(short, provenance));
    let vouched = |digest| Vouched { asked: None, file: None, digest };
    let while_valid = Keyring::parse(short, "k").unwrap().verify_at(provenance, &vouched(&cache::digest(ARCHIVE)), 1_707_000_000);
    assert_eq!(while_valid, Ok(()), "its expiry is all that is wrong with it");
    let (revoked, provenance) = signed!("revoked");
    assert!(verified(revoked, provenance).unwrap_err().contains("is revoked"));
    let weak = include_bytes!("../../../tests/signed/sha1.prov");
    assert!(verified(include_bytes!("../../../tests/signed/signer.asc"), weak).unwrap_err().contains("outdated hash"));
}

#[test]
fn every_changed_byte_of_message_signature_and_key_is_noticed() {
    let (keyring, provenance) = signed!("modern");
    let text = std::str::from_utf8(provenance).unwrap();
    let end = text.find("-----BEGIN PGP SIGNATURE").unwrap();
    let start = text.find("\n\n").unwrap() + 2;
    // The last line's end belongs to the armour, and space at the end of a line is not signed.
    for at in (start..end - 1).filter(|at| provenance[*at] != b'\n') {
        let mut changed = provenance.to_vec();
        changed[at] ^= 1;
        let outcome = verified(keyring, &changed);
        let trimmed = changed[at].is_ascii_whitespace();
        assert!(outcome.is_err() || trimmed, "byte {at}");
    }
    let signature = packet_body(text, end);
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 0x55;
        let message = armour::clear_signed(provenance).ok().unwrap();
        let ring = Keyring::parse(keyring, "k").unwrap();
        let parsed = packet::packets(&changed).ok();
        let parsed = parsed.and_then(|all| all.first().filter(|p| p.tag == packet::SIGNATURE).and_then(|p| Signature::parse(p.body).ok()));
        let outcome = parsed.map(|signature| ring.check(&signature, &message.signed, 4_000_000_000));
        // Unhashed parts are hints; nothing else may be changed.
        assert!(!matches!(outcome, Some(Ok(()))) || is_hint(&signature, at), "byte {at}");
    }
    for at in 0..keyring.len() {
        let mut changed = keyring.to_vec();
        changed[at] ^= 0x55;
        // Whatever comes of it, it does not panic; key and user id are both signed.
        let _ = verified(&changed, provenance);
    }
}

fn packet_body(text: &str, end: usize) -> Vec<u8> {
    let armour = text[end..].replace("SIGNATURE", "PUBLIC KEY BLOCK");
    armour::decoded(armour.as_bytes()).unwrap()
}

/// Whether a byte lies in the unhashed part of the one signature packet (header of 2 bytes).
fn is_hint(packet: &[u8], at: usize) -> bool {
    let hashed = usize::from(packet[6]) << 8 | usize::from(packet[7]);
    let start = 8 + hashed;
    let count = usize::from(packet[start]) << 8 | usize::from(packet[start + 1]);
    (start..start + 2 + count).contains(&at)
}

#[test]
fn another_archive_name_or_version_is_refused() {
    let keyring = Keyring::parse(include_bytes!("../../../tests/signed/signer.asc"), "keys.asc").unwrap();
    let digest = cache::digest(ARCHIVE);
    let other = cache::digest(b"other");
    let of = |asked, file, digest| keyring.verify(BY_HELM, &Vouched { asked, file, digest });
    assert_eq!(of(Some(("web", "latest")), None, &digest), Ok(()));
    assert_eq!(of(Some(("web", "")), None, &digest), Ok(()));
    for (asked, file, digest, wanted) in [
        (Some(("web", "1.2.0")), None, &other, "the archive is not the one that was signed"),
        (Some(("shop", "1.2.0")), None, &digest, "what is signed is the chart web 1.2.0"),
        (Some(("web", "1.3.0")), None, &digest, "what is signed is the chart web 1.2.0"),
        (None, Some("web-1.3.0.tgz"), &digest, "tells no digest of web-1.3.0.tgz"),
    ] {
        let error = of(asked, file, digest).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
    let error = keyring.verify_archive(b"other", "web-1.2.0.tgz", BY_HELM).unwrap_err();
    assert!(error.starts_with("web-1.2.0.tgz: not verified with the keyring keys.asc: the archive is not"), "{error}");
    assert_eq!(keyring.verify_archive(ARCHIVE, "web-1.2.0.tgz", BY_HELM), Ok(()));
}

#[test]
fn what_is_no_keyring_is_told_from_one() {
    let error = |bytes: &[u8]| Keyring::parse(bytes, "keys").unwrap_err();
    assert!(error(b"").contains("holds no public keys"));
    assert!(error(b"KBX\0").contains("pubring.kbx"));
    assert!(error(&[0x99, 1]).contains("cut off"));
    // A secret key's packet, and a public one of a version that is not read.
    assert!(error(&[0xC5, 1, 4]).contains("secret key"));
    assert!(error(&[0xC6, 6, 6, 0, 0, 0, 0, 1]).contains("no key that can be used"));
}
