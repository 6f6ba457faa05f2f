//! The command line: what can be asked, and nothing of how it is done.

#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the comments are what a terminal shows as help"
)]

pub(crate) mod challenge;
pub(crate) mod gpu_server;
pub(crate) mod serving;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use platform_domain::{ComponentRef, Netuid, Slug};

use platform_keys::SIGNED_REQUEST_PREFIX;

use crate::{
    cli::{challenge::ChallengeCommand, gpu_server::GpuServerCommand},
    commands::{
        chain::ChainCommand,
        devnet::DevnetArgs,
        inspect::InspectArgs,
        jobs::JobsCommand,
        pull::PullArgs,
        secret::SecretCommand,
        sign::{KeyCommand, SignArgs},
        store::StoreCommand,
        weights::WeightsCommand,
    },
    registries::RegistryArgs,
};

/// Runs a Bittensor subnet's challenges as WebAssembly components.
///
/// The host: `platform serve`. Everything else talks to a running host over its admin API, or to the public
/// side as a miner does. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 64 wrong configuration.
#[derive(Debug, Parser)]
#[command(name = "platform", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    /// Answer with JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How to reach a running host.
#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    /// Where the host's admin API listens.
    #[arg(
        long,
        global = true,
        env = "PLATFORM_ADMIN_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(crate) admin_url: String,
    /// The file with the admin token.
    #[arg(
        long,
        global = true,
        env = "PLATFORM_ADMIN_TOKEN_FILE",
        default_value = "platform-state/admin.token"
    )]
    pub(crate) admin_token_file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the host.
    Serve(ServeArgs),
    /// Check a configuration and print what would be in force.
    Check(ServeArgs),
    /// Show what the host is doing.
    Status,
    /// Register challenges and move them through their life.
    #[command(subcommand)]
    Challenge(Box<ChallengeCommand>),
    /// Register servers with GPUs, see who holds them, and ask their engines how they are.
    #[command(subcommand)]
    GpuServer(Box<GpuServerCommand>),
    /// Give challenges what nobody else may know: to read, or sent for them in their requests.
    #[command(subcommand)]
    Secret(SecretCommand),
    /// See and end the work that challenges handed in for containers.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// See, save, put back and remove what challenges keep.
    #[command(subcommand)]
    State(StateCommand),
    /// Publish a component under a reference.
    ///
    /// Example: platform publish target/wasm32-wasip2/release/tsp.wasm oci:./challenges:tsp-1
    Publish {
        /// The component file.
        component: PathBuf,
        #[arg(help = "Where to: oci:DIR[:TAG], oci-archive:FILE[:TAG] or HOST/NAME[:TAG]")]
        reference: ComponentRef,
        /// Sign it with this private key, so that `cosign verify --key` accepts it; its password is in
        /// PLATFORM_KEY_PASSWORD or COSIGN_PASSWORD.
        #[arg(long, value_name = "KEY")]
        sign: Option<PathBuf>,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Sign a component that is published, beside those who have signed it.
    ///
    /// Example: platform sign registry.example/team/tsp@sha256:… --key alice.key
    Sign(SignArgs),
    /// Make keys to sign components with.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Fetch a component, verify it and write it to a file or an OCI layout. No host is needed.
    ///
    /// Example: platform pull registry.example/team/tsp:1.0.0 -o tsp.wasm
    Pull(PullArgs),
    /// Show what a component is: imports, exports, manifest, size, and what it would be granted.
    Inspect(InspectArgs),
    /// See and clear what the host keeps of registries and layouts.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Preview, submit, look back at and trace weights.
    #[command(subcommand)]
    Weights(WeightsCommand),
    /// Look at the chain: its nodes, who is registered, and whether it would take this host's weights.
    #[command(subcommand)]
    Chain(ChainCommand),
    /// Make and show hotkey files.
    #[command(subcommand)]
    Hotkey(HotkeyCommand),
    /// Send a signed request to a challenge, as a miner.
    ///
    /// Example: platform request POST http://127.0.0.1:8081/challenges/tsp/submissions --hotkey miner.json
    /// --netuid 1 --body tour.json
    Request(RequestArgs),
    /// Run a loopback test node that behaves like a subtensor for one subnet. Not a chain.
    Devnet(DevnetArgs),
}

/// What overrides the configuration file and the environment.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration file, TOML.
    #[arg(long, env = "PLATFORM_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where the host keeps everything.
    #[arg(long)]
    pub(crate) state_dir: Option<PathBuf>,
    /// Address of the private listener; port 0 picks a free one.
    #[arg(long)]
    pub(crate) admin_listen: Option<String>,
    /// Address of the public listener; port 0 picks a free one.
    #[arg(long)]
    pub(crate) public_listen: Option<String>,
    /// The chain's node, ws:// or wss://.
    #[arg(long)]
    pub(crate) chain_endpoint: Option<String>,
    /// The subnet.
    #[arg(long)]
    pub(crate) netuid: Option<Netuid>,
    /// The validator's hotkey file; without one weights are recorded and not submitted.
    #[arg(long)]
    pub(crate) hotkey_file: Option<PathBuf>,
    /// When epochs begin: tempo (the chain's own), "every N blocks", or manual (by `platform weights submit` only).
    #[arg(long)]
    pub(crate) schedule: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// List what there is on the disk and in volumes of containers, of deleted challenges too.
    List,
    /// Write an archive of what components keep, while they run. Volumes of containers are not in it.
    ///
    /// Database and blobs are those of one moment, files are copied between two calls. The archive has a digest of each
    /// file. It is made by the host, which must be able to write there; an archive that is there already stays.
    Backup {
        /// The archive, a tar file.
        file: PathBuf,
        /// Whose state [default: all there is].
        challenges: Vec<Slug>,
    },
    /// Put what an archive holds in the place of what challenges keep. None of them may be active.
    ///
    /// Nothing is changed unless the whole archive is as it was written.
    Restore {
        /// The archive.
        file: PathBuf,
        /// Whose state [default: all that is in it].
        challenges: Vec<Slug>,
    },
    /// Remove for good what a deleted challenge kept. Deleting a challenge alone keeps it.
    ///
    /// That is its state on the host's disk, and volumes of its containers on the host's engine and on every GPU server. An engine
    /// that cannot be reached is named, with exit code 1: what is there stays, and is removed by another purge when the
    /// engine is back.
    ///
    /// Example: platform challenge delete tours && platform state purge tours
    Purge {
        /// The challenge that was deleted.
        slug: Slug,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HotkeyCommand {
    /// Make a new hotkey in the Bittensor wallet's JSON form, mode 0600. Never overwrites.
    New { file: PathBuf },
    /// Print the address of a hotkey file.
    Show { file: PathBuf },
}

#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// The HTTP method.
    pub(crate) method: String,
    /// The whole URL of the public route.
    pub(crate) url: String,
    /// The miner's hotkey file; unsigned without one.
    #[arg(long, requires = "netuid")]
    pub(crate) hotkey: Option<PathBuf>,
    /// The subnet that the signature is for.
    #[arg(long)]
    pub(crate) netuid: Option<Netuid>,
    /// A file with the body, `-` for standard input.
    #[arg(long)]
    pub(crate) body: Option<PathBuf>,
    /// Which text to sign: 2 covers the query too, 1 is for hosts that know no other.
    #[arg(long, value_name = "1|2", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) signature_version: u8,
    /// What the text of version 1 begins with.
    #[arg(long, value_name = "TEXT", default_value = SIGNED_REQUEST_PREFIX)]
    pub(crate) signature_prefix: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
