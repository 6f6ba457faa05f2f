//! A node, a ledger, and the task that drives epochs.

use std::{
    num::NonZeroU32,
    time::{Duration, SystemTime},
};

use platform_chain::{ChainConfig, Submitter};
use platform_devnet::{BeaconGenesis, Clock, Devnet, DevnetConfig, Genesis, NeuronGenesis, SubnetGenesis};
use platform_domain::{EpochId, Hotkey, MechanismId, Netuid, UnixSeconds};
use platform_epoch::{EpochConfig, EpochRow, Epochs, Parts, Schedule};
use platform_keys::Keypair;
use platform_runtime::{MetagraphReader, WeightsReader, metagraph_channel, route_channel, weights_channel};
use platform_store::Store;
use platform_timelock::BeaconConfig;
use platform_weights::{Fallback, FixedWeights, Policy};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) const NETUID: Netuid = Netuid(3);
pub(crate) const MAIN: MechanismId = MechanismId(0);
/// Blocks of one of the chain's epochs.
pub(crate) const TEMPO: u16 = 40;
const PATIENCE: Duration = Duration::from_secs(60);

/// A validator, UID 0, with two miners; the first gets three times what the second gets.
pub(crate) struct Scene {
    pub(crate) devnet: Devnet,
    pub(crate) epochs: Epochs,
    pub(crate) store: Store,
    pub(crate) board: WeightsReader,
    pub(crate) metagraph: MetagraphReader,
    pub(crate) validator: Keypair,
    pub(crate) config: EpochConfig,
    running: JoinSet<()>,
    stop: CancellationToken,
    _dir: TempDir,
}

pub(crate) fn miner(number: u8) -> Hotkey {
    Hotkey::from_bytes([number; 32])
}

/// Blocks are made when the test wants one. The chain's time goes by 12 s with each, so that pulses come as they do.
fn node(validator: Hotkey, rules: impl FnOnce(&mut SubnetGenesis)) -> DevnetConfig {
    let neuron = |hotkey, stake, validator_permit| NeuronGenesis {
        hotkey,
        stake,
        validator_permit,
    };
    let mut subnet = SubnetGenesis {
        netuid: NETUID,
        tempo: TEMPO,
        owner: validator,
        neurons: vec![
            neuron(validator, 1_000_000_000_000, true),
            neuron(miner(1), 0, false),
            neuron(miner(2), 0, false),
        ],
        weights_rate_limit: 0,
        ..SubnetGenesis::default()
    };
    rules(&mut subnet);
    let start = UnixSeconds::from(SystemTime::now());
    DevnetConfig {
        block_time: None,
        clock: Clock::Blocks {
            start,
            step: Duration::from_secs(12),
        },
        beacon: Some(BeaconGenesis {
            seed: [7; 32],
            genesis: UnixSeconds(start.0 - 3000),
            period: 3,
        }),
        genesis: Genesis {
            subnets: vec![subnet],
            ..Genesis::default()
        },
        ..DevnetConfig::default()
    }
}

pub(crate) fn fixed() -> Fallback {
    let weight = |weight| NonZeroU32::new(weight).unwrap();
    let weights = FixedWeights::new([(miner(1), weight(3)), (miner(2), weight(1))]);
    Fallback::Vector(weights.unwrap())
}

impl Scene {
    pub(crate) async fn begin(rules: impl FnOnce(&mut SubnetGenesis)) -> Self {
        Self::at(rules, |_| ()).await
    }

    pub(crate) async fn at(
        rules: impl FnOnce(&mut SubnetGenesis),
        otherwise: impl FnOnce(&mut DevnetConfig),
    ) -> Self {
        let validator = Keypair::generate().unwrap();
        let mut node = node(validator.hotkey(), rules);
        otherwise(&mut node);
        let devnet = Devnet::start(node).await.unwrap();
        let beacon = devnet.beacon().unwrap();
        let beacon = BeaconConfig {
            public_key: beacon.public_key().to_string(),
            genesis: beacon.genesis().0,
            period: beacon.period().as_secs(),
            ..BeaconConfig::default()
        };
        let config = EpochConfig {
            chain: Some(ChainConfig {
                endpoints: vec![devnet.url()],
                rpc_timeout: Duration::from_secs(10),
                genesis: None,
                beacon: beacon.build().unwrap(),
            }),
            netuid: NETUID,
            mechanism: MAIN,
            schedule: Schedule::Manual,
            policy: Policy::Normalized,
            fallback: fixed(),
            sink_alarm_percent: 0,
            tell_sealed: false,
            primary: None,
            collect_deadline: Duration::from_secs(1),
            poll: Duration::from_millis(5),
        };
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("host.sqlite3")).unwrap();
        let (epochs, board, metagraph) = epochs(&config, &store, Some(&validator));
        let mut scene = Self {
            devnet,
            epochs,
            store,
            board,
            metagraph,
            validator,
            config,
            running: JoinSet::new(),
            stop: CancellationToken::new(),
            _dir: dir,
        };
        scene.run();
        scene
    }

    pub(crate) fn run(&mut self) {
        self.stop = CancellationToken::new();
        self.running.spawn(self.epochs.clone().run(self.stop.clone()));
    }

    /// Ends the task: nothing is driven until it runs again.
    pub(crate) async fn pause(&mut self) {
        self.stop.cancel();
        while self.running.join_next().await.is_some() {}
    }

    /// Ends the task and begins another one on the same ledger.
    pub(crate) async fn restart(&mut self, change: impl FnOnce(&mut EpochConfig)) {
        self.pause().await;
        change(&mut self.config);
        (self.epochs, self.board, self.metagraph) = epochs(&self.config, &self.store, Some(&self.validator));
        self.run();
    }

    /// Asks for an epoch, in the next one if this is about to end.
    pub(crate) async fn request(&self) -> EpochRow {
        loop {
            match self.epochs.request().await {
                Ok(row) => return row,
                Err(platform_epoch::EpochError::TooLate { .. }) => self.block().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Makes a block when the driver has seen the last one.
    pub(crate) async fn block(&self) {
        let best = self.devnet.best_block().0;
        let seen = tokio::time::timeout(PATIENCE, async {
            while self.epochs.status().block != Some(best) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        seen.await.expect("the driver sees the block");
        self.devnet.produce_blocks(1).await;
    }

    /// Makes blocks until an epoch is as it should be.
    pub(crate) async fn until(&self, epoch: EpochId, is: impl Fn(&EpochRow) -> bool) -> EpochRow {
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let row = self.epochs.get(epoch).await.unwrap().unwrap();
                if is(&row) {
                    return row;
                }
                self.block().await;
            }
        });
        match waited.await {
            Ok(row) => row,
            Err(_) => panic!(
                "not in time: {:?}, {:?}",
                self.epochs.get(epoch).await.unwrap(),
                self.epochs.status()
            ),
        }
    }

    /// Waits until it is over.
    pub(crate) async fn over(&self, epoch: EpochId) -> EpochRow {
        self.until(epoch, EpochRow::is_over).await
    }
}

fn epochs(
    config: &EpochConfig,
    store: &Store,
    key: Option<&Keypair>,
) -> (Epochs, WeightsReader, MetagraphReader) {
    let (board, told) = weights_channel();
    let (metagraph, known) = metagraph_channel();
    let (_, routes) = route_channel();
    let parts = Parts {
        store: store.clone(),
        routes,
        metagraph,
        board,
        submitter: key.map(|key| Submitter::itself(key.clone())),
    };
    (Epochs::new(config.clone(), parts), told, known)
}
