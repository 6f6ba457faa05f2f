//! A subnet for tests.

use crate::metagraph::{Block, Neuron};

/// A subnet that a test describes, for [`Harness::subnet`](super::Harness::subnet). Who is added gets the next UID.
///
/// ```
/// use platform_guest_sdk::testing::Subnet;
///
/// let subnet = Subnet::new(7)
///     .at_block(4_000_000, [1; 32])
///     .owner("5Olga")
///     .validator("5Vera", 1_000_000_000)
///     .miner("5Alice")
///     .nobody()
///     .neuron("5Bob", 5_000_000, false);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub(crate) netuid: u16,
    pub(crate) block: Block,
    pub(crate) owner: Option<String>,
    pub(crate) neurons: Vec<Neuron>,
    next: u16,
}

impl Subnet {
    /// An empty one, at a block without a past.
    #[must_use]
    pub fn new(netuid: u16) -> Self {
        Self {
            netuid,
            block: Block {
                number: 0,
                hash: [0; 32],
            },
            owner: None,
            neurons: Vec::new(),
            next: 0,
        }
    }

    /// As it was at this block.
    #[must_use]
    pub fn at_block(mut self, number: u64, hash: [u8; 32]) -> Self {
        self.block = Block { number, hash };
        self
    }

    /// With this owner, who need not be registered.
    #[must_use]
    pub fn owner(mut self, hotkey: impl Into<String>) -> Self {
        self.owner = Some(hotkey.into());
        self
    }

    /// With one more that does not validate and has no stake.
    #[must_use]
    pub fn miner(self, hotkey: impl Into<String>) -> Self {
        self.neuron(hotkey, 0, false)
    }

    /// With one more whose weights the chain counts.
    #[must_use]
    pub fn validator(self, hotkey: impl Into<String>, stake: u64) -> Self {
        self.neuron(hotkey, stake, true)
    }

    /// With one more.
    #[must_use]
    pub fn neuron(mut self, hotkey: impl Into<String>, stake: u64, validator_permit: bool) -> Self {
        self.neurons.push(Neuron {
            uid: self.next,
            hotkey: hotkey.into(),
            stake,
            validator_permit,
        });
        self.nobody()
    }

    /// With a UID that has no neuron.
    #[must_use]
    pub fn nobody(mut self) -> Self {
        self.next = self.next.saturating_add(1);
        self
    }
}
