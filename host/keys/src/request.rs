//! The text a miner signs so that a challenge may know who calls. The gateway, the command line and the
//! demonstration all build it here.
//!
//! ```text
//! platform-upload-v1:{netuid}:{slug}:{METHOD}:{path}:{hotkey}:{nonce}:{timestamp}:{sha256hex(body)}
//! ```
//!
//! Only `path` may contain the delimiter. Four fields without a colon stand on either side of it, so no two
//! requests have the same text. The query is not part of it.

use std::{fmt, str::FromStr};

use platform_domain::{Digest, Hotkey, Netuid, Slug, UnixSeconds};

use crate::{KeyError, Keypair, verify};

/// Names what is signed, so that no other signature of the same key can be taken for one of these.
pub const SIGNED_REQUEST_PREFIX: &str = "platform-upload-v1";
/// Carries the caller's SS58 address.
pub const HOTKEY_HEADER: &str = "x-hotkey";
/// Carries the signature, hexadecimal, with or without `0x`.
pub const SIGNATURE_HEADER: &str = "x-signature";
/// Carries the [`Nonce`].
pub const NONCE_HEADER: &str = "x-nonce";
/// Carries the whole seconds since 1970-01-01 UTC.
pub const TIMESTAMP_HEADER: &str = "x-timestamp";

/// A request as its signature sees it.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// The subnet the host serves.
    pub netuid: Netuid,
    /// The challenge.
    pub slug: &'a Slug,
    /// The HTTP method in upper case.
    pub method: &'a str,
    /// The public path as the client writes it into the request line, without the query and not decoded:
    /// `/challenges/tsp/submissions`.
    pub path: &'a str,
    /// Who signs.
    pub hotkey: Hotkey,
    /// Makes this request different from every other.
    pub nonce: &'a Nonce,
    /// When it is signed.
    pub timestamp: UnixSeconds,
    /// The whole body.
    pub body: &'a [u8],
}

/// A text that a caller uses once: 8 to 128 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(String);

/// The text is not a nonce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is {} to {} of A-Z a-z 0-9 . _ -", Nonce::MIN_LEN, Nonce::MAX_LEN)]
pub struct NonceError;

impl SignedRequest<'_> {
    /// The bytes to sign.
    pub fn canonical(&self) -> Vec<u8> {
        let Self {
            netuid,
            slug,
            method,
            path,
            hotkey,
            nonce,
            timestamp,
            body,
        } = self;
        let body = Digest::of(body).hex();
        format!("{SIGNED_REQUEST_PREFIX}:{netuid}:{slug}:{method}:{path}:{hotkey}:{nonce}:{timestamp}:{body}")
            .into_bytes()
    }

    /// Whether `self.hotkey` made this signature.
    pub fn verify(&self, signature: &[u8; 64]) -> bool {
        verify(&self.hotkey, &self.canonical(), signature)
    }

    /// Signs, and gives the four headers to send. The key's own address takes the place of `self.hotkey`.
    pub fn headers(&self, keypair: &Keypair) -> [(&'static str, String); 4] {
        let hotkey = keypair.hotkey();
        let signature = keypair.sign(&Self { hotkey, ..*self }.canonical());
        [
            (HOTKEY_HEADER, hotkey.to_string()),
            (SIGNATURE_HEADER, format!("0x{}", hex::encode(signature))),
            (NONCE_HEADER, self.nonce.to_string()),
            (TIMESTAMP_HEADER, self.timestamp.to_string()),
        ]
    }
}

impl Nonce {
    /// Fewer characters would repeat by chance.
    pub const MIN_LEN: usize = 8;
    /// More than any scheme needs; the host remembers each for minutes.
    pub const MAX_LEN: usize = 128;

    /// Makes one of 128 random bits.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| KeyError::Random)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// The nonce as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nonce {
    type Err = NonceError;

