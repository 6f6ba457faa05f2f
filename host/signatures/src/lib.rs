//! Who signed a component: signatures as cosign makes them with a key of one's own, without certificates and logs. Pure:
//! bytes in, bytes out. Where signatures are stored is the registry's business, which of them are enough is the operator's.
//!
//! cosign has two forms, and both are read here. The older one signs a small text, [`Payload`], and keeps the signature
//! beside it ([`Trusted::verify`]); skopeo and cosign 2 write it, and so do we. cosign 3 writes a bundle with everything in one
//! ([`Trusted::verify_bundle`]). [`names`] has what both are called in a registry.
//!
//! A key proves who signed, not when: time stamps and entries of logs are not looked at, as cosign with a key and
//! `--insecure-ignore-tlog` does not look at them. Who loses a key takes it from the trusted ones.

mod bundle;
mod key_error;
pub mod limits;
pub mod names;
mod payload;
mod pem;
mod private_key;
mod public_key;
mod sealed;
mod signature;
mod trusted;

pub use bundle::BundleError;
pub use key_error::KeyError;
pub use payload::{Payload, PayloadError};
pub use platform_domain::KeyName;
pub use private_key::{PrivateKey, PrivateKeyFile, SealedKey};
pub use public_key::{Algorithm, Fingerprint, PublicKey};
pub use sealed::SealError;
pub use signature::{Signature, SignatureError};
pub use trusted::{Refused, Trusted, TrustedError};
