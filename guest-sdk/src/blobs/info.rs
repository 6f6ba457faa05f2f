//! What is known of a blob.

/// What is known of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// When it was stored, in seconds since 1970.
    pub stored_at: u64,
}

impl BlobInfo {
    /// The SHA-256 as text: 64 digits in lower case.
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
