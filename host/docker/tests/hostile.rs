//! What a container must not be able to do, tried from inside.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use platform_docker::{ContainerSpec, Follow, JobOutcome, JobSpec, Outside, State, User};
use platform_domain::{ByteSize, Loosened};

use crate::{
    fixture::{IMAGE, ROOT_IMAGE, challenge, engine, image, job, nothing_is_left, owner, shared},
    http::ask_when_ready,
};

async fn outcome(container: ContainerSpec, name: &str) -> (String, JobOutcome) {
    let job = JobSpec {
        container,
        inputs: Vec::new(),
        deadline: Duration::from_secs(60),
    };
    let outcome = engine().run_job(job, &image(name).await).await.unwrap();
    (
        String::from_utf8_lossy(&outcome.stdout).trim().to_owned(),
        outcome,
    )
}

#[tokio::test]
async fn a_container_cannot_do_what_it_was_not_allowed() {
    let owner = owner("cannot");
    for (words, loosened, expected) in [
        ("write-root", None, "could not: Read-only file system"),
        ("exec-tmp", None, "could not: Permission denied"),
        ("exec-tmp", Some(Loosened::ExecTmp), "did: ran: did: nothing"),
        ("chown", None, "could not: Operation not permitted"),
        ("chroot", None, "could not: Operation not permitted"),
        ("setuid", None, "could not: Operation not permitted"),
        ("kernel", None, "could not: "),
        ("write /run/secrets/x", None, "could not: "),
        ("write /dev/shm/x", None, "did: wrote /dev/shm/x"),
        ("write /tmp/x", None, "did: wrote /tmp/x"),
    ] {
        for name in [IMAGE, ROOT_IMAGE] {
            let words: Vec<&str> = ["try"].into_iter().chain(words.split(' ')).collect();
            let mut container = job(&owner, &words);
            container.loosened.extend(loosened);
            let (said, _) = outcome(container, name).await;
            assert!(said.starts_with(expected), "{words:?} of {name}: {said}");
        }
    }
    nothing_is_left(&engine(), &owner).await;
}

#[tokio::test]
async fn root_is_root_only_where_that_is_allowed_and_has_no_abilities_then() {
    let owner = owner("root");
    let (said, _) = outcome(job(&owner, &["try", "status"]), ROOT_IMAGE).await;
    assert!(
        said.contains("Uid: 65532") && said.contains("CapBnd: 0000000000000000"),
        "{said}"
    );
    assert!(
        said.contains("NoNewPrivs: 1") && said.contains("Seccomp: 2"),
        "{said}"
    );
    let mut root = job(&owner, &["try", "status"]);
    root.loosened = [Loosened::RootUser].into();
    let (said, _) = outcome(root.clone(), ROOT_IMAGE).await;
    for part in [
        "Uid: 0",
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
    ] {
        assert!(said.contains(part), "{said}");
    }
    // One ability, and what it is for.
    root.loosened.insert(Loosened::CapChown);
    root.command = Some(["try", "chown"].map(str::to_owned).into());
    assert_eq!(outcome(root.clone(), ROOT_IMAGE).await.0, "did: gave a file away");
    root.loosened.insert(Loosened::WritableRoot);
    root.command = Some(["try", "write-root"].map(str::to_owned).into());
    assert_eq!(outcome(root, ROOT_IMAGE).await.0, "did: wrote to /");
    // Without being allowed, root is not even asked for.
    let mut asked = job(&owner, &["try", "status"]);
    asked.user = Some(User::ROOT);
    assert!(asked.plan(&image(IMAGE).await).is_err());
    nothing_is_left(&engine(), &owner).await;
}

#[tokio::test]
async fn processes_memory_and_files_end_at_their_limits() {
    let owner = owner("limits");
    let mut bomb = job(&owner, &["try", "processes"]);
    bomb.limits.pids = 20;
    let (said, _) = outcome(bomb, IMAGE).await;
    let count: u32 = said
        .trim_start_matches("did: made ")
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        (10..20).contains(&count) && said.contains("temporarily unavailable"),
        "{said}"
    );
    let mut hog = job(&owner, &["try", "memory"]);
    hog.limits.memory = ByteSize(64 << 20);
    let (said, ended) = outcome(hog, IMAGE).await;
    assert!(
        (ended.exit_code, ended.oom, ended.timed_out) == (137, true, false),
        "{ended:?}"
    );
    let reached: u32 = said
        .lines()
        .last()
        .unwrap()
        .trim_end_matches(" MiB")
        .parse()
        .unwrap();
    assert!((32..=64).contains(&reached), "{reached}");
    // `/tmp` is memory too, and has a size of its own.
    let mut tmp = job(&owner, &["try", "tmp-memory"]);
    tmp.limits.memory = ByteSize(64 << 20);
    assert!(outcome(tmp, IMAGE).await.1.oom);
    let (said, _) = outcome(job(&owner, &["try", "tmp-memory"]), IMAGE).await;
    assert!(
        said.contains("after 128 blocks: No space left on device"),
        "{said}"
    );
    let (said, _) = outcome(job(&owner, &["try", "limits"]), IMAGE).await;
    let shows = |name: &str, limit: &str| {
        said.split(';')
            .any(|line| line.starts_with(name) && line.split_whitespace().any(|word| word == limit))
    };
    assert!(
        shows("Max open files", "4096") && shows("Max core file size", "0"),
        "{said}"
    );
    nothing_is_left(&engine(), &owner).await;
}

