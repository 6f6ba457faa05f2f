//! Has the host verify, write addresses and hash: line by line what the body says, in hexadecimal, or for ever.

wit_bindgen::generate!({
    path: "../../../wit/0.1.0",
    inline: "
        package platform:notary;
        world notary {
            import platform:challenge/crypto@0.1.0;
            export platform:challenge/routes@0.1.0;
        }
    ",
    generate_all,
});

use std::time::Instant;

use exports::platform::challenge::routes::{Error, Guest, Request, Response};
use platform::challenge::crypto::{self, Account};

struct Notary;

type Verify = fn(&[u8], &[u8], &[u8]) -> bool;
type Hash = fn(&[u8]) -> Vec<u8>;

impl Guest for Notary {
    fn handle_route(request: Request) -> Result<Response, Error> {
        let path: Vec<_> = request.path.trim_start_matches('/').split('/').collect();
        let answer = match path[..] {
            ["sr25519"] => each(&request.body, |line| verified(crypto::sr25519_verify, line)),
            ["ed25519"] => each(&request.body, |line| verified(crypto::ed25519_verify, line)),
            ["encode"] => each(&request.body, encoded),
            ["decode"] => each(&request.body, |line| Some(decoded(line))),
            ["speed", "sr25519", times] => speed(crypto::sr25519_verify, times, &request.body),
            ["speed", "ed25519", times] => speed(crypto::ed25519_verify, times, &request.body),
            // As many zeros, once or for ever.
            [hash, size] => zeros(size).and_then(|zeros| Some(digits(&hasher(hash)?(&zeros)))),
            ["for-ever", "sr25519", size] => zeros(size).map(|zeros| {
                loop {
                    crypto::sr25519_verify(&zeros[..32], &zeros, &[128; 64]);
                }
            }),
            ["for-ever", hash, size] => zeros(size).and_then(|zeros| {
                let hash = hasher(hash)?;
                loop {
                    hash(&zeros);
                }
            }),
            [hash] => hasher(hash).map(|hash| digits(&hash(&request.body))),
            _ => None,
        };
        match answer {
            Some(text) => Ok(Response {
                status: 200,
                headers: Vec::new(),
                body: text.into_bytes(),
            }),
            None => Err(Error::BadRequest("what is that?".to_owned())),
        }
    }
}

fn hasher(name: &str) -> Option<Hash> {
    Some(match name {
        "blake2b128" => crypto::blake2b128,
        "blake2b256" => crypto::blake2b256,
        "blake2b512" => crypto::blake2b512,
        "sha256" => crypto::sha256,
        _ => return None,
    })
}

fn each(body: &[u8], answer: impl Fn(&str) -> Option<String>) -> Option<String> {
    let lines = std::str::from_utf8(body).ok()?.lines();
    Some(lines.map(answer).collect::<Option<Vec<_>>>()?.join("\n"))
}

/// Key, message and signature.
fn three(line: &str) -> Option<[Vec<u8>; 3]> {
    let words: Vec<_> = line.split(' ').map(bytes).collect::<Option<_>>()?;
    words.try_into().ok()
}

fn verified(verify: Verify, line: &str) -> Option<String> {
    let [key, message, signature] = three(line)?;
    Some(verify(&key, &message, &signature).to_string())
}

fn encoded(line: &str) -> Option<String> {
    let (prefix, key) = line.split_once(' ')?;
    let address = crypto::ss58_encode(&bytes(key)?, prefix.parse().ok()?);
    Some(address.unwrap_or_else(|| "none".to_owned()))
}

fn decoded(address: &str) -> String {
    match crypto::ss58_decode(address) {
        Some(Account { public_key, prefix }) => format!("{prefix} {}", digits(&public_key)),
        None => "none".to_owned(),
    }
}

/// Nanoseconds for so many.
fn speed(verify: Verify, times: &str, body: &[u8]) -> Option<String> {
    let [key, message, signature] = three(std::str::from_utf8(body).ok()?)?;
    let started = Instant::now();
    for _ in 0..times.parse::<u32>().ok()? {
        verify(&key, &message, &signature).then_some(())?;
    }
    Some(started.elapsed().as_nanos().to_string())
}

fn zeros(size: &str) -> Option<Vec<u8>> {
    Some(vec![0; size.parse().ok()?])
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(digit).collect()
}

export!(Notary);
