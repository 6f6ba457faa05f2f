//! Identity-based encryption of one key of 32 bytes to a round: Boneh and Franklin's FullIdent, as the crate `tle` has it at
//! the commit that the chain is built with (5416406; spec 425 to 461).
//!
//! ```text
//! r = sha256(sigma ‖ key) mod the order, big end first      U = r · g2
//! V = sigma xor sha256(e(Q, r · public key))                W = key xor sha256(sigma)
//! ```

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    PublicKey, Round, Signature,
    curve::{self, CurveError, G2, Scalar},
};

/// A key, or sigma: 32 bytes that are wiped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// A key that whoever has the round's signature can take out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrapped {
    pub(crate) u: G2,
    pub(crate) v: [u8; 32],
    pub(crate) w: [u8; 32],
}

/// Wraps `key` for a round. `sigma` is random and for this once.
pub(crate) fn wrap(
    public_key: &PublicKey,
    round: Round,
    key: &Secret,
    sigma: &Secret,
) -> Result<Wrapped, CurveError> {
    let r = blinding(sigma, key);
    let shared = curve::times_g2(public_key.point(), *r);
    let hiding = Zeroizing::new(curve::hash_of_pairing(curve::identity(round)?, shared)?);
    Ok(Wrapped {
        u: curve::times_g2(curve::generator(), *r),
        v: xor(sigma, &hiding),
        w: xor(key, &hash(sigma)),
    })
}

/// The key and sigma; `None` when the signature is another round's or another beacon's, or the bytes were changed.
pub(crate) fn unwrap(
    wrapped: &Wrapped,
    signature: &Signature,
) -> Result<Option<(Secret, Secret)>, CurveError> {
    let hiding = curve::hash_of_pairing(signature.point(), wrapped.u)?;
    let sigma = Zeroizing::new(xor(&wrapped.v, &hiding));
    let key = Zeroizing::new(xor(&wrapped.w, &hash(&sigma)));
    let r = blinding(&sigma, &key);
    let same = curve::times_g2(curve::generator(), *r) == wrapped.u;
    Ok(same.then_some((key, sigma)))
}

fn blinding(sigma: &Secret, key: &Secret) -> Zeroizing<Scalar> {
    let hash = Sha256::new()
        .chain_update(sigma.as_slice())
        .chain_update(key.as_slice());
    Zeroizing::new(curve::scalar(&hash.finalize()))
}

fn hash(sigma: &Secret) -> Secret {
    Zeroizing::new(Sha256::digest(sigma.as_slice()).into())
}

fn xor(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut sum = *left;
    for (byte, other) in sum.iter_mut().zip(right) {
        *byte ^= other;
    }
    sum
}
