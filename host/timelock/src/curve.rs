//! BLS12-381 as drand's scheme `bls-unchained-g1-rfc9380` uses it: signatures in G1 (48 bytes), public keys in G2 (96 bytes).
//!
//! arkworks is not constant in time. Nothing here that is secret lives longer than a commit, and a test node's key guards
//! nothing.

use ark_bls12_381::{Bls12_381, Fr, G1Affine, G2Affine, g1};
use ark_ec::{
    AffineRepr as _, CurveGroup as _,
    hashing::{HashToCurve as _, curve_maps::wb::WBMap, map_to_curve_hasher::MapToCurveBasedHasher},
    pairing::{Pairing as _, PairingOutput},
    short_weierstrass::Projective,
};
use ark_ff::{Field as _, PrimeField as _, field_hashers::DefaultFieldHasher};
use ark_serialize::{CanonicalDeserialize as _, CanonicalSerialize};
use sha2::{Digest as _, Sha256};

use crate::Round;

pub(crate) use ark_bls12_381::{Fr as Scalar, G1Affine as G1, G2Affine as G2};

/// Of a point of G1, compressed.
pub(crate) const G1_BYTES: usize = 48;
/// Of a point of G2, compressed.
pub(crate) const G2_BYTES: usize = 96;
/// Of an element of the target group, compressed as arkworks does: twelve numbers of 48 bytes, little end first.
const TARGET_BYTES: usize = 576;
/// What separates drand's hashes to G1 from those of others (RFC 9380; without augmentation).
const DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

type Hasher =
    MapToCurveBasedHasher<Projective<g1::Config>, DefaultFieldHasher<Sha256, 128>, WBMap<g1::Config>>;

/// The library for the curve failed at what cannot fail; that is a mistake in this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the library for BLS12-381 failed; please report this as a bug of the host")]
pub struct CurveError;

/// Two sides of `e(a, b) = e(c, d)`, told in one go.
pub(crate) fn pairings_agree(left: (G1, G2), right: (G1, G2)) -> bool {
    let negated = (-right.0.into_group()).into_affine();
    Bls12_381::multi_pairing([left.0, negated], [left.1, right.1])
        .0
        .eq(&ark_bls12_381::Fq12::ONE)
}

/// `sha256(e(a, b))`: what hides and shows sigma.
pub(crate) fn hash_of_pairing(a: G1, b: G2) -> Result<[u8; 32], CurveError> {
    let PairingOutput(target) = Bls12_381::pairing(a, b);
    let bytes = bytes_of::<TARGET_BYTES>(&target)?;
    Ok(Sha256::digest(bytes).into())
}

/// What stands for a round, and what its signature signs: the SHA-256 of its eight bytes, big end first, hashed to G1.
pub(crate) fn identity(round: Round) -> Result<G1, CurveError> {
    let message = Sha256::digest(round.get().to_be_bytes());
    let hasher = Hasher::new(DOMAIN).map_err(|_| CurveError)?;
    hasher.hash(&message).map_err(|_| CurveError)
}

/// The number that bytes stand for, big end first, in the field of scalars.
pub(crate) fn scalar(bytes: &[u8]) -> Scalar {
    Fr::from_be_bytes_mod_order(bytes)
}

/// `scalar` times a point of G1.
pub(crate) fn times_g1(point: G1, scalar: Scalar) -> G1 {
    (point * scalar).into_affine()
}

/// `scalar` times a point of G2.
pub(crate) fn times_g2(point: G2, scalar: Scalar) -> G2 {
    (point * scalar).into_affine()
}

/// The point of G2 that everybody counts from.
pub(crate) fn generator() -> G2 {
    G2Affine::generator()
}

/// A point of G1; `None` when the bytes are none of the prime-order group, or zero, which says nothing.
pub(crate) fn g1(bytes: &[u8; G1_BYTES]) -> Option<G1> {
    let point = G1Affine::deserialize_compressed(bytes.as_slice()).ok()?;
    (!point.is_zero()).then_some(point)
}

/// The same in G2.
pub(crate) fn g2(bytes: &[u8; G2_BYTES]) -> Option<G2> {
    let point = G2Affine::deserialize_compressed(bytes.as_slice()).ok()?;
    (!point.is_zero()).then_some(point)
}

/// As arkworks writes it, compressed.
pub(crate) fn bytes_of<const N: usize>(value: &impl CanonicalSerialize) -> Result<[u8; N], CurveError> {
    let mut bytes = [0; N];
    if value.compressed_size() != N {
        return Err(CurveError);
    }
    value
        .serialize_compressed(bytes.as_mut_slice())
        .map_err(|_| CurveError)?;
    Ok(bytes)
}
