//! What a hostile challenge does to whoever takes its jobs.

use platform_guest_sdk::{
    jobs::{Gpus, Job, JobError, Jobs, Ticket},
    prelude::*,
};
use serde_json::{Map, Value, json};

/// An image that the operator of the attacks' host allows.
const ALLOWED: &str = "registry.example/team/job:1";

fn job(id: &str) -> Job {
    Job::new(id, ALLOWED, ["run"])
}

pub(crate) fn flood(jobs: &Jobs) -> Result<()> {
    for number in 0_u64.. {
        // Whatever is said to it.
        drop(jobs.submit(job(&format!("flood-{number}")).task("x".repeat(256))));
    }
    Ok(())
}

pub(crate) fn polls(jobs: &Jobs) -> Result<()> {
    let ticket = Ticket::from("0".repeat(32));
    loop {
        drop((jobs.poll(&ticket), jobs.cancel(&ticket)));
    }
}

/// By what is a ticket of `foreman-1`, and by what is none.
pub(crate) fn others(jobs: &Jobs) -> Value {
    let mut report = Map::new();
    for text in [
        // The first that `flood` hands in there.
        "81926414563ed502770b484cd314ca17".to_owned(),
        "0".repeat(32),
        "f".repeat(32),
        String::new(),
        "../../jobs".to_owned(),
        "' OR 1=1 --".to_owned(),
        "\0".repeat(32),
        "x".repeat(1 << 20),
    ] {
        let ticket = Ticket::from(text.clone());
        let name: String = text.chars().take(32).collect();
        let what = |found: bool, error: Option<JobError>| match (found, error) {
            (true, _) => json!("ok"),
            (false, error) => json!(format!("{error:?}")),
        };
        let polled = jobs.poll(&ticket);
        report.insert(format!("poll {name}"), what(polled.is_ok(), polled.err()));
        let cancelled = jobs.cancel(&ticket);
        report.insert(format!("cancel {name}"), what(cancelled.is_ok(), cancelled.err()));
    }
    report.into()
}

pub(crate) fn forbidden(jobs: &Jobs) -> Value {
    type Change = fn(&mut Job);
    let changes: [(&str, Change); 17] = [
        ("another image", |job| {
            job.image = "registry.example/other/job:1".into()
        }),
        ("a neighbour's name", |job| {
            job.image = "registry.example/team-evil/job:1".into()
        }),
        ("a name inside a name", |job| {
            job.image = "evil.example/registry.example/team/job:1".into()
        }),
        ("no registry", |job| job.image = "team/job:1".into()),
        ("a path out of it", |job| {
            job.image = "registry.example/team/../other/job:1".into()
        }),
        ("a long image", |job| {
            job.image = format!("registry.example/team/{}", "a".repeat(100_000))
        }),
        ("no command", |job| job.command.clear()),
        ("5,000 words", |job| job.command = vec![String::new(); 5_000]),
        ("5,000 variables", |job| {
            job.env = (0..5_000).map(|n| (format!("V{n}"), String::new())).collect()
        }),
        ("a variable twice", |job| {
            job.env = vec![("A".into(), "1".into()), ("A".into(), "2".into())]
        }),
        ("all GPUs by a variable", |job| {
            job.env = vec![("NVIDIA_VISIBLE_DEVICES".into(), "all".into())]
        }),
        ("all memory", |job| job.memory = Some(u64::MAX)),
        ("all processors", |job| job.milli_cpus = Some(u32::MAX)),
        ("all processes", |job| job.pids = Some(u32::MAX)),
        ("all time", |job| job.timeout_seconds = Some(u64::MAX)),
        ("the world", |job| job.network = true),
        ("no archive", |job| {
            let targets = ["/in", "/in"];
            let input = |target: &str| platform_guest_sdk::jobs::Input {
                target: target.into(),
                tar_gz: b"no archive".to_vec(),
            };
            job.inputs = targets.map(input).into();
        }),
    ];
    let mut report = Map::new();
    let shown = |submitted: Result<Ticket, JobError>| match submitted {
        Ok(_) => json!("ok"),
        Err(error) => json!(format!("{error:?}").chars().take(200).collect::<String>()),
    };
    for (what, change) in changes {
        let mut asked = job("forbidden");
        change(&mut asked);
        report.insert(what.to_owned(), shown(jobs.submit(asked)));
    }
    for target in ["/", "/proc", "/etc/../proc", "in", "/run/secrets/platform", ""] {
        let asked = job("forbidden").input(target, Vec::new());
        report.insert(format!("a mount at {target}"), shown(jobs.submit(asked)));
    }
    for gpus in [
        Gpus::new(0),
        Gpus::new(1),
        Gpus::new(u16::MAX),
        Gpus::new(1).kind("\0"),
        Gpus::new(1).label("a", "b,c=d"),
    ] {
        let what = format!("{gpus:?}");
        report.insert(what, shown(jobs.submit_with_gpus(job("forbidden"), gpus)));
    }
    report.into()
}

pub(crate) fn giant(jobs: &Jobs) -> Result<()> {
    drop(jobs.submit(job("giant").input("/in", vec![0; 32 << 20])));
    Ok(())
}
