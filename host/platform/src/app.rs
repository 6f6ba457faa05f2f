//! The composition root: what is built from what, in which order, and the long tasks.

use std::{collections::BTreeMap, convert::Infallible, net::SocketAddr, sync::Arc, time::SystemTime};

use anyhow::Context as _;
use axum::body::Body;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::service::TowerToHyperService;
use platform_admin::AdminState;
use platform_chain::ChainConfig;
use platform_docker::PullAs;
use platform_domain::UnixSeconds;
use platform_epoch::{EpochConfig, Epochs};
use platform_fleet::{Engines, Fleet, RelayImage};
use platform_gateway::{Gateway, TrustedProxies};
use platform_jobs::Jobs;
use platform_listener::Peer;
use platform_nonces::Nonces;
use platform_oci::ContentStore;
use platform_registry::{GpuServers, Parts};
use platform_runtime::{metagraph_channel, route_channel, weights_channel};
use platform_store::Store;
use platform_wasm::{CompilerProgram, Engine, EngineConfig, JobDesk, Network};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    component_jobs::ComponentJobs,
    hotkey, keys, open_files, owner, registries,
    settings::{self, Config},
    state_dir,
    tasks::Tasks,
    token, unfit,
};

/// A host that listens. Dropping it lets go of everything.
pub struct App {
    /// Where the private listener is.
    pub admin: SocketAddr,
    /// Where the public listener is.
    pub public: SocketAddr,
    /// What is running; [`Tasks::run`] waits for its end.
    pub tasks: Tasks,
}

impl App {
    /// Builds everything from a valid configuration, then binds, then starts the tasks.
    /// `compiler` is this program, but where it is a part of another one.
    pub async fn start(
        config: Config,
        compiler: CompilerProgram,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let state = &config.state_dir;
        let lock = state_dir::take(state)?;
        let token = token::load_or_create(&config.token_file())?;
        let for_hotkey = config.chain.clone();
        // Opening a sealed key takes seconds and half a gigabyte, and may wait for somebody to type.
        let submitter = tokio::task::spawn_blocking(move || hotkey::submitter(&for_hotkey)).await??;
        let database = state.join("host.sqlite3");
        let store = Store::open(&database)
            .with_context(|| format!("the database {} cannot be used", database.display()))?;
        let content = ContentStore::open(&state.join("content"))?
            .with_quota(config.store.quota)
            .with_judge(unfit)
            .with_registries(registries::of_host(&config))
            .with_trusted(keys::trusted(&config.trust.keys)?);
        let owner = owner::load_or_create(&state.join("host.id"))?;
        let endpoint = config.docker.endpoint.as_ref();
        let engines =
            Engines::new(store.clone(), config.secrets_key_file(), endpoint).context("docker.endpoint")?;
        let (registries, for_jobs) = (registries::of_host(&config), config.jobs.build(owner.clone()));
        let jobs = Jobs::new(store.clone(), engines.clone(), registries, for_jobs);
        let engine = Engine::new(EngineConfig {
            cache_dir: state.join("compiled"),
            compiler,
            limits: config.limits.clone(),
            network: Network::default(),
            jobs: JobDesk::of(ComponentJobs(jobs.clone())),
        })?;
        let (routes, route_reader) = route_channel();
        let (metagraph, metagraph_reader) = metagraph_channel();
        let relays = relays(&config).await;
        let fleet = Fleet::new(
            store.clone(),
            engines.clone(),
            owner,
            config.docker.ready(),
            relays,
        );
        let parts = Parts {
            store: store.clone(),
            content,
            trust: config.trust.policy.clone(),
            engine,
            state_dir: state.clone(),
            key_file: config.secrets_key_file(),
            metagraph: metagraph_reader.clone(),
            fleet: fleet.clone(),
            registries: registries::of_host(&config),
            executor: executor(&config),
            keep_images: config.docker.keep_images,
            routes,
            breaker: config.breaker.policy(),
        };
        let (registry, reconciler) = platform_registry::build(parts);
        let gpu_servers = GpuServers::new(&registry, fleet);
        let (told, told_reader) = weights_channel();
        let epochs = Epochs::new(
            epoch_config(&config)?,
            platform_epoch::Parts {
                store,
                routes: route_reader.clone(),
                metagraph,
                board: told,
                submitter,
            },
        );
        let started_at = now();
        let spool = state.join("spool");
        state_dir::private(&spool)?;
        let nonces = Nonces::open(&state.join("nonces.sqlite3"), platform_nonces::Limits::default())?;
        let gateway = Gateway::new(platform_gateway::Parts {
            routes: route_reader,
            metagraph: metagraph_reader,
            weights: told_reader,
            nonces,
            netuid: config.chain.netuid,
            callers: config.callers.of_gateway(!config.chain.nodes().is_empty()),
            limits: config.public.limits(),
            trusted: TrustedProxies::new(config.public.trusted_proxies.clone()),
            spool,
        });
        let gateway = Arc::new(gateway);
        let public = move |peer: Peer| {
            let gateway = gateway.clone();
            service_fn(move |request: Request<Incoming>| {
                let gateway = gateway.clone();
                let peer = platform_gateway::Peer {
                    address: peer.address.ip(),
                    secure: peer.secure,
                };
                async move { Ok::<_, Infallible>(gateway.respond(peer, request.map(Body::new)).await) }
            })
        };
        let (started, collecting, looking) = (registry.clone(), registry.clone(), registry.clone());
        let version = env!("CARGO_PKG_VERSION");
        let admin_token = token.hash();
        let admin = TowerToHyperService::new(platform_admin::router(AdminState {
            registry,
            gpu_servers,
            epochs: epochs.clone(),
            jobs: jobs.clone(),
            admin_token,
            started_at,
            version,
            stop: stop.clone(),
        }));

        let mut options = config.public.options().context("public.tls")?;
        options.connections = open_files::leave_room(options.connections);
        let tls = options.tls.clone();
        let bind = async |what, at: SocketAddr| {
            TcpListener::bind(at)
                .await
                .with_context(|| format!("cannot listen on {at}; set {what} to another address"))
        };
        let (for_admin, for_public) = (
            bind("admin.listen", config.admin.listen).await?,
            bind("public.listen", config.public.listen).await?,
        );
        let for_jobs = match config.jobs.listen {
            Some(at) => Some(bind("jobs.listen", at).await?),
            None => None,
        };
        let addresses = (for_admin.local_addr()?, for_public.local_addr()?);
        tracing::info!(admin = %addresses.0, public = %addresses.1, "listening");

        let mut tasks = Tasks::new(stop.clone());
        tasks.hold(lock);
        let serve_stop = stop.clone();
        tasks.start("public", async move {
            Ok(platform_listener::serve(for_public, options, public, serve_stop).await?)
        });
        if let Some(tls) = tls {
            let look_stop = stop.clone();
            tasks.start("certificate", async move {
                tls.keep_fresh(look_stop).await;
                Ok(())
            });
        }
        let (for_operators, serve_stop) = (settings::for_operators(), stop.clone());
        tasks.start("admin", async move {
            Ok(
                platform_listener::serve(for_admin, for_operators, move |_| admin.clone(), serve_stop)
                    .await?,
            )
        });
        if let Some(listener) = for_jobs {
            tracing::info!(jobs = %listener.local_addr()?, "listening");
            let broker = TowerToHyperService::new(platform_broker::router(jobs.clone()));
            let (for_operators, serve_stop) = (settings::for_operators(), stop.clone());
            tasks.start("jobs over http", async move {
                Ok(
                    platform_listener::serve(listener, for_operators, move |_| broker.clone(), serve_stop)
                        .await?,
                )
            });
        }
        let jobs_stop = stop.clone();
        tasks.start("jobs", async move {
            jobs.keep(jobs_stop).await;
            Ok(())
        });
        let reconcile_stop = stop.clone();
        tasks.start("reconcile", async move {
            reconciler.run(reconcile_stop).await;
            Ok(())
        });
        let collect_stop = stop.clone();
        tasks.start("content", async move {
            collecting.keep_collecting(collect_stop).await;
            Ok(())
        });
        if let Some(every) = config.tags.check_every() {
            let look_stop = stop.clone();
            tasks.start("tags", async move {
                looking.keep_looking(every, look_stop).await;
                Ok(())
            });
        }
        tasks.start("epoch", async move {
            // Before that no challenge runs, and an epoch would count each as failed.
            started.started().await;
            epochs.run(stop).await;
            Ok(())
        });
        Ok(Self {
            admin: addresses.0,
            public: addresses.1,
            tasks,
        })
    }
}

