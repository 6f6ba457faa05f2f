//! The one block of a PEM file (RFC 7468).

use zeroize::Zeroizing;

use crate::{KeyError, limits::MAX_KEY_PEM};

/// What a key's PEM holds; wiped in the end, because it may be a private key.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Labels of PEMs that hold a private key.
pub(crate) const PKCS8: &str = "PRIVATE KEY";
pub(crate) const SEC1: &str = "EC PRIVATE KEY";
/// What cosign writes, and what it wrote earlier and still reads.
pub(crate) const SEALED: [&str; 2] = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];
pub(crate) const PUBLIC: &str = "PUBLIC KEY";

const BEGIN: &[u8] = b"-----BEGIN ";

/// Reads a file with exactly one block. Text before it is a comment, as OpenSSL writes it.
pub(crate) fn block(file: &[u8]) -> Result<Block<'_>, KeyError> {
    if file.len() > MAX_KEY_PEM {
        return Err(KeyError::TooLarge);
    }
    let blocks = file.windows(BEGIN.len()).filter(|part| *part == BEGIN).count();
    if blocks > 1 {
        return Err(KeyError::Several);
    }
    let mut decoder = pem_rfc7468::Decoder::new(file).map_err(|error| without_headers(file, error))?;
    let label = decoder.type_label();
    let mut bytes = Zeroizing::new(vec![0; decoder.remaining_len()]);
    let decoded = decoder.decode(bytes.as_mut_slice()).map(|_| ());
    decoded.map_err(|error| without_headers(file, error))?;
    Ok(Block { label, bytes })
}

/// A block with headers is what OpenSSL once made of a key and a password; those have nothing else.
fn without_headers(file: &[u8], error: pem_rfc7468::Error) -> KeyError {
    let sealed = file.windows(10).any(|part| part == b"Proc-Type:");
    match error {
        _ if sealed => KeyError::SealedOtherwise,
        _ => KeyError::NoPem,
    }
}

/// Writes a block as Go and OpenSSL do: lines of 64, and a line feed at the end.
pub(crate) fn write(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let text = pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, bytes);
    // It only fails for a label that is none, and for more bytes than any memory has.
    Zeroizing::new(text.unwrap_or_default())
}
