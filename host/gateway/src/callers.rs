//! From a claim to a caller: whose signature counts, and that it counts once.

use std::{collections::BTreeSet, time::Instant};

use http::request::Parts;
use platform_domain::{Caller, Digest, Slug, Uid, UnixSeconds};
use platform_keys::{Scheme, SignedRequest};
use platform_nonces::{Reservation, Use};

use crate::{
    Gateway,
    claim::{Claim, Version},
    in_flight::Place,
    refusal::Refusal,
};

/// Somebody who has proven who it is.
pub(crate) struct Proven {
    pub(crate) caller: Caller,
    pub(crate) reservation: Reservation,
    pub(crate) place: Place,
}

/// Whose signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callers {
    /// What texts of the first scheme begin with; `None` when only the second is accepted.
    pub first_prefix: Option<String>,
    /// Only of hotkeys that are registered in the subnet.
    pub require_registered: bool,
    /// Never of these: by default that of the subnet's owner, which no miner has.
    pub blocked_uids: BTreeSet<Uid>,
}

impl Gateway {
    /// Proves a claim over a body of this digest and uses its nonce up. The order is that of the platform before this one.
    pub(crate) async fn verify(
        &self,
        claim: &Claim,
        slug: &Slug,
        parts: &Parts,
        body: Digest,
        now: UnixSeconds,
    ) -> Result<Proven, Refusal> {
        let Self { parts: host, .. } = self;
        let scheme = match (claim.version, &host.callers.first_prefix) {
            (Version::First, Some(prefix)) => Scheme::First { prefix },
            (Version::First, None) => return Err(Refusal::SignatureVersion),
            (Version::Second, _) => Scheme::Second,
        };
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let signed = SignedRequest {
            scheme,
            netuid: host.netuid,
            slug,
            method: parts.method.as_str(),
            target,
            hotkey: claim.hotkey,
            nonce: &claim.nonce,
            timestamp: claim.timestamp,
            body,
        };
        if !signed.verify(&claim.signature) {
            return Err(Refusal::SignatureInvalid);
        }
        let uid = self.uid_of(claim)?;
        let rate = host.limits.hotkey_rate;
        let taken = self.hotkeys.rates.take(claim.hotkey, rate, Instant::now());
        taken.map_err(|retry_after| Refusal::HotkeyTooFast { retry_after })?;
        let place = self.hotkeys.at_once.enter(claim.hotkey);
        let place = place.ok_or(Refusal::TooManyAtOnce)?;
        let unique = format!("{}:{slug}:{}", host.netuid, claim.nonce);
        let used = Use {
            hotkey: claim.hotkey,
            nonce: Digest::of(unique.as_bytes()),
            expires: claim.expires(),
            registered: uid.is_some(),
        };
        let reservation = host.nonces.reserve(now, used).await?;
        let caller = Caller {
            hotkey: claim.hotkey,
            uid,
            nonce: claim.nonce.to_string(),
        };
        Ok(Proven {
            caller,
            reservation,
            place,
        })
    }

    /// Its place in the subnet, as far as it must have one.
    fn uid_of(&self, claim: &Claim) -> Result<Option<Uid>, Refusal> {
        let Self { parts: host, .. } = self;
        let Some(metagraph) = host.metagraph.current() else {
            return match host.callers.require_registered {
                true => Err(Refusal::MetagraphUnavailable),
                false => Ok(None),
            };
        };
        match metagraph.uid_of(&claim.hotkey) {
            None if host.callers.require_registered => Err(Refusal::HotkeyUnknown),
            Some(uid) if host.callers.blocked_uids.contains(&uid) => Err(Refusal::UidBlocked),
            uid => Ok(uid),
        }
    }
}
