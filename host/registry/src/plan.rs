//! The difference between what should run and what runs, as a list of things to do. Pure.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{
    Capability, Challenge, DataMode, Digest, Grant, ImageRef, Instances, Loosened, OutboundRule, Resources,
    Runs, Slug, TrustPolicy, UpstreamAddress,
};
use tokio::time::Instant;

use crate::containers::wanted_version;

/// What makes a program another program. A change of anything else in a record needs no restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    program: Program,
    data: DataMode,
    instances: Instances,
    grants: BTreeSet<Grant>,
    outbound: BTreeSet<OutboundRule>,
    trust: Option<TrustPolicy>,
    env: BTreeMap<String, String>,
    resources: Resources,
    /// Where a container listens.
    address: Option<UpstreamAddress>,
    /// Which secrets it was given; `None`: none. Another one is another program also because an instance that is kept may
    /// remember one that was taken away.
    secrets: Option<Digest>,
}

/// A component, or an image with what its container is made of besides.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Program {
    Component(Digest),
    Container {
        image: ImageRef,
        /// What its `/version` has to say.
        version: String,
        capabilities: BTreeSet<Capability>,
        loosened: BTreeSet<Loosened>,
        volumes: BTreeMap<String, String>,
        /// The names of secrets that it must have.
        secrets: BTreeSet<String>,
        /// Of the token that it is given.
        token: [u8; 32],
    },
}

/// What there is of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Present<'a> {
    /// The program, or the attempt at one, by what it was made of.
    pub(crate) wanted: &'a Wanted,
    pub(crate) stage: Stage,
}

/// How far a program has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is being started.
    Starting,
    /// It runs.
    Running,
    /// It could not be started and is not tried again before then.
    Failed { retry_at: Instant },
}

/// One step towards what should run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Take it down.
    Stop(Slug),
    /// Start it, in place of what runs of it now or is being started, if anything.
    Start(Slug),
}

impl Wanted {
    /// By its record, and the revision of its secrets.
    pub(crate) fn of(challenge: &Challenge, secrets: Option<Digest>) -> Self {
        Self {
            program: match challenge.runs() {
                Runs::Component(pinned) => Program::Component(pinned.component),
                Runs::Container(image) => Program::Container {
                    image: image.clone(),
                    version: wanted_version(challenge),
                    capabilities: challenge.capabilities.clone(),
                    loosened: challenge.loosened.clone(),
                    volumes: challenge.volumes.clone(),
                    secrets: challenge.secrets.clone(),
                    token: *challenge.token_hash.as_bytes(),
                },
            },
            data: challenge.data,
            instances: challenge.instances,
            grants: challenge.grants.clone(),
            outbound: challenge.outbound.clone(),
            trust: challenge.trust.clone(),
            env: challenge.env.clone(),
            resources: challenge.resources.clone(),
            address: challenge.serving.address.clone(),
            secrets,
        }
    }
}

