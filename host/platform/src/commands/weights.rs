//! `platform weights`: preview, submit, look back, trace, compute offline.

mod explain;
mod text;

use std::{
    io::{self, Read as _, Write as _},
    str::FromStr,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use platform_admin_types::{Client, ClientError, EpochView};
use platform_domain::EpochId;
use platform_weights::{ComputeRequest, Policy};
use tokio::time::{Instant, sleep};

use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum WeightsCommand {
    /// Ask the challenges now and show the vector that would be recorded. Changes nothing.
    Preview,
    /// Have the current epoch recorded, submitted and confirmed, and wait for it.
    ///
    /// With commit-reveal it waits for the commit to be final; the chain reveals it in a later epoch, which
    /// `platform weights show` then tells. --wait-for-reveal waits for that too.
    Submit {
        /// Send nothing: show the vector, every check of the chain, and the call with its bytes.
        #[arg(long)]
        dry_run: bool,
        /// Wait until the chain has revealed a commit.
        #[arg(long, conflicts_with = "dry_run")]
        wait_for_reveal: bool,
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
    /// Show one epoch: its steps, what each challenge gave, the vector, and what went to the sink and why.
    Show {
        /// The epoch's number, or `latest`.
        epoch: Epoch,
    },
    /// Trace one number of an epoch's vector back to what the challenges answered.
    ///
    /// Example: platform weights explain latest 17
    Explain {
        /// The epoch's number, or `latest`.
        epoch: Epoch,
        /// The UID or the hotkey.
        whose: String,
    },
    /// Print what the challenges answered in an epoch, as it came, with the digests of component and state.
    Answers {
        /// The epoch's number, or `latest`.
        epoch: Epoch,
    },
    /// Print everything that an epoch's vector was computed from, as `weights compute` reads it.
    ///
    /// Example: platform weights inputs latest | platform weights compute --policy absolute
    Inputs {
        /// The epoch's number, or `latest`.
        epoch: Epoch,
    },
    /// Compute a vector offline: answers as JSON on standard input, the vector as JSON on standard output.
    ///
    /// Reads {"challenges":[{"slug","emission_percent","ok","weights":{HOTKEY:SCORE}}],"uids":{HOTKEY:UID}} with
    /// optional sink_uid, min_allowed_weights, max_weight_limit and fallback.
    Compute {
        /// How shares are made: normalized or absolute.
        #[arg(long, default_value_t)]
        policy: Policy,
    },
}

/// An epoch as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epoch {
    Latest,
    Number(EpochId),
}

impl FromStr for Epoch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            number => number
                .parse()
                .map(Self::Number)
                .map_err(|_| "an epoch is a number, or `latest`".to_owned()),
        }
    }
}

/// How often `submit` looks how far the epoch is: well below a block of the fastest chain.
const POLL: Duration = Duration::from_millis(200);
/// The same while the host looks at the chain each time.
const BEGIN_POLL: Duration = Duration::from_secs(3);
/// Input of `compute`: far above what 128 challenges with 4,096 entries each need.
const MAX_INPUT: u64 = 256 << 20;

pub(crate) async fn run(command: WeightsCommand, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        WeightsCommand::Preview => output.show(&client.weights_preview().await?, text::preview),
        WeightsCommand::Submit { dry_run: true, .. } => {
            output.show(&client.weights_rehearse().await?, text::rehearsal)
        }
        WeightsCommand::Submit {
            wait_for_reveal,
            timeout,
            ..
        } => submit(client, output, wait_for_reveal, Duration::from_secs(timeout)).await,
        WeightsCommand::History { limit } => output.show(&client.weights_history(limit).await?, |list| {
            text::history(&list.epochs)
        }),
        WeightsCommand::Show { epoch } => {
            let epoch = number(client, epoch).await?;
            output.show(&client.weights_epoch(epoch).await?, text::epoch)
        }
        WeightsCommand::Explain { epoch, whose } => {
            let epoch = number(client, epoch).await?;
            let (view, answers) = (
                client.weights_epoch(epoch).await?,
                client.weights_answers(epoch).await?,
            );
            output.show(&explain::Explanation::of(&view, &answers, &whose)?, explain::text)
        }
        WeightsCommand::Answers { epoch } => {
            let epoch = number(client, epoch).await?;
            output.show(&client.weights_answers(epoch).await?, text::answers)
        }
        WeightsCommand::Inputs { epoch } => {
            let epoch = number(client, epoch).await?;
            let inputs = client.weights_inputs(epoch).await?;
            print(&serde_json::to_vec(&inputs)?)
        }
        WeightsCommand::Compute { policy } => compute(policy),
    }
}

