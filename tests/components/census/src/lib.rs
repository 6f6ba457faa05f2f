//! Tells who is in the subnet, as the host has it, and pays them by their stake.

wit_bindgen::generate!({
    path: "../../../wit/0.1.0",
    inline: "
        package platform:census;
        world census {
            import platform:challenge/metagraph@0.1.0;
            export platform:challenge/routes@0.1.0;
            export platform:challenge/weights@0.1.0;
        }
    ",
    generate_all,
});

use std::time::{Duration, Instant};

use exports::platform::challenge::{
    routes::{Error, Guest as Routes, Request, Response},
    weights::{EpochContext, Error as WeightsError, Guest as Weights, Weight},
};
use platform::challenge::metagraph::{self, Neuron};

struct Census;

type Answer = Result<String, String>;

impl Routes for Census {
    fn handle_route(request: Request) -> Result<Response, Error> {
        let path: Vec<_> = request.path.trim_start_matches('/').split('/').collect();
        let answer = match path[..] {
            ["subnet"] => subnet(),
            ["neurons"] => neurons(),
            ["count"] => metagraph::neurons()
                .map(|neurons| neurons.len().to_string())
                .map_err(text),
            ["neuron", uid] => neuron(uid),
            ["uid", hotkey] => metagraph::uid_of(hotkey)
                .map(|uid| format!("{uid:?}"))
                .map_err(text),
            ["watch", milliseconds] => watch(milliseconds),
            _ => Err("what is that?".to_owned()),
        };
        match answer {
            Ok(text) => Ok(Response {
                status: 200,
                headers: Vec::new(),
                body: text.into_bytes(),
            }),
            Err(text) => Err(Error::BadRequest(text)),
        }
    }
}

impl Weights for Census {
    fn get_weights(context: EpochContext) -> Result<Vec<Weight>, WeightsError> {
        let internal = |error| WeightsError::Internal(text(error));
        let (netuid, block) = (
            metagraph::netuid().map_err(internal)?,
            metagraph::block().map_err(internal)?,
        );
        if (netuid, block.number, &block.hash) != (context.netuid, context.block, &context.block_hash) {
            return Err(WeightsError::Internal(format!(
                "{} is not {}",
                block.number, context.block
            )));
        }
        let neurons = metagraph::neurons().map_err(internal)?.into_iter();
        let weight = |neuron: Neuron| Weight {
            hotkey: neuron.hotkey,
            score: neuron.stake as f64,
        };
        Ok(neurons.map(weight).collect())
    }
}

fn text(error: metagraph::Error) -> String {
    match error {
        metagraph::Error::NotReadYet => "not read yet".to_owned(),
    }
}

fn subnet() -> Answer {
    let (netuid, block) = (
        metagraph::netuid().map_err(text)?,
        metagraph::block().map_err(text)?,
    );
    let owner = metagraph::owner().map_err(text)?;
    Ok(format!("{netuid} {} {:?} {owner:?}", block.number, block.hash))
}

fn neurons() -> Answer {
    let neurons = metagraph::neurons().map_err(text)?;
    Ok(neurons.iter().map(shown).collect::<Vec<_>>().join("\n"))
}

fn neuron(uid: &str) -> Answer {
    let uid = uid.parse().map_err(|_| "no number")?;
    let found = metagraph::neuron_of(uid).map_err(text)?;
    Ok(found.as_ref().map_or_else(|| "none".to_owned(), shown))
}

fn shown(neuron: &Neuron) -> String {
    let Neuron {
        uid,
        hotkey,
        stake,
        validator_permit,
    } = neuron;
    format!("{uid} {hotkey} {stake} {validator_permit}")
}

/// Asks for so long, and tells all blocks that it has seen.
fn watch(milliseconds: &str) -> Answer {
    let time = Duration::from_millis(milliseconds.parse().map_err(|_| "no number")?);
    let (started, mut seen) = (Instant::now(), Vec::new());
    while started.elapsed() < time {
        let number = metagraph::block().map_err(text)?.number;
        if !seen.contains(&number) {
            seen.push(number);
        }
    }
    Ok(format!("{seen:?}"))
}

export!(Census);
