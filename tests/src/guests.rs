//! What the components of `host/wasm/tests/boundary/hostile.rs` are made from.

use bytes::Bytes;

/// A component that is called in every way, and has no more imports and exports than that takes.
pub(crate) fn whole() -> Bytes {
    std::fs::read(crate::guest("remember")).unwrap().into()
}
