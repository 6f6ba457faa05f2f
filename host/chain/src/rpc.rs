//! The RPC methods this host uses, all of them, in this crate's types and errors. The legacy methods, not the
//! newer `chainHead` ones: every public endpoint serves them and each is one question with one answer.

use std::{future::Future, sync::Arc};

use platform_domain::{BlockHash, BlockNumber, Hotkey};
use subxt::{
    SubstrateConfig,
    config::RpcConfigFor,
    rpcs::{Error as RpcError, LegacyRpcMethods, RpcClient, UserError},
    utils::{AccountId32, H256},
};

use crate::{
    ChainError, Rejection,
    limits::MESSAGE_MAX_CHARS,
    link::LinkError,
    pool::{Pool, Requests},
};

/// A node's answers.
#[derive(Clone)]
pub(crate) struct Rpc(LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>);

/// What tells one runtime from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuntimeVersion {
    /// What the runtime calls itself; empty when the node does not say.
    pub(crate) name: String,
    pub(crate) spec: u32,
    pub(crate) transaction: u32,
}

/// A block: where it stands and what is in it, extrinsics with their length prefix as they were submitted.
pub(crate) struct Block {
    pub(crate) number: BlockNumber,
    pub(crate) parent: BlockHash,
    pub(crate) extrinsics: Vec<Vec<u8>>,
}

/// How nodes say that they have not the state of a block; the code (4003) covers other failures as well.
const NO_STATE: [&str; 3] = ["discarded", "not found in the database", "unknown block"];

/// What a pool asks the runtime about an extrinsic, and how it says that one comes from outside.
const VALIDATE: &str = "TaggedTransactionQueue_validate_transaction";
const SOURCE_EXTERNAL: u8 = 2;
/// `Err(TransactionValidityError::Invalid(_))` with `Stale` and with `BadProof`, in SCALE, fixed by Substrate.
const INVALID_STALE: [u8; 3] = [1, 0, 3];
const INVALID_BAD_PROOF: [u8; 3] = [1, 0, 4];
/// The same with `Custom(15)`: the round that a commit is sealed to is out. Rounds only go forward.
const INVALID_REVEAL_ROUND: [u8; 4] = [1, 0, 7, 15];

impl Rpc {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        Self(LegacyRpcMethods::new(RpcClient::new(Requests(pool))))
    }

    pub(crate) async fn genesis(&self) -> Result<BlockHash, ChainError> {
        Ok(from_h256(ask("chain_getBlockHash", self.0.genesis_hash()).await?))
    }

    pub(crate) async fn best_hash(&self) -> Result<BlockHash, ChainError> {
        let best = ask("chain_getBlockHash", self.0.chain_get_block_hash(None)).await?;
        best.map(from_h256).ok_or_else(|| missing("chain_getBlockHash"))
    }

    /// The hash at this height on the best chain, which must reach it.
    pub(crate) async fn hash_at(&self, number: BlockNumber) -> Result<BlockHash, ChainError> {
        let hash = ask(
            "chain_getBlockHash",
            self.0.chain_get_block_hash(Some(number.0.into())),
        )
        .await?;
        hash.map(from_h256).ok_or_else(|| missing("chain_getBlockHash"))
    }

    pub(crate) async fn finalised_hash(&self) -> Result<BlockHash, ChainError> {
        Ok(from_h256(
            ask("chain_getFinalizedHead", self.0.chain_get_finalized_head()).await?,
        ))
    }

    /// A block's height and its parent.
    pub(crate) async fn header(&self, hash: BlockHash) -> Result<(BlockNumber, BlockHash), ChainError> {
        let header = ask("chain_getHeader", self.0.chain_get_header(Some(to_h256(hash)))).await?;
        let header = header.ok_or(ChainError::BlockUnavailable(hash))?;
        Ok((BlockNumber(header.number), from_h256(header.parent_hash)))
    }

    pub(crate) async fn block(&self, hash: BlockHash) -> Result<Block, ChainError> {
        let found = ask("chain_getBlock", self.0.chain_get_block(Some(to_h256(hash)))).await?;
        let block = found.ok_or(ChainError::BlockUnavailable(hash))?.block;
        Ok(Block {
            number: BlockNumber(block.header.number),
            parent: from_h256(block.header.parent_hash),
            extrinsics: block.extrinsics.into_iter().map(|bytes| bytes.0).collect(),
        })
    }

    pub(crate) async fn runtime_version(&self, at: BlockHash) -> Result<RuntimeVersion, ChainError> {
        let answer = self.0.state_get_runtime_version(Some(to_h256(at)));
        let version = ask_at("state_getRuntimeVersion", at, answer).await?;
        let name = version.other.get("specName").and_then(|name| name.as_str());
        Ok(RuntimeVersion {
            name: shorten(name.unwrap_or_default()),
            spec: version.spec_version,
            transaction: version.transaction_version,
        })
    }

    pub(crate) async fn storage(&self, key: &[u8], at: BlockHash) -> Result<Option<Vec<u8>>, ChainError> {
        ask_at(
            "state_getStorage",
            at,
            self.0.state_get_storage(key, Some(to_h256(at))),
        )
        .await
    }

    pub(crate) async fn call(
        &self,
        function: &str,
        arguments: &[u8],
        at: BlockHash,
    ) -> Result<Vec<u8>, ChainError> {
        let answer = self.0.state_call(function, Some(arguments), Some(to_h256(at)));
        ask_at("state_call", at, answer).await
    }

    /// Whether the runtime says at a block that no later block can take the extrinsic: its nonce is used up, or
    /// its signature does not fit.
    pub(crate) async fn is_refused_for_good(
        &self,
        extrinsic: &[u8],
        at: BlockHash,
    ) -> Result<bool, ChainError> {
        let arguments = [&[SOURCE_EXTERNAL], extrinsic, &at.0].concat();
        let verdict = self.call(VALIDATE, &arguments, at).await?;
        Ok(verdict.starts_with(&INVALID_STALE)
            || verdict.starts_with(&INVALID_BAD_PROOF)
            || verdict.starts_with(&INVALID_REVEAL_ROUND))
    }

    /// The next nonce, extrinsics in the node's pool counted.
    pub(crate) async fn next_nonce(&self, hotkey: Hotkey) -> Result<u64, ChainError> {
        let account = AccountId32(*hotkey.as_bytes());
        ask(
            "system_accountNextIndex",
            self.0.system_account_next_index(&account),
        )
        .await
    }

    /// Hands an extrinsic to the node's pool. Succeeds also when it is there already.
    pub(crate) async fn submit(&self, extrinsic: &[u8]) -> Result<(), ChainError> {
        const METHOD: &str = "author_submitExtrinsic";
        match self.0.author_submit_extrinsic(extrinsic).await {
            Ok(_) => Ok(()),
            Err(RpcError::User(error)) => {
                let data = error.data.as_ref().map(|raw| {
                    let text = serde_json::from_str::<String>(raw.get());
                    shorten(&text.unwrap_or_else(|_| raw.get().to_owned()))
                });
                match Rejection::of(error.code, &shorten(&error.message), data.as_deref()) {
                    Some(verdict) => verdict.map_err(ChainError::Rejected),
                    None => Err(refused(METHOD, &error)),
                }
            }
            Err(error) => Err(convert(METHOD, error)),
        }
    }
}

