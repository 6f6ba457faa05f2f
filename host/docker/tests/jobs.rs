//! Jobs: what they are given, how they end, and that nothing of them stays.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use platform_docker::{ContainerSpec, EngineError, JobInput, JobOutcome, JobSpec, Kind, SpecError, State};
use platform_domain::{ByteSize, UnixSeconds};

use crate::fixture::{IMAGE, ROOT_IMAGE, engine, image, job, nothing_is_left, owner, shared};

const LONG: Duration = Duration::from_secs(60);

async fn run(container: ContainerSpec, deadline: Duration) -> Result<JobOutcome, EngineError> {
    let job = JobSpec {
        container,
        inputs: Vec::new(),
        deadline,
    };
    engine().run_job(job, &image(IMAGE).await).await
}

fn packed(members: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn a_job_gives_its_outputs_and_its_exit_code_and_is_gone() {
    let owner = owner("job");
    let outcome = run(job(&owner, &["say", "out", "err", "7"]), LONG).await.unwrap();
    let expected = JobOutcome {
        exit_code: 7,
        timed_out: false,
        oom: false,
        stdout: b"out\n".to_vec(),
        stderr: b"err\n".to_vec(),
    };
    assert_eq!(outcome, expected);
    assert_eq!(engine().list(&owner, Kind::Job).await.unwrap(), [""; 0]);
    nothing_is_left(&engine(), &owner).await;
}

#[tokio::test]
async fn a_job_is_killed_at_its_deadline() {
    let owner = owner("late");
    let begun = Instant::now();
    let outcome = run(job(&owner, &["try", "computing"]), Duration::from_secs(1))
        .await
        .unwrap();
    assert!(
        (outcome.exit_code, outcome.timed_out) == (124, true),
        "{outcome:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(engine().list(&owner, Kind::Job).await.unwrap(), [""; 0]);
    nothing_is_left(&engine(), &owner).await;
}

#[tokio::test]
async fn the_end_of_a_flood_is_kept() {
    let owner = owner("flood");
    let outcome = run(job(&owner, &["try", "flood", "5000000"]), LONG)
        .await
        .unwrap();
    let (stdout, stderr) = (outcome.stdout, outcome.stderr);
    assert_eq!(
        (stdout.len(), stderr.len(), outcome.exit_code),
        (64_000, 64_000, 0)
    );
    assert!(stdout.ends_with(b"yyydid: flooded\n"));
    nothing_is_left(&engine(), &owner).await;
}

#[tokio::test]
async fn a_job_finds_what_it_was_given_and_may_change_it() {
    for name in [IMAGE, ROOT_IMAGE] {
        let (engine, owner) = (engine(), owner("given"));
        let image = image(name).await;
        let given = |words: &[&str]| JobSpec {
            container: job(&owner, words),
            inputs: vec![JobInput {
                tar_gz: packed(&[("deep/er/file", "what it is given"), ("other", "")]),
                target: "/input".parse().unwrap(),
            }],
            deadline: LONG,
        };
        let outcome = engine
            .run_job(given(&["show", "/input/deep/er/file"]), &image)
            .await
            .unwrap();
        assert_eq!(
            String::from_utf8(outcome.stdout).unwrap(),
            "what it is given",
            "{:?}",
            outcome.stderr
        );
        let outcome = engine
            .run_job(given(&["try", "write", "/input/deep/new"]), &image)
            .await
            .unwrap();
        assert_eq!(
            String::from_utf8(outcome.stdout).unwrap(),
            "did: wrote /input/deep/new\n"
        );
        assert_eq!(engine.list_volumes(&owner).await.unwrap(), []);
        nothing_is_left(&engine, &owner).await;
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_as_it_is_wanted_is_refused_before_anything_is_made() {
    let (engine, owner) = (engine(), owner("refused"));
    let image = image(IMAGE).await;
    let input = JobInput {
        tar_gz: b"no archive".to_vec(),
        target: "/input".parse().unwrap(),
    };
    let with = |input: Option<JobInput>, deadline| JobSpec {
        container: job(&owner, &["try", "nothing"]),
        inputs: input.into_iter().collect(),
        deadline,
    };
    let error = engine.run_job(with(Some(input), LONG), &image).await.unwrap_err();
    assert!(matches!(error, EngineError::Archive(_)), "{error:?}");
    for deadline in [Duration::ZERO, Duration::from_secs(86_401)] {
        let error = engine.run_job(with(None, deadline), &image).await.unwrap_err();
        assert!(
            matches!(error, EngineError::Spec(SpecError::Deadline)),
            "{error:?}"
        );
    }
    let mut much = with(None, LONG);
    much.container.limits.memory = ByteSize(1);
    let error = engine.run_job(much, &image).await.unwrap_err();
    assert!(
        matches!(error, EngineError::Spec(SpecError::Limit { .. })),
        "{error:?}"
    );
    let mut nothing = with(None, LONG);
    nothing.container.command = Some(vec!["/no/such/program".to_owned()]);
    // The example says so itself: what an image runs is its own affair.
    assert_eq!(engine.run_job(nothing, &image).await.unwrap().exit_code, 64);
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn a_job_that_nobody_waits_for_is_removed_all_the_same() {
    let (engine, owner) = (engine(), owner("dropped"));
    let image = image(IMAGE).await;
    let container = job(&owner, &["try", "sleep"]);
    let job = JobSpec {
        container: container.clone(),
        inputs: vec![JobInput {
            tar_gz: packed(&[("a", "b")]),
            target: "/input".parse().unwrap(),
        }],
        deadline: LONG,
    };
    let mut running = Box::pin(engine.run_job(job, &image));
    let started = async {
        loop {
            match engine.inspect(&container.name).await {
                Ok(found) if found.state == State::Running => return found,
                Ok(_) | Err(EngineError::NotFound(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let found = tokio::select! {
        outcome = &mut running => panic!("{outcome:?}"),
        found = started => found,
    };
    assert_eq!(
        (found.kind(), found.slug().as_ref()),
        (Some(Kind::Job), Some(&container.slug))
    );
    drop(running);
    // The volume goes after the container.
    let gone = async {
        while engine.inspect(&container.name).await.is_ok()
            || !engine.list_volumes(&owner).await.unwrap().is_empty()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, gone).await.unwrap();
    nothing_is_left(&engine, &owner).await;
}

#[tokio::test]
async fn what_a_host_that_was_killed_left_is_reaped_when_its_time_is_over() {
    let (engine, owner) = (engine(), owner("reaped"));
    let image = image(IMAGE).await;
    // A runtime that ends takes the future and its removal with it, as a kill does.
    let (job_owner, other_engine) = (owner.clone(), engine.clone());
    let killed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut container = job(&job_owner, &["try", "sleep"]);
        container
            .secrets
            .insert("a".parse().unwrap(), platform_domain::SecretValue::new(vec![1]));
        let name = container.name.clone();
        let job = JobSpec {
            container,
            inputs: Vec::new(),
            deadline: LONG,
        };
        let (engine, watched) = (other_engine.clone(), other_engine);
        runtime.spawn(async move { engine.run_job(job, &image).await });
        runtime.block_on(async {
            while !matches!(watched.inspect(&name).await, Ok(seen) if seen.state == State::Running) {
                tokio::task::yield_now().await;
            }
        });
        runtime.shutdown_background();
        name
    });
    let name = killed.join().unwrap();
    let now = UnixSeconds::from(std::time::SystemTime::now());
    // Not before its time: it could be under way.
    assert_eq!(
        engine.reap(&owner, now).await.unwrap(),
        platform_docker::Reaped::default()
    );
    let later = UnixSeconds(now.0 + 3600);
    let reaped = engine.reap(&owner, later).await.unwrap();
    // Its secrets went with it.
    assert_eq!((reaped.containers, reaped.volumes), (vec![name.clone()], vec![]));
    // A volume whose container was never made.
    let labels = [
        "platform.of=never-made",
        "platform.until=1",
        &format!("platform.owner={owner}"),
    ];
    let labels: Vec<&str> = labels.iter().flat_map(|label| ["--label", label]).collect();
    shared().docker(&[&["volume", "create"][..], &labels, &[&format!("{name}.orphan")]].concat());
    let reaped = engine.reap(&owner, now).await.unwrap();
    assert_eq!(reaped.volumes, [format!("{name}.orphan")]);
    nothing_is_left(&engine, &owner).await;
}
