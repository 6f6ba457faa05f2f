//! One module per command. Each says what it does on standard output, as text or as JSON, and fails with an
//! error whose first line a person can act on.

pub(crate) mod chain;
pub(crate) mod challenge;
pub(crate) mod devnet;
pub(crate) mod fetching;
pub(crate) mod gpu_server;
pub(crate) mod health;
pub(crate) mod hotkey;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod logs;
pub(crate) mod observed;
pub(crate) mod pair;
pub(crate) mod publish;
pub(crate) mod pull;
pub(crate) mod request;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod store;
pub(crate) mod versions;
pub(crate) mod weights;

use anyhow::Context as _;
use platform_admin_types::Client;

use crate::{
    cli::{AdminArgs, Cli, Command},
    output::Output,
    token,
};

/// Runs the command.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli { admin, json, command } = cli;
    let output = Output::new(json);
    match command {
        Command::Serve(args) => serve::serve(args, output).await,
        Command::Check(args) => serve::check(args, output),
        Command::Status => serve::status(&client(&admin)?, output).await,
        Command::Challenge(command) => challenge::run(*command, &client(&admin)?, output).await,
        Command::GpuServer(command) => gpu_server::run(*command, &client(&admin)?, output).await,
        Command::Secret(command) => secret::run(command, &client(&admin)?, output).await,
        Command::Jobs(command) => jobs::run(command, &client(&admin)?, output).await,
        Command::State(command) => state::run(command, &client(&admin)?, output).await,
        Command::Publish {
            component,
            reference,
            sign,
            registry,
        } => publish::run(&component, &reference, sign.as_deref(), &registry, output).await,
        Command::Sign(args) => sign::sign(args, output).await,
        Command::Key(command) => sign::key(command, output),
        Command::Pull(args) => pull::run(args, output).await,
        Command::Inspect(args) => inspect::run(args, output).await,
        Command::Store(command) => store::run(command, &client(&admin)?, output).await,
        Command::Weights(weights::WeightsCommand::Compute { policy }) => weights::compute(policy),
        Command::Weights(command) => weights::run(command, &client(&admin)?, output).await,
        Command::Chain(command) => chain::run(command, &client(&admin)?, output).await,
        Command::Hotkey(command) => hotkey::run(command, output),
        Command::Request(args) => request::run(args, output).await,
        Command::Devnet(args) => devnet::run(args, output).await,
    }
}

fn client(args: &AdminArgs) -> anyhow::Result<Client> {
    let token = token::read(&args.admin_token_file).context(
        "no admin token; name the host's file with --admin-token-file or PLATFORM_ADMIN_TOKEN_FILE",
    )?;
    Ok(Client::new(&args.admin_url, token)?)
}
