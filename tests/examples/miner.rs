//! `miner HOST HOTKEY_FILE NETUID`: hands in a tour, as docs/miners.md has it.

use std::{
    collections::HashMap,
    error::Error,
    io::{self, Write as _},
    path::Path,
    time::UNIX_EPOCH,
};

use platform_domain::{Digest, UnixSeconds};
use platform_keys::{Keypair, Nonce, Scheme, SignedRequest};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [host, hotkey_file, netuid] = [1, 2, 3].map(|at| std::env::args().nth(at).unwrap_or_default());
    // Where reqwest brings no provider of TLS of its own, as in this repository.
    drop(rustls::crypto::ring::default_provider().install_default());
    // The wallet's plain hotkey file.
    let keypair = Keypair::from_file(Path::new(&hotkey_file))?;
    let client = reqwest::Client::new();

    // tsp asks for the number of the running round, and every city once.
    let asked = client
        .get(format!("{host}/challenges/tsp/instance"))
        .send()
        .await?;
    let instance: Value = asked.json().await?;
    let cities = instance
        .get("cities")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let tour: Vec<usize> = (0..cities).collect();
    let body = json!({"round": instance.get("round"), "tour": tour}).to_string();

    let target = "/challenges/tsp/submissions";
    let request = SignedRequest {
        scheme: Scheme::Second,
        netuid: netuid.parse()?,
        slug: &"tsp".parse()?,
        method: "POST",
        target,
        hotkey: keypair.hotkey(),
        nonce: &Nonce::generate()?,
        timestamp: UnixSeconds(UNIX_EPOCH.elapsed()?.as_secs()),
        body: Digest::of(body.as_bytes()),
    };
    let headers = HashMap::from(
        request
            .headers(&keypair)
            .map(|(name, value)| (name.to_owned(), value)),
    );
    let request = client
        .post(format!("{host}{target}"))
        .headers((&headers).try_into()?);
    let answer = request
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await?;
    let status = answer.status().as_u16();
    writeln!(io::stdout(), "{status} {}", answer.text().await?)?;
    Ok(())
}