#[tokio::test]
async fn nothing_of_the_machine_is_in_a_container() {
    let owner = owner("devices");
    let (said, _) = outcome(job(&owner, &["try", "devices"]), IMAGE).await;
    // Where the kernel shows its own memory there is a link, to a file that is hidden.
    assert_eq!(
        said.replace(" core ", " "),
        "did: fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
    );
    nothing_is_left(&engine(), &owner).await;
}

#[tokio::test]
async fn a_container_in_a_closed_network_reaches_neither_the_world_nor_another_challenge() {
    let (engine, owner) = (engine(), owner("reach"));
    let image = image(IMAGE).await;
    let neighbour = challenge(&engine, &owner).await;
    engine.create(&neighbour, &image).await.unwrap();
    engine.start(&owner, &neighbour.name).await.unwrap();
    let theirs = SocketAddr::new(
        engine.inspect(&neighbour.name).await.unwrap().address.unwrap(),
        8000,
    );
    // From here it is reached.
    assert_eq!(ask_when_ready(theirs, "GET /health").0, 200);
    let spec = challenge(&engine, &owner).await;
    let reach = async |network: Option<String>, to: String| {
        let mut container = job(&owner, &["try", "reach", &to]);
        container.network = network;
        outcome(container, IMAGE).await.0
    };
    let closed = spec.network.clone();
    for network in [None, closed.clone()] {
        for to in ["192.0.2.1:80".to_owned(), theirs.to_string()] {
            let said = reach(network.clone(), to.clone()).await;
            assert!(said.starts_with("could not: "), "{network:?} {to}: {said}");
        }
    }
    // Nobody else is in its network, but if somebody were: they do not reach each other either.
    let mut inside = job(&owner, &["try", "reach", &theirs.to_string()]);
    inside.network = neighbour.network.clone();
    let said = outcome(inside, IMAGE).await.0;
    assert!(said.starts_with("could not: "), "{said}");
    // The machine itself is reached, by the address that it has in that network: documented, and for its firewall to close.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let gateway = shared().docker(&[
        "network",
        "inspect",
        "--format",
        "{{(index .IPAM.Config 0).Gateway}}",
        closed.as_deref().unwrap(),
    ]);
    let here = format!("{gateway}:{}", listener.local_addr().unwrap().port());
    assert_eq!(reach(closed, here.clone()).await, format!("did: reached {here}"));
    // Another network, with a way out: the neighbour stays out of reach.
    let open = challenge(&engine, &owner).await;
    let network = open.network.clone().unwrap();
    engine
        .ensure_network(&owner, &open.slug, &network, Outside::Open)
        .await
        .unwrap();
    let said = reach(Some(network), theirs.to_string()).await;
    assert!(said.starts_with("could not: "), "{said}");
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn a_flood_of_a_log_fills_neither_the_disk_nor_memory() {
    let (engine, owner) = (engine(), owner("flood"));
    let mut spec = challenge(&engine, &owner).await;
    spec.env.insert("MISBEHAVE".to_owned(), "flood".to_owned());
    engine.create(&spec, &image(IMAGE).await).await.unwrap();
    engine.start(&owner, &spec.name).await.unwrap();
    let mut log = engine.logs(&spec.name, u32::MAX, Follow::Yes).await.unwrap();
    let mut bytes = 0;
    // More than all of its files hold.
    while bytes < 64 << 20 {
        let line = log.next().await.unwrap().unwrap();
        assert!(line.text.len() <= 16 * 1024);
        bytes += line.text.len();
    }
    drop(log);
    let id = engine.inspect(&spec.name).await.unwrap().id;
    let files = std::fs::read_dir(shared().dir().join("data/containers").join(&id)).unwrap();
    let size: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(size < 40 << 20, "{size}");
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn a_challenge_that_ends_at_once_is_seen_to_have_ended_and_is_not_restarted() {
    let (engine, owner) = (engine(), owner("exit"));
    let mut spec = challenge(&engine, &owner).await;
    spec.env.insert("MISBEHAVE".to_owned(), "exit".to_owned());
    let made = engine.create(&spec, &image(IMAGE).await).await.unwrap();
    let mut events = engine.events(&made.id).await.unwrap();
    engine.start(&owner, &spec.name).await.unwrap();
    let died = async { while events.next().await.unwrap() != "die" {} };
    tokio::time::timeout(Duration::from_secs(60), died).await.unwrap();
    let state = engine.inspect(&spec.name).await.unwrap().state;
    assert_eq!(state, State::Exited { code: 3, oom: false });
    assert_eq!(engine.stats(&spec.name).await.unwrap().pids, 0);
    let mut log = engine.logs(&spec.name, 5, Follow::Yes).await.unwrap();
    assert_eq!(log.next().await.unwrap().unwrap().text, "I do not want to");
    assert_eq!(log.next().await.unwrap(), None);
    nothing_is_left(&engine, &owner).await;
}
