//! Connections into a network, carried by `nc` in a container there: over each of the three ways to an engine, with a peer that is
//! this process, and to a challenge.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use platform_docker::{ContainerSpec, Dialed, Engine, EngineError, Kind, Outside, Owner};
use platform_domain::ByteSize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    engine::TestEngine,
    fixture::{IMAGE, RELAY_IMAGE, challenge, engine, image, nothing_is_left, owner, shared, unique},
    ssh,
};

/// Long for a machine, short for a person.
const LONG: Duration = Duration::from_secs(60);
/// More than all buffers on the way.
const MUCH: usize = 4 << 20;

/// A relay that runs, in a network of its own or in that of a challenge.
pub(crate) async fn relay(engine: &Engine, owner: &Owner, network: Option<String>) -> ContainerSpec {
    let name = unique("relay");
    let mut spec = ContainerSpec::new(owner.clone(), Kind::Relay, name.parse().unwrap(), name.clone());
    let network = network.unwrap_or(name);
    engine
        .ensure_relayed_network(owner, &spec.slug, &network, Outside::Closed)
        .await
        .unwrap();
    spec.network = Some(network);
    spec.command = Some(["sleep", "2147483647"].map(str::to_owned).into());
    spec.limits.memory = ByteSize(32 << 20);
    let image = engine.image(&RELAY_IMAGE.parse().unwrap()).await.unwrap();
    engine.create(&spec, &image).await.unwrap();
    engine.start(owner, &spec.name).await.unwrap();
    spec
}

/// The address that the engine's machine has in a network.
fn machine(engine: &TestEngine, network: &str) -> IpAddr {
    let format = "{{(index .IPAM.Config 0).Gateway}}";
    let gateway = engine.docker(&["network", "inspect", "--format", format, network]);
    gateway.parse().unwrap()
}

async fn listening(ip: IpAddr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, SocketAddr::new(ip, port))
}

async fn both(engine: &Engine, relay: &str, ip: IpAddr) -> (Dialed, TcpStream) {
    let (listener, to) = listening(ip).await;
    let dialed = engine.dial(relay, to);
    let (dialed, accepted) = tokio::join!(dialed, timeout(LONG, listener.accept()));
    (dialed.unwrap(), accepted.unwrap().unwrap().0)
}

/// Everything that a connection should do, whichever way the engine is spoken to. `real` is the same engine.
pub(crate) async fn does_what_a_connection_does(engine: &Engine, real: &TestEngine, relay: &ContainerSpec) {
    let name = relay.name.as_str();
    let ip = machine(real, relay.network.as_deref().unwrap());
    let programs = || real.docker(&["top", name]).lines().count();
    let before = programs();

    // This side ends first, and the other one answers to the end.
    let (mut dialed, mut peer) = both(engine, name, ip).await;
    let echo = async {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).await.unwrap();
        peer.write_all(&all).await.unwrap();
        peer.write_all(b"bye").await.unwrap();
        drop(peer);
    };
    let sent: Vec<u8> = (0..MUCH).map(|at| (at % 251) as u8).collect();
    let talk = async {
        dialed.write_all(&sent).await.unwrap();
        dialed.shutdown().await.unwrap();
        let mut back = Vec::new();
        dialed.read_to_end(&mut back).await.unwrap();
        back
    };
    let (back, ()) = timeout(LONG, async { tokio::join!(talk, echo) }).await.unwrap();
    assert!(back.strip_suffix(b"bye") == Some(&sent[..]), "{}", back.len());

    // The other side ends first.
    let (mut dialed, mut peer) = both(engine, name, ip).await;
    peer.write_all(b"hello").await.unwrap();
    drop(peer);
    let mut back = Vec::new();
    timeout(LONG, dialed.read_to_end(&mut back))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(back, b"hello");

    // Neither waits for the other to say something first, and whoever lets go is noticed.
    let (mut dialed, mut peer) = both(engine, name, ip).await;
    for word in [b"one", b"two"] {
        let mut heard = [0; 3];
        dialed.write_all(word).await.unwrap();
        timeout(LONG, peer.read_exact(&mut heard)).await.unwrap().unwrap();
        peer.write_all(&heard).await.unwrap();
        timeout(LONG, dialed.read_exact(&mut heard))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&heard, word);
    }
    drop(dialed);
    let ended = timeout(LONG, peer.read(&mut [0])).await.unwrap().unwrap();
    assert_eq!(ended, 0);
    // One that does not hang up for that is hung up on.
    let talks_on = async { while peer.write_all(b"and on").await.is_ok() {} };
    timeout(LONG, talks_on).await.unwrap();

    // Nobody listens there.
    let (listener, to) = listening(ip).await;
    drop(listener);
    let mut dialed = engine.dial(name, to).await.unwrap();
    let error = timeout(LONG, dialed.read(&mut [0; 9]))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains("Connection refused"), "{error}");
    drop(dialed);

    let none = async {
        while programs() > before {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, none).await.expect("something is left in the relay");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_comes_back_and_each_side_can_end_first() {
    let (engine, owner) = (engine(), owner("dial"));
    let relay = relay(&engine, &owner, None).await;
    does_what_a_connection_does(&engine, shared(), &relay).await;
    let dir = TempDir::new().unwrap();
    does_what_a_connection_does(&ssh::engine(dir.path()), shared(), &relay).await;
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn a_challenge_is_reached_from_inside_its_network_and_nobody_else_is() {
    let (engine, owner) = (engine(), owner("inside"));
    let neighbour = challenge(&engine, &owner).await;
    let mut spec = challenge(&engine, &owner).await;
    // As it was made before there was a relay.
    let network = spec.network.clone();
    let relay = relay(&engine, &owner, network).await;
    spec.secrets.clear();
    for spec in [&neighbour, &spec] {
        engine.create(spec, &image(IMAGE).await).await.unwrap();
        engine.start(&owner, &spec.name).await.unwrap();
    }
    let ask = async |name: &str| {
        let ip = engine.inspect(name).await.unwrap().address.unwrap();
        let mut dialed = engine.dial(&relay.name, SocketAddr::new(ip, 8000)).await?;
        let asked = async {
            dialed.write_all(b"GET /health HTTP/1.0\r\n\r\n").await?;
            let mut answer = String::new();
            dialed.read_to_string(&mut answer).await?;
            Ok::<_, Box<dyn std::error::Error>>(answer)
        };
        timeout(Duration::from_secs(2), asked).await?
    };
    let answered = async {
        loop {
            if let Ok(answer) = ask(&spec.name).await {
                return answer;
            }
        }
    };
    let answer = timeout(LONG, answered).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(ask(&neighbour.name).await.is_err());
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn a_container_that_cannot_carry_a_connection_says_why() {
    let (engine, owner) = (engine(), owner("cannot-dial"));
    let to = "192.0.2.1:80".parse().unwrap();
    let error = engine.dial("nobody", to).await.unwrap_err();
    assert!(matches!(error, EngineError::NotFound(_)), "{error:?}");
    let spec = challenge(&engine, &owner).await;
    engine.create(&spec, &image(IMAGE).await).await.unwrap();
    let error = engine.dial(&spec.name, to).await.unwrap_err();
    assert!(
        matches!(&error, EngineError::NotFound(why) if why.contains("not running")),
        "{error:?}"
    );
    // It runs, and has no such program.
    engine.start(&owner, &spec.name).await.unwrap();
    let error = engine.dial(&spec.name, to).await.unwrap_err();
    assert!(
        matches!(&error, EngineError::NotFound(why) if why.contains("\"sh\"")),
        "{error:?}"
    );
    nothing_is_left(&engine, &owner).await;
}
