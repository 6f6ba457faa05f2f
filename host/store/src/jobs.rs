//! The table of jobs: what challenges hand in to be run once in a container. A job is known by its id, which is made of challenge,
//! job and task, so the same request is the same row, over a restart too.

use platform_domain::{Digest, ImageRef, JobId, JobName, JobState, Placement, Slug, TaskName, UnixSeconds};
use rusqlite::{Connection, Row, ToSql, params};

use crate::{
    StoreError, challenges,
    columns::{Columns, by_slug, json, seconds},
};

/// What is known of a job, without what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Of challenge, job and task.
    pub id: JobId,
    /// Whose it is.
    pub slug: Slug,
    /// What the challenge calls it.
    pub job: JobName,
    /// And the part of it.
    pub task: TaskName,
    /// Of all that was asked.
    pub request: Digest,
    /// What it runs.
    pub image: ImageRef,
    /// How many GPUs it asked for, if any.
    pub gpu_count: Option<u16>,
    /// Where it runs, or ran, and its GPUs; only of one that asked for GPUs and had its turn.
    pub gpus: Option<Placement>,
    /// Where it stands.
    pub state: JobState,
    /// When it was asked for last.
    pub asked_at: UnixSeconds,
    /// When its turn came.
    pub started_at: Option<UnixSeconds>,
    /// When it ended.
    pub ended_at: Option<UnixSeconds>,
    /// How its program ended, when it is done.
    pub exit: Option<JobExit>,
    /// Why it failed; of one that is queued: what it waits for beside its turn.
    pub reason: Option<String>,
}

/// How a job's program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobExit {
    /// What it said; 124 when its time was over.
    pub code: i64,
    /// Whether its time was over.
    pub timed_out: bool,
    /// Whether something in it was killed because its memory was used up.
    pub oom: bool,
}

/// What a job printed: the end of each output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobOutputs {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A job that is asked for.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Whose it is.
    pub slug: Slug,
    /// What the challenge calls it.
    pub job: JobName,
    /// And the part of it.
    pub task: TaskName,
    /// Of all that is asked.
    pub request: Digest,
    /// What it is to run.
    pub image: ImageRef,
    /// How many GPUs it asks for, if any.
    pub gpu_count: Option<u16>,
}

/// What became of a job that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is written down as queued, by this call.
    New,
    /// It was asked for before, in these or in other words: [`JobRow::request`] tells.
    Known(Box<JobRow>),
    /// The challenge has asked for too many within the last hour; the first of them leaves it then.
    TooMany {
        /// When there is room for one.
        until: UnixSeconds,
    },
}

/// How a job ends.
#[derive(Clone, Debug)]
pub enum JobEnd {
    /// Its program ended, or its time was over.
    Done(JobExit, JobOutputs),
    /// It could not be run, for this reason.
    Failed(String),
    /// Nobody wants it any more.
    Cancelled,
    /// The host stopped meanwhile.
    Lost,
}

/// What is kept of jobs that have ended. Whatever was asked for within the last hour stays in any case, because it counts.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The newest of each challenge.
    pub per_challenge: u32,
    /// For how many seconds after their end.
    pub seconds: u64,
}

/// For how long what was asked for counts.
const HOUR: u64 = 3600;

const COLUMNS: &str = "SELECT id, slug, job, task, request, image, state, asked_at, started_at, ended_at, exit_code, timed_out, \
    oom, reason, gpu_count, gpu_server, gpu_devices FROM jobs";