    fn from_str(text: &str) -> Result<Self, NonceError> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        if (Self::MIN_LEN..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NonceError)
        }
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLUG: &str = "tsp";
    const PATH: &str = "/challenges/tsp/submissions";

    fn alice() -> Keypair {
        Keypair::from_phrase("bottom drive obey lake curtain smoke basket hold race lonely fit walk").unwrap()
    }

    /// The vector of `docs/miners.md`.
    #[test]
    fn the_signed_text_is_the_documented_one() {
        let (slug, nonce) = (SLUG.parse().unwrap(), "8f14e45fceea167a".parse().unwrap());
        let request = SignedRequest {
            netuid: Netuid(2),
            slug: &slug,
            method: "POST",
            path: PATH,
            hotkey: alice().hotkey(),
            nonce: &nonce,
            timestamp: UnixSeconds(1_760_000_000),
            body: br#"{"tour":[0,2,1]}"#,
        };
        let guide = include_str!("../../../docs/miners.md");
        let text = String::from_utf8(request.canonical()).unwrap();
        assert!(guide.contains(&format!("\n{text}\n")), "{text}");
        // Made by the Bittensor wallet 4.1.1.
        let signature = "0x7ad58a802c83583ff1639ac44668a4afe739b37db1b1b623be55fc7c4d914d0a\
                         2b8e1c6b30efaeb099c6f004366d22f5da0e7893bc7472e95e44e8f358fd5d8a";
        assert!(guide.contains(signature));
        assert!(request.verify(&crate::parse_signature(signature).unwrap()));
    }

    #[test]
    fn each_field_is_part_of_what_is_signed() {
        let key = alice();
        let (slug, other_slug) = (SLUG.parse().unwrap(), "tsq".parse().unwrap());
        let (nonce, other_nonce) = ("nonce-01".parse().unwrap(), "nonce-02".parse().unwrap());
        let request = SignedRequest {
            netuid: Netuid(2),
            slug: &slug,
            method: "POST",
            path: PATH,
            hotkey: key.hotkey(),
            nonce: &nonce,
            timestamp: UnixSeconds(1_760_000_000),
            body: b"body",
        };
        let headers = request.headers(&key);
        assert_eq!(
            headers.each_ref().map(|(name, _)| *name),
            ["x-hotkey", "x-signature", "x-nonce", "x-timestamp"]
        );
        let signature = crate::parse_signature(&headers[1].1).unwrap();
        assert!(request.verify(&signature));
        for (what, changed) in [
            (
                "netuid",
                SignedRequest {
                    netuid: Netuid(3),
                    ..request
                },
            ),
            (
                "slug",
                SignedRequest {
                    slug: &other_slug,
                    ..request
                },
            ),
            (
                "method",
                SignedRequest {
                    method: "PUT",
                    ..request
                },
            ),
            (
                "path",
                SignedRequest {
                    path: "/challenges/tsp/submission",
                    ..request
                },
            ),
            (
                "hotkey",
                SignedRequest {
                    hotkey: Keypair::from_seed([1; 32]).hotkey(),
                    ..request
                },
            ),
            (
                "nonce",
                SignedRequest {
                    nonce: &other_nonce,
                    ..request
                },
            ),
            (
                "timestamp",
                SignedRequest {
                    timestamp: UnixSeconds(1_760_000_001),
                    ..request
                },
            ),
            (
                "body",
                SignedRequest {
                    body: b"bodY",
                    ..request
                },
            ),
        ] {
            assert!(!changed.verify(&signature), "{what}");
        }
    }

    #[test]
    fn a_nonce_has_no_delimiter_and_a_bounded_length() {
        for good in [
            "12345678",
            "a.b_c-D9",
            &"x".repeat(128),
            Nonce::generate().unwrap().as_str(),
        ] {
            assert_eq!(
                good.parse::<Nonce>().map(|nonce| nonce.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            "1234567",
            "1234:5678",
            "1234 5678",
            "12345678\n",
            "nonce-é-1",
            &"x".repeat(129),
        ] {
            assert_eq!(bad.parse::<Nonce>(), Err(NonceError), "{bad:?}");
        }
    }

    proptest::proptest! {
        /// Splitting from both ends finds every field again, whatever colons the path has.
        #[test]
        fn no_two_requests_have_the_same_text(path in "/[ -~]{0,30}", nonce in "[A-Za-z0-9._-]{8,20}", timestamp: u64) {
            let (slug, nonce): (Slug, Nonce) = (SLUG.parse().unwrap(), nonce.parse().unwrap());
            let hotkey = Hotkey::from_bytes([3; 32]);
            let request = SignedRequest {
                netuid: Netuid(2), slug: &slug, method: "GET", path: &path, hotkey, nonce: &nonce,
                timestamp: UnixSeconds(timestamp), body: b"",
            };
            let text = String::from_utf8(request.canonical()).unwrap();
            let front: Vec<&str> = text.splitn(5, ':').collect();
            let back: Vec<&str> = front[4].rsplitn(5, ':').collect();
            proptest::prop_assert_eq!(&front[..4], &[SIGNED_REQUEST_PREFIX, "2", SLUG, "GET"]);
            proptest::prop_assert_eq!(back[4], path);
            proptest::prop_assert_eq!(back[3], hotkey.to_string());
            proptest::prop_assert_eq!(back[2], nonce.as_str());
            proptest::prop_assert_eq!(back[1], timestamp.to_string());
        }
    }
}
