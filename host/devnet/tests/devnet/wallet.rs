//! A client that knows the bytes by heart: it shares no code with the node.

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use jsonrpsee::{
    core::client::{ClientT, Error},
    rpc_params,
    types::ErrorObjectOwned,
    ws_client::{WsClient, WsClientBuilder},
};
use parity_scale_codec::{Compact, Encode};
use platform_devnet::{Devnet, DevnetConfig, Genesis, NeuronGenesis, SubnetGenesis};
use platform_domain::{Hotkey, MechanismId, Netuid, Uid};
use platform_keys::Keypair;
use serde_json::Value;

pub(crate) const NETUID: u16 = 1;
pub(crate) const SPEC: u32 = 461;

/// The subnet of most tests: UID 0 may set weights, UID 1 has no permit, UID 2 has too little stake.
pub(crate) fn genesis() -> Genesis {
    let neuron = |seed, stake, validator_permit| NeuronGenesis {
        hotkey: key(seed).hotkey(),
        stake,
        validator_permit,
    };
    Genesis {
        subnets: vec![SubnetGenesis {
            netuid: Netuid(NETUID),
            tempo: 10,
            owner: key(9).hotkey(),
            neurons: vec![neuron(0, 1000, true), neuron(1, 1000, false), neuron(2, 1, true)],
            weights_rate_limit: 5,
            min_allowed_weights: 2,
            weights_version: 7,
            mechanisms: 2,
            ..SubnetGenesis::default()
        }],
        stake_threshold: 100,
        ..Genesis::default()
    }
}

/// A key pair per number.
pub(crate) fn key(seed: u8) -> Keypair {
    Keypair::from_seed([seed; 32])
}

pub(crate) fn blake2_256(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(bytes).into()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text.trim_start_matches("0x")).unwrap()
}

/// A node without a clock, and a client of it.
pub(crate) struct Fixture {
    pub(crate) node: Devnet,
    pub(crate) client: WsClient,
}

/// An extrinsic to be signed; the fields are what a test changes.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) call: Vec<u8>,
    pub(crate) era: Vec<u8>,
    pub(crate) birth: [u8; 32],
    pub(crate) nonce: u32,
    pub(crate) tip: u64,
    pub(crate) metadata_mode: u8,
    pub(crate) spec: u32,
    pub(crate) transaction_version: u32,
    pub(crate) genesis: [u8; 32],
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(genesis()).await
    }

    pub(crate) async fn with(genesis: Genesis) -> Self {
        Self::of(DevnetConfig {
            genesis,
            ..DevnetConfig::default()
        })
        .await
    }

    pub(crate) async fn of(config: DevnetConfig) -> Self {
        let config = DevnetConfig {
            block_time: None,
            ..config
        };
        let node = Devnet::start(config).await.unwrap();
        let client = connect(&node).await;
        Self { node, client }
    }

    pub(crate) async fn call(&self, method: &str, params: jsonrpsee::core::params::ArrayParams) -> Value {
        self.client.request(method, params).await.unwrap()
    }

    /// The first 32 bytes of all keys of an item.
    pub(crate) fn prefix(pallet: &str, item: &str) -> Vec<u8> {
        frame_decode::storage::encode_storage_key_prefix(pallet, item).to_vec()
    }

    /// What the best block has under a key.
    pub(crate) async fn storage(&self, key: &[u8]) -> Option<Vec<u8>> {
        let params = rpc_params![format!("0x{}", hex::encode(key))];
        let value = self.call("state_getStorage", params).await;
        value.as_str().map(unhex)
    }

    /// The keys that begin so.
    pub(crate) async fn keys(&self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let params = rpc_params![format!("0x{}", hex::encode(prefix)), 1000];
        let keys = self.call("state_getKeysPaged", params).await;
        let keys = keys.as_array().unwrap().iter();
        keys.map(|key| unhex(key.as_str().unwrap())).collect()
    }

    pub(crate) async fn hash_at(&self, number: u32) -> [u8; 32] {
        let hash = self.call("chain_getBlockHash", rpc_params![number]).await;
        unhex(hash.as_str().unwrap()).try_into().unwrap()
    }

    /// An immortal extrinsic with the account's next nonce.
    pub(crate) async fn draft(&self, signer: &Keypair, call: Vec<u8>) -> Draft {
        let address = signer.hotkey().to_string();
        let nonce = self.call("system_accountNextIndex", rpc_params![address]).await;
        let genesis = self.hash_at(0).await;
        Draft {
            call,
            era: vec![0],
            birth: genesis,
            nonce: u32::try_from(nonce.as_u64().unwrap()).unwrap(),
            tip: 0,
            metadata_mode: 0,
            spec: SPEC,
            transaction_version: 1,
            genesis,
        }
    }

    pub(crate) async fn submit(&self, extrinsic: &[u8]) -> Result<String, ErrorObjectOwned> {
        let params = rpc_params![format!("0x{}", hex::encode(extrinsic))];
        match self.client.request("author_submitExtrinsic", params).await {
            Ok(hash) => Ok(hash),
            Err(Error::Call(error)) => Err(error),
            Err(other) => panic!("{other}"),
        }
    }

    /// Signs, submits and makes a block.
    pub(crate) async fn include(&self, signer: &Keypair, call: Vec<u8>) -> Result<String, ErrorObjectOwned> {
        let extrinsic = self.draft(signer, call).await.sign(signer);
        let hash = self.submit(&extrinsic).await?;
        self.node.produce_blocks(1).await;
        Ok(hash)
    }

    /// The bytes of `System.Events` after the best block.
    pub(crate) async fn events(&self) -> String {
        let key = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";
        let value = self.call("state_getStorage", rpc_params![key]).await;
        value.as_str().unwrap().to_owned()
    }

    pub(crate) fn weights(&self, mechanism: u8, uid: u16) -> Vec<(u16, u16)> {
        let row = self
            .node
            .weights(Netuid(NETUID), MechanismId(mechanism), Uid(uid));
        row.into_iter().map(|(uid, weight)| (uid.0, weight)).collect()
    }
}

