//! Who a client says it is: the identity headers, read and checked as far as one request alone allows.

use http::{HeaderMap, HeaderValue};
use platform_domain::{Hotkey, UnixSeconds};
use platform_keys::{
    HOTKEY_HEADER, NONCE_HEADER, Nonce, SIGNATURE_HEADER, TIMESTAMP_HEADER, VERSION_HEADER, parse_signature,
};

use crate::refusal::Refusal;

/// The largest difference between a request's time and the host's: clocks that nobody sets drift by
/// seconds, time zones by hours.
pub const SIGNATURE_WINDOW_SECONDS: u64 = 300;

/// A timely claim. Nothing has been verified yet.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) hotkey: Hotkey,
    pub(crate) signature: [u8; 64],
    pub(crate) nonce: Nonce,
    pub(crate) timestamp: UnixSeconds,
    pub(crate) version: Version,
}

/// Which text was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// The first, without the query.
    First,
    /// The second.
    Second,
}

/// Whether a request claims to be somebody's, rightly or not.
pub(crate) fn is_made(headers: &HeaderMap) -> bool {
    let names = [HOTKEY_HEADER, SIGNATURE_HEADER, NONCE_HEADER, TIMESTAMP_HEADER];
    names.iter().any(|name| headers.contains_key(*name))
}

impl Claim {
    /// Reads the headers; `None` when a request makes no claim at all.
    pub(crate) fn read(headers: &HeaderMap, now: UnixSeconds) -> Result<Option<Self>, Refusal> {
        if !is_made(headers) {
            return Ok(None);
        }
        let hotkey = only(headers, HOTKEY_HEADER)?;
        let signature = only(headers, SIGNATURE_HEADER)?;
        let nonce = only(headers, NONCE_HEADER)?;
        let timestamp = only(headers, TIMESTAMP_HEADER)?;

        let timestamp = parse_timestamp(text(timestamp)).ok_or(Refusal::TimestampInvalid)?;
        if now.0.abs_diff(timestamp.0) > SIGNATURE_WINDOW_SECONDS {
            return Err(Refusal::SignatureStale);
        }
        Ok(Some(Self {
            hotkey: text(hotkey)
                .parse()
                .map_err(|_| Refusal::HeaderInvalid(HOTKEY_HEADER))?,
            signature: parse_signature(text(signature)).map_err(|_| Refusal::SignatureInvalid)?,
            nonce: text(nonce)
                .parse()
                .map_err(|_| Refusal::HeaderInvalid(NONCE_HEADER))?,
            timestamp,
            version: version(headers)?,
        }))
    }

    /// The last second in which this claim can be used.
    pub(crate) const fn expires(&self) -> UnixSeconds {
        UnixSeconds(self.timestamp.0.saturating_add(SIGNATURE_WINDOW_SECONDS))
    }
}

/// The header's only value. Of two, one server believes the first and another the last.
fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a HeaderValue, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refusal::HeaderMissing(name))?;
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Refusal::HeaderRepeated(name)),
    }
}

/// Whoever says nothing of it signs as everybody did before there were two.
fn version(headers: &HeaderMap) -> Result<Version, Refusal> {
    if !headers.contains_key(VERSION_HEADER) {
        return Ok(Version::First);
    }
    match text(only(headers, VERSION_HEADER)?) {
        "1" => Ok(Version::First),
        "2" => Ok(Version::Second),
        _ => Err(Refusal::HeaderInvalid(VERSION_HEADER)),
    }
}

