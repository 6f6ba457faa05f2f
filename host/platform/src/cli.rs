//! The command line: what can be asked, and nothing of how it is done.

#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the comments are what a terminal shows as help"
)]

use std::{collections::BTreeSet, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand};
use platform_domain::{
    ComponentRef, DataMode, EmissionPercent, EpochId, Grant, ImageRef, Instances, LogLevel, Netuid,
    OutboundRule, OutboundRuleError, Slug, TrustPolicy, UnknownGrant, UnknownTrust,
};
use platform_weights::Policy;

use crate::{
    commands::{
        devnet::DevnetArgs,
        inspect::InspectArgs,
        pair::Pair,
        pull::PullArgs,
        secret::SecretCommand,
        sign::{KeyCommand, SignArgs},
        store::StoreCommand,
        versions::{RollbackArgs, UpdateArgs},
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
    /// Give challenges what nobody else may know: to read, or sent for them in their requests.
    #[command(subcommand)]
    Secret(SecretCommand),
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
    /// Preview, submit and look back at weights.
    #[command(subcommand)]
    Weights(WeightsCommand),
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
    /// Begin epochs only when asked to by `platform weights submit`.
    #[arg(long)]
    pub(crate) manual_epochs: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChallengeCommand {
    /// Register a challenge by its component (or container image) and print its token, once.
    Create(CreateArgs),
    /// List every challenge.
    List,
    /// Show one challenge.
    Show { slug: Slug },
    /// Change fields of a challenge; what is not named stays as it is.
    Patch(PatchArgs),
    /// Give it another component: fetched, checked, compiled and tried before it takes the place of the one that runs.
    ///
    /// No request fails: what was begun ends on the component before, which answers until the new one is ready. Its
    /// migrations are tried first and undone. What it imports beyond what the challenge is granted is named, and granted
    /// with --grant. If anything is wrong, everything stays as it is.
    ///
    /// Example: platform challenge update tsp registry.example.com/tsp:2 --by alice
    Update(UpdateArgs),
    /// Look where its tag leads now, and follow it if the challenge is meant to.
    Look {
        /// The challenge.
        slug: Slug,
    },
    /// Give it the component again that it had before, from the host's own store.
    ///
    /// Its database stays as the newer component's migrations made it.
    Rollback(RollbackArgs),
    /// Show what it has run, the newest first, with who said so.
    History { slug: Slug },
    /// Let it serve miners and be weighed.
    Activate { slug: Slug },
    /// Take it down for now.
    Deactivate { slug: Slug },
    /// Take it down by decision.
    Disable { slug: Slug },
    /// Show what a challenge did wrong since the host started: crashes, time-outs, answers nobody can use.
    Incidents { slug: Slug },
    /// Show what a challenge said since the host started, the newest line last.
    ///
    /// A line is: time, level, source (stdout, stderr, logging, or host when the host speaks of the log), request id
    /// (epoch-N when it was asked for weights), [what it is about], text. The host keeps the newest lines in memory, as many
    /// as limits.log_lines and limits.log_kept allow, also when the challenge gets a new version; they are gone when the
    /// host stops or the challenge is deleted. A line that begins with --- tells how many are missing there.
    ///
    /// Example: platform challenge logs tsp --follow --level warn
    Logs(LogsArgs),
    /// Let miners reach it again at once when it is suspended after too many crashes or time-outs.
    Resume { slug: Slug },
    /// Remove it from the registry; its state directory stays.
    Delete { slug: Slug },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The name in URLs.
    pub(crate) slug: Slug,
    #[arg(
        required_unless_present = "image",
        help = "The component: oci:DIR[:TAG][@DIGEST], oci-archive:FILE[:TAG][@DIGEST], HOST/NAME[:TAG][@DIGEST] or file:PATH"
    )]
    pub(crate) component: Option<ComponentRef>,
    /// A container image instead.
    #[arg(long, conflicts_with = "component")]
    pub(crate) image: Option<ImageRef>,
    /// Activate it at once.
    #[arg(long)]
    pub(crate) activate: bool,
    #[command(flatten)]
    pub(crate) fields: FieldArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PatchArgs {
    /// The challenge.
    pub(crate) slug: Slug,
    #[command(flatten)]
    pub(crate) fields: FieldArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The challenge.
    pub(crate) slug: Slug,
    /// Go on with each line as it is written, until the host stops; with --json one record a line.
    ///
    /// Who reads too slowly holds nobody up: lines that are gone by then are counted, not waited for.
    #[arg(long)]
    pub(crate) follow: bool,
    /// How many of the newest lines to begin with, 1000 at most.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u32,
    /// Only lines that matter so much: trace, debug, info, warn, error or critical [default: all].
    #[arg(long)]
    pub(crate) level: Option<LogLevel>,
}

/// The fields of a challenge that can be given and changed.
#[derive(Debug, Args)]
pub(crate) struct FieldArgs {
    /// The name for people [default: the manifest's].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The challenge's own version [default: the manifest's].
    #[arg(id = "challenge_version", long = "challenge-version")]
    pub(crate) version: Option<String>,
    /// Its part of the emission in percent.
    #[arg(long)]
    pub(crate) emission: Option<EmissionPercent>,
    /// Whether it keeps files in /data: none or exclusive [default: the manifest's].
    #[arg(long)]
    pub(crate) data: Option<DataMode>,
    /// How long an instance lives: per-call or warm(N, CALLS, AGE) [default: the manifest's, else per-call].
    ///
    /// per-call gives each request an instance of its own, in whose memory nobody was before. "warm(4, 1000, 60s)"
    /// keeps up to 4 idle instances for the next requests, each for 1000 requests or 60 seconds at most: for
    /// components whose start takes longer than their answers. What one request leaves in memory the next one finds,
    /// whoever sent it, so ask the author first. "warm(4)" has the usual bounds; a challenge that keeps files has one
    /// idle instance at most.
    #[arg(long)]
    pub(crate) instances: Option<Instances>,
    /// What the component may import, for example sqlite,kv; none for nothing [default: all of
    /// these but secrets].
    ///
    /// A component that imports what it is not granted is refused by the name of the import. sqlite is a database in
    /// the host, kv are keys and values in it; both share the resource database. blobs are files of the host under names,
    /// with the resource blobs. crypto verifies signatures, reads and writes addresses and hashes, in the call's own time.
    /// metagraph tells who is in the subnet. config is wasi:config, the variables of --env with the defaults of the
    /// manifest; logging is wasi:logging, lines with a level in the challenge's log. secrets lets it
    /// read what `platform secret set` gave it. Requests to other hosts (outgoing-http) are granted with --allow.
    #[arg(long, value_name = "NAMES", value_parser = grants)]
    pub(crate) grants: Option<BTreeSet<Grant>>,
    /// Host that it may send requests to, for example https://api.example.com; repeat for more. Replaces all of them;
    /// none for nobody.
    ///
    /// A host is written as scheme, name or address, and port if it is not the usual one; https://*.example.org is every
    /// name below example.org. Open is what both the operator allows and the manifest asks for. Addresses that are not
    /// public are refused behind any name; write an address itself, or localhost, to open one.
    #[arg(long, value_name = "URL")]
    pub(crate) allow: Vec<Allowed>,
    /// What its component must show to run: none, pinned or signed-by(KEY,…); default for what the host wants of
    /// every one.
    ///
    /// pinned wants a reference with a digest. signed-by wants a signature by one of these keys, which the host's
    /// configuration names. A challenge whose component does not show what is wanted is stopped.
    #[arg(long, value_name = "POLICY")]
    pub(crate) trust: Option<TrustArg>,
    /// Whether it gets another component by itself when the tag of its reference moves, in the way of `update`: true
    /// or false.
    #[arg(long, value_name = "BOOL")]
    pub(crate) follow: Option<bool>,
    /// One sentence for people.
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Environment variable NAME=VALUE; repeat for more. Replaces all of them.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<Pair>,
    /// Resource NAME=VALUE: memory of one call, disk for files, database, blobs; for example memory=64MiB. Repeat for more. Replaces all of them.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) resource: Vec<Pair>,
}

/// A policy, or none of its own.
#[derive(Clone, Debug)]
pub(crate) struct TrustArg(pub(crate) Option<TrustPolicy>);

impl FromStr for TrustArg {
    type Err = UnknownTrust;

    fn from_str(text: &str) -> Result<Self, UnknownTrust> {
        match text {
            "default" => Ok(Self(None)),
            text => text.parse().map(Some).map(Self),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// List what there is on the disk, of deleted challenges too.
    List,
    /// Write an archive of what challenges keep, while they run.
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
    Purge {
        /// The challenge that was deleted.
        slug: Slug,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum WeightsCommand {
    /// Ask the challenges now and show the vector that would be recorded. Changes nothing.
    Preview,
    /// Have the current epoch recorded, submitted and confirmed, and wait for it.
    Submit {
        /// Give up waiting after this many seconds; the host goes on.
        #[arg(long, default_value_t = 300)]
        timeout: u64,
    },
    /// List the newest epochs.
    History {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show one epoch with its report.
    Show { epoch: EpochId },
    /// Compute a vector offline: answers as JSON on standard input, the vector as JSON on standard output.
    ///
    /// Reads {"challenges":[{"slug","emission_percent","ok","weights":{HOTKEY:SCORE}}],"uids":{HOTKEY:UID}} with
    /// optional sink_uid, min_allowed_weights and max_weight_limit.
    Compute {
        /// How shares are made: normalized or absolute.
        #[arg(long, default_value_t)]
        policy: Policy,
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
}

/// One host of a list, or the word for an empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    Nobody,
    Host(OutboundRule),
}

impl Allowed {
    /// The list, if there is one.
    pub(crate) fn all(list: Vec<Self>) -> Option<BTreeSet<OutboundRule>> {
        let given = !list.is_empty();
        let hosts = list.into_iter().filter_map(|allowed| match allowed {
            Self::Nobody => None,
            Self::Host(host) => Some(host),
        });
        given.then(|| hosts.collect())
    }
}

impl FromStr for Allowed {
    type Err = OutboundRuleError;

    fn from_str(text: &str) -> Result<Self, OutboundRuleError> {
        match text {
            "none" => Ok(Self::Nobody),
            host => host.parse().map(Self::Host),
        }
    }
}

/// Names of interfaces between commas, or none.
pub(crate) fn grants(text: &str) -> Result<BTreeSet<Grant>, UnknownGrant> {
    match text {
        "none" => Ok(BTreeSet::new()),
        list => list.split(',').map(|name| name.trim().parse()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn grants_are_names_between_commas() {
        assert_eq!(
            grants("sqlite, kv"),
            Ok(BTreeSet::from([Grant::Sqlite, Grant::Kv]))
        );
        assert_eq!(grants("none"), Ok(BTreeSet::new()));
        assert!(grants("").is_err() && grants("sqlite,files").is_err());
    }

    #[test]
    fn hosts_are_a_list_that_can_be_absent_or_empty() {
        let all = |list: &[&str]| Allowed::all(list.iter().map(|text| text.parse().unwrap()).collect());
        assert_eq!(all(&[]), None);
        assert_eq!(all(&["none"]), Some(BTreeSet::new()));
        let hosts = all(&["https://b.example", "http://127.0.0.1:9000"]).unwrap();
        assert_eq!(hosts.len(), 2);
        assert!("example.com".parse::<Allowed>().is_err());
    }
}
