-- Work that challenges hand in to be run once in a container: what was asked, how far it is, how it ended.
CREATE TABLE jobs (
    -- Made of challenge, job and task: the name of the container, and a component's ticket.
    id         TEXT PRIMARY KEY,
    slug       TEXT    NOT NULL REFERENCES challenges (slug) ON DELETE CASCADE,
    -- As the challenge calls them; a task may be empty.
    job        TEXT    NOT NULL,
    task       TEXT    NOT NULL,
    -- Digest of all that was asked, so that the same words asked again can be told from others.
    request    TEXT    NOT NULL,
    image      TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'lost')),
    -- How often it was asked for within the hour before asked_at: what failed may be asked for again.
    attempts   INTEGER NOT NULL CHECK (attempts > 0),
    -- Seconds since 1970-01-01 UTC.
    asked_at   INTEGER NOT NULL CHECK (asked_at >= 0),
    started_at INTEGER CHECK (started_at >= 0),
    ended_at   INTEGER CHECK (ended_at >= 0),
    -- Of a job that is done.
    exit_code  INTEGER,
    timed_out  INTEGER CHECK (timed_out IN (0, 1)),
    oom        INTEGER CHECK (oom IN (0, 1)),
    stdout     BLOB,
    stderr     BLOB,
    -- Why it failed, for people.
    reason     TEXT,
    UNIQUE (slug, job, task),
    CHECK ((state IN ('queued', 'running')) = (ended_at IS NULL)),
    CHECK ((state = 'done') = (exit_code IS NOT NULL)),
    CHECK ((exit_code IS NULL) = (timed_out IS NULL) AND (exit_code IS NULL) = (oom IS NULL)
        AND (exit_code IS NULL) = (stdout IS NULL) AND (exit_code IS NULL) = (stderr IS NULL))
) STRICT;
CREATE INDEX jobs_of_challenge ON jobs (slug, asked_at);
CREATE INDEX jobs_under_way ON jobs (state) WHERE state IN ('queued', 'running');