/// Writes down that a job is asked for, unless it was before. One that failed is queued again. Of a challenge that does not exist:
/// [`StoreError::NoSuchChallenge`].
pub fn ask(
    connection: &Connection,
    id: &JobId,
    new: &NewJob,
    most_per_hour: u32,
    now: UnixSeconds,
) -> Result<Asked, StoreError> {
    let known = get(connection, id)?;
    if let Some(row) = known
        && (row.state != JobState::Failed || row.request != new.request)
    {
        return Ok(Asked::Known(Box::new(row)));
    }
    let NewJob {
        slug,
        job,
        task,
        request,
        image,
        gpu_count,
    } = new;
    if !challenges::exists(connection, slug)? {
        return Err(StoreError::NoSuchChallenge(slug.clone()));
    }
    let hour_ago = seconds("asked_at", UnixSeconds(now.0.saturating_sub(HOUR)))?;
    let sql = "SELECT ifnull(sum(attempts), 0), ifnull(min(asked_at), 0) FROM jobs WHERE slug = ?1 AND asked_at > ?2";
    let (asked, first): (i64, i64) = connection
        .prepare_cached(sql)?
        .query_row(params![slug.as_str(), hour_ago], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if asked >= i64::from(most_per_hour) {
        let until = UnixSeconds(first.unsigned_abs().saturating_add(HOUR));
        return Ok(Asked::TooMany { until });
    }
    let sql = "INSERT INTO jobs (id, slug, job, task, request, image, state, attempts, asked_at, gpu_count) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', 1, ?7, ?9) \
        ON CONFLICT (id) DO UPDATE SET state = 'queued', attempts = CASE WHEN asked_at > ?8 THEN attempts + 1 ELSE 1 END, \
        asked_at = ?7, started_at = NULL, ended_at = NULL, reason = NULL, gpu_server = NULL, gpu_devices = NULL";
    connection.prepare_cached(sql)?.execute(params![
        id.as_str(),
        slug.as_str(),
        job.as_str(),
        task.as_str(),
        request.to_string(),
        image.to_string(),
        seconds("asked_at", now)?,
        hour_ago,
        gpu_count,
    ])?;
    Ok(Asked::New)
}

/// Its turn has come, with these GPUs if it asked for any; `false` when it is not queued any more.
pub fn start(
    connection: &Connection,
    id: &JobId,
    gpus: Option<&Placement>,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let sql = "UPDATE jobs SET state = 'running', started_at = ?2, reason = NULL, gpu_server = ?3, gpu_devices = ?4 \
        WHERE id = ?1 AND state = 'queued'";
    let devices = gpus.map(|gpus| json("gpu_devices", &gpus.devices)).transpose()?;
    Ok(connection.prepare_cached(sql)?.execute(params![
        id.as_str(),
        seconds("started_at", now)?,
        gpus.map(|gpus| gpus.server.as_str()),
        devices,
    ])? > 0)
}

/// It is queued, and waits for this beside its turn; `false` when it is not queued any more.
pub fn waits(connection: &Connection, id: &JobId, reason: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE jobs SET reason = ?2 WHERE id = ?1 AND state = 'queued'";
    Ok(connection
        .prepare_cached(sql)?
        .execute(params![id.as_str(), reason])?
        > 0)
}

/// It has ended; `false` when it had before, or its challenge is gone.
pub fn end(connection: &Connection, id: &JobId, end: &JobEnd, now: UnixSeconds) -> Result<bool, StoreError> {
    let (state, exit, outputs, reason) = match end {
        JobEnd::Done(exit, outputs) => (JobState::Done, Some(exit), Some(outputs), None),
        JobEnd::Failed(reason) => (JobState::Failed, None, None, Some(reason)),
        JobEnd::Cancelled => (JobState::Cancelled, None, None, None),
        JobEnd::Lost => (JobState::Lost, None, None, None),
    };
    let sql = "UPDATE jobs SET state = ?2, ended_at = ?3, exit_code = ?4, timed_out = ?5, oom = ?6, stdout = ?7, stderr = ?8, \
        reason = ?9 WHERE id = ?1 AND state IN ('queued', 'running')";
    let changed = connection.prepare_cached(sql)?.execute(params![
        id.as_str(),
        state.as_str(),
        seconds("ended_at", now)?,
        exit.map(|exit| exit.code),
        exit.map(|exit| exit.timed_out),
        exit.map(|exit| exit.oom),
        outputs.map(|outputs| &outputs.stdout),
        outputs.map(|outputs| &outputs.stderr),
        reason,
    ])?;
    Ok(changed > 0)
}

/// Finds a job.
pub fn get(connection: &Connection, id: &JobId) -> Result<Option<JobRow>, StoreError> {
    let found = query(
        connection,
        &format!("{COLUMNS} WHERE id = ?1"),
        params![id.as_str()],
    )?;
    Ok(found.into_iter().next())
}

/// What a job that is done has printed.
pub fn outputs(connection: &Connection, id: &JobId) -> Result<Option<JobOutputs>, StoreError> {
    let sql = "SELECT stdout, stderr FROM jobs WHERE id = ?1 AND state = 'done'";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([id.as_str()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(JobOutputs {
        stdout: row.get(0)?,
        stderr: row.get(1)?,
    }))
}

/// Jobs of one challenge or of all, the newest first, at most so many.
pub fn list(connection: &Connection, slug: Option<&Slug>, most: u32) -> Result<Vec<JobRow>, StoreError> {
    let sql = format!("{COLUMNS} WHERE ?1 IS NULL OR slug = ?1 ORDER BY asked_at DESC, id LIMIT ?2");
    query(connection, &sql, params![slug.map(Slug::as_str), most])
}

/// The images of all jobs with their challenges, of each challenge those asked for last first; within a second, those of newer
/// rows.
pub fn images(connection: &Connection) -> Result<Vec<(Slug, ImageRef)>, StoreError> {
    by_slug(
        connection,
        "job",
        "SELECT slug, image AS what FROM jobs GROUP BY slug, image ORDER BY slug, max(asked_at) DESC, max(rowid) DESC",
    )
}

/// Jobs that have yet to end.
pub fn under_way(connection: &Connection) -> Result<Vec<JobRow>, StoreError> {
    query(
        connection,
        &format!("{COLUMNS} WHERE state IN ('queued', 'running')"),
        &[],
    )
}

/// Forgets what need not be kept; how many jobs that were.
pub fn forget(connection: &Connection, keep: Retention, now: UnixSeconds) -> Result<usize, StoreError> {
    let before = |seconds_ago: u64| seconds("ended_at", UnixSeconds(now.0.saturating_sub(seconds_ago)));
    let sql = "DELETE FROM jobs WHERE id IN (SELECT id FROM \
        (SELECT id, ended_at, asked_at, row_number() OVER (PARTITION BY slug ORDER BY asked_at DESC, id) AS place FROM jobs) \
        WHERE ended_at IS NOT NULL AND asked_at <= ?1 AND (ended_at < ?2 OR place > ?3))";
    let values = params![before(HOUR)?, before(keep.seconds)?, keep.per_challenge];
    Ok(connection.prepare_cached(sql)?.execute(values)?)
}

fn query(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<Vec<JobRow>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut jobs = Vec::new();
    while let Some(row) = rows.next()? {
        jobs.push(read(row)?);
    }
    Ok(jobs)
}

fn read(row: &Row<'_>) -> Result<JobRow, StoreError> {
    let key: String = row.get("id")?;
    let columns = Columns {
        table: "job",
        key: &key,
        row,
    };
    let optional_seconds = |column| match columns.get::<Option<i64>>(column)? {
        Some(_) => columns.seconds(column).map(Some),
        None => Ok(None),
    };
    let exit = match columns.get::<Option<i64>>("exit_code")? {
        Some(code) => Some(JobExit {
            code,
            timed_out: columns.get("timed_out")?,
            oom: columns.get("oom")?,
        }),
        None => None,
    };
    let server: Option<_> = columns.optional_text("gpu_server")?;
    let gpus = server.zip(columns.optional_json("gpu_devices")?);
    let gpus = gpus.map(|(server, devices)| Placement { server, devices });
    Ok(JobRow {
        id: columns.text("id")?,
        slug: columns.text("slug")?,
        job: columns.text("job")?,
        task: columns.text("task")?,
        request: columns.text("request")?,
        image: columns.text("image")?,
        gpu_count: columns.get("gpu_count")?,
        gpus,
        state: columns.text("state")?,
        asked_at: columns.seconds("asked_at")?,
        started_at: optional_seconds("started_at")?,
        ended_at: optional_seconds("ended_at")?,
        exit,
        reason: columns.get("reason")?,
    })
}

#[cfg(test)]
mod tests;
