//! `platform request`: what a miner's client does, for miners and for trying a challenge out.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail};
use platform_domain::{Digest, UnixSeconds};
use platform_keys::{Keypair, Nonce, Scheme, SignedRequest};
use reqwest::{Method, Url};
use url::Position;

use crate::{cli::RequestArgs, output::Output};

/// A challenge has its own deadline, far below this.
const TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) async fn run(args: RequestArgs, output: Output) -> anyhow::Result<()> {
    let method: Method = args
        .method
        .to_uppercase()
        .parse()
        .context("the method is not valid")?;
    let url: Url = args.url.parse().context("the URL is not valid")?;
    let body = args
        .body
        .as_deref()
        .map(read_body)
        .transpose()?
        .unwrap_or_default();
    // Installed already by whoever used TLS first in this process.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let mut request = client.request(method.clone(), url.clone());
    if let (Some(file), Some(netuid)) = (&args.hotkey, args.netuid) {
        let key = Keypair::from_file(file).with_context(|| format!("no hotkey in {}", file.display()))?;
        let timestamp = UnixSeconds::from(SystemTime::now());
        let segments = url.path_segments().into_iter().flatten();
        let mut segments = segments.skip_while(|segment| *segment != "challenges");
        let slug = segments.nth(1).unwrap_or_default();
        let slug = slug
            .parse()
            .context("the URL is not that of a challenge: …/challenges/SLUG/…")?;
        let scheme = match args.signature_version {
            1 => Scheme::First {
                prefix: &args.signature_prefix,
            },
            _ => Scheme::Second,
        };
        let target = url[Position::BeforePath..Position::AfterQuery].to_owned();
        let signed = SignedRequest {
            scheme,
            netuid,
            slug: &slug,
            method: method.as_str(),
            target: &target,
            hotkey: key.hotkey(),
            nonce: &Nonce::generate()?,
            timestamp,
            body: Digest::of(&body),
        };
        for (name, value) in signed.headers(&key) {
            request = request.header(name, value);
        }
    }
    if args.body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let response = request
        .body(body)
        .send()
        .await
        .context("the request was not answered")?;
    let status = response.status();
    let bytes = response.bytes().await.context("the answer ended early")?;
    output.progress(&format!("{status}"));
    let mut stdout = std::io::stdout();
    stdout.write_all(&bytes)?;
    if !bytes.ends_with(b"\n") {
        stdout.write_all(b"\n")?;
    }
    if status.is_success() {
        Ok(())
    } else {
        bail!("the challenge answered {status}")
    }
}

fn read_body(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body)?;
        return Ok(body);
    }
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