/// What to do, stops first: they make room. A failed start is tried again when its retry is not after `due`.
pub(crate) fn plan(
    intended: &BTreeMap<Slug, Wanted>,
    present: &BTreeMap<Slug, Present<'_>>,
    due: Instant,
) -> Vec<Action> {
    let stops = present
        .keys()
        .filter(|slug| !intended.contains_key(slug))
        .cloned()
        .map(Action::Stop);
    let starts = intended.iter().filter(|(slug, wanted)| match present.get(slug) {
        None => true,
        Some(present) if present.wanted != *wanted => true,
        Some(present) => match present.stage {
            Stage::Starting | Stage::Running => false,
            Stage::Failed { retry_at } => retry_at <= due,
        },
    });
    stops
        .chain(starts.map(|(slug, _)| Action::Start(slug.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use platform_domain::ByteSize;
    use proptest::{collection::btree_map, prelude::*};

    use super::*;
    use crate::check::tests::component;

    fn wanted(edit: impl FnOnce(&mut Challenge)) -> Wanted {
        let mut challenge = component("echo");
        edit(&mut challenge);
        Wanted::of(&challenge, None)
    }

    fn set_env(challenge: &mut Challenge) {
        challenge.env.insert("A".into(), "1".into());
    }

    #[test]
    fn only_what_a_program_is_made_of_restarts_it() {
        let plain = wanted(|_| {});
        let restarts: [fn(&mut Challenge); 12] = [
            set_env,
            |c| c.grants = [Grant::Kv].into(),
            |c| c.outbound = ["https://api.example.com".parse().unwrap()].into(),
            |c| c.resources.database = Some(ByteSize(1 << 20)),
            |c| c.resources.blobs = Some(ByteSize(1 << 20)),
            |c| c.data = DataMode::Exclusive,
            |c| c.trust = Some(TrustPolicy::Pinned),
            |c| c.serving.address = Some("http://127.0.0.1:8000".parse().unwrap()),
            |c| c.instances = "warm(2)".parse().unwrap(),
            |c| c.resources.memory = Some(ByteSize(1 << 20)),
            |c| c.resources.disk = Some(ByteSize(1 << 20)),
            |c| c.artifact = component("other").artifact,
        ];
        for edit in restarts {
            assert_ne!(wanted(edit), plain);
        }
        let revisions = [None, Some(Digest::of(b"1")), Some(Digest::of(b"2"))];
        let [none, one, two] = revisions.map(|revision| Wanted::of(&component("echo"), revision));
        assert!(none == plain && none != one && one != two);
        let same: [fn(&mut Challenge); 8] = [
            |c| c.emission_percent = Default::default(),
            |c| c.on_failure = "primary".parse().unwrap(),
            |c| c.name = "x".into(),
            |c| c.follow = true,
            |c| c.serving.max_body = Some(ByteSize(1)),
            |c| {
                c.capabilities.pop_first();
            },
            |c| c.description = Some("x".into()),
            |c| drop(c.metadata.insert("a".into(), 1.into())),
        ];
        for edit in same {
            assert_eq!(wanted(edit), plain);
        }
    }

    #[test]
    fn a_failed_start_waits_for_its_time_or_for_a_change() {
        let slug: Slug = "echo".parse().unwrap();
        let now = Instant::now();
        let retry_at = now + Duration::from_secs(5);
        let plain = wanted(|_| {});
        let failed = Present {
            wanted: &plain,
            stage: Stage::Failed { retry_at },
        };
        let present = BTreeMap::from([(slug.clone(), failed)]);
        let start = vec![Action::Start(slug.clone())];
        let same = BTreeMap::from([(slug.clone(), wanted(|_| {}))]);
        assert_eq!(plan(&same, &present, now), []);
        assert_eq!(plan(&same, &present, retry_at), start);
        let changed = BTreeMap::from([(slug.clone(), wanted(set_env))]);
        assert_eq!(plan(&changed, &present, now), start);
        assert_eq!(plan(&BTreeMap::new(), &present, now), [Action::Stop(slug)]);
    }

    fn slugs() -> impl Strategy<Value = Slug> {
        "[a-d]{2}".prop_map(|text| text.parse().unwrap())
    }

    fn kinds() -> impl Strategy<Value = Wanted> {
        any::<bool>().prop_map(|env| if env { wanted(set_env) } else { wanted(|_| {}) })
    }

    #[test]
    fn a_start_under_way_is_left_alone_until_something_else_is_wanted() {
        let slug: Slug = "echo".parse().unwrap();
        let now = Instant::now();
        let plain = wanted(|_| {});
        let starting = Present {
            wanted: &plain,
            stage: Stage::Starting,
        };
        let present = BTreeMap::from([(slug.clone(), starting)]);
        let same = BTreeMap::from([(slug.clone(), plain.clone())]);
        assert_eq!(plan(&same, &present, now), []);
        let changed = BTreeMap::from([(slug.clone(), wanted(set_env))]);
        assert_eq!(plan(&changed, &present, now), [Action::Start(slug.clone())]);
        assert_eq!(plan(&BTreeMap::new(), &present, now), [Action::Stop(slug)]);
    }

    fn stages() -> impl Strategy<Value = Stage> {
        let later = Instant::now() + Duration::from_secs(60);
        prop_oneof![
            Just(Stage::Starting),
            Just(Stage::Running),
            Just(Stage::Failed { retry_at: later }),
        ]
    }

    proptest! {
        #[test]
        fn doing_what_is_planned_leaves_nothing_to_do(
            intended in btree_map(slugs(), kinds(), 0..6),
            before in btree_map(slugs(), (kinds(), stages()), 0..6),
        ) {
            let now = Instant::now();
            let mut present: BTreeMap<_, _> = before
                .iter()
                .map(|(slug, (wanted, stage))| (slug.clone(), Present { wanted, stage: *stage }))
                .collect();
            for action in plan(&intended, &present, now) {
                match action {
                    Action::Stop(slug) => prop_assert!(present.remove(&slug).is_some()),
                    Action::Start(slug) => {
                        let wanted = &intended[&slug];
                        prop_assert!(before.get(&slug).is_none_or(|(before, _)| before != wanted), "no restart");
                        present.insert(slug, Present { wanted, stage: Stage::Starting });
                    }
                }
            }
            let there: BTreeMap<_, _> =
                present.iter().map(|(slug, it)| (slug.clone(), it.wanted.clone())).collect();
            prop_assert_eq!(&there, &intended);
            prop_assert_eq!(plan(&intended, &present, now), []);
        }
    }
}