/// What containers are told that may hand in jobs.
fn executor(config: &Config) -> BTreeMap<String, String> {
    let told = config
        .jobs
        .broker_url()
        .map(|url| platform_jobs::executor_environment(&url));
    let told = told.into_iter().flatten();
    told.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What relays to containers on other machines are made of.
async fn relays(config: &Config) -> Option<RelayImage> {
    let reference = config.docker.relay_image.clone()?;
    let registry = reference.repository().split('/').next().unwrap_or_default();
    let user = registries::of_host(config).user(registry).await;
    let pull_as = user.map(|(name, password)| PullAs::User { name, password });
    Some(RelayImage { reference, pull_as })
}

fn epoch_config(config: &Config) -> anyhow::Result<EpochConfig> {
    let settings::Epoch {
        schedule,
        policy,
        fallback,
        sink_alarm_percent,
        tell_sealed,
        ..
    } = &config.epoch;
    let endpoints = config.chain.nodes();
    let beacon = config.chain.beacon.build().context("chain.beacon")?;
    let chain = (!endpoints.is_empty()).then(|| ChainConfig {
        endpoints,
        rpc_timeout: config.chain.rpc_timeout(),
        genesis: config.chain.genesis,
        beacon,
    });
    Ok(EpochConfig {
        chain,
        netuid: config.chain.netuid,
        mechanism: config.chain.mechanism,
        schedule: *schedule,
        policy: *policy,
        fallback: fallback.clone(),
        sink_alarm_percent: *sink_alarm_percent,
        tell_sealed: *tell_sealed,
        primary: config.primary.build().context("primary")?,
        collect_deadline: config.epoch.collect_deadline(),
        poll: config.epoch.poll(),
    })
}

fn now() -> UnixSeconds {
    SystemTime::now().into()
}
