//! Challenges on another machine: an engine over TLS, which takes itself for one that has GPUs. Nothing but the engine is reached there.

use platform_domain::{GpuServerId, Loosened, with_causes};
use platform_fleet::{FleetError, Running, TlsFiles, Wish};
use platform_store::gpu_servers;
use platform_vault::Key;
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use crate::{
    authority::Authority,
    engine::{Filter, TestEngine},
    scene::{LONG, OTHER_IMAGE, Scene, import, registered},
};

const RELAY_IMAGE: &str = "test.local/relay:1";
const SERVER: &str = "gpu-1";

/// The engine, and a host that knows it and has none of its own.
struct Elsewhere {
    engine: TestEngine,
    scene: Scene,
}

impl Elsewhere {
    async fn new() -> Self {
        let (authority, dir) = (Authority::new(), TempDir::new().unwrap());
        let options = authority.options(dir.path());
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let engine = TestEngine::start_with_hook(Filter::Own, &options);
        import(&engine);
        engine.import_relay(RELAY_IMAGE);
        let scene = Scene::new();
        let endpoint = format!("tcp://{}", engine.tcp.as_deref().unwrap());
        registered(&scene, SERVER, &endpoint).await;
        let (certificate, key) = authority.client();
        let files = TlsFiles {
            authority: authority.1,
            certificate,
            key,
        };
        let sealed = files.seal(&Key::make(&scene.key()).unwrap(), &server()).unwrap();
        let kept = scene.store.write("test", move |connection| {
            gpu_servers::put_tls(connection, &server(), &sealed)
        });
        kept.await.unwrap();
        Self { engine, scene }
    }

    /// What is there, running or not, by name.
    fn listed(&self, what: &str) -> Vec<String> {
        let label = format!("label=platform.owner={}", self.scene.owner);
        let format = if what == "container" {
            "{{.Names}}"
        } else {
            "{{.Name}}"
        };
        let mut args = vec![what, "ls", "--filter", &label, "--format", format];
        args.extend((what == "container").then_some("--all"));
        let all = self.engine.docker(&args);
        all.lines().map(str::to_owned).collect()
    }

    fn relay(&self) -> String {
        let mut all = self.listed("container").into_iter();
        let relay = all.find(|name| name.starts_with("relay-")).unwrap();
        self.engine.docker(&["inspect", "--format", "{{.Id}}", &relay])
    }

    fn wish(&self) -> Wish {
        let mut wish = self.scene.wish();
        wish.resources = serde_json::from_str(r#"{"gpu_count":"1"}"#).unwrap();
        wish
    }
}

fn server() -> GpuServerId {
    SERVER.parse().unwrap()
}

/// Whether it answers, as it is reached.
async fn answers(running: &Running) -> bool {
    let by = Instant::now() + LONG;
    let asked = running.upstream().get_json("/health", Vec::new(), 1024, by).await;
    asked.is_ok()
}

#[tokio::test]
async fn a_challenge_on_another_machine_is_reached_through_its_relay_and_nothing_is_published() {
    let mut there = Elsewhere::new().await;

    // Without an image for relays nothing is even begun.
    there.scene.elsewhere(None);
    for error in [
        there.scene.fleet.rehearse(&there.wish()).await.unwrap_err(),
        there.scene.fleet.start(&there.wish()).await.unwrap_err(),
    ] {
        assert!(matches!(error, FleetError::NoRelay(_)), "{error}");
        assert!(error.to_string().contains("[docker] relay_image"), "{error}");
    }
    there.scene.elsewhere(Some("test.local/nobody-has-this:1"));
    let error = there.scene.fleet.rehearse(&there.wish()).await.unwrap_err();
    assert!(matches!(error, FleetError::RelayImage(..)), "{error}");
    assert!(there.listed("container").is_empty() && there.listed("network").is_empty());

    there.scene.elsewhere(Some(RELAY_IMAGE));
    there.scene.fleet.rehearse(&there.wish()).await.unwrap();
    let first = there.scene.fleet.start(&there.wish()).await.unwrap();
    assert!(first.server == Some(server()) && answers(&first).await);
    assert_eq!(there.listed("container").len(), 2);
    let relay = there.relay();
    let format = "{{.HostConfig.PortBindings}} {{.HostConfig.ReadonlyRootfs}} {{.Config.User}} \
                  {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.DeviceRequests}} \
                  {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}";
    let told = there.engine.docker(&["inspect", "--format", format, &relay]);
    assert_eq!(
        told,
        "<no value> true 65532:65532 [ALL] [] <no value> 67108864 1000000000 768"
    );
    let format = "{{.HostConfig.PortBindings}} {{.NetworkSettings.Ports}}";
    let told = there
        .engine
        .docker(&["inspect", "--format", format, &first.container]);
    assert_eq!(told, "map[] map[]", "nothing is published");

    // Found again by a host that was started again, and whatever became of the relay meanwhile.
    there.scene.elsewhere(Some(RELAY_IMAGE));
    let again = there.scene.fleet.start(&there.wish()).await.unwrap();
    assert_eq!(again, first);
    there.engine.docker(&["rm", "--force", &relay]);
    let unreached = async { assert!(!answers(&again).await) };
    let (error, ()) = timeout(LONG, async {
        tokio::join!(there.scene.fleet.lost(&again), unreached)
    })
    .await
    .unwrap();
    assert!(matches!(error, FleetError::RelayBroken), "{error}");
    let again = there.scene.fleet.start(&there.wish()).await.unwrap();
    assert!(again.container == first.container && answers(&again).await);

    // Replaced, beside its predecessor where they share nothing: the relay stays.
    let mut wish = there.wish();
    wish.data = false;
    let before = there.scene.fleet.start(&wish).await.unwrap();
    let relay = there.relay();
    wish.image = OTHER_IMAGE.parse().unwrap();
    let after = there.scene.fleet.start(&wish).await.unwrap();
    assert!(after.container != before.container && there.relay() == relay);
    assert!(answers(&after).await && there.listed("container").len() == 2);
    // In another network there is another one.
    let mut wish = there.wish();
    wish.loosened = [Loosened::Egress].into();
    let open = there.scene.fleet.start(&wish).await.unwrap();
    assert!(answers(&open).await && there.relay() != relay);

    // What somebody wants stays, and what nobody does goes.
    let slug = &there.scene.slug;
    there.scene.fleet.tidy(|it| it == slug).await.unwrap();
    assert!(answers(&open).await);
    there.scene.fleet.tidy(|_| false).await.unwrap();
    assert!(there.listed("container").is_empty() && there.listed("network").is_empty());
    let last = there.scene.fleet.start(&there.wish()).await.unwrap();
    assert!(answers(&last).await);
    there.scene.fleet.stop(&there.scene.slug).await.unwrap();
    assert!(there.listed("container").is_empty() && there.listed("network").is_empty());

    // One that never listens is told in the words of the relay.
    let mut deaf = there.wish();
    deaf.env.insert("MISBEHAVE".into(), "deaf".into());
    let error = there.scene.fleet.start(&deaf).await.unwrap_err();
    assert!(with_causes(&error).contains("Connection refused"), "{error}");
    there.scene.fleet.purge(&there.scene.slug).await.unwrap();
    for what in ["container", "network", "volume"] {
        assert!(there.listed(what).is_empty(), "{what}: {:?}", there.listed(what));
    }
}
