//! The table against a real database in memory.

use super::*;
use crate::challenges::tests::{challenge, database};

const NOW: UnixSeconds = UnixSeconds(1_000_000);

fn new(slug: &str, job: &str) -> (JobId, NewJob) {
    let (slug, job, task): (Slug, JobName, TaskName) = (
        slug.parse().unwrap(),
        job.parse().unwrap(),
        "part".parse().unwrap(),
    );
    let id = JobId::of(&slug, &job, &task);
    let (request, image) = (Digest::of(b"asked"), "r.example/team/job:1".parse().unwrap());
    (
        id,
        NewJob {
            slug,
            job,
            task,
            request,
            image,
            gpu_count: None,
        },
    )
}

fn with_challenges(slugs: &[&str]) -> Connection {
    let connection = database();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    for slug in slugs {
        challenges::insert(&connection, &challenge(slug)).unwrap();
    }
    connection
}

fn done() -> JobEnd {
    let exit = JobExit {
        code: 7,
        timed_out: false,
        oom: true,
    };
    JobEnd::Done(
        exit,
        JobOutputs {
            stdout: vec![0, 255],
            stderr: Vec::new(),
        },
    )
}

#[test]
fn a_job_is_queued_runs_and_is_done_and_stays_so() {
    let connection = with_challenges(&["tsp"]);
    let (id, job) = new("tsp", "a");
    assert_eq!(get(&connection, &id).unwrap(), None);
    assert_eq!(ask(&connection, &id, &job, 5, NOW).unwrap(), Asked::New);
    assert_eq!(outputs(&connection, &id).unwrap(), None);
    assert_eq!(under_way(&connection).unwrap().len(), 1);
    assert!(start(&connection, &id, None, UnixSeconds(NOW.0 + 1)).unwrap());
    assert!(!start(&connection, &id, None, NOW).unwrap());
    assert!(end(&connection, &id, &done(), UnixSeconds(NOW.0 + 2)).unwrap());
    for late in [
        JobEnd::Lost,
        JobEnd::Cancelled,
        JobEnd::Failed("late".into()),
        done(),
    ] {
        assert!(!end(&connection, &id, &late, NOW).unwrap(), "{late:?}");
    }
    assert!(!start(&connection, &id, None, NOW).unwrap());
    let row = get(&connection, &id).unwrap().unwrap();
    let exit = Some(JobExit {
        code: 7,
        timed_out: false,
        oom: true,
    });
    let expected = JobRow {
        id: id.clone(),
        slug: job.slug.clone(),
        job: job.job.clone(),
        task: job.task.clone(),
        request: job.request,
        image: job.image.clone(),
        gpu_count: None,
        gpus: None,
        state: JobState::Done,
        asked_at: NOW,
        started_at: Some(UnixSeconds(NOW.0 + 1)),
        ended_at: Some(UnixSeconds(NOW.0 + 2)),
        exit,
        reason: None,
    };
    assert_eq!(row, expected);
    assert_eq!(outputs(&connection, &id).unwrap().unwrap().stdout, [0, 255]);
    assert_eq!(
        ask(&connection, &id, &job, 5, NOW).unwrap(),
        Asked::Known(Box::new(row))
    );
    assert_eq!(under_way(&connection).unwrap(), []);
}

#[test]
fn a_job_that_waits_for_gpus_says_for_what_and_then_where_it_runs() {
    let connection = with_challenges(&["tsp"]);
    let (id, mut job) = new("tsp", "a");
    job.gpu_count = Some(2);
    ask(&connection, &id, &job, 5, NOW).unwrap();
    let seen = || {
        let row = get(&connection, &id).unwrap().unwrap();
        (row.state, row.gpu_count, row.gpus, row.reason)
    };
    assert!(waits(&connection, &id, "no room").unwrap());
    let waiting = (JobState::Queued, Some(2), None, Some("no room".to_owned()));
    assert_eq!(seen(), waiting);
    let gpus = Placement {
        server: "gpu-1".parse().unwrap(),
        devices: [1, 3].into(),
    };
    assert!(start(&connection, &id, Some(&gpus), NOW).unwrap());
    assert_eq!(seen(), (JobState::Running, Some(2), Some(gpus.clone()), None));
    assert!(!waits(&connection, &id, "late").unwrap());
    end(&connection, &id, &JobEnd::Failed("no".into()), NOW).unwrap();
    let failed = (JobState::Failed, Some(2), Some(gpus), Some("no".to_owned()));
    assert_eq!(seen(), failed);
    // Another attempt may be elsewhere.
    assert_eq!(ask(&connection, &id, &job, 5, NOW).unwrap(), Asked::New);
    assert_eq!(seen(), (JobState::Queued, Some(2), None, None));
}

