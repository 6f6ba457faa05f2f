//! Every hostile component of the table, one after the other, registered and activated by an operator who does not
//! know better. It costs its own registration and nothing else: the operator reads why, nothing is left behind, and
//! neighbours and weights go on while it compiles.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    pin::pin,
    time::{Duration, Instant},
};

use platform_admin_types::{ClientError, CreateChallenge, Observed};
use platform_domain::{Digest, Status};
use platform_tests::{
    Served,
    attacks::{BadComponent, COMPONENTS, Refusal},
    new_challenge,
};
use serde_json::{Value, json};

/// Little is enough for the attacks, and much for anybody else.
const CONFIG: &str = "[limits]\ncompile_cpu_ms = 3000\ncompile_memory = \"512MiB\"\n";
/// The neighbour that minds its own business.
const HONEST: &str = "honest";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_hard_to_compile_costs_its_own_registration_and_nothing_else() {
    let host = Served::start(CONFIG).await;
    let miner = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    let weights = format!("{{\"{miner}\":1.0}}");
    host.run_all([new_challenge(HONEST, "echo", "1", &[("WEIGHTS", &weights)])])
        .await;
    let code = compiled(&host);
    for bad in COMPONENTS {
        let slug = bad.slug;
        let component = (bad.component)();
        let digest = Digest::of(&component);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &component).unwrap();
        let mut attack = pin!(attack(&host, bad, file.path(), digest));
        let mut rounds = 0;
        loop {
            tokio::select! {
                () = &mut attack => break,
                compiling = others_go_on(&host, digest) => rounds += u32::from(compiling),
            }
        }
        assert_eq!(
            rounds > 0,
            bad.refused == Refusal::Activated,
            "{slug}: {rounds} rounds"
        );
        // Nothing is left of it by the time the operator has the answer.
        assert_eq!(
            host.admin.status().await.unwrap().compiler,
            Default::default(),
            "{slug}"
        );
        assert_eq!(compiled(&host), code, "{slug}");
        assert_eq!(host.footprint().children, 0, "{slug}");
        assert_eq!(host.send("GET", &format!("{slug}/")).await.status, 404, "{slug}");
    }
    // Whoever comes next has the compiler to itself.
    host.run_all([new_challenge("next", "routes-only", "0", &[])])
        .await;
    assert_eq!(host.send("GET", "next/").await.status, 200);
    assert_eq!(compiled(&host).len(), code.len() + 2);
    let of_neighbour = host.admin.challenge_incidents(&HONEST.parse().unwrap()).await;
    assert!(of_neighbour.unwrap().incidents.is_empty());
}

/// Registers it as a draft and, if that succeeds, activates it. One of both is refused.
async fn attack(host: &Served, bad: &BadComponent, file: &Path, digest: Digest) {
    let slug = bad.slug.parse().unwrap();
    let new = json!({ "slug": bad.slug, "component": format!("file:{}", file.display()) });
    let new: CreateChallenge = serde_json::from_value(new).unwrap();
    let created = host.admin.challenge_create(&new).await;
    match bad.refused {
        Refusal::Registered => {
            is_refused(bad, created.map(drop));
            let gone = host.admin.challenge_get(&slug).await;
            assert!(
                matches!(gone, Err(ClientError::Refused { status, .. }) if status == 404),
                "{gone:?}"
            );
        }
        Refusal::Activated => {
            created.unwrap();
            is_refused(bad, host.admin.challenge_activate(&slug).await.map(drop));
            let draft = host.admin.challenge_get(&slug).await.unwrap();
            assert_eq!((draft.status, draft.observed), (Status::Draft, Observed::Stopped));
            let about =
                |line: &Value| line["component.digest"] == digest.to_string() && line["level"] == "WARN";
            let told = host.log().into_iter().find(about).unwrap();
            let error = told["error"].as_str().unwrap();
            assert!(error.contains(bad.reason), "{}: {error}", bad.slug);
        }
    }
}

/// The operator reads what is wrong with it and what to do about it.
fn is_refused(bad: &BadComponent, answer: Result<(), ClientError>) {
    let Err(ClientError::Refused {
        status,
        code,
        message,
        hint,
        ..
    }) = answer
    else {
        panic!("{}: {answer:?}", bad.slug)
    };
    assert_eq!(
        (status.as_u16(), &*code),
        (422, bad.refused.code()),
        "{}: {message}",
        bad.slug
    );
    assert!(
        message.contains(bad.reason) && hint.is_some(),
        "{}: {message}",
        bad.slug
    );
}

/// A neighbour answers a miner and is asked for weights. Whether the component was compiled all the while.
async fn others_go_on(host: &Served, digest: Digest) -> bool {
    let is_compiled = async || {
        let compiler = host.admin.status().await.unwrap().compiler;
        compiler.compiling.is_some_and(|it| it.component == digest)
    };
    let before = is_compiled().await;
    let asked = Instant::now();
    let answer = host.send("GET", &format!("{HONEST}/x")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let preview = host.admin.weights_preview().await.unwrap();
    let mut answers = preview.answers.iter();
    let honest = answers.find(|answer| answer.slug.as_str() == HONEST).unwrap();
    assert_eq!(honest.entries, Some(1), "{honest:?}");
    before && is_compiled().await
}

/// What there is of compiled code.
fn compiled(host: &Served) -> BTreeSet<String> {
    let entries = fs::read_dir(host.state().join("compiled")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}
