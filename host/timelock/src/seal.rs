//! Sealing to a round, and opening with its pulse.

use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce, aead::Aead as _};

use crate::{
    Beacon, Ciphertext, CiphertextError, CurveError, EntropyError, Pulse, Round, Signature, VerifyError,
    entropy::Entropy, ibe, limits::MAX_COMMIT,
};

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// More than a commit takes.
    #[error(
        "{0} bytes do not fit into a commit: sealed, the chain takes {MAX_COMMIT}; give fewer miners a weight"
    )]
    Size(usize),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Nothing to do about it.
    #[error(transparent)]
    Curve(#[from] CurveError),
}

/// Why a ciphertext was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It does not fit the key.
    #[error("the signature does not open this: it is of another round or beacon than it was sealed to")]
    Signature,
    /// The key fits and the content does not.
    #[error("what was sealed has been changed")]
    Damaged,
    /// Nothing to do about it.
    #[error(transparent)]
    Curve(#[from] CurveError),
}

/// Why a rehearsal failed. Whatever it is, a commit would never be revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RehearsalError {
    /// The beacon is not the chain's, or the pulse is nobody's.
    #[error("the pulse is not of the beacon that would be sealed to")]
    Pulse(#[source] VerifyError),
    /// It cannot be sealed.
    #[error("it cannot be sealed")]
    Seal(#[source] SealError),
    /// What was sealed is not in the chain's form.
    #[error("what was sealed cannot be read again; please report this as a bug of the host")]
    Read(#[source] CiphertextError),
    /// What was sealed cannot be opened.
    #[error("what was sealed cannot be opened again; please report this as a bug of the host")]
    Open(#[source] OpenError),
    /// Something else came out.
    #[error("what was sealed is not what was opened; please report this as a bug of the host")]
    Different,
}

impl Beacon {
    /// Seals bytes so that they can be opened when `round` is out, as bittensor-drand does. What comes out is
    /// [`Ciphertext::OVERHEAD`] bytes longer, and different each time.
    pub fn seal(&self, content: &[u8], round: Round) -> Result<Ciphertext, SealError> {
        self.seal_with(content, round, &Entropy::fresh()?)
    }

    pub(crate) fn seal_with(
        &self,
        content: &[u8],
        round: Round,
        entropy: &Entropy,
    ) -> Result<Ciphertext, SealError> {
        let size = SealError::Size(content.len());
        if content.len() > MAX_COMMIT - Ciphertext::OVERHEAD {
            return Err(size);
        }
        let wrapped = ibe::wrap(&self.public_key, round, &entropy.key, &entropy.sigma)?;
        let cipher = Aes256Gcm::new(entropy.key.as_slice().into());
        let sealed = cipher.encrypt(Nonce::from_slice(&entropy.nonce), content);
        Ok(Ciphertext {
            wrapped,
            // It only fails on more bytes than were let in above.
            sealed: sealed.map_err(|_| size)?,
            nonce: entropy.nonce,
        })
    }

    /// Seals the content to a round that is out already, reads it as the chain does, opens it with the pulse and compares. Who
    /// does this with a pulse of the chain's before a commit knows that the chain can open it, and that this beacon is the
    /// chain's: it reports neither afterwards.
    pub fn rehearse(&self, content: &[u8], pulse: &Pulse) -> Result<(), RehearsalError> {
        self.verify(pulse).map_err(RehearsalError::Pulse)?;
        let sealed = self.seal(content, pulse.round).map_err(RehearsalError::Seal)?;
        let bytes = sealed
            .encode()
            .map_err(|error| RehearsalError::Seal(error.into()))?;
        let read = Ciphertext::decode(&bytes).map_err(RehearsalError::Read)?;
        let opened = read.open(&pulse.signature).map_err(RehearsalError::Open)?;
        if opened == content {
            Ok(())
        } else {
            Err(RehearsalError::Different)
        }
    }
}

impl Ciphertext {
    /// The content, with the signature of the round it was sealed to. Nothing in here says which round that is.
    pub fn open(&self, signature: &Signature) -> Result<Vec<u8>, OpenError> {
        let (key, _) = ibe::unwrap(&self.wrapped, signature)?.ok_or(OpenError::Signature)?;
        let cipher = Aes256Gcm::new(key.as_slice().into());
        let content = cipher.decrypt(Nonce::from_slice(&self.nonce), self.sealed.as_slice());
        content.map_err(|_| OpenError::Damaged)
    }
}
