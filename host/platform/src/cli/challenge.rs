//! `platform challenge`: what can be asked about challenges, and which of their fields can be given.

use std::{collections::BTreeSet, str::FromStr};

use clap::{Args, Subcommand};
use platform_domain::{
    Capability, ComponentRef, DataMode, EmissionPercent, FailureRule, Grant, ImageRef, Instances, LogLevel,
    Loosened, LoosenedError, OutboundRule, OutboundRuleError, Slug, TrustPolicy, UnknownCapability,
    UnknownGrant, UnknownTrust,
};

use crate::{
    cli::serving::{Or, ServingArgs},
    commands::{
        pair::Pair,
        versions::{RollbackArgs, UpdateArgs},
    },
};

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
    /// Show what a challenge that runs uses at this moment.
    ///
    /// Of a container: processor, memory, processes, network and disks, as its engine sees them; the host looks at it for a
    /// second. Of a component: its code, what it keeps, and what became of its requests; memory and computing time belong to
    /// each call, and a call that takes too much is an incident.
    ///
    /// Example: platform --json challenge stats tours
    Stats {
        /// The challenge.
        slug: Slug,
    },
    /// The token by which a challenge and its host know each other.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Let miners reach it again at once when it is suspended after too many crashes or time-outs.
    Resume { slug: Slug },
    /// Remove it from the registry; its state directory stays.
    Delete { slug: Slug },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Give it another token, which is shown once.
    ///
    /// A container of this host is replaced by one that has it. A container that somebody else runs is given it by hand: until
    /// --overlap is over, the host uses whichever of the two it accepts.
    ///
    /// Example: platform challenge token rotate tours --overlap 600
    Rotate {
        /// The challenge.
        slug: Slug,
        /// For how many seconds the token before counts too: 0 to 604800, a week.
        #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
        overlap: u64,
    },
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
    /// A container image instead, HOST/NAME[:TAG][@DIGEST].
    ///
    /// The host runs it on the engine of [docker] in its configuration, or with --resource gpu_count=N on a GPU server, hardened:
    /// see --loosen. With --address somebody else runs it, and nothing is started.
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
    /// Whose weights count when it gives none, for it failed: zero, last-good:N, primary or primary,last-good:N
    /// [default: zero].
    ///
    /// zero: nobody's; its part of the emission goes to the sink. last-good:N: its own last good answer, if that is of at
    /// most N epochs ago (1 to 100). primary: what the host of [primary] in the configuration says of this challenge for
    /// this epoch, signed with its hotkey; for a challenge that this host cannot run itself, say for want of a GPU.
    /// primary,last-good:N asks the primary first. An answer that is valid and names nobody is no failure: nothing takes its
    /// place. The report of the epoch says whose weights counted, and why the others did not.
    #[arg(long, value_name = "RULE")]
    pub(crate) on_failure: Option<FailureRule>,
    #[command(flatten)]
    pub(crate) serving: ServingArgs,
    /// What it has to be able to do: get_weights, proxy_routes and docker_executor between commas; none for nothing. Replaces
    /// all of it [default: what the component exports; get_weights,proxy_routes of a container].
    ///
    /// A component has to export it, and a container to say so at /version. docker_executor lets a container hand in jobs over
    /// HTTP, which this host has to take: images and listen of [jobs] in its configuration.
    #[arg(long, value_name = "NAMES", value_parser = capabilities)]
    pub(crate) capabilities: Option<BTreeSet<Capability>>,
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
    /// these but secrets, jobs and gpu-jobs].
    ///
    /// A component that imports what it is not granted is refused by the name of the import. sqlite is a database in
    /// the host, kv are keys and values in it; both share the resource database. blobs are files of the host under names,
    /// with the resource blobs. crypto verifies signatures, reads and writes addresses and hashes, in the call's own time.
    /// metagraph tells who is in the subnet. config is wasi:config, the variables of --env with the defaults of the
    /// manifest; logging is wasi:logging, lines with a level in the challenge's log. secrets lets it
    /// read what `platform secret set` gave it, jobs lets it run containers on the host's engine as [jobs] of the configuration
    /// allows, gpu-jobs such with GPUs on GPU servers. Requests to other hosts (outgoing-http) are granted with --allow.
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
    /// A container image that runs in place of the component while the challenge has GPUs among its resources; none to
    /// forget it. Slug, routes and token stay the same.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) fallback_image: Option<Or<ImageRef>>,
    /// What its container may do beyond what all may, for example egress,exec-tmp; none for nothing. Replaces all of it.
    ///
    /// A container has a read-only root, a /tmp from which nothing can be run, no capabilities, no way out of its network, and
    /// is not root. writable-root: it may write beside its volumes. exec-tmp: what it writes to /tmp may be run. root-user: it
    /// is root where its image says so. egress: its network reaches the world. cap-chown, cap-dac-override, cap-fowner,
    /// cap-kill, cap-setgid, cap-setuid: what root may usually do. There is nothing beyond these.
    #[arg(long, value_name = "WORDS", value_parser = loosened)]
    pub(crate) loosen: Option<BTreeSet<Loosened>>,
    /// Volume NAME=/PATH of its container, beside /data; repeat for more. Replaces all of them.
    #[arg(long, value_name = "NAME=/PATH")]
    pub(crate) volume: Vec<Pair>,
    /// One sentence for people.
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Environment variable NAME=VALUE; repeat for more. Replaces all of them.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<Pair>,
    /// Resource NAME=VALUE: memory of one call or of the container, disk for files, database, blobs; for example memory=64MiB. Of
    /// containers cpu=1.5, pids=256, shm=1GiB, gpu_count=1, gpu_kind=a100, gpu_labels=zone=eu, gpu_server=ID, gpu_device_ids=0,1. Repeat
    /// for more. Replaces all of them.
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

/// Names of capabilities between commas, or none.
pub(crate) fn capabilities(text: &str) -> Result<BTreeSet<Capability>, UnknownCapability> {
    match text {
        "none" => Ok(BTreeSet::new()),
        list => list.split(',').map(|name| name.trim().parse()).collect(),
    }
}

/// What a container may be allowed, between commas, or none.
pub(crate) fn loosened(text: &str) -> Result<BTreeSet<Loosened>, LoosenedError> {
    match text {
        "none" => Ok(BTreeSet::new()),
        list => list.split(',').map(|word| word.trim().parse()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn capabilities_are_names_between_commas() {
        let all = BTreeSet::from(Capability::ALL);
        assert_eq!(capabilities("docker_executor, get_weights,proxy_routes"), Ok(all));
        assert_eq!(capabilities("none"), Ok(BTreeSet::new()));
        assert!(capabilities("").is_err() && capabilities("docker-executor").is_err());
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
