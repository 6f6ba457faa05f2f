//! Work that a challenge hands in to be run once in a container: how it is named, and where it stands.

use std::{fmt, str::FromStr};

use crate::{
    Digest, Slug,
    limits::{MAX_JOB_NAME, MAX_TASK_NAME},
    text::serde_as_text,
};

/// A job by challenge, job and task: 32 lower-case hexadecimal digits. The name of its container, and what a component asks by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(String);

/// The text is no job's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a job is 32 lower-case hexadecimal digits")]
pub struct JobIdError;

/// What a challenge calls a job: together with the task what makes two requests the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(String);

/// What a challenge calls a part of a job; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskName(String);

/// The text names no job or no task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobNameError {
    /// Of a job.
    #[error("job_id has 1 to {MAX_JOB_NAME} characters, none of them a control character")]
    Job,
    /// Of a task.
    #[error("task_id has at most {MAX_TASK_NAME} characters, none of them a control character")]
    Task,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// It waits for its turn.
    Queued,
    /// It has a container, or is about to.
    Running,
    /// Its program ended, or its time was over.
    Done,
    /// The host or the engine could not run it; asked for again, it is tried again.
    Failed,
    /// Its challenge or the operator did not want it any more.
    Cancelled,
    /// The host stopped while it was under way: nobody knows how far it came.
    Lost,
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job is queued, running, done, failed, cancelled or lost")]
pub struct UnknownJobState;

impl JobId {
    /// Of these three and no others: their lengths are part of what is hashed.
    pub fn of(slug: &Slug, job: &JobName, task: &TaskName) -> Self {
        let (job, task) = (job.as_str(), task.as_str());
        let text = format!("{slug} {} {} {job}{task}", job.len(), task.len());
        let mut digits = Digest::of(text.as_bytes()).hex();
        digits.truncate(Self::LEN);
        Self(digits)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Half of a digest: nobody finds two names with the same.
    const LEN: usize = 32;
}

impl JobName {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TaskName {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
        Self::Lost,
    ];

    /// The text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    /// Whether it has yet to end.
    pub const fn is_under_way(self) -> bool {
        match self {
            Self::Queued | Self::Running => true,
            Self::Done | Self::Failed | Self::Cancelled | Self::Lost => false,
        }
    }
}

impl FromStr for JobId {
    type Err = JobIdError;

    fn from_str(text: &str) -> Result<Self, JobIdError> {
        let digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        match text.len() == Self::LEN && text.bytes().all(digit) {
            true => Ok(Self(text.to_owned())),
            false => Err(JobIdError),
        }
    }
}

impl FromStr for JobName {
    type Err = JobNameError;

    fn from_str(text: &str) -> Result<Self, JobNameError> {
        match !text.is_empty() && plain(text, MAX_JOB_NAME) {
            true => Ok(Self(text.to_owned())),
            false => Err(JobNameError::Job),
        }
    }
}

impl FromStr for TaskName {
    type Err = JobNameError;

    fn from_str(text: &str) -> Result<Self, JobNameError> {
        match plain(text, MAX_TASK_NAME) {
            true => Ok(Self(text.to_owned())),
            false => Err(JobNameError::Task),
        }
    }
}

impl FromStr for JobState {
    type Err = UnknownJobState;

    fn from_str(text: &str) -> Result<Self, UnknownJobState> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or(UnknownJobState)
    }
}

/// They stand in labels, lists and logs.
fn plain(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.contains(char::is_control)
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(JobId);
serde_as_text!(JobName);
serde_as_text!(TaskName);
serde_as_text!(JobState);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_have_one_id() {
        let id = |slug: &str, job: &str, task: &str| {
            JobId::of(
                &slug.parse().unwrap(),
                &job.parse().unwrap(),
                &task.parse().unwrap(),
            )
        };
        let ids = [
            id("tsp", "a", ""),
            id("tsp", "a", "b"),
            id("tsp", "ab", ""),
            id("tsp", "a 1", "b"),
            id("tsp", "a", "1 b"),
            id("tsp-2", "a", ""),
            id("tsp", "2 a", ""),
        ];
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert_eq!(ids[0].to_string().parse(), Ok(ids[0].clone()));
        for bad in ["", "00", &"A".repeat(32), &"g".repeat(32), &"0".repeat(33)] {
            assert_eq!(bad.parse::<JobId>(), Err(JobIdError), "{bad}");
        }
    }

    #[test]
    fn names_are_bounded_and_printable() {
        for name in ["a", "terminal-bench/2", "é b", &"ä".repeat(MAX_JOB_NAME)] {
            assert_eq!(name.parse::<JobName>().unwrap().as_str(), name);
        }
        for name in ["", "a\n", "a\u{1b}", &"a".repeat(MAX_JOB_NAME + 1)] {
            assert_eq!(name.parse::<JobName>(), Err(JobNameError::Job), "{name:?}");
        }
        assert!("".parse::<TaskName>().is_ok() && "a".repeat(MAX_TASK_NAME).parse::<TaskName>().is_ok());
        assert_eq!(
            "a".repeat(MAX_TASK_NAME + 1).parse::<TaskName>(),
            Err(JobNameError::Task)
        );
    }

    #[test]
    fn every_state_has_one_name() {
        for state in JobState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("ended".parse::<JobState>(), Err(UnknownJobState));
    }
}
