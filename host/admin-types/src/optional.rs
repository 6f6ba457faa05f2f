//! Telling a field that is absent from one that is null.

use serde::{Deserialize, Deserializer};

/// For `Option` fields with `#[serde(default)]`: absent is `None`, and null is read by the inner type.
/// That refuses null where it would mean nothing, and keeps it as `Some(None)` where it means "clear".
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}
