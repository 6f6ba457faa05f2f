//! Bearer tokens: shown once in clear, kept as hash and hint.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// A token in clear. Deliberately neither `Serialize` nor `Display`, and silent in `Debug`: whoever shows
/// it calls [`PlainToken::reveal`], and one search finds all who do.
#[derive(Clone)]
pub struct PlainToken(String);

/// SHA-256 of a token. Tokens have 256 bits of entropy, so a fast hash is enough.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

/// What a person may see of a token to tell two apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHint(String);

/// Makes a leaked token recognisable to scanners and people.
const PREFIX: &str = "plt_";
/// A hint shows the last characters of tokens at least this long; it would give a shorter one away.
const HINT_MIN_LEN: usize = 24;
const HINT_TAIL: usize = 4;

impl PlainToken {
    /// Writes 32 random bytes as `plt_` and 64 hexadecimal digits.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", hex::encode(bytes)))
    }

    /// Takes a token that a person chose or a client sent. Surrounding white space is not part of it.
    pub fn from_text(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The clear text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(&self.0).into())
    }

    /// What a list shows.
    pub fn hint(&self) -> TokenHint {
        let tail = self
            .0
            .len()
            .checked_sub(HINT_TAIL)
            .and_then(|at| self.0.get(at..));
        TokenHint(match tail {
            Some(tail) if self.0.len() >= HINT_MIN_LEN => format!("…{tail}"),
            _ => "****".to_owned(),
        })
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainToken(…)")
    }
}

impl TokenHash {
    /// Takes a stored hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the hash of `candidate`, in constant time.
    pub fn verifies(&self, candidate: &PlainToken) -> bool {
        !candidate.0.is_empty() && bool::from(self.0.ct_eq(&candidate.hash().0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

impl TokenHint {
    /// Takes a stored hint.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to show and to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_verified_by_its_hash_and_never_printed() {
        let token = PlainToken::from_random([7; 32]);
        assert!(
            token
                .hash()
                .verifies(&PlainToken::from_text(&format!(" {}\n", token.reveal())))
        );
        assert!(!token.hash().verifies(&PlainToken::from_random([8; 32])));
        assert!(
            !PlainToken::from_text("")
                .hash()
                .verifies(&PlainToken::from_text(""))
        );
        assert!(!format!("{token:?}{:?}", token.hash()).contains("0707"));
    }

    #[test]
    fn a_hint_never_gives_a_short_token_away() {
        assert_eq!(PlainToken::from_random([7; 32]).hint().as_str(), "…0707");
        assert_eq!(PlainToken::from_text("hunter2").hint().as_str(), "****");
        assert_eq!(PlainToken::from_text("€€€€€€€€€").hint().as_str(), "****");
    }
}
