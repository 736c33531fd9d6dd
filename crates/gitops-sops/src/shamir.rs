//! Joins shares of a data key. Rule: Shamir's scheme over GF(2^8) with the polynomial of AES; the last byte of a share is
//! its x.

use zeroize::Zeroizing;

/// Product in GF(2^8), without branches that depend on the values.
fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    for _ in 0..8 {
        product ^= a & (b & 1).wrapping_neg();
        a = (a << 1) ^ (0x1b & (a >> 7).wrapping_neg());
        b >>= 1;
    }
    product
}

/// `a` to the power of 254, which is its inverse.
fn inverse(a: u8) -> u8 {
    (0..6).fold(multiply(a, a), |power, _| multiply(multiply(power, a), multiply(power, a)))
}

/// The secret; `None` when the shares are of different lengths, too short, or one stands twice.
pub(crate) fn combine(shares: &[Zeroizing<Vec<u8>>]) -> Option<Zeroizing<Vec<u8>>> {
    let length = shares.first()?.len().checked_sub(1).filter(|l| *l > 0)?;
    let x: Vec<u8> = shares.iter().map(|s| s.last().copied()).collect::<Option<_>>()?;
    let repeated = (1..x.len()).any(|i| x[..i].contains(&x[i]));
    if shares.len() < 2 || repeated || shares.iter().any(|s| s.len() != length + 1) {
        return None;
    }
    let mut secret = Zeroizing::new(vec![0; length]);
    for (i, share) in shares.iter().enumerate() {
        let others = x.iter().enumerate().filter(|(j, _)| *j != i);
        let weight = others.fold(1, |w, (_, other)| multiply(w, multiply(*other, inverse(*other ^ x[i]))));
        for (byte, part) in secret.iter_mut().zip(share.iter()) {
            *byte ^= multiply(*part, weight);
        }
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_that_of_aes() {
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert!((1..=255).all(|a| multiply(a, inverse(a)) == 1));
    }

    #[test]
    fn two_points_give_the_line_back() {
        // f(x) = 42 + 7x, at 1 and 9.
        let share = |x: u8| Zeroizing::new(vec![42 ^ multiply(7, x), x]);
        assert_eq!(combine(&[share(1), share(9)]).unwrap().as_slice(), [42]);
        assert!(combine(&[share(1), share(1)]).is_none() && combine(&[share(1)]).is_none() && combine(&[]).is_none());
    }
}
