//! `platform jobs`: work that challenges handed in for containers.

use clap::Subcommand;
use platform_admin_types::{Client, JobDetail, JobExitView, JobList, JobView};
use platform_domain::{JobId, Slug, Timestamp, UnixSeconds};

use crate::output::{Output, table};

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List jobs, the newest first, of one challenge or of all.
    List {
        /// The challenge [default: all].
        slug: Option<Slug>,
    },
    /// Show a job and the end of what it printed.
    Show {
        /// As the list has it.
        id: JobId,
    },
    /// End a job that waits or runs, and remove its container. One that has ended stays as it is.
    Cancel {
        /// As the list has it.
        id: JobId,
    },
}

pub(crate) async fn run(command: JobsCommand, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        JobsCommand::List { slug } => output.show(&client.job_list(slug.as_ref()).await?, list_text),
        JobsCommand::Show { id } => output.show(&client.job_get(&id).await?, detail_text),
        JobsCommand::Cancel { id } => output.show(&client.job_cancel(&id).await?, |job| {
            format!("{} is {}", job.id, ended(job))
        }),
    }
}

fn list_text(list: &JobList) -> String {
    let row = |job: &JobView| {
        let time = Timestamp::from_millis(job.asked_at.0.saturating_mul(1000));
        let name = match job.task_id.as_str() {
            "" => job.job_id.to_string(),
            task => format!("{} {task}", job.job_id),
        };
        [
            job.id.to_string(),
            job.challenge.to_string(),
            plain(&name),
            time.to_string(),
            place(job),
            ended(job),
        ]
    };
    let rows: Vec<_> = list.jobs.iter().map(row).collect();
    match rows.is_empty() {
        true => "no jobs".to_owned(),
        false => table(["ID", "CHALLENGE", "JOB", "ASKED", "GPUS", "STATE"], &rows),
    }
}

fn detail_text(detail: &JobDetail) -> String {
    let JobDetail { job, stdout, stderr } = detail;
    let seconds = |time: Option<UnixSeconds>| {
        let time = time.map(|time| Timestamp::from_millis(time.0.saturating_mul(1000)).to_string());
        time.unwrap_or_else(|| "not yet".to_owned())
    };
    let mut text = format!(
        "{}\nchallenge {}\njob {}\ntask {}\nimage {}\ngpus {}\nstate {}\nstarted {}\nended {}",
        job.id,
        job.challenge,
        plain(job.job_id.as_str()),
        plain(job.task_id.as_str()),
        job.image,
        place(job),
        ended(job),
        seconds(job.started_at),
        seconds(job.ended_at),
    );
    for (name, output) in [("standard output", stdout), ("standard error", stderr)] {
        if let Some(output) = output {
            text.push_str(&format!("\n\n{name}:\n{}", plain(output)));
        }
    }
    text
}

/// The server and its GPUs, or how many are waited for.
fn place(job: &JobView) -> String {
    match (&job.gpu_server, &job.gpu_devices, job.gpu_count) {
        (Some(server), Some(devices), _) => {
            let devices: Vec<_> = devices.iter().map(ToString::to_string).collect();
            format!("{server}: {}", devices.join(","))
        }
        (_, _, Some(count)) => count.to_string(),
        (_, _, None) => "none".to_owned(),
    }
}

/// The state, and what belongs to it.
fn ended(job: &JobView) -> String {
    let state = job.state;
    match (&job.exit, &job.reason) {
        (Some(JobExitView { timed_out: true, .. }), _) => format!("{state}: its time was over"),
        (
            Some(JobExitView {
                code,
                out_of_memory: true,
                ..
            }),
            _,
        ) => {
            format!("{state}: exit code {code}, out of memory")
        }
        (Some(JobExitView { code, .. }), _) => format!("{state}: exit code {code}"),
        (None, Some(reason)) => format!("{state}: {}", plain(reason)),
        (None, None) => state.to_string(),
    }
}

/// What strangers print does nothing to the operator's terminal.
fn plain(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && !matches!(c, '\n' | '\t') {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use platform_domain::JobState;

    use super::*;

    #[test]
    fn a_job_is_shown_with_its_end_and_cannot_write_to_the_terminal() {
        let job = JobView {
            id: "0".repeat(32).parse().unwrap(),
            challenge: "tsp".parse().unwrap(),
            job_id: "a".parse().unwrap(),
            task_id: "1".parse().unwrap(),
            image: "r.io/a:1".parse().unwrap(),
            state: JobState::Done,
            asked_at: UnixSeconds(1_767_225_600),
            started_at: Some(UnixSeconds(1_767_225_601)),
            ended_at: None,
            exit: Some(JobExitView {
                code: 124,
                timed_out: true,
                out_of_memory: false,
            }),
            gpu_count: Some(2),
            gpu_server: Some("gpu-1".parse().unwrap()),
            gpu_devices: Some([0, 3].into()),
            reason: None,
        };
        let list = JobList {
            jobs: vec![job.clone()],
        };
        let text = list_text(&list);
        assert!(
            text.contains("a 1") && text.contains("gpu-1: 0,3") && text.contains("its time was over"),
            "{text}"
        );
        let detail = JobDetail {
            job,
            stdout: Some("\u{1b}[2Jgone\n\r".into()),
            stderr: None,
        };
        let text = detail_text(&detail);
        assert!(
            text.contains("[2Jgone") && !text.contains(['\u{1b}', '\r']),
            "{text}"
        );
        assert_eq!(list_text(&JobList { jobs: Vec::new() }), "no jobs");
    }
}
