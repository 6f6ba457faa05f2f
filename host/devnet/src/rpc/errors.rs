//! Errors with the codes, messages and data of the real node (`sc-rpc-api` of the Polkadot SDK).

use jsonrpsee::types::{ErrorObject, ErrorObjectOwned, error::INTERNAL_ERROR_CODE};

use crate::{
    block::{Hash, to_hex},
    error::MetadataError,
    pool::SubmitError,
    runtime_api::CallError,
    validity::{PRIORITY, Refusal},
};

/// `author`: verification failed in the runtime.
const VERIFICATION: i32 = 1002;
/// `author`: the pool refuses.
const POOL_INVALID: i32 = 1010;
const POOL_UNKNOWN_VALIDITY: i32 = 1011;
const POOL_ALREADY_IMPORTED: i32 = 1013;
const POOL_TOO_LOW_PRIORITY: i32 = 1014;
const POOL_IMMEDIATELY_DROPPED: i32 = 1016;
/// `author`: anything else.
const AUTHOR_OTHER: i32 = 1040;
/// `state`: a page of more than the allowed count.
const STATE_INVALID_COUNT: i32 = 4002;
/// `state`: anything else.
const STATE_OTHER: i32 = 4003;

/// What a runtime that panics looks like from outside; the real text goes on with a backtrace.
const TRAP: &str =
    "Execution failed: Execution aborted due to trap: wasm trap: wasm `unreachable` instruction executed";

fn plain(code: i32, message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObject::owned(code, message, None::<()>)
}

fn with_data(code: i32, message: impl Into<String>, data: impl Into<String>) -> ErrorObjectOwned {
    ErrorObject::owned(code, message, Some(data.into()))
}

/// A defect of this crate.
pub(super) fn internal(error: &MetadataError) -> ErrorObjectOwned {
    tracing::error!(error = error as &dyn std::error::Error, "A call failed inside");
    plain(INTERNAL_ERROR_CODE, "Internal error")
}

pub(super) fn submit(error: &SubmitError) -> ErrorObjectOwned {
    match error {
        SubmitError::Refused(refusal) => refused(refusal),
        SubmitError::AlreadyImported(hash) => with_data(
            POOL_ALREADY_IMPORTED,
            "Transaction Already Imported",
            to_hex(hash),
        ),
        SubmitError::TooLowPriority => with_data(
            POOL_TOO_LOW_PRIORITY,
            format!("Priority is too low: ({PRIORITY} vs {PRIORITY})"),
            "The transaction has too low priority to replace another transaction already in the pool.",
        ),
        SubmitError::Full => with_data(
            POOL_IMMEDIATELY_DROPPED,
            "Immediately Dropped",
            "The transaction couldn't enter the pool because of the limit",
        ),
    }
}

fn refused(refusal: &Refusal) -> ErrorObjectOwned {
    match refusal {
        Refusal::Opaque => plain(AUTHOR_OTHER, "Client error: Not enough data to fill buffer"),
        Refusal::Malformed => with_data(
            VERIFICATION,
            format!("Verification Error: Runtime error: {TRAP}"),
            format!("RuntimeApi({TRAP:?})"),
        ),
        Refusal::Invalid(invalid) => with_data(POOL_INVALID, "Invalid Transaction", invalid.text()),
        Refusal::Unknown(unknown) => with_data(
            POOL_UNKNOWN_VALIDITY,
            "Unknown Transaction Validity",
            format!("{unknown:?}"),
        ),
        Refusal::Metadata(error) => internal(error),
    }
}

pub(super) fn discarded(hash: &Hash) -> ErrorObjectOwned {
    let hash = to_hex(hash);
    plain(
        STATE_OTHER,
        format!("Client error: UnknownBlock: State already discarded for {hash}"),
    )
}

pub(super) fn discarded_for_call(hash: &Hash) -> ErrorObjectOwned {
    let hash = to_hex(hash);
    let message =
        format!("Client error: Api called for an unknown Block: State already discarded for {hash}");
    plain(STATE_OTHER, message)
}

pub(super) fn unknown_block(hash: &Hash) -> ErrorObjectOwned {
    let hash = to_hex(hash);
    let message = format!("Client error: UnknownBlock: Header was not found in the database: {hash}");
    plain(STATE_OTHER, message)
}

pub(super) fn too_many_keys(count: u32, max: u32) -> ErrorObjectOwned {
    plain(
        STATE_INVALID_COUNT,
        format!("count exceeds maximum value. value: {count}, max: {max}"),
    )
}

pub(super) fn runtime_call(error: &CallError) -> ErrorObjectOwned {
    match error {
        CallError::NotFound(name) => plain(
            STATE_OTHER,
            format!("Client error: Execution failed: Other: Exported method {name} is not found"),
        ),
        CallError::BadArguments => plain(STATE_OTHER, format!("Client error: {TRAP}")),
        CallError::Metadata(error) => internal(error),
    }
}