/// Asks a question whose answer does not depend on any block's state.
async fn ask<T>(
    method: &'static str,
    answer: impl Future<Output = Result<T, RpcError>>,
) -> Result<T, ChainError> {
    answer.await.map_err(|error| convert(method, error))
}

/// Asks about the state of a block, which a node keeps only for a while.
async fn ask_at<T>(
    method: &'static str,
    at: BlockHash,
    answer: impl Future<Output = Result<T, RpcError>>,
) -> Result<T, ChainError> {
    answer.await.map_err(|error| match &error {
        RpcError::User(user) if is_about_missing_state(&user.message) => ChainError::BlockUnavailable(at),
        _ => convert(method, error),
    })
}

fn is_about_missing_state(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    NO_STATE.iter().any(|phrase| message.contains(phrase))
}

fn convert(method: &'static str, error: RpcError) -> ChainError {
    match error {
        RpcError::User(error) => refused(method, &error),
        RpcError::Client(error) => match error.downcast::<LinkError>().map(|error| *error) {
            Ok(LinkError::Timeout { method, after }) => ChainError::Timeout { method, after },
            Ok(LinkError::Genesis { expected, found }) => ChainError::Genesis { expected, found },
            Ok(LinkError::Prefix(found)) => ChainError::Prefix(found),
            Ok(LinkError::Runtime(name)) => ChainError::NotSubtensor(name),
            Ok(LinkError::Lost(source)) => ChainError::Connection(source),
            Ok(other) => ChainError::Connection(Box::new(other)),
            Err(source) => ChainError::Answer { method, source },
        },
        RpcError::Deserialization(error) => ChainError::Answer {
            method,
            source: Box::new(error),
        },
        RpcError::Decode(error) => ChainError::Answer {
            method,
            source: Box::new(error),
        },
        other => ChainError::Connection(Box::new(other)),
    }
}

fn refused(method: &'static str, error: &UserError) -> ChainError {
    let (code, message) = (error.code, shorten(&error.message));
    ChainError::Rpc {
        method,
        code,
        message,
    }
}

fn missing(method: &'static str) -> ChainError {
    ChainError::Answer {
        method,
        source: "no hash in it".into(),
    }
}

fn shorten(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MESSAGE_MAX_CHARS)
        .collect()
}

pub(crate) const fn to_h256(hash: BlockHash) -> H256 {
    H256(hash.0)
}

const fn from_h256(hash: H256) -> BlockHash {
    BlockHash(hash.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discarded_state_is_told_from_other_refusals() {
        for (message, expected) in [
            (
                "Client error: Api called for an unknown Block: State already discarded for 0xab",
                true,
            ),
            ("UnknownBlock: Header was not found in the database: 0xab", true),
            ("Client error: UnknownBlock: Unknown block 0xab", true),
            ("Client error: Execution failed: wasm trap", false),
        ] {
            assert_eq!(is_about_missing_state(message), expected, "{message}");
        }
    }

    #[test]
    fn a_nodes_text_is_cut_to_a_line() {
        let text = format!("a\nb\u{1b}[31m{}", "x".repeat(1000));
        let short = shorten(&text);
        assert_eq!(short.chars().count(), MESSAGE_MAX_CHARS);
        assert!(short.starts_with("ab[31mxx"));
    }
}
