//! Uses all that the SDK offers of what the host does: configuration, the subnet, cryptography, the log and other servers.

use std::{io::Read as _, time::Duration};

use platform_guest_sdk::{crypto, http, log::Level, prelude::*};
use serde_json::{Value, json};

struct Surveyor;

#[challenge(
    name = "surveyor",
    config(
        SITE(string, default = "quarry", description = "What is surveyed."),
        "depth.max"(integer, default = -7),
        SCALE(json, default = r#"{"unit":"m"}"#),
        OPEN(boolean),
    ),
    outbound("http://api.example.com", "https://*.example.com", "http://asked.example.com"),
)]
impl Surveyor {
    #[get("/config")]
    fn config(request: &Request) -> Result<Json<Value>> {
        let environment = request.environment();
        Ok(Json(json!({
            "site": environment.config::<String>("SITE")?,
            "depth": environment.config::<i64>("depth.max")?,
            "unit": environment.config::<Value>("SCALE")?["unit"],
            "open": environment.config_or("OPEN", false)?,
        })))
    }

    #[get("/subnet")]
    fn subnet(request: &Request) -> Result<Json<Value>> {
        let subnet = request.environment().metagraph();
        let block = subnet.block()?;
        let neurons = subnet.neurons()?.into_iter();
        let neurons: Vec<_> = neurons
            .map(|it| json!([it.uid, it.hotkey, it.stake, it.validator_permit]))
            .collect();
        Ok(Json(json!({
            "netuid": subnet.netuid()?, "block": block.number, "hash": block.hash, "owner": subnet.owner()?,
            "neurons": neurons,
        })))
    }

    #[get("/neuron/{hotkey}")]
    fn neuron(request: &Request) -> Result<Json<Value>> {
        let hotkey: String = request.param("hotkey")?;
        let subnet = request.environment().metagraph();
        let (uid, found) = (subnet.uid_of(&hotkey)?, subnet.find(&hotkey)?);
        Ok(Json(
            json!({ "uid": uid, "stake": found.map(|neuron| neuron.stake) }),
        ))
    }

    /// Who signed the body, if it was with this key and signature.
    #[post("/signed/{hotkey}/{signature}")]
    fn signed(request: &Request) -> Result<Json<Value>> {
        let (hotkey, signature): (String, String) = (request.param("hotkey")?, request.param("signature")?);
        let (signature, message) = (bytes(&signature), request.body());
        let account = crypto::ss58_decode(&hotkey).ok_or_else(|| Error::bad_request("no address"))?;
        Ok(Json(json!({
            "signed": crypto::is_signed_by(&hotkey, message, &signature),
            "sr25519": crypto::sr25519_verify(&account.public_key, message, &signature),
            "ed25519": crypto::ed25519_verify(&account.public_key, message, &signature),
            "address": crypto::ss58_encode(&account.public_key, account.prefix),
            "elsewhere": crypto::ss58_encode(&account.public_key, 16_384),
        })))
    }

    #[post("/hashes")]
    fn hashes(request: &Request) -> Result<String> {
        let data = request.body();
        let hashes = [
            digits(&crypto::blake2b128(data)),
            digits(&crypto::blake2b256(data)),
            digits(&crypto::blake2b512(data)),
            digits(&crypto::sha256(data)),
        ];
        Ok(hashes.join("\n"))
    }

    #[post("/log")]
    fn log(_: &Request) -> Result<()> {
        let stone = 7;
        log::trace!("stone {stone}");
        log::debug!("a\nb");
        log::info!(context: "digging", "stone {stone}");
        log::warn!("stone {}", stone + 1);
        log::error!(context: "digging", "a\nb");
        log::critical!(context: format!("pit {stone}").as_str(), "it is full");
        log::message(Level::Debug, "values", format_args!("{stone}"));
        Ok(())
    }

    /// Sends what the body says, and tells what came of it.
    #[post("/send")]
    fn send(request: &Request) -> Result<String> {
        let order: Value = request.json()?;
        let text = |name: &str| order[name].as_str().unwrap_or_default();
        let mut sent = request.environment().http().request(text("method"), text("url"));
        if let Some(body) = order.get("body") {
            sent = sent.json(body);
        }
        if let Some(name) = order["header"].as_str() {
            sent = sent.header(name, "value");
        }
        if let Some(milliseconds) = order["timeout"].as_u64() {
            sent = sent.timeout(Duration::from_millis(milliseconds));
        }
        let most = order["most"].as_u64().unwrap_or(1 << 20) as usize;
        let read = |answer: http::Response| -> Result<String, HttpError> {
            let head = format!("{} {:?}", answer.status(), answer.header("content-length"));
            let body = match order["read"].as_str() {
                Some("json") => answer.json::<Value>()?.to_string(),
                Some("steps") => in_steps(answer).map_err(|error| error.downcast::<HttpError>().unwrap())?,
                _ => String::from_utf8_lossy(&answer.body(most)?).into_owned(),
            };
            Ok(format!("{head} {body}"))
        };
        Ok(match sent.send().and_then(read) {
            Ok(answer) => answer,
            Err(error) => format!("{error:?}"),
        })
    }

    #[weights]
    fn weights(context: &WeightsContext) -> Result<Weights> {
        let subnet = context.environment().metagraph();
        if (subnet.block()?.number, subnet.block()?.hash) != (context.block, context.block_hash) {
            return Err(Error::internal("another block"));
        }
        let neurons = subnet.neurons()?.into_iter();
        Weights::from_scores(neurons.map(|neuron| (neuron.hotkey, neuron.stake as f64)))
    }
}

/// A few bytes at a time.
fn in_steps(mut answer: http::Response) -> std::io::Result<String> {
    let (mut all, mut buffer) = (Vec::new(), [0; 7]);
    loop {
        match answer.read(&mut buffer)? {
            0 => return Ok(String::from_utf8_lossy(&all).into_owned()),
            read => all.extend_from_slice(&buffer[..read]),
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).filter_map(digit).collect()
}
