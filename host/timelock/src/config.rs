//! Which beacon: drand's quicknet, which the chain has built in, unless a configuration says otherwise.

use std::{fmt, str::FromStr};

use platform_domain::UnixSeconds;
use serde::{Deserialize, Serialize};

use crate::{Beacon, PublicKey, PublicKeyError};

/// A beacon as it is written in a configuration. Every field is quicknet's when it is left out, as in
/// pallets/drand/src/lib.rs 185-213 (spec 425).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BeaconConfig {
    /// 192 hexadecimal digits, a compressed point of G2.
    pub public_key: String,
    /// When round 1 came out, in seconds since 1970.
    pub genesis: u64,
    /// Seconds between two rounds.
    pub period: u64,
    /// What drand calls the way of signing.
    pub scheme: String,
}

/// How a beacon signs. There is one way that the chain can open what is sealed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Each round by itself, in G1, hashed to the curve as RFC 9380 has it.
    BlsUnchainedG1Rfc9380,
}

/// Why a configuration is no beacon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// Its key.
    #[error("the beacon's `public_key` is not usable")]
    PublicKey(#[from] PublicKeyError),
    /// Its period.
    #[error("the beacon's `period` is 0: it is the seconds between two rounds, 3 for quicknet")]
    Period,
    /// Its scheme.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
}

/// Another way of signing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scheme {0:?} is not known: the chain opens what is sealed to {SCHEME:?}, drand's quicknet")]
pub struct SchemeError(pub String);

const SCHEME: &str = "bls-unchained-g1-rfc9380";

impl BeaconConfig {
    /// Checks every field.
    pub fn build(&self) -> Result<Beacon, BeaconError> {
        let Self {
            public_key,
            genesis,
            period,
            scheme,
        } = self;
        // Only one is known, so nothing is done differently for it.
        let Scheme::BlsUnchainedG1Rfc9380 = scheme.parse()?;
        if *period == 0 {
            return Err(BeaconError::Period);
        }
        Ok(Beacon {
            public_key: public_key.parse::<PublicKey>()?,
            genesis: UnixSeconds(*genesis),
            period_seconds: *period,
        })
    }
}

impl Default for BeaconConfig {
    /// drand's quicknet: every three seconds since 2023-08-23.
    fn default() -> Self {
        Self {
            public_key: QUICKNET_KEY.to_owned(),
            genesis: 1_692_803_367,
            period: 3,
            scheme: SCHEME.to_owned(),
        }
    }
}

impl FromStr for Scheme {
    type Err = SchemeError;

    fn from_str(text: &str) -> Result<Self, SchemeError> {
        match text {
            SCHEME => Ok(Self::BlsUnchainedG1Rfc9380),
            other => Err(SchemeError(other.chars().take(64).collect())),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::BlsUnchainedG1Rfc9380 = self;
        f.write_str(SCHEME)
    }
}

const QUICKNET_KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
