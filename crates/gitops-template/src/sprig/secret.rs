//! Passwords that are derived, and texts that are encrypted.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes256, Block};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::args::{Outcome, done, int, text};
use super::encoding::decode_base64;
use crate::error::FuncError;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::Value;

type Args<'a> = &'a mut [Value];

const BLOCK: usize = 16;

/// AES-256 in CBC mode: the key is the password's first 32 bytes, filled up with zeros.
fn cipher(password: &Str) -> Aes256 {
    let mut key = [0; 32];
    let len = password.len().min(32);
    key[..len].copy_from_slice(&password[..len]);
    Aes256::new(&key.into())
}

fn block(bytes: &[u8]) -> Block {
    let mut block = Block::default();
    block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    block
}

fn xor(block: &mut Block, other: &Block) {
    block.iter_mut().zip(other).for_each(|(a, b)| *a ^= *b);
}

/// Base64 of a random first block and the text, filled up to whole blocks with bytes that say how many they are.
pub(super) fn encrypt_aes(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (password, plain) = (text(&args[0])?, text(&args[1])?);
    if plain.is_empty() {
        return done("");
    }
    scope.note_drift("encryptAES");
    let cipher = cipher(password);
    let filling = BLOCK - plain.len() % BLOCK;
    let mut padded = plain.to_vec();
    padded.resize(plain.len() + filling, u8::try_from(filling).unwrap_or(0));
    let mut previous = block(&super::random::bytes::<BLOCK>(scope)?);
    let mut out = previous.to_vec();
    for chunk in padded.chunks(BLOCK) {
        let mut current = block(chunk);
        xor(&mut current, &previous);
        cipher.encrypt_block(&mut current);
        out.extend_from_slice(&current);
        previous = current;
    }
    done(STANDARD.encode(out))
}

pub(super) fn decrypt_aes(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (password, encrypted) = (text(&args[0])?, text(&args[1])?);
    if encrypted.is_empty() {
        return done("");
    }
    let encrypted = decode_base64(encrypted).map_err(FuncError::new)?;
    let Some((first, rest)) = encrypted.split_at_checked(BLOCK) else {
        return Err(FuncError::new(format!("runtime error: slice bounds out of range [:{BLOCK}] with capacity {}", encrypted.len())));
    };
    if rest.len() % BLOCK != 0 {
        return Err("crypto/cipher: input not full blocks".into());
    }
    let cipher = cipher(password);
    let mut previous = block(first);
    let mut out = Vec::with_capacity(rest.len());
    for chunk in rest.chunks(BLOCK) {
        let encrypted = block(chunk);
        let mut current = encrypted;
        cipher.decrypt_block(&mut current);
        xor(&mut current, &previous);
        out.extend_from_slice(&current);
        previous = encrypted;
    }
    // With a wrong password the last byte may say anything.
    let filling = out.last().copied().map_or(usize::MAX, usize::from);
    match out.len().checked_sub(filling) {
        Some(len) => done(&out[..len]),
        None if out.is_empty() => Err("runtime error: index out of range [-1]".into()),
        None => Err("runtime error: slice bounds out of range [:-1]".into()),
    }
}

/// Spectre's (Master Password's) templates: each letter stands for a set of characters.
fn templates(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// A text behind its length, in four bytes.
fn with_length(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), text].concat()
}

/// The same arguments, the same password: scrypt of the master password, salted with the user, signs site and counter.
pub(super) fn derive_password(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    const PURPOSE: &[u8] = b"com.lyndir.masterpassword";
    let counter = u64::try_from(int(&args[0])?).map_err(|_| FuncError::new("expected unsigned integer"))? as u32; // as reflect.SetUint
    let (kind, password, user, site) = (text(&args[1])?, text(&args[2])?, text(&args[3])?, text(&args[4])?);
    let Some(templates) = templates(kind) else {
        return done([b"cannot find password template ", kind.as_bytes()].concat());
    };
    // scrypt takes as long as some megabytes of text do, and the memory.
    scope.charge(32 << 20)?;
    let fault = |e: String| FuncError::new(format!("failed to derive password: {e}"));
    let mut key = [0; 64];
    let params = scrypt::Params::new(15, 8, 2).map_err(|e| fault(e.to_string()))?;
    scrypt::scrypt(password, &[PURPOSE, &with_length(user)].concat(), &params, &mut key).map_err(|e| fault(e.to_string()))?;
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&key).map_err(|e| fault(e.to_string()))?;
    mac.update(&[PURPOSE, &with_length(site), &counter.to_be_bytes()].concat());
    let seed = mac.finalize().into_bytes();
    let template = templates[usize::from(seed[0]) % templates.len()];
    let pick = |(class, seed): (u8, &u8)| {
        let among = characters(class);
        among[usize::from(*seed) % among.len()]
    };
    done(template.bytes().zip(&seed[1..]).map(pick).collect::<Vec<u8>>())
}
