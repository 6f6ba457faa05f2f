//! The subnet, other servers, the configuration and the log, as an author's tests describe them.

use std::{
    io::Read as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use platform_domain::Manifest;
use platform_guest_sdk::{
    Challenge,
    http::{HttpError, MAX_TEXT_BYTES},
    log::Level,
    metagraph::{Block, NotReadYet},
    prelude::*,
    testing::{Harness, Subnet, get},
};
use serde_json::{Value, json};

struct World;

#[challenge(
    name = "world",
    config(
        CITIES(integer, default = 200, description = "How many cities a map has."),
        "bonus.first"(json, default = r#"{"first":0.5}"#),
        NAME(string, default = "lisbon"),
        SEED(integer, required),
    ),
    outbound("https://api.example.com", "http://*.example.org:8080")
)]
impl World {
    #[get("/block")]
    fn block(request: &Request) -> Result<String> {
        Ok(request.environment().metagraph().block()?.number.to_string())
    }

    #[weights]
    fn weights(_: &WeightsContext) -> Result<Weights> {
        Ok(Weights::new())
    }
}

fn world() -> Harness<World> {
    Harness::new()
}

#[test]
fn the_manifest_says_what_the_attribute_says() {
    let manifest = Manifest::parse(World::MANIFEST.as_bytes()).unwrap();
    let config = json!([
        { "name": "CITIES", "type": "integer", "default": 200, "description": "How many cities a map has." },
        { "name": "bonus.first", "type": "json", "default": { "first": 0.5 } },
        { "name": "NAME", "type": "string", "default": "lisbon" },
        { "name": "SEED", "type": "integer", "required": true },
    ]);
    assert_eq!(serde_json::to_value(manifest.config).unwrap(), config);
    let outbound: Vec<_> = manifest.outbound.iter().map(ToString::to_string).collect();
    assert_eq!(outbound, ["http://*.example.org:8080", "https://api.example.com"]);
}

#[test]
fn a_default_is_read_until_something_is_set() {
    let environment = world().environment();
    assert_eq!(environment.config::<u32>("CITIES").unwrap(), 200);
    assert_eq!(
        environment.config::<Value>("bonus.first").unwrap(),
        json!({ "first": 0.5 })
    );
    assert_eq!(environment.text("NAME"), Some("lisbon"));
    assert!(environment.config::<u64>("SEED").is_err());
    let environment = world().config("CITIES", "7").config("SEED", "-1").environment();
    assert_eq!(environment.config::<u32>("CITIES").unwrap(), 7);
    assert_eq!(environment.config::<i64>("SEED").unwrap(), -1);
}

#[test]
#[should_panic(expected = "CITIES: \"many\" is not a whole number of 64 bits")]
fn a_test_that_sets_what_no_operator_may_set_fails() {
    drop(world().config("CITIES", "many"));
}

#[test]
#[should_panic(expected = "CITY: config(...) declares no such variable, but CITIES, bonus.first, NAME, SEED")]
fn a_test_that_sets_what_is_not_declared_fails() {
    drop(world().config("CITY", "1"));
}

#[test]
fn the_subnet_is_what_the_test_says() {
    let subnet = Subnet::new(7)
        .at_block(4_000_000, [3; 32])
        .owner("5Olga")
        .validator("5Vera", 1 << 40)
        .nobody()
        .miner("5Alice")
        .neuron("5Bob", 5, false);
    let world = world().subnet(subnet);
    let seen = world.environment().metagraph();
    let block = Block {
        number: 4_000_000,
        hash: [3; 32],
    };
    assert_eq!((seen.block(), seen.netuid()), (Ok(block), Ok(7)));
    assert_eq!(seen.owner().unwrap().as_deref(), Some("5Olga"));
    let uids: Vec<_> = seen.neurons().unwrap().iter().map(|neuron| neuron.uid).collect();
    assert_eq!(uids, [0, 2, 3]);
    assert_eq!(seen.uid_of("5Alice"), Ok(Some(2)));
    assert_eq!(seen.uid_of("5Olga"), Ok(None));
    assert_eq!(seen.find("5Carol"), Ok(None));
    assert_eq!(seen.neuron(1), Ok(None));
    let bob = Neuron {
        uid: 3,
        hotkey: "5Bob".to_owned(),
        stake: 5,
        validator_permit: false,
    };
    assert_eq!(seen.neuron(3), Ok(Some(bob.clone())));
    assert_eq!(seen.find("5Bob"), Ok(Some(bob)));
    assert!(seen.find("5Vera").unwrap().unwrap().validator_permit);
    let moment = world.moment();
    assert_eq!(
        (moment.netuid, moment.block, moment.block_hash),
        (7, 4_000_000, [3; 32])
    );
    assert_eq!(world.send(get("/block")).text(), "4000000");
}

#[test]
fn until_the_subnet_is_read_a_miner_is_told_to_come_back() {
    let seen = world().environment().metagraph();
    assert_eq!(seen.block(), Err(NotReadYet));
    assert_eq!(seen.find("5Alice"), Err(NotReadYet));
    let answer = world().send(get("/block"));
    assert_eq!(answer.status(), 503);
    assert!(answer.text().contains("not read yet"), "{}", answer.text());
}