impl Draft {
    fn explicit(&self) -> Vec<u8> {
        let mut extra = self.era.clone();
        Compact(self.nonce).encode_to(&mut extra);
        Compact(self.tip).encode_to(&mut extra);
        extra.push(self.metadata_mode);
        extra
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        let mut payload = [self.call.clone(), self.explicit()].concat();
        self.spec.encode_to(&mut payload);
        self.transaction_version.encode_to(&mut payload);
        payload.extend([self.genesis, self.birth].concat());
        payload.push(0);
        if payload.len() > 256 {
            payload = blake2_256(&payload).to_vec();
        }
        payload
    }

    pub(crate) fn sign(&self, signer: &Keypair) -> Vec<u8> {
        self.with_signature(&signer.hotkey(), signer.sign(&self.payload()))
    }

    pub(crate) fn with_signature(&self, signer: &Hotkey, signature: [u8; 64]) -> Vec<u8> {
        let head = [[0x84, 0x00].as_slice(), signer.as_bytes(), &[0x01], &signature].concat();
        [head, self.explicit(), self.call.clone()].concat().encode()
    }
}

pub(crate) async fn connect(node: &Devnet) -> WsClient {
    WsClientBuilder::default().build(node.url()).await.unwrap()
}

/// `set_mechanism_weights` on the tests' subnet.
pub(crate) fn mechanism_weights(netuid: u16, mechanism: u8, weights: &[(u16, u16)], version: u64) -> Vec<u8> {
    let (dests, values): (Vec<u16>, Vec<u16>) = weights.iter().copied().unzip();
    uneven_weights(netuid, mechanism, &dests, &values, version)
}

/// The same with lists that need not be of one length.
pub(crate) fn uneven_weights(
    netuid: u16,
    mechanism: u8,
    dests: &[u16],
    values: &[u16],
    version: u64,
) -> Vec<u8> {
    [vec![7, 119], (netuid, mechanism, dests, values, version).encode()].concat()
}

/// `set_weights`, which has no mechanism.
pub(crate) fn set_weights(weights: &[(u16, u16)]) -> Vec<u8> {
    let (dests, values): (Vec<u16>, Vec<u16>) = weights.iter().copied().unzip();
    [vec![7, 0], (NETUID, dests, values, 7_u64).encode()].concat()
}

/// `commit_timelocked_weights`, or with a mechanism `commit_timelocked_mechanism_weights`.
pub(crate) fn commit(mechanism: Option<u8>, sealed: &[u8], round: u64, version: u16) -> Vec<u8> {
    match mechanism {
        None => [vec![7, 113], (NETUID, sealed, round, version).encode()].concat(),
        Some(mechanism) => [vec![7, 118], (NETUID, mechanism, sealed, round, version).encode()].concat(),
    }
}