/// What is not text parses as nothing.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// Whole seconds in the one spelling that is signed: no sign, no leading zero.
fn parse_timestamp(text: &str) -> Option<UnixSeconds> {
    let seconds: UnixSeconds = text.parse().ok()?;
    (seconds.to_string() == text).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const NOW: u64 = 1_760_000_000;

    fn read(change: &[(&'static str, Option<&str>)]) -> Result<bool, String> {
        let signature = "00".repeat(64);
        let now = NOW.to_string();
        let good = [
            ("x-hotkey", ALICE),
            ("x-signature", &signature),
            ("x-nonce", "nonce-01"),
            ("x-timestamp", &now),
        ];
        let mut headers = HeaderMap::new();
        good.into_iter()
            .for_each(|(name, value)| drop(headers.insert(name, value.parse().unwrap())));
        for (name, value) in change {
            match value {
                Some(value) => drop(headers.insert(*name, value.parse().unwrap())),
                None => drop(headers.remove(*name)),
            }
        }
        let claim = Claim::read(&headers, UnixSeconds(NOW));
        claim
            .map(|it| it.is_some())
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_claim_is_all_four_headers_or_none() {
        assert_eq!(read(&[]), Ok(true));
        let names = ["x-hotkey", "x-signature", "x-nonce", "x-timestamp"];
        assert_eq!(read(&names.map(|name| (name, None))), Ok(false));
        for name in names {
            assert_eq!(read(&[(name, None)]), Err(format!("missing {name}")));
        }
        assert_eq!(
            read(&[("x-signature", None), ("x-nonce", None)]),
            Err("missing x-signature".into())
        );
    }

    #[test]
    fn a_malformed_claim_is_refused_with_its_reason() {
        let signature = |text: &str| read(&[("x-signature", Some(text))]);
        assert_eq!(signature(&format!("0x{}", "aB".repeat(64))), Ok(true));
        assert_eq!(signature("0x00"), Err("invalid signature".into()));
        assert_eq!(
            read(&[("x-hotkey", Some("5Grw"))]),
            Err("invalid x-hotkey".into())
        );
        assert_eq!(read(&[("x-hotkey", Some("é"))]), Err("invalid x-hotkey".into()));
        assert_eq!(
            read(&[("x-nonce", Some("a:b:c:d:e"))]),
            Err("invalid x-nonce".into())
        );
        assert_eq!(read(&[("x-nonce", Some("short"))]), Err("invalid x-nonce".into()));
    }

    #[test]
    fn a_time_counts_within_the_window() {
        let at = |text: String| read(&[("x-timestamp", Some(text.as_str()))]);
        assert_eq!(at((NOW + 300).to_string()), Ok(true));
        assert_eq!(at((NOW + 301).to_string()), Err("stale signature".into()));
        assert_eq!(at((NOW - 300).to_string()), Ok(true));
        assert_eq!(at((NOW - 301).to_string()), Err("stale signature".into()));
        assert_eq!(at(u64::MAX.to_string()), Err("stale signature".into()));
        for text in [
            "",
            "now",
            "1.5",
            "-1",
            &format!("+{NOW}"),
            &format!("0{NOW}"),
            "18446744073709551616",
        ] {
            assert_eq!(at(text.to_owned()), Err("invalid timestamp".into()), "{text}");
        }
    }

    #[test]
    fn a_claim_can_be_used_until_its_time_has_passed_by_the_window() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-hotkey", ALICE),
            ("x-signature", &"00".repeat(64)),
            ("x-nonce", "nonce-01"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        for (age, timely) in [(300, true), (301, false)] {
            headers.insert("x-timestamp", (NOW - age).to_string().parse().unwrap());
            let claim = Claim::read(&headers, UnixSeconds(NOW));
            assert_eq!(claim.is_ok(), timely, "{age}");
            assert!(
                claim
                    .ok()
                    .flatten()
                    .is_none_or(|it| it.expires() == UnixSeconds(NOW - age + 300))
            );
        }
    }

    #[test]
    fn the_version_is_one_of_two_and_the_first_when_nothing_is_said() {
        for (said, expected) in [
            (None, Ok(true)),
            (Some("1"), Ok(true)),
            (Some("2"), Ok(true)),
            (Some("3"), Err("invalid x-signature-version".to_owned())),
            (Some("02"), Err("invalid x-signature-version".to_owned())),
            (Some(""), Err("invalid x-signature-version".to_owned())),
        ] {
            assert_eq!(read(&[("x-signature-version", said)]), expected, "{said:?}");
        }
    }

    #[test]
    fn a_repeated_header_is_refused() {
        for name in ["x-hotkey", "x-signature", "x-nonce", "x-timestamp"] {
            let mut headers = HeaderMap::new();
            for it in ["x-hotkey", "x-signature", "x-nonce", "x-timestamp", name] {
                headers.append(it, "1".parse().unwrap());
            }
            let refusal = Claim::read(&headers, UnixSeconds(1)).unwrap_err();
            assert_eq!(refusal.to_string(), format!("repeated {name}"));
        }
    }
}
