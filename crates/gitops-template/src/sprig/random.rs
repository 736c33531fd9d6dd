//! Random results, all out of one seed: the same seed and the same template, the same results. Each use is noted as drift.
//!
//! Block `n` of the stream is the SHA-256 of the seed and `n`. A seed of zeros means that none was given: the operating system then
//! gives one, so that a forgotten seed never makes keys that others can guess.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::args::{Outcome, done, int, text};
use crate::error::FuncError;
use crate::scope::Scope;
use crate::value::Value;

type Args<'a> = &'a mut [Value];

/// Random bytes.
pub(super) fn fill(scope: &mut Scope<'_>, out: &mut [u8]) -> Result<(), FuncError> {
    let ambient = scope.ambient();
    if ambient.seed == [0; 32] {
        getrandom::fill(&mut ambient.seed).map_err(|e| FuncError::new(format!("no randomness from the operating system: {e}")))?;
    }
    for chunk in out.chunks_mut(32) {
        let block = Sha256::new().chain_update(ambient.seed).chain_update(ambient.draws.to_le_bytes()).finalize();
        ambient.draws = ambient.draws.wrapping_add(1);
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    Ok(())
}

/// `N` random bytes.
pub(super) fn bytes<const N: usize>(scope: &mut Scope<'_>) -> Result<[u8; N], FuncError> {
    let mut bytes = [0; N];
    fill(scope, &mut bytes)?;
    Ok(bytes)
}

/// A number below `end`, each as likely as the others.
fn below(scope: &mut Scope<'_>, end: u64) -> Result<u64, FuncError> {
    let spare = u64::MAX - u64::MAX % end.max(1);
    loop {
        let n = u64::from_le_bytes(bytes(scope)?);
        if n < spare {
            return Ok(n % end.max(1));
        }
    }
}

/// As many of the characters as the argument says; nothing for a negative number.
fn characters(scope: &mut Scope<'_>, args: &[Value], function: &'static str, among: impl Fn(u8) -> bool) -> Outcome {
    let count = usize::try_from(int(&args[0])?).unwrap_or(0);
    scope.charge(count)?;
    scope.note_drift(function);
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        // Seven bits each: all of ASCII, of which those are left out that are not wanted.
        let block: [u8; 32] = bytes(scope)?;
        out.extend(block.iter().map(|b| b & 0x7f).filter(|b| among(*b)));
    }
    out.truncate(count);
    done(out)
}

pub(super) fn alpha_num(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    characters(scope, args, "randAlphaNum", |b| b.is_ascii_alphanumeric())
}

pub(super) fn alpha(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    characters(scope, args, "randAlpha", |b| b.is_ascii_alphabetic())
}

pub(super) fn numeric(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    characters(scope, args, "randNumeric", |b| b.is_ascii_digit())
}

pub(super) fn ascii(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    characters(scope, args, "randAscii", |b| (32..127).contains(&b))
}

pub(super) fn rand_bytes(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let count = usize::try_from(int(&args[0])?).map_err(|_| FuncError::new("runtime error: makeslice: len out of range"))?;
    scope.charge(count.saturating_mul(2))?;
    scope.note_drift("randBytes");
    let mut bytes = vec![0; count];
    fill(scope, &mut bytes)?;
    done(STANDARD.encode(bytes))
}

pub(super) fn rand_int(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (min, max) = (int(&args[0])?, int(&args[1])?);
    let end = max.wrapping_sub(min);
    if end <= 0 {
        return Err("invalid argument to Intn".into());
    }
    scope.note_drift("randInt");
    Ok(Value::Int(min.wrapping_add(below(scope, end.unsigned_abs())?.cast_signed())))
}

pub(super) fn uuid(scope: &mut Scope<'_>, _: Args<'_>) -> Outcome {
    scope.note_drift("uuidv4");
    let mut uuid: [u8; 16] = bytes(scope)?;
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let hex = hex::encode(uuid);
    done([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

pub(super) fn shuffle(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let mut runes: Vec<char> = text(&args[0])?.text().chars().collect();
    if runes.len() > 1 {
        scope.note_drift("shuffle");
    }
    for last in (1..runes.len()).rev() {
        let other = below(scope, last as u64 + 1)?;
        runes.swap(last, usize::try_from(other).unwrap_or(0));
    }
    done(runes.into_iter().collect::<String>())
}

/// Nothing is asked of the network. A caller that may ask puts a function of its own in this one's place.
pub(super) fn host_by_name(_: &mut Scope<'_>, _: Args<'_>) -> Outcome {
    done("")
}

/// Nothing is looked up in the environment either.
pub(super) fn environment(_: &mut Scope<'_>, _: Args<'_>) -> Outcome {
    done("")
}