#[test]
fn what_failed_is_queued_again_and_nothing_else_is() {
    for (how, again) in [
        (JobEnd::Failed("no engine".into()), true),
        (JobEnd::Cancelled, false),
        (JobEnd::Lost, false),
        (done(), false),
    ] {
        let connection = with_challenges(&["tsp"]);
        let (id, job) = new("tsp", "a");
        ask(&connection, &id, &job, 5, NOW).unwrap();
        end(&connection, &id, &how, NOW).unwrap();
        let other = NewJob {
            request: Digest::of(b"other"),
            ..job.clone()
        };
        assert!(matches!(
            ask(&connection, &id, &other, 5, NOW).unwrap(),
            Asked::Known(_)
        ));
        let asked = ask(&connection, &id, &job, 5, NOW).unwrap();
        assert_eq!(asked == Asked::New, again, "{how:?}");
        let row = get(&connection, &id).unwrap().unwrap();
        assert_eq!(
            (row.state == JobState::Queued, row.reason.is_none()),
            (again, true),
            "{how:?}"
        );
    }
}

#[test]
fn an_hour_has_so_many_jobs_however_they_are_asked_for() {
    let connection = with_challenges(&["tsp", "other"]);
    let (id, job) = new("tsp", "again");
    for _ in 0..3 {
        assert_eq!(ask(&connection, &id, &job, 3, NOW).unwrap(), Asked::New);
        end(&connection, &id, &JobEnd::Failed("no".into()), NOW).unwrap();
    }
    let until = UnixSeconds(NOW.0 + HOUR);
    assert_eq!(
        ask(&connection, &id, &job, 3, NOW).unwrap(),
        Asked::TooMany { until }
    );
    let (another, other_job) = new("tsp", "b");
    assert_eq!(
        ask(&connection, &another, &other_job, 3, NOW).unwrap(),
        Asked::TooMany { until }
    );
    let (id_of_other, of_other) = new("other", "again");
    assert_eq!(
        ask(&connection, &id_of_other, &of_other, 3, NOW).unwrap(),
        Asked::New
    );
    assert_eq!(ask(&connection, &id, &job, 3, until).unwrap(), Asked::New);
}

#[test]
fn what_has_ended_is_forgotten_by_age_and_by_number_but_not_within_the_hour() {
    let connection = with_challenges(&["tsp", "other"]);
    let keep = Retention {
        per_challenge: 2,
        seconds: 10 * HOUR,
    };
    for n in 0..5 {
        let (id, job) = new("tsp", &format!("job-{n}"));
        ask(&connection, &id, &job, 99, UnixSeconds(NOW.0 + n)).unwrap();
        if n > 0 {
            end(&connection, &id, &done(), NOW).unwrap();
        }
    }
    let (id, job) = new("other", "only");
    ask(&connection, &id, &job, 99, NOW).unwrap();
    end(&connection, &id, &JobEnd::Lost, NOW).unwrap();
    let count = || list(&connection, None, 99).unwrap().len();
    assert_eq!(
        (
            forget(&connection, keep, UnixSeconds(NOW.0 + 9)).unwrap(),
            count()
        ),
        (0, 6)
    );
    let later = UnixSeconds(NOW.0 + 2 * HOUR);
    assert_eq!((forget(&connection, keep, later).unwrap(), count()), (2, 4));
    let much_later = UnixSeconds(NOW.0 + 11 * HOUR);
    // What is under way is never forgotten.
    assert_eq!((forget(&connection, keep, much_later).unwrap(), count()), (3, 1));
    assert_eq!(under_way(&connection).unwrap().len(), 1);
}

#[test]
fn images_of_jobs_are_listed_once_for_each_challenge_those_asked_for_last_first() {
    let connection = with_challenges(&["tsp", "other"]);
    let asked = [
        (0, "tsp", "a", "x:1"),
        (1, "tsp", "b", "x:2"),
        (2, "tsp", "c", "x:1"),
        (3, "other", "a", "x:1"),
        (3, "other", "b", "x:2"),
    ];
    for (at, slug, name, image) in asked {
        let (id, mut job) = new(slug, name);
        job.image = format!("r.example/{image}").parse().unwrap();
        ask(&connection, &id, &job, 9, UnixSeconds(NOW.0 + at)).unwrap();
    }
    let images = images(&connection).unwrap().into_iter();
    let images: Vec<_> = images.map(|(slug, image)| format!("{slug} {image}")).collect();
    assert_eq!(
        images,
        [
            "other r.example/x:2",
            "other r.example/x:1",
            "tsp r.example/x:1",
            "tsp r.example/x:2"
        ]
    );
}

#[test]
fn jobs_are_listed_by_challenge_and_go_with_it() {
    let connection = with_challenges(&["tsp", "other"]);
    for (slug, job) in [("tsp", "a"), ("tsp", "b"), ("other", "c")] {
        let (id, job) = new(slug, job);
        ask(&connection, &id, &job, 9, NOW).unwrap();
    }
    let slug: Slug = "tsp".parse().unwrap();
    assert_eq!(list(&connection, Some(&slug), 9).unwrap().len(), 2);
    assert_eq!(list(&connection, None, 2).unwrap().len(), 2);
    assert!(challenges::delete(&connection, &slug).unwrap());
    let left = list(&connection, None, 9).unwrap();
    assert_eq!((left.len(), left[0].slug.as_str()), (1, "other"));
    let (id, job) = new("tsp", "a");
    let error = ask(&connection, &id, &job, 9, NOW).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchChallenge(gone) if gone == slug));
    assert!(!end(&connection, &id, &done(), NOW).unwrap());
}
