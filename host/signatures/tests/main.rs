//! The crate at its public border: what cosign, sigstore and OpenSSL wrote, what they read of ours, and what enemies write.

#[cfg(test)]
mod bundles;
#[cfg(test)]
mod given;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod openssl;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod sealing;
#[cfg(test)]
mod trust;
