//! How much is sealed, read and foreseen. Numbers of a schedule come from a node, ciphertexts from whoever commits.

/// Bytes of a commit: what `commit_timelocked_weights` takes, a `BoundedVec` (pallets/subtensor, spec 425). More does not even decode.
pub const MAX_COMMIT: usize = 5_000;
/// Epochs between commit and reveal: the chain's own bound on `RevealPeriodEpochs`, above which an owner cannot set it.
pub const MAX_REVEAL_PERIOD: u64 = 100;
/// Blocks between two epochs, the chain's own bound (spec 423): after that an epoch runs in any case, so nothing is foreseen beyond.
pub const MAX_TEMPO: u64 = 50_400;
