//! base64, base32, check sums and `bcrypt`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::args::{Outcome, done, text};
use crate::error::FuncError;
use crate::scope::Scope;
use crate::value::Value;

type Args<'a> = &'a mut [Value];

pub(super) fn b64enc(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(STANDARD.encode(text(&args[0])?))
}

/// The error, if it is one, takes the text's place.
pub(super) fn b64dec(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    match decode_base64(text(&args[0])?) {
        Ok(bytes) => done(bytes),
        Err(e) => done(e),
    }
}

fn corrupt(encoding: &str, at: usize) -> String {
    format!("illegal {encoding} data at input byte {at}")
}

/// Go's `base64.StdEncoding`: line ends anywhere, padding is a must, and bits beyond the last byte do not matter.
pub(super) fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut symbols = text.iter().enumerate().filter(|(_, b)| !matches!(b, b'\n' | b'\r'));
    let (mut word, mut held) = (0u32, 0usize);
    while let Some((at, b)) = symbols.next() {
        if let Some(digit) = base64_digit(*b) {
            word = word << 6 | u32::from(digit);
            held += 1;
            if held == 4 {
                out.extend_from_slice(&word.to_be_bytes()[1..]);
                (word, held) = (0, 0);
            }
            continue;
        }
        if *b != b'=' || held < 2 {
            return Err(corrupt("base64", at));
        }
        if held == 2 {
            match symbols.next() {
                Some((_, b'=')) => {}
                Some((at, _)) => return Err(corrupt("base64", at - 1)),
                None => return Err(corrupt("base64", text.len())),
            }
        }
        if let Some((at, _)) = symbols.next() {
            return Err(corrupt("base64", at));
        }
        let aligned = (word << (6 * (4 - held))).to_be_bytes();
        out.extend_from_slice(&aligned[1..held]);
        return Ok(out);
    }
    if held > 0 { Err(corrupt("base64", text.len() - held)) } else { Ok(out) }
}

fn base64_digit(b: u8) -> Option<u8> {
    match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

pub(super) fn b32enc(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let text = text(&args[0])?;
    let mut out = Vec::with_capacity(text.len().div_ceil(5) * 8);
    for chunk in text.chunks(5) {
        let word = chunk.iter().fold(0u64, |word, b| word << 8 | u64::from(*b)) << (8 * (5 - chunk.len()));
        let digits = (chunk.len() * 8).div_ceil(5);
        out.extend((0..8).map(|i| if i < digits { DIGITS[(word >> (35 - 5 * i)) as usize & 31] } else { b'=' }));
    }
    done(out)
}

pub(super) fn b32dec(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    match decode_base32(text(&args[0])?) {
        Ok(bytes) => done(bytes),
        Err(e) => done(e),
    }
}

/// Go's `base32.StdEncoding`: line ends do not count, not even in the places that errors name; what follows the padding of the last
/// group is not looked at.
fn decode_base32(text: &[u8]) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let (mut word, mut held) = (0u64, 0usize);
    for (at, b) in text.iter().enumerate() {
        let behind = &text[at + 1..];
        if *b == b'=' && held >= 2 && behind.len() < 8 {
            if behind.len() + held < 7 {
                return Err(corrupt("base32", text.len()));
            }
            if let Some(wrong) = behind.iter().take(7 - held).position(|b| *b != b'=') {
                return Err(corrupt("base32", at + wrong));
            }
            if matches!(held, 3 | 6) {
                return Err(corrupt("base32", at));
            }
            let aligned = (word << (64 - 5 * held)).to_be_bytes();
            out.extend_from_slice(&aligned[..held * 5 / 8]);
            return Ok(out);
        }
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'2'..=b'7' => b - b'2' + 26,
            _ => return Err(corrupt("base32", at)),
        };
        word = word << 5 | u64::from(digit);
        held += 1;
        if held == 8 {
            out.extend_from_slice(&word.to_be_bytes()[3..]);
            (word, held) = (0, 0);
        }
    }
    if held > 0 { Err(corrupt("base32", text.len() - held)) } else { Ok(out) }
}

pub(super) fn sha1sum(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(hex::encode(Sha1::digest(text(&args[0])?)))
}

pub(super) fn sha256sum(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(hex::encode(Sha256::digest(text(&args[0])?)))
}

pub(super) fn sha512sum(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(hex::encode(Sha512::digest(text(&args[0])?)))
}

pub(super) fn adler32sum(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    const MODULUS: u32 = 65521;
    // As many bytes as 32 bits hold the sums of.
    let (low, high) = text(&args[0])?.chunks(5552).fold((1u32, 0u32), |sums, chunk| {
        let (low, high) = chunk.iter().fold(sums, |(low, high), b| {
            let low = low + u32::from(*b);
            (low, high + low)
        });
        (low % MODULUS, high % MODULUS)
    });
    done((high << 16 | low).to_string())
}

/// The hash of a password, cost 10, or what is wrong with it.
fn hashed(scope: &mut Scope<'_>, password: &[u8]) -> Result<String, FuncError> {
    if password.len() > 72 {
        return Ok("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned());
    }
    // A hash takes as long as megabytes of text do.
    scope.charge(4 << 20)?;
    let salt = super::random::bytes(scope)?;
    let parts = bcrypt::hash_with_salt(password, 10, salt).map_err(|e| FuncError::new(e.to_string()))?;
    Ok(parts.format_for_version(bcrypt::Version::TwoA))
}

pub(super) fn bcrypt(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    scope.note_drift("bcrypt");
    done(hashed(scope, text(&args[0])?)?)
}

pub(super) fn htpasswd(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (user, password) = (text(&args[0])?, text(&args[1])?);
    if user.contains(&b':') {
        return done([b"invalid username: ", user.as_bytes()].concat());
    }
    scope.note_drift("htpasswd");
    done([user.as_bytes(), b":", hashed(scope, password)?.as_bytes()].concat())
}
