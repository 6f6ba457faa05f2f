//! A host that is killed while it gets, compiles and swaps components, and started again on what it left.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use platform_admin_types::{Client, ClientError, CollectRequest, RollBackChallenge, UpdateChallenge};
use platform_domain::{Digest, Slug};
use platform_oci::{PublishInfo, Registries};
use platform_tests::{custom_section, guest, new_challenge};
use tempfile::TempDir;

use super::{
    left,
    life::{Life, digest_of},
    valve::Valve,
};
use crate::docker_registry::Registry;

/// What the operator was doing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Register,
    Update,
    RollBack,
}

/// When the host was killed. Shares are of a thousand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// The registry had sent this share of all that it sends.
    Sent(u64),
    /// A file was there.
    There(Place),
    /// It had logged this of the component.
    Logged(&'static str),
    /// The same, and this share of the time had passed that the whole operation takes.
    LongAfter(&'static str, u32),
    /// This share of that time had passed.
    After(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In the content store.
    Component,
    Manifest,
    /// Among the compiled.
    Code,
    Seal,
}

/// A component in the registry.
#[derive(Clone)]
struct Version {
    component: Digest,
    manifest: Digest,
    /// What it answers.
    text: String,
    /// By the way of the valve.
    reference: String,
}

pub(super) struct Scene {
    dir: TempDir,
    registry: Registry,
    valve: Valve,
    life: Option<Life>,
    /// What the challenge that stays has run.
    versions: Vec<Version>,
    published: u32,
    /// What an operation takes that nobody disturbs, and what the registry sends for it.
    takes: Duration,
    sends: u64,
    /// How the kills met what they were to meet.
    pub(super) met: Met,
}

/// Operations that were cut off: how many there were, and what was found of them.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) kills: usize,
    pub(super) nothing_new: usize,
    pub(super) all_new: usize,
}

/// Makes a pull long enough to be cut off in many places.
const PADDING: usize = 1 << 20;
/// What `routes-only` answers, and what can take its place in the binary.
const TEXT: &[u8; 11] = b"routes only";

fn slug(operation: Operation) -> Slug {
    let slug = match operation {
        Operation::Register => "new",
        Operation::Update | Operation::RollBack => "kept",
    };
    slug.parse().unwrap()
}

/// What an operation takes that ended before its moment came: the machine was busier when it was measured.
pub(super) fn quicker(takes: Duration) -> Duration {
    takes * 3 / 4
}

impl Scene {
    /// A challenge that runs and was updated once, while nobody disturbed it.
    pub(super) async fn begin() -> Self {
        let (dir, registry) = (TempDir::new().unwrap(), Registry::start());
        let mut scene = Self {
            valve: Valve::before(registry.address.clone()).await,
            life: Some(Life::start(&dir.path().join("state")).await),
            dir,
            registry,
            versions: Vec::new(),
            published: 0,
            takes: Duration::ZERO,
            sends: 0,
            met: Met::default(),
        };
        let first = scene.next_version().await;
        scene.versions.push(first.clone());
        let mut new = new_challenge("kept", "routes-only", "0", &[]);
        new.component = Some(first.reference.parse().unwrap());
        scene.life().admin.challenge_create(&new).await.unwrap();
        scene.life().running(&new.slug).await.unwrap();
        let next = scene.next_version().await;
        let (before, started) = (scene.valve.passed(), Instant::now());
        act(&scene.life().admin, Operation::Update, &next).await.unwrap();
        (scene.takes, scene.sends) = (started.elapsed(), scene.valve.passed() - before);
        scene.versions.push(next);
        scene
    }

    fn life(&self) -> &Life {
        self.life.as_ref().unwrap()
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Another component in the registry, which answers something else.
    async fn next_version(&mut self) -> Version {
        self.published += 1;
        let text = format!("version {:03}", self.published);
        let mut bytes = fs::read(guest("routes-only")).unwrap();
        let at = bytes.windows(TEXT.len()).position(|found| found == TEXT).unwrap();
        bytes[at..at + TEXT.len()].copy_from_slice(text.as_bytes());
        bytes.extend(custom_section("padding", &[7; PADDING]));
        let name = |address: &str| format!("{address}/team/app:{}", self.published);
        let to = name(&self.registry.address).parse().unwrap();
        let published = Registries::default()
            .publish(&bytes, &PublishInfo::default(), &to, None)
            .await
            .unwrap();
        Version {
            component: published.component,
            manifest: published.manifest,
            text,
            reference: name(&self.valve.address),
        }
    }

    /// Kills the host at this moment of an operation, looks at what it left and at what runs afterwards, and does the
    /// operation again.
    pub(super) async fn kill(&mut self, operation: Operation, moment: Moment) {
        let slug = slug(operation);
        let old = self.versions.last().cloned().unwrap();
        let next = match operation {
            Operation::RollBack => self.versions[self.versions.len() - 2].clone(),
            Operation::Register | Operation::Update => self.next_version().await,
        };
        let mut life = self.life.take().unwrap();
        let history = match operation {
            Operation::Register => Vec::new(),
            _ => life.history(&slug).await,
        };
        let admin = life.admin.clone();
        let ended = tokio::select! {
            ended = act(&admin, operation, &next) => Some(ended),
            () = self.wait_for(&mut life, &next, moment) => None,
        };
        let promised = ended.map(|ended| ended.expect("nobody disturbed it")).is_some();
        life.program.kill().await;
        left::is_a_valid_layout(&self.state().join("content"));
        self.valve.open();

        let life = Life::start(&self.state()).await;
        let found = life.running(&slug).await;
        let found = found.as_ref().map(digest_of);
        match operation {
            Operation::Register => assert!(found == Some(next.component) || (found.is_none() && !promised)),
            _ if promised => assert_eq!(found, Some(next.component)),
            _ => assert!(
                [old.component, next.component].map(Some).contains(&found),
                "{found:?}"
            ),
        }
        assert_eq!(
            left::unfinished(&self.state().join("compiled")),
            Vec::<PathBuf>::new()
        );
        self.met.kills += 1;
        if promised {
            self.takes = quicker(self.takes);
        } else {
            let new = found == Some(next.component);
            *if new {
                &mut self.met.all_new
            } else {
                &mut self.met.nothing_new
            } += 1;
        }
        if let Some(found) = found {
            let runs = if found == next.component { &next } else { &old };
            assert_eq!(life.answer(&slug).await, runs.text);
            let after = life.history(&slug).await;
            assert_eq!(
                after[0].component_digest,
                Some(found),
                "the newest of the history runs"
            );
            let known = &after[usize::from(found == next.component)..];
            // The fiftieth is forgotten.
            assert!(
                history.starts_with(known) && known.len() >= history.len().min(49),
                "{after:?}"
            );
        }
        if !(matches!(operation, Operation::Register) && found.is_some()) {
            act(&life.admin, operation, &next).await.unwrap();
        }
        let view = life.running(&slug).await.unwrap();
        assert_eq!(
            (digest_of(&view), life.answer(&slug).await),
            (next.component, next.text.clone())
        );
        if matches!(operation, Operation::Register) {
            life.admin.challenge_deactivate(&slug).await.unwrap();
            life.admin.challenge_delete(&slug).await.unwrap();
        } else {
            self.versions.push(next);
        }
        self.nothing_stays(&life).await;
        self.life = Some(life);
    }

    async fn nothing_stays(&self, life: &Life) {
        let content = self.state().join("content");
        left::age(&content);
        let collect = CollectRequest { dry_run: false };
        life.admin.store_collect(&collect).await.unwrap();
        left::is_a_valid_layout(&content);
        assert_eq!(left::unfinished(&self.state()), Vec::<PathBuf>::new());
    }

    async fn wait_for(&self, life: &mut Life, next: &Version, moment: Moment) {
        let share = |thousandths| self.takes * thousandths / 1000;
        let of = if matches!(moment, Moment::Logged("a component is in the store")) {
            next.manifest.hex()
        } else {
            next.component.hex()
        };
        match moment {
            Moment::Sent(thousandths) => self.valve.shut_after(self.sends * thousandths / 1000).await,
            Moment::There(place) => {
                while !next.is_there(&self.state(), place) {
                    tokio::task::yield_now().await;
                }
            }
            Moment::Logged(text) => life.program.logs_all(&[text, &of]).await,
            Moment::LongAfter(text, thousandths) => {
                life.program.logs_all(&[text, &of]).await;
                tokio::time::sleep(share(thousandths)).await;
            }
            Moment::After(thousandths) => tokio::time::sleep(share(thousandths)).await,
        }
    }

    /// Another tool reads what is left.
    pub(super) fn skopeo_reads_the_store(&self) {
        let manifest = self.versions.last().unwrap().manifest;
        let (content, copy) = (self.state().join("content"), self.dir.path().join("copy"));
        let output = std::process::Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--quiet", "--preserve-digests"])
            .arg(format!("oci:{}:sha256-{}", content.display(), manifest.hex()))
            .arg(format!("oci:{}:x", copy.display()))
            .output();
        let output = output.expect("skopeo is missing: apt-get install skopeo");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

async fn act(admin: &Client, operation: Operation, next: &Version) -> Result<(), ClientError> {
    let slug = slug(operation);
    let component = next.reference.parse().unwrap();
    let done = match operation {
        Operation::Register => {
            let mut new = new_challenge(slug.as_str(), "routes-only", "0", &[]);
            new.component = Some(component);
            return admin.challenge_create(&new).await.map(drop);
        }
        Operation::Update => {
            let (grant, by) = Default::default();
            let change = UpdateChallenge {
                component,
                grant,
                version: None,
                by,
            };
            admin.challenge_update(&slug, &change).await
        }
        Operation::RollBack => {
            let to = Some(next.component);
            let back = RollBackChallenge { to, by: None };
            admin.challenge_roll_back(&slug, &back).await
        }
    };
    done.map(drop)
}

impl Version {
    fn is_there(&self, state: &Path, place: Place) -> bool {
        let blob = |digest: Digest| state.join("content/blobs/sha256").join(digest.hex()).exists();
        let compiled = |ending: &str| {
            let names = fs::read_dir(state.join("compiled"))
                .into_iter()
                .flatten()
                .flatten();
            let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.any(|name| name.starts_with(&self.component.hex()) && name.ends_with(ending))
        };
        match place {
            Place::Component => blob(self.component),
            Place::Manifest => blob(self.manifest),
            Place::Code => compiled(".cwasm"),
            Place::Seal => compiled(".seal"),
        }
    }
}
