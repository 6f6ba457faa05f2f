//! What would be recorded and sent if an epoch began now, up to the bytes of the call. Nothing is written or sent.

use platform_chain::{Composed, Preflight};
use platform_domain::BlockNumber;

use crate::{EpochError, Epochs, Preview, submit::weights_call};

/// A submission that does not take place.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// What would be recorded.
    pub preview: Preview,
    /// What the chain would say to it; `None` without a vector or a hotkey.
    pub preflight: Option<Preflight>,
    /// What would be signed; `None` without a vector or a hotkey.
    pub call: Option<RehearsedCall>,
    /// Why it cannot be composed.
    pub error: Option<String>,
}

/// A call that is not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehearsedCall {
    /// Its name in `SubtensorModule`.
    pub name: String,
    /// The call data in hexadecimal, with `0x`. Of a commit other bytes each time.
    pub data: String,
    /// Whether it is wrapped in `Proxy.proxy`.
    pub proxied: bool,
    /// The round that a commit is sealed to, and the first block that may reveal it; `None` when weights are set at once.
    pub sealed: Option<(u64, BlockNumber)>,
}

impl Epochs {
    /// Asks the challenges, computes, has every check made and composes the call.
    pub async fn rehearse(&self) -> Result<Rehearsal, EpochError> {
        let chain = self.chain().await?;
        let preview = self.prepare(chain).await?;
        let (Some(submitter), Ok(vector)) = (self.submitter(), &preview.vector) else {
            return Ok(Rehearsal {
                preview,
                preflight: None,
                call: None,
                error: None,
            });
        };
        let lane = self.lane(chain);
        let subnet = chain
            .subnet(lane.netuid, lane.mechanism, preview.block_hash)
            .await?;
        let call = weights_call(lane, vector, subnet.weights_version);
        let preflight = chain.preflight(submitter, &call).await?;
        let (call, error) = match chain.compose(submitter, &call).await {
            Ok(composed) => (Some(RehearsedCall::from(composed)), None),
            Err(error) => (None, Some(platform_domain::with_causes(&error))),
        };
        Ok(Rehearsal {
            preview,
            preflight: Some(preflight),
            call,
            error,
        })
    }
}

impl From<Composed> for RehearsedCall {
    fn from(composed: Composed) -> Self {
        let Composed {
            call,
            data,
            sealed,
            proxied,
            spec_version: _,
        } = composed;
        Self {
            name: call.to_owned(),
            data: format!("0x{}", hex::encode(data)),
            proxied,
            sealed: sealed.map(|sealed| (sealed.round, sealed.first_block)),
        }
    }
}
