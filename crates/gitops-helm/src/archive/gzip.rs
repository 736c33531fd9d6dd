//! Gzip, unpacked into memory up to a limit.

use zlib_rs::{Inflate, InflateFlush, Status};

/// Why it could not be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is more than the limit.
    TooLarge,
    /// It is not whole, or its checksum is wrong.
    Damaged(&'static str),
}

/// A window of 32 KiB, and a gzip header whose checksum is verified.
const GZIP: u8 = 15 + 16;

/// Unpacks all members. What follows the last one is ignored.
pub(super) fn unzip(mut input: &[u8], limit: u64) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::with_capacity(input.len().saturating_mul(6).min(4 << 20));
    while super::is_gzip(input) {
        let mut inflate = Inflate::new(true, GZIP);
        loop {
            if out.len() as u64 > limit {
                return Err(Failure::TooLarge);
            }
            let filled = out.len();
            out.resize(filled + filled.clamp(64 << 10, 4 << 20), 0);
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(input, &mut out[filled..], InflateFlush::NoFlush).map_err(|e| Failure::Damaged(e.as_str()))?;
            let (read, written) = ((inflate.total_in() - before_in) as usize, (inflate.total_out() - before_out) as usize);
            input = &input[read..];
            out.truncate(filled + written);
            match status {
                Status::StreamEnd => break,
                _ if read == 0 && written == 0 => return Err(Failure::Damaged("it ends too early")),
                _ => {}
            }
        }
    }
    if out.len() as u64 > limit { Err(Failure::TooLarge) } else { Ok(out) }
}