#[test]
fn a_request_is_what_was_put_together_and_its_answer_what_the_test_says() {
    let world = world().answering(|request| {
        let shown = json!({
            "method": request.method(), "url": request.url(), "body": request.json::<Value>().ok(),
            "length": request.header("Content-Length"), "type": request.header("content-type"),
            "own": request.header("x-own"), "timeout": request.timeout().map(|time| time.as_secs()),
        });
        Ok(Response::new(201, shown.to_string()).with_header("X-Kind", "told"))
    });
    let http = world.environment().http();
    let answer = http
        .post("https://api.example.com/x")
        .json(&[1, 2])
        .header("X-Own", "v")
        .timeout(Duration::from_secs(3))
        .send()
        .unwrap();
    assert_eq!((answer.status(), answer.header("x-kind")), (201, Some("told")));
    let expected = json!({
        "method": "POST", "url": "https://api.example.com/x", "body": [1, 2], "length": "5",
        "type": "application/json", "own": "v", "timeout": 3,
    });
    assert_eq!(answer.json::<Value>().unwrap(), expected);
    for (method, request) in [
        ("GET", http.get("https://api.example.com")),
        ("HEAD", http.head("https://api.example.com")),
        ("PUT", http.put("https://api.example.com")),
        ("PATCH", http.patch("https://api.example.com")),
        ("DELETE", http.delete("https://api.example.com")),
        ("OPTIONS", http.request("options", "https://api.example.com")),
    ] {
        let seen: Value = request.send().unwrap().json().unwrap();
        assert_eq!((&seen["method"], &seen["length"]), (&json!(method), &Value::Null));
    }
}

#[test]
fn what_the_host_would_not_send_reaches_no_test_either() {
    use HttpError::{Invalid, NotConnected, Refused};
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = asked.clone();
    let harness = world().answering(move |_| {
        counting.fetch_add(1, Ordering::Relaxed);
        Ok(Response::text(""))
    });
    let http = harness.environment().http();
    let send = |url: &str, header: &str| {
        http.get(url)
            .header(header, "v")
            .send()
            .map(|answer| answer.status())
    };
    let good = "https://api.example.com/x";
    assert_eq!(send(good, "x-own"), Ok(200));
    assert_eq!(send("http://a.example.org:8080", "x-own"), Ok(200));
    for url in [
        "https://other.example.com",
        "http://api.example.com",
        "https://api.example.com:8443",
        "http://example.org:8080",
    ] {
        assert!(matches!(send(url, "x-own"), Err(Refused(_))), "{url}");
    }
    for header in ["Host", "connection", "TE", "Proxy-Own", "a b", ""] {
        assert!(matches!(send(good, header), Err(Invalid(_))), "{header}");
    }
    for (method, url, value) in [
        ("GET", "api.example.com", "v"),
        ("CONNECT", good, "v"),
        ("G T", good, "v"),
        ("GET", good, "a\r\nb"),
    ] {
        let sent = http.request(method, url).header("x", value).send();
        assert!(matches!(sent, Err(Invalid(_))), "{method} {url}");
    }
    let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert!(matches!(
        http.post(good).json(&unwritable).send(),
        Err(Invalid(_))
    ));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    // And nobody answers unless the test says what.
    let silent = world().environment().http().get(good).send().map(drop);
    assert!(matches!(silent, Err(NotConnected(_))), "{silent:?}");
}

#[test]
fn a_body_is_read_in_bounds_or_step_by_step() {
    let world = world().answering(|request| match request.url().rsplit('/').next() {
        Some("large") => Ok(Response::new(200, vec![b'x'; MAX_TEXT_BYTES + 1])),
        Some("binary") => Ok(Response::new(200, [0xff])),
        Some("late") => Err(HttpError::TimedOut("HTTP-response-timeout".to_owned())),
        _ => Ok(Response::text("abcdef").with_status(404)),
    });
    let http = world.environment().http();
    let send = |path: &str| http.get(format!("https://api.example.com/{path}")).send();
    let plain = || send("").unwrap();
    assert_eq!(plain().status(), 404);
    assert_eq!(plain().body(6).unwrap(), b"abcdef");
    let large = plain().body(5).unwrap_err();
    assert_eq!(
        large,
        HttpError::TooLarge("the body has more than 5 bytes".to_owned())
    );
    assert_eq!(plain().text().unwrap(), "abcdef");
    assert!(matches!(plain().json::<u8>(), Err(HttpError::Content(_))));
    assert!(matches!(
        send("binary").unwrap().text(),
        Err(HttpError::Content(_))
    ));
    assert!(matches!(
        send("large").unwrap().text(),
        Err(HttpError::TooLarge(_))
    ));
    assert!(matches!(send("late"), Err(HttpError::TimedOut(_))));
    let mut step = [0; 4];
    let mut answer = plain();
    assert_eq!((answer.read(&mut step).unwrap(), &step), (4, b"abcd"));
    assert_eq!((answer.read(&mut step).unwrap(), &step[..2]), (2, &b"ef"[..]));
    assert_eq!(answer.read(&mut step).unwrap(), 0);
    let mut all = Vec::new();
    std::io::copy(&mut send("large").unwrap(), &mut all).unwrap();
    assert_eq!(all.len(), MAX_TEXT_BYTES + 1);
}

#[test]
fn every_kind_of_line_can_be_written() {
    let (tour, context) = (7, "judging");
    log::trace!("{tour}");
    log::debug!("{tour}");
    log::info!("{}", tour);
    log::warn!(context: context, "the tour {tour} has no length");
    log::error!(context: format!("{context}/{tour}").as_str(), "{}", tour,);
    log::critical!(context: "queue", "full");
    log::message(Level::Info, "", format_args!("{tour}"));
}
