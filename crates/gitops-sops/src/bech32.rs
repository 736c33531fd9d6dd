//! Bech32 without a bound on the length, as age writes its keys. Rule: BIP 173, checksum constant 1.

use zeroize::Zeroizing;

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let next = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
        GENERATOR.iter().enumerate().fold(next, |n, (i, g)| if top >> i & 1 == 1 { n ^ g } else { n })
    })
}

fn expanded(hrp: &str) -> impl Iterator<Item = u8> + '_ {
    hrp.bytes().map(|b| b >> 5).chain([0]).chain(hrp.bytes().map(|b| b & 31))
}

/// The human-readable part in lower case, and the data. `None` for a text that is no Bech32.
pub(crate) fn decode(text: &str) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let mixed = text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase());
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let (hrp, rest) = lower.rsplit_once('1').filter(|(hrp, rest)| !mixed && !hrp.is_empty() && rest.len() >= 6)?;
    if !hrp.bytes().all(|b| (33..127).contains(&b)) {
        return None;
    }
    let position = |b: u8| CHARSET.iter().position(|c| *c == b).and_then(|p| u8::try_from(p).ok());
    let digits: Zeroizing<Vec<u8>> = Zeroizing::new(rest.bytes().map(position).collect::<Option<_>>()?);
    if polymod(expanded(hrp).chain(digits.iter().copied())) != 1 {
        return None;
    }
    let (mut bytes, mut buffer, mut bits) = (Zeroizing::new(Vec::with_capacity(32)), 0u32, 0u32);
    for digit in &digits[..digits.len() - 6] {
        buffer = buffer << 5 | u32::from(*digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xff) as u8);
        }
        buffer &= (1 << bits) - 1;
    }
    // What is left over is padding: fewer than five bits, all zero.
    (bits < 5 && buffer == 0).then(|| (hrp.to_owned(), bytes))
}

/// The text of some data, in lower case.
pub(crate) fn encode(hrp: &str, bytes: &[u8]) -> String {
    let (mut digits, mut buffer, mut bits) = (Vec::new(), 0u32, 0u32);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            digits.push((buffer >> bits & 31) as u8);
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        digits.push((buffer << (5 - bits) & 31) as u8);
    }
    let sum = polymod(expanded(hrp).chain(digits.iter().copied()).chain([0; 6])) ^ 1;
    digits.extend((0..6).map(|i| (sum >> (5 * (5 - i)) & 31) as u8));
    let text: String = digits.iter().map(|d| char::from(CHARSET[usize::from(*d)])).collect();
    format!("{hrp}1{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_a_changed_letter_is_noticed() {
        let data: Vec<u8> = (0..32).collect();
        let text = encode("age", &data);
        let (hrp, bytes) = decode(&text).expect("our own");
        assert_eq!((hrp.as_str(), bytes.as_slice()), ("age", data.as_slice()));
        assert!(decode(&text.to_uppercase()).is_some());
        assert!(decode(&text.replacen('q', "p", 1)).is_none());
        let mixed = text.replacen("age", "Age", 1);
        assert!(decode(&mixed).is_none() && decode("").is_none() && decode("age1").is_none());
    }

    #[test]
    fn the_vector_of_the_rule() {
        // BIP 173's own example of a valid text with an empty human-readable part's neighbour.
        assert!(decode("A12UEL5L").is_some_and(|(hrp, bytes)| hrp == "a" && bytes.is_empty()));
        assert!(decode("A12UEL5M").is_none());
    }
}
