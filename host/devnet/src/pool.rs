//! Extrinsics that wait for a block.

use platform_domain::Hotkey;

use crate::{block::Hash, extrinsic::Signed, validity::Refusal};

/// Why an extrinsic is not taken.
#[derive(Debug)]
pub(crate) enum SubmitError {
    Refused(Refusal),
    /// The same bytes wait already.
    AlreadyImported(Hash),
    /// Another extrinsic of that account and nonce waits; none outbids another.
    TooLowPriority,
    /// See [`CAPACITY`].
    Full,
}

/// Pending extrinsics in the order of their arrival.
#[derive(Default)]
pub(crate) struct Pool {
    pending: Vec<Pending>,
}

struct Pending {
    extrinsic: Signed,
    /// The first block in which it is dead.
    death: u64,
}

/// Enough for every neuron of a subnet to wait at once; a bound for whoever floods a test node.
const CAPACITY: usize = 4096;

impl Pool {
    /// Refuses the same bytes before they are looked at, as the node does.
    pub(crate) fn ensure_new(&self, hash: Hash) -> Result<(), SubmitError> {
        match self.pending.iter().any(|pending| pending.extrinsic.hash == hash) {
            true => Err(SubmitError::AlreadyImported(hash)),
            false => Ok(()),
        }
    }

    /// Takes a valid extrinsic that would be in block `number` at the earliest.
    pub(crate) fn insert(&mut self, extrinsic: Signed, number: u32) -> Result<(), SubmitError> {
        let same = |pending: &Pending| {
            pending.extrinsic.signer == extrinsic.signer && pending.extrinsic.nonce == extrinsic.nonce
        };
        if self.pending.iter().any(same) {
            return Err(SubmitError::TooLowPriority);
        }
        if self.pending.len() >= CAPACITY {
            return Err(SubmitError::Full);
        }
        self.put_back(extrinsic, number);
        Ok(())
    }

    /// Takes what was in a block that is no longer.
    pub(crate) fn put_back(&mut self, extrinsic: Signed, number: u32) {
        let death = extrinsic.era.death(number);
        self.pending.push(Pending { extrinsic, death });
    }

    /// Removes the first extrinsic for which `is_next` holds.
    pub(crate) fn take(&mut self, is_next: impl Fn(&Signed) -> bool) -> Option<Signed> {
        let found = self
            .pending
            .iter()
            .position(|pending| is_next(&pending.extrinsic))?;
        Some(self.pending.remove(found).extrinsic)
    }

    /// Removes what is dead in block `number`.
    pub(crate) fn expire(&mut self, number: u32) -> Vec<Hash> {
        let dead = |pending: &mut Pending| pending.death <= number.into();
        self.pending
            .extract_if(.., dead)
            .map(|pending| pending.extrinsic.hash)
            .collect()
    }

    /// The nonce after an account's unbroken run of pending extrinsics.
    pub(crate) fn next_nonce(&self, signer: &Hotkey, mut nonce: u32) -> u32 {
        let waits = |nonce| {
            let mut all = self.pending.iter().map(|pending| &pending.extrinsic);
            all.any(|extrinsic| extrinsic.signer == *signer && extrinsic.nonce == nonce)
        };
        while waits(nonce) {
            nonce = nonce.saturating_add(1);
        }
        nonce
    }

    /// The bytes of all that waits.
    pub(crate) fn bytes(&self) -> Vec<&[u8]> {
        self.pending
            .iter()
            .map(|pending| pending.extrinsic.bytes.as_slice())
            .collect()
    }
}
