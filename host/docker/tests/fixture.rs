//! One engine for all tests, the image, and specs to begin with.

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use platform_docker::{ClientTls, ContainerSpec, Endpoint, Engine, Image, Kind, Outside, Owner};
use platform_domain::{PlainToken, Slug};

use crate::engine::{TestEngine, gpu_container};

pub(crate) const IMAGE: &str = "test.local/gpu-container:1";
/// The same without a user.
pub(crate) const ROOT_IMAGE: &str = "test.local/gpu-container:root";
/// What carries connections.
pub(crate) const RELAY_IMAGE: &str = "test.local/relay:1";
pub(crate) const TOKEN: &str = "plt_of_a_test_and_nothing_else";

/// The engine of all tests. It ends after this process.
pub(crate) fn shared() -> &'static TestEngine {
    static SHARED: OnceLock<TestEngine> = OnceLock::new();
    SHARED.get_or_init(|| {
        let engine = TestEngine::start();
        let program = program();
        let usual = ["ENTRYPOINT [\"/gpu-container\"]", "EXPOSE 8000"];
        engine.import(program, &[&usual[..], &["USER 1000:1000"]].concat(), IMAGE);
        engine.import(program, &usual, ROOT_IMAGE);
        engine.import_relay(RELAY_IMAGE);
        engine
    })
}

pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<std::path::PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap()
            .parent()
            .unwrap();
        gpu_container(repository, Path::new(env!("CARGO_TARGET_TMPDIR")))
    })
}

pub(crate) fn engine() -> Engine {
    Engine::new(endpoint(&shared().endpoint, None)).unwrap()
}

pub(crate) fn endpoint(text: &str, tls: Option<ClientTls>) -> Endpoint {
    Endpoint::new(&text.parse().unwrap(), tls).unwrap()
}

pub(crate) async fn image(name: &str) -> Image {
    engine().image(&name.parse().unwrap()).await.unwrap()
}

/// A name that no other test has.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// One for each test, so that what it lists is its own.
pub(crate) fn owner(name: &str) -> Owner {
    unique(name).parse().unwrap()
}

/// A challenge with its network.
pub(crate) async fn challenge(engine: &Engine, owner: &Owner) -> ContainerSpec {
    let slug: Slug = unique("slug").parse().unwrap();
    let mut spec = ContainerSpec::challenge(owner.clone(), slug, &PlainToken::from_text(TOKEN), []);
    spec.version = "1.0.0".to_owned();
    let network = spec.network.clone().unwrap();
    engine
        .ensure_network(owner, &spec.slug, &network, Outside::Closed)
        .await
        .unwrap();
    spec
}

/// A container that runs a word of the example and ends.
pub(crate) fn job(owner: &Owner, words: &[&str]) -> ContainerSpec {
    let slug: Slug = unique("slug").parse().unwrap();
    let mut spec = ContainerSpec::new(owner.clone(), Kind::Job, slug, unique("job"));
    spec.command = Some(words.iter().map(|word| (*word).to_owned()).collect());
    spec
}

/// Removes everything of the owner, and asserts that the engine has nothing of it then.
pub(crate) async fn nothing_is_left(engine: &Engine, owner: &Owner) {
    let label = format!("label=platform.owner={owner}");
    let left = |args: &[&str]| shared().docker(&[args, &["--filter", &label, "--quiet"]].concat());
    for kind in [Kind::Challenge, Kind::Job, Kind::Helper, Kind::Relay] {
        for name in engine.list(owner, kind).await.unwrap() {
            engine.remove(owner, &name).await.unwrap();
        }
    }
    for volume in engine.list_volumes(owner).await.unwrap() {
        assert!(
            !volume.labels.contains_key(platform_docker::OF),
            "{volume:?} was left behind"
        );
        engine.remove_volume(owner, &volume.name).await.unwrap();
    }
    for network in left(&["network", "ls", "--format", "{{.Name}}"]).lines() {
        engine.remove_network(owner, network).await.unwrap();
    }
    assert_eq!(left(&["ps", "--all"]), "");
    assert_eq!(left(&["volume", "ls"]), "");
    assert_eq!(left(&["network", "ls"]), "");
}
