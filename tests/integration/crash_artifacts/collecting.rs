//! A host that is killed while it removes from its content store what nobody needs.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use platform_admin_types::CollectRequest;
use platform_domain::Digest;
use platform_oci::{ContentStore, PublishInfo, Registries};
use platform_tests::{custom_section, guest, new_challenge};

use super::{
    left,
    life::{Life, digest_of},
};

/// Artifacts that each collection finds.
const OLD: usize = 16;
const NOW: CollectRequest = CollectRequest { dry_run: false };

/// When it is killed. Shares are of a thousand.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The index was shortened.
    Index,
    /// This share of what goes was gone.
    Gone(usize),
    /// This share of the time had passed that a collection takes.
    After(u32),
}

use Moment::{After, Gone, Index};

const MOMENTS: [Moment; 20] = [
    Index,
    Gone(0),
    Gone(100),
    Gone(300),
    Gone(500),
    Gone(700),
    Gone(900),
    Gone(1000),
    After(0),
    After(100),
    After(200),
    After(300),
    After(400),
    After(500),
    After(600),
    After(700),
    After(800),
    After(900),
    Index,
    Index,
];

/// Components that nobody needs, of different sizes: the largest goes first. Returns their digests in that order.
async fn fill(content: &Path, round: usize) -> Vec<Digest> {
    let store = ContentStore::open(content).unwrap();
    let sources = tempfile::tempdir().unwrap();
    let mut components = Vec::new();
    for number in (0..OLD).rev() {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.extend(custom_section("old", format!("{round} {number}").as_bytes()));
        bytes.extend(custom_section("size", &vec![0; 2000 + 1000 * number]));
        let reference = format!("oci:{}:{number}", sources.path().display())
            .parse()
            .unwrap();
        Registries::default()
            .publish(&bytes, &PublishInfo::default(), &reference, None)
            .await
            .unwrap();
        components.push(store.fetch(&reference).await.unwrap().pinned.component);
    }
    components
}

fn blob(content: &Path, digest: Digest) -> PathBuf {
    content.join("blobs/sha256").join(digest.hex())
}

async fn wait_for(content: &Path, old: &[Digest], moment: Moment, takes: Duration) {
    let index = || fs::metadata(content.join("index.json")).unwrap().ino();
    let before = index();
    let come = || match moment {
        Index => index() != before,
        Gone(share) => !blob(content, old[(old.len() - 1) * share / 1000]).exists(),
        After(_) => true,
    };
    if let After(share) = moment {
        tokio::time::sleep(takes * share / 1000).await;
    }
    while !come() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_killed_while_it_collects_keeps_what_is_pinned_and_collects_the_rest_later() {
    let dir = tempfile::tempdir().unwrap();
    let (state, layout) = (dir.path().join("state"), dir.path().join("layout"));
    let content = state.join("content");
    let mut life = Life::start(&state).await;
    let reference = format!("oci:{}:1", layout.display()).parse().unwrap();
    let bytes = fs::read(guest("routes-only")).unwrap();
    let pinned = Registries::default()
        .publish(&bytes, &PublishInfo::default(), &reference, None)
        .await
        .unwrap();
    let mut new = new_challenge("kept", "routes-only", "0", &[]);
    new.component = Some(reference);
    life.admin.challenge_create(&new).await.unwrap();

    let mut takes = Duration::ZERO;
    let mut cut_off = 0;
    for (round, moment) in [After(1000)].into_iter().chain(MOMENTS).enumerate() {
        println!("{moment:?}");
        let old = fill(&content, round).await;
        left::age(&content);
        let (admin, started) = (life.admin.clone(), Instant::now());
        let collecting = admin.store_collect(&NOW);
        if takes.is_zero() {
            collecting.await.unwrap();
            takes = started.elapsed();
        } else {
            tokio::select! {
                ended = collecting => drop(ended.unwrap()),
                () = wait_for(&content, &old, moment, takes) => cut_off += 1,
            }
        }
        life.program.kill().await;
        left::is_a_valid_layout(&content);

        life = Life::start(&state).await;
        let view = life.running(&new.slug).await.unwrap();
        assert_eq!(digest_of(&view), pinned.component);
        assert_eq!(life.answer(&new.slug).await, "routes only");
        left::age(&content);
        life.admin.store_collect(&NOW).await.unwrap();
        let listed = life.admin.store_list().await.unwrap().contents;
        assert_eq!(listed.len(), 3, "component, config and manifest: {listed:?}");
        assert!(blob(&content, pinned.component).exists() && blob(&content, pinned.manifest).exists());
        assert_eq!(left::unfinished(&state), Vec::<PathBuf>::new());
        left::is_a_valid_layout(&content);
    }
    assert!(cut_off > MOMENTS.len() / 2, "only {cut_off} were cut off");
}