async fn number(client: &Client, epoch: Epoch) -> anyhow::Result<EpochId> {
    match epoch {
        Epoch::Number(number) => Ok(number),
        Epoch::Latest => {
            let newest = client.weights_history(1).await?.epochs.pop();
            Ok(newest
                .context("there was no epoch yet; `platform weights submit` begins one")?
                .epoch)
        }
    }
}

/// Asks for the current epoch and follows it to its end, telling each step.
async fn submit(client: &Client, output: Output, reveal: bool, timeout: Duration) -> anyhow::Result<()> {
    let until = Instant::now() + timeout;
    let mut view = begin(client, output, until).await?;
    let submits = client.weights_status().await?.submits;
    let mut told = String::new();
    while !(view.ended || view.state == "recorded" && !submits || view.state == "finalised" && !reveal) {
        if view.state != told {
            output.progress(&format!("epoch {}: {}", view.epoch, view.state));
            told.clone_from(&view.state);
        }
        if Instant::now() >= until {
            let status = client.weights_status().await?;
            let why = status.error.map(|error| format!(": {error}")).unwrap_or_default();
            bail!(
                "epoch {} is only {} after {} s{why}",
                view.epoch,
                view.state,
                timeout.as_secs()
            );
        }
        sleep(POLL).await;
        view = client.weights_epoch(view.epoch).await?;
    }
    output.show(&view, text::epoch)?;
    outcome(view)
}

/// Asks for the current epoch, or for the next one where the current is about to end.
async fn begin(client: &Client, output: Output, until: Instant) -> anyhow::Result<EpochView> {
    let mut told = false;
    loop {
        match client.weights_submit().await {
            Err(ClientError::Refused { code, message, .. })
                if code == "too_late" && Instant::now() < until =>
            {
                if !told {
                    output.progress(&format!("{message}; waiting for that"));
                }
                told = true;
                sleep(BEGIN_POLL).await;
            }
            begun => return Ok(begun?),
        }
    }
}

fn outcome(view: EpochView) -> anyhow::Result<()> {
    if view.state == "failed" {
        bail!("epoch {} failed: {}", view.epoch, view.reason.unwrap_or_default());
    }
    Ok(())
}

/// `platform weights compute`: the same code as an epoch, without a host.
pub(crate) fn compute(policy: Policy) -> anyhow::Result<()> {
    let mut input = Vec::new();
    io::stdin()
        .take(MAX_INPUT)
        .read_to_end(&mut input)
        .context("cannot read standard input")?;
    let request: ComputeRequest =
        serde_json::from_slice(&input).context("standard input is not what compute reads")?;
    let answer = platform_weights::compute(request, policy)?;
    print(&serde_json::to_vec(&answer)?)
}

fn print(json: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(json)?;
    Ok(out.write_all(b"\n")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_number_or_the_latest() {
        assert_eq!("latest".parse(), Ok(Epoch::Latest));
        assert_eq!("81".parse(), Ok(Epoch::Number(EpochId(81))));
        assert!("newest".parse::<Epoch>().is_err() && "-1".parse::<Epoch>().is_err());
    }
}
