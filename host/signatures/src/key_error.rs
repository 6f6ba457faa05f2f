//! Why a file is no key that can be used, and what to do about it.

use crate::limits::MAX_KEY_PEM;

/// Why a file is no key that can be used. [`KeyError::hint`] says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is larger than any key.
    #[error("a key has at most {MAX_KEY_PEM} bytes, this has more")]
    TooLarge,
    /// There is no PEM in it, or one that is damaged.
    #[error(
        "this is no PEM: a line -----BEGIN …-----, lines of 64 characters of base64, and -----END …-----"
    )]
    NoPem,
    /// There is more than one PEM in it.
    #[error("there is more than one key or certificate in it")]
    Several,
    /// A private key where a public one is asked for.
    #[error("this is a private key")]
    Private,
    /// A public key where a private one is asked for.
    #[error("this is a public key")]
    Public,
    /// A private key that is sealed with a password in another way than cosign's.
    #[error("this private key is sealed with a password, and not by cosign")]
    SealedOtherwise,
    /// A PEM that is no key, by what it calls itself.
    #[error("this PEM is no key but {0:?}")]
    Label(String),
    /// A key of another kind.
    #[error("keys of {0} are not supported, only ECDSA on P-256 and Ed25519")]
    Algorithm(String),
    /// A key of the right kind that is damaged.
    #[error("the key is damaged")]
    Damaged,
    /// A sealed key says it is sealed in a way that cosign does not know, or that would take too much memory.
    #[error("the private key is sealed with {0}, which cosign does not do")]
    Sealing(&'static str),
}

impl KeyError {
    /// What to do about it, a sentence for the operator.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::NoPem => {
                "Give the file that `cosign generate-key-pair` or `openssl` wrote."
            }
            Self::Several => "Give one file for each key; leave out certificates and \"EC PARAMETERS\".",
            Self::Private => {
                "Keep it to yourself and give its public half: cosign.pub, or what `openssl pkey -pubout` writes."
            }
            Self::Public => "Give the private half, cosign.key.",
            Self::SealedOtherwise => {
                "Unseal it with `openssl pkey`, then seal it with `cosign import-key-pair`."
            }
            Self::Label(_) => "Give a PEM that says PUBLIC KEY or PRIVATE KEY.",
            Self::Algorithm(_) => "Make a new key: `cosign generate-key-pair` makes one for ECDSA on P-256.",
            Self::Damaged => "Copy the file again from where it was made.",
            Self::Sealing(_) => "Seal it again with `cosign import-key-pair`.",
        }
    }
}
