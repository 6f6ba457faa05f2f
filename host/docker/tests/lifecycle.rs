//! A challenge from its network to its removal, and who may touch it.

use std::{net::SocketAddr, time::Duration};

use platform_docker::{ContainerSpec, EngineError, Follow, Outside, SPEC, State, User};
use platform_domain::{Loosened, PlainToken, Slug};

use crate::{
    fixture::{IMAGE, ROOT_IMAGE, TOKEN, challenge, engine, image, nothing_is_left, owner, shared, unique},
    http::{ask, ask_when_ready},
};

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_challenge_runs_answers_stops_and_leaves_nothing() {
    let (engine, owner) = (engine(), owner("whole"));
    let image = image(IMAGE).await;
    let spec = challenge(&engine, &owner).await;
    let created = engine.create(&spec, &image).await.unwrap();
    assert_eq!(created.warnings, [""; 0]);
    let seen = engine.inspect(&spec.name).await.unwrap();
    assert_eq!(
        (seen.state, seen.address, &seen.id),
        (State::Created, None, &created.id)
    );
    assert_eq!(seen.spec, Some(spec.plan(&image).unwrap().spec_digest()));
    assert_eq!(
        (seen.slug().unwrap(), &seen.image_id),
        (spec.slug.clone(), &image.id)
    );

    engine.start(&owner, &spec.name).await.unwrap();
    // Again changes nothing.
    engine.start(&owner, &spec.name).await.unwrap();
    let seen = engine.inspect(&spec.name).await.unwrap();
    assert_eq!(seen.state, State::Running);
    assert!(seen.started_at.is_some());
    let at = SocketAddr::new(seen.address.unwrap(), 8000);
    let slug = &spec.slug;
    let (status, body) = ask_when_ready(at, "GET /health");
    assert_eq!(
        (status, body),
        (
            200,
            format!(r#"{{"status":"ok","slug":"{slug}","version":"1.0.0"}}"#)
        )
    );
    // Its token is in a file that it can read, and its volume can be written to.
    let weights = |token: &str, slug: &str| {
        let head = format!(
            "GET /internal/v1/get_weights HTTP/1.1\r\nauthorization: Bearer {token}\r\nx-platform-challenge-slug: {slug}\r\nx:"
        );
        ask(at, &head).unwrap()
    };
    assert_eq!(
        ask(
            at,
            "POST /work HTTP/1.1\r\nx-platform-verified-hotkey: 5abc\r\nx:"
        )
        .unwrap()
        .0,
        200
    );
    let (status, body) = weights(TOKEN, slug.as_str());
    assert!(
        status == 200 && body.contains(r#""weights":{"5abc":1.0}"#),
        "{status} {body}"
    );
    assert_eq!(weights("wrong", slug.as_str()).0, 401);
    assert_eq!(weights(TOKEN, "another").0, 400);

    let stats = engine.stats(&spec.name).await.unwrap();
    assert!(
        stats.cpu_nanos > 0 && stats.memory > 0 && stats.pids > 0 && stats.received > 0,
        "{stats:?}"
    );
    assert_eq!(stats.memory_limit, spec.limits.memory.0);
    let mut log = engine.logs(&spec.name, 10, Follow::No).await.unwrap();
    assert_eq!(log.next().await.unwrap().unwrap().text, "listening at 8000");
    assert_eq!(log.next().await.unwrap(), None);

    let first = seen.started_at;
    engine.restart(&owner, &spec.name, GRACE).await.unwrap();
    let seen = engine.inspect(&spec.name).await.unwrap();
    assert!(seen.state == State::Running && seen.started_at > first);
    // What it wrote is still there.
    let at = SocketAddr::new(seen.address.unwrap(), 8000);
    ask_when_ready(at, "GET /health");
    assert!(
        ask(
            at,
            "POST /work HTTP/1.1\r\nx-platform-verified-hotkey: 5abc\r\nx:"
        )
        .unwrap()
        .1
        .contains(r#""count":2"#)
    );

    engine.stop(&owner, &spec.name, GRACE).await.unwrap();
    let State::Exited { code, oom: false } = engine.inspect(&spec.name).await.unwrap().state else {
        panic!("it runs still")
    };
    // The signal, by way of the init.
    assert_eq!(code, 143);
    engine.remove(&owner, &spec.name).await.unwrap();
    engine.remove(&owner, &spec.name).await.unwrap();
    // Its data stays, its secrets do not.
    let left: Vec<_> = engine
        .list_volumes(&owner)
        .await
        .unwrap()
        .into_iter()
        .map(|volume| volume.name)
        .collect();
    assert_eq!(left, [spec.volumes.keys().next().unwrap().clone()]);
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn secrets_are_files_that_only_the_user_of_the_container_reads_and_nobody_writes() {
    for (name, user, expected) in [
        (IMAGE, None, "r-------- 1000 1000"),
        (ROOT_IMAGE, None, "r-------- 65532 65532"),
        (IMAGE, Some("1234:55"), "r-------- 1234 55"),
        (IMAGE, Some("0"), "r-------- 0 0"),
    ] {
        let (engine, owner) = (engine(), owner("secrets"));
        let image = image(name).await;
        let mut spec = challenge(&engine, &owner).await;
        spec.user = user.map(|user| user.parse::<User>().unwrap());
        spec.loosened
            .extend(user.filter(|user| *user == "0").map(|_| Loosened::RootUser));
        engine.create(&spec, &image).await.unwrap();
        engine.start(&owner, &spec.name).await.unwrap();
        // As the program sees it.
        let id = engine.inspect(&spec.name).await.unwrap().id;
        let pid = shared().docker(&["inspect", "--format", "{{.State.Pid}}", &id]);
        let file = format!("/proc/{pid}/root/run/secrets/platform/challenge_token");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), TOKEN);
        let listed = std::process::Command::new("stat")
            .args(["--format", "%A %u %g", &file])
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert_eq!(listed.trim(), format!("-{expected}"));
        let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
        let secrets = mounts
            .lines()
            .find(|line| line.contains(" /run/secrets/platform "))
            .unwrap();
        assert!(secrets.contains(" ro,"), "{secrets}");
        // No mount of it is anything of the machine: data and secrets are volumes, the rest is the engine's own.
        let inspected = shared().docker(&["inspect", "--format", "{{range .Mounts}}{{.Type}} {{end}}", &id]);
        assert_eq!(inspected, "volume volume");
        nothing_is_left(&engine, &owner).await;
    }
}

#[tokio::test]
async fn what_is_another_hosts_is_left_alone() {
    let (engine, ours, theirs) = (engine(), owner("ours"), owner("theirs"));
    let image = image(IMAGE).await;
    let spec = challenge(&engine, &theirs).await;
    engine.create(&spec, &image).await.unwrap();
    let (name, network) = (spec.name.as_str(), spec.network.clone().unwrap());
    let volume = spec.volumes.keys().next().unwrap();
    let refused = [
        engine.start(&ours, name).await,
        engine.stop(&ours, name, GRACE).await,
        engine.restart(&ours, name, GRACE).await,
        engine.remove(&ours, name).await,
        engine
            .ensure_network(&ours, &spec.slug, &network, Outside::Closed)
            .await,
        engine.remove_network(&ours, &network).await,
        engine.ensure_volume(&ours, &spec.slug, volume).await,
        engine.remove_volume(&ours, volume).await,
    ];
    for outcome in refused {
        assert!(matches!(outcome, Err(EngineError::NotOurs(_))), "{outcome:?}");
    }
    // Its name is taken, and trying does not touch what is there.
    let mine = ContainerSpec {
        owner: ours.clone(),
        ..spec.clone()
    };
    assert!(matches!(
        engine.create(&mine, &image).await,
        Err(EngineError::NameTaken(_))
    ));
    assert_eq!(engine.list_volumes(&theirs).await.unwrap().len(), 2);
    assert_eq!(
        engine
            .list(&ours, platform_docker::Kind::Challenge)
            .await
            .unwrap(),
        [""; 0]
    );
    // A volume of nobody is nobody's to give.
    let nobodys = unique("nobodys");
    shared().docker(&["volume", "create", &nobodys]);
    let mut other = challenge(&engine, &ours).await;
    other.volumes = [(nobodys.clone(), "/data".parse().unwrap())].into();
    assert!(matches!(
        engine.create(&other, &image).await,
        Err(EngineError::NotOurs(_))
    ));
    shared().docker(&["volume", "rm", &nobodys]);
    nothing_is_left(&engine, &ours).await;
    nothing_is_left(&engine, &theirs).await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_removing_it_is_no_error() {
    let (engine, owner) = (engine(), owner("absent"));
    for outcome in [
        engine.start(&owner, "no-such-thing").await,
        engine.inspect("no-such-thing").await.map(drop),
        engine.stats("no-such-thing").await.map(drop),
        engine.logs("no-such-thing", 1, Follow::No).await.map(drop),
    ] {
        assert!(matches!(outcome, Err(EngineError::NotFound(_))), "{outcome:?}");
    }
    engine.remove(&owner, "no-such-thing").await.unwrap();
    engine.remove_network(&owner, "no-such-thing").await.unwrap();
    engine.remove_volume(&owner, "no-such-thing").await.unwrap();
    for bad in ["../info", "a/b", "a?b", ""] {
        assert!(
            matches!(engine.inspect(bad).await, Err(EngineError::Spec(_))),
            "{bad}"
        );
    }
    // A network that is not there, when it is started.
    let slug: Slug = "lonely".parse().unwrap();
    let spec = ContainerSpec::challenge(owner.clone(), slug, &PlainToken::from_text(TOKEN), []);
    engine.create(&spec, &image(IMAGE).await).await.unwrap();
    let error = engine.start(&owner, &spec.name).await.unwrap_err();
    assert!(matches!(error, EngineError::NotFound(_)), "{error:?}");
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn a_container_that_should_be_otherwise_has_another_digest_and_the_engine_shows_it() {
    let (engine, owner) = (engine(), owner("digest"));
    let image = image(IMAGE).await;
    let spec = challenge(&engine, &owner).await;
    let digest = |spec: &ContainerSpec| spec.plan(&image).unwrap().spec_digest();
    engine.create(&spec, &image).await.unwrap();
    assert_eq!(digest(&spec), digest(&spec.clone()));
    let shown = shared().docker(&[
        "inspect",
        "--format",
        &format!("{{{{index .Config.Labels \"{SPEC}\"}}}}"),
        &spec.name,
    ]);
    assert_eq!(shown, digest(&spec).to_string());
    let mut rotated = spec.clone();
    let secret = rotated.secrets.values_mut().next().unwrap();
    *secret = platform_domain::SecretValue::new(b"another".to_vec());
    assert_ne!(digest(&rotated), digest(&spec));
    let mut more = spec.clone();
    more.env.insert("A".to_owned(), "b".to_owned());
    assert_ne!(digest(&more), digest(&spec));
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn a_network_is_made_anew_when_it_should_be_otherwise_unless_somebody_is_in_it() {
    let (engine, owner) = (engine(), owner("network"));
    let spec = challenge(&engine, &owner).await;
    let network = spec.network.clone().unwrap();
    let id = || {
        shared().docker(&[
            "network",
            "inspect",
            "--format",
            "{{.Id}} {{.Internal}}",
            &network,
        ])
    };
    let before = id();
    assert!(before.ends_with("true"));
    let ensure = async |outside| engine.ensure_network(&owner, &spec.slug, &network, outside).await;
    ensure(Outside::Closed).await.unwrap();
    assert_eq!(id(), before);
    ensure(Outside::Open).await.unwrap();
    assert!(id() != before && id().ends_with("false"));
    engine.create(&spec, &image(IMAGE).await).await.unwrap();
    engine.start(&owner, &spec.name).await.unwrap();
    let error = ensure(Outside::Closed).await.unwrap_err();
    assert!(matches!(error, EngineError::InUse(_)), "{error:?}");
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn who_makes_a_network_second_makes_no_second_one() {
    let (engine, owner) = (engine(), owner("twice"));
    let (slug, name): (Slug, _) = ("twice".parse().unwrap(), unique("twice"));
    let ensure = || engine.ensure_network(&owner, &slug, &name, Outside::Closed);
    let (one, other) = tokio::join!(ensure(), ensure());
    for outcome in [one, other, ensure().await] {
        outcome.unwrap();
    }
    let filter = format!("name={name}");
    assert_eq!(
        shared()
            .docker(&["network", "ls", "--quiet", "--filter", &filter])
            .lines()
            .count(),
        1
    );
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn an_engine_without_a_gpu_says_so_and_nothing_is_left() {
    let (engine, owner) = (engine(), owner("gpu"));
    for gpus in [
        platform_docker::Gpu::All,
        platform_docker::Gpu::Count(1),
        platform_docker::Gpu::Ids(["GPU-6c1a".to_owned()].into()),
    ] {
        let mut spec = challenge(&engine, &owner).await;
        spec.gpus = Some(gpus);
        // An engine looks for the GPU when it starts the container, not when it makes it.
        engine.create(&spec, &image(IMAGE).await).await.unwrap();
        let error = engine.start(&owner, &spec.name).await.unwrap_err();
        assert!(
            matches!(&error, EngineError::NoGpu(why) if why.contains("NVIDIA container toolkit")),
            "{error:?}"
        );
        assert_eq!(engine.inspect(&spec.name).await.unwrap().state, State::Created);
    }
    nothing_is_left(&engine, &owner).await;
}
